"""The layers of a multilayer perceptron: values, gradients, how they start, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles import complex_step
from tinygrad_lite import Tensor, nn


@given(st.integers(1, 5), st.integers(1, 5), st.booleans(), st.lists(st.integers(0, 3), max_size=3))
def test_linear_is_x_w_transposed_plus_b_on_any_batch(i: int, o: int, bias: bool, batch: list[int]) -> None:
    layer = nn.Linear(i, o, bias, rng=0)
    w, b = layer.weight.numpy(), layer.bias.numpy() if layer.bias is not None else np.zeros(o)
    assert (w.shape, b.shape) == ((o, i), (o,))
    x = np.random.default_rng(0).normal(size=(*batch, i))
    t = Tensor(x, requires_grad=True)
    y = layer(t)
    np.testing.assert_allclose(y.numpy(), np.einsum("...i,oi->...o", x, w) + b, rtol=1e-13, atol=1e-14)
    g = np.random.default_rng(1).normal(size=y.shape)
    y.backward(g)

    def plain(x: Any, w: Any, b: Any) -> Any:
        return np.einsum("...i,oi->...o", x, w) + b

    for k, p in enumerate((t, layer.weight, *([layer.bias] if layer.bias is not None else []))):
        assert p.grad is not None
        assert complex_step(plain, [x, w, b], k, g).error_of(p.grad) <= 1e-13


@pytest.mark.parametrize("x", [[1.0, 2.0], (1, 2), np.array([1, 2]), np.array([1, 2], np.float32), Tensor([1.0, 2.0])])
def test_linear_takes_lists_arrays_and_tensors(x: Any) -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = np.array([[3.0, 4.0]])
    assert layer(x).numpy().tolist() == [11]


def test_linear_starts_uniform_within_one_over_the_root_of_its_inputs() -> None:
    layer = nn.Linear(100, 400, rng=np.random.default_rng(0))
    assert layer.bias is not None
    for p in (layer.weight, layer.bias):
        v = p.numpy()
        assert np.max(np.abs(v)) <= 0.1
        assert np.max(np.abs(v)) > 0.099
        assert abs(np.mean(v)) < 0.01
        assert abs(np.std(v) - 0.1 / 3**0.5) < 0.003


def test_a_seed_or_a_generator_decides_the_start() -> None:
    def start(rng: Any) -> list[float]:
        return [float(v) for v in nn.Linear(2, 2, rng=rng).weight.numpy().ravel()]

    assert start(3) == start(3) == start(np.random.default_rng(3))
    assert start(3) != start(4)
    assert start(None) != start(None)
    rng = np.random.default_rng(0)
    assert start(rng) != start(rng)  # one generator goes on


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_linear_in_another_dtype(dtype: Any) -> None:
    layer = nn.Linear(2, 3, dtype=dtype)
    assert layer.weight.dtype == dtype
    y = layer(np.ones((4, 2), dtype))
    assert y.dtype == dtype
    y.sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == dtype


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0), (-1, 2)])
def test_linear_needs_sizes_of_at_least_one(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"Linear\(-?\d, \d\): both sizes have to be at least 1"):
        nn.Linear(*sizes)


@pytest.mark.parametrize("x", [np.ones(3), np.ones((2, 3)), 1.0, np.array(1.0)])
def test_an_input_that_does_not_fit_is_explained(x: Any) -> None:
    with pytest.raises(
        (ValueError, TypeError), match=r"affine: the weight \(1, 2\) maps 2 features, but the input's last axis"
    ):
        nn.Linear(2, 1)(x)


def test_an_input_that_is_none_is_a_function_without_a_return() -> None:
    with pytest.raises(TypeError, match="affine takes real numbers, and None is none: perhaps a function forgot"):
        nn.Linear(2, 1)(None)


def test_relu_cuts_off_below_0_and_at_it() -> None:
    x = Tensor([-1.0, 0.0, 2.0], requires_grad=True)
    y = nn.ReLU()(x)
    np.testing.assert_array_equal(y.numpy(), [0, 0, 2])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 0, 1])
    assert nn.ReLU()([-1.0, 1.0]).numpy().tolist() == [0, 1]
    assert nn.ReLU()(-3.0).item() == 0


def test_identity_is_the_input() -> None:
    x = Tensor([1.0])
    assert nn.Identity()(x) is x
    assert nn.Identity()([1.0]).numpy().tolist() == [1]


def test_a_network_may_be_written_as_a_class_or_as_a_sequence() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.hidden = nn.Linear(2, 3, rng=0)
            self.out = nn.Linear(3, 1, rng=1)

        def forward(self, x: Any) -> Tensor:
            y: Tensor = self.out(nn.ReLU()(self.hidden(x)))
            return y

    a, b = Net(), nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 1, rng=1))
    x = np.ones((4, 2))
    assert a(x).numpy().tobytes() == b(x).numpy().tobytes()
    for net in (a, b):
        net(x).sum().backward()
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert p.grad is not None
        assert q.grad is not None
        assert p.grad.tobytes() == q.grad.tobytes()


def test_a_hardsigmoid_is_three_straight_lines() -> None:
    # PyTorch's gradient is 1/6 in single precision, whatever the input's: not to be compared with
    x = Tensor([-4.0, -1.5, 0.0, 1.5, 4.0], requires_grad=True)
    y = nn.Hardsigmoid()(x)
    assert y.numpy().tolist() == [0, 0.25, 0.5, 0.75, 1]
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad, [0, 1 / 6, 1 / 6, 1 / 6, 0], rtol=1e-15)


def test_what_an_activation_cannot_take_is_refused() -> None:
    with pytest.raises(ValueError, match=r"GLU\(dim=-1\): .*even size; got \(2, 3\)"):
        nn.GLU()(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"PReLU\(num_parameters=3\): the input has 2 channels"):
        nn.PReLU(3)(np.ones((4, 2)))
    with pytest.raises(ValueError, match="min_val"):
        nn.Hardtanh(1.0, -1.0)


def test_a_pretrained_table_is_frozen_unless_told() -> None:
    table = np.arange(6.0).reshape(3, 2)
    frozen, free = nn.Embedding.from_pretrained(table), nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)
    np.testing.assert_array_equal(frozen([2, 0]).numpy(), [[4, 5], [0, 1]])
    assert not frozen([2]).requires_grad
    free([0, 2]).sum().backward()
    assert free.weight.grad is not None
    np.testing.assert_array_equal(free.weight.grad, [[0, 0], [0, 0], [1, 1]])
    assert [name for name, _ in free.named_parameters()] == ["weight"]


def test_a_causal_hint_without_its_mask_and_an_output_out_of_reach_are_refused() -> None:
    x = np.ones((3, 4))
    with pytest.raises(ValueError, match="attn_mask, which is missing"):
        nn.MultiheadAttention(4, 2)(x, x, x, is_causal=True)
    with pytest.raises(ValueError, match=r"output_size \(9, 9\) is out of reach"):
        nn.ConvTranspose2d(1, 1, 3, 2)(np.ones((1, 1, 3, 3)), output_size=(9, 9))
