"""dtypes: float64 from Python's numbers, float32 and float16 stay, NumPy's promotion; each cotangent its input's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn, optim

FLOATS: list[Any] = [np.float64, np.float32, np.float16]
WHOLE: list[Any] = [np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
floats, whole = st.sampled_from(FLOATS), st.sampled_from(WHOLE)


@pytest.mark.parametrize("dtype", FLOATS + WHOLE)
def test_an_array_keeps_its_dtype(dtype: Any) -> None:
    assert Tensor(np.ones(2, dtype)).dtype == dtype
    assert Tensor(dtype(1)).dtype == dtype
    assert Tensor([1, 0], dtype=dtype).dtype == dtype


@pytest.mark.parametrize("dtype", WHOLE)
def test_whole_numbers_and_booleans_cannot_require_a_gradient(dtype: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"labels of dtype {np.dtype(dtype)} cannot require a gradient.*astype\(float\)"
    ):
        Tensor(np.ones(2, dtype), requires_grad=True, name="labels")
    with pytest.raises(TypeError, match="cannot require a gradient"):
        Tensor([1, 0], dtype=dtype, requires_grad=True)
    x = Tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match="cannot require a gradient"):
        x.data = np.ones(1, dtype)


@pytest.mark.parametrize("dtype", [complex, np.complex64, np.longdouble, object, str, "M8[s]", "m8[s]", "S3"])
def test_what_is_not_a_real_number_is_refused_by_name(dtype: Any) -> None:
    with pytest.raises(TypeError, match="takes real numbers"):
        Tensor(np.zeros(2, dtype))
    x = Tensor([1.0, 2.0], requires_grad=True)
    if np.dtype(dtype).kind in "cg":
        with pytest.raises(TypeError, match="takes real numbers"):
            x.astype(dtype)
        with pytest.raises(TypeError, match="takes real numbers"):
            Tensor([1.0], dtype=dtype)
        with pytest.raises(TypeError, match="takes real numbers"):
            x * np.ones(2, dtype)


@given(floats | whole, floats | whole)
def test_promotion_is_numpys_and_each_input_gets_its_own_dtype_back(left: Any, right: Any) -> None:
    a, b = np.ones(2, left), np.ones(2, right)
    x, y = (Tensor(v, requires_grad=v.dtype.kind == "f") for v in (a, b))
    functions: list[Any] = [np.multiply, np.maximum, np.divide, np.add, np.matmul]
    for f in (*functions, lambda u, v: np.where([True, False], u, v)):
        z, want = f(x, y), f(a, b)
        assert z.dtype == want.dtype
        if z.requires_grad:
            np.sum(z).backward()
            for t in (x, y):
                assert t.grad is None or t.grad.dtype == t.dtype
                assert (t.grad is not None) == t.requires_grad


@given(floats, st.sampled_from([2, 0.5, -1, True]))
def test_a_python_number_does_not_widen(dtype: Any, number: Any) -> None:
    x = Tensor(np.full(2, 1.5, dtype), requires_grad=True)
    y = (
        2 * x
        + number
        - x / (3 + number**2)
        + x**2
        + np.maximum(x, 0)
        + np.clip(x, 0, 1)
        + np.where([True, False], x, number)
    )
    assert y.dtype == dtype
    np.sum(y).backward()
    assert x.grad is not None
    assert x.grad.dtype == dtype


@pytest.mark.parametrize("dtype", FLOATS)
def test_0_dimensional_tensors_keep_their_dtype_through_everything(dtype: Any) -> None:
    x = Tensor(dtype(0.5), requires_grad=True)
    for y in (
        x * 2,
        2 - x,
        x**2,
        np.exp(x),
        tl.relu(x),
        tl.sigmoid(x),
        np.sum(x),
        np.mean(x),
        np.max(x),
        x[()],
        x[None],
        x.T,
    ):
        assert y.dtype == dtype
        assert isinstance(y.data, np.ndarray)
        y.backward(np.ones(y.shape))
    assert isinstance(x.grad, np.ndarray)
    assert x.grad.dtype == dtype


@given(floats, floats)
def test_a_cast_casts_its_cotangent_back(before: Any, after: Any) -> None:
    x = Tensor(np.array([1.5, 2.5], before), requires_grad=True)
    y = x.astype(after)
    assert y.dtype == after
    np.sum(y * y).backward()
    assert x.grad is not None
    assert x.grad.dtype == before
    np.testing.assert_array_equal(x.grad, [3, 5])
    second = tl.grad(lambda v: np.sum(tl.grad(lambda u: np.sum(u.astype(after) ** 3))(v)))(x.detach())
    np.testing.assert_array_equal(second.numpy(), [9, 15])


def test_a_cast_to_whole_numbers_leaves_the_graph() -> None:
    y = Tensor([1.5, 2.5], requires_grad=True).astype(int)
    assert not y.requires_grad
    assert y.numpy().tolist() == [1, 2]


@pytest.mark.parametrize("order", [">", "<"])
def test_the_order_of_bytes_does_not_matter(order: str) -> None:
    x = Tensor(np.array([1.0, 2.0], f"{order}f8"), requires_grad=True)
    np.sum(x * x).backward()
    np.testing.assert_array_equal(x.grad, [2, 4])


@given(floats)
def test_accumulating_and_seeding_keep_the_dtype(dtype: Any) -> None:
    x = Tensor(np.ones(2, dtype), requires_grad=True)
    (x * x * x + x).backward(np.ones(2, np.float64))
    (x * 2).backward([1, 1])
    assert x.grad is not None
    assert x.grad.dtype == dtype
    np.testing.assert_array_equal(x.grad, [6, 6])


@given(floats)
def test_a_whole_training_step_stays_in_one_dtype(dtype: Any) -> None:
    net = nn.Sequential(nn.Linear(3, 4, rng=0, dtype=dtype), nn.ReLU(), nn.Linear(4, 2, rng=1, dtype=dtype))
    # rates from NumPy, as a schedule makes them, are strong float64s: they must not widen the parameters
    opt = optim.SGD(net.parameters(), lr=np.float64(0.1), momentum=np.float64(0.9), weight_decay=np.float64(0.01))
    x, y = np.ones((5, 3), dtype), np.ones((5, 2), dtype)
    for loss in (nn.SquaredLoss(), nn.MSELoss(), nn.CrossEntropyLoss()):
        opt.zero_grad()
        c = loss(net(x), np.zeros(5, int) if isinstance(loss, nn.CrossEntropyLoss) else y)
        assert c.dtype == dtype
        c.backward()
        opt.step()
        assert {p.dtype for p in net.parameters()} == {np.dtype(dtype)}
        assert all(p.grad is not None and p.grad.dtype == dtype for p in net.parameters())


@pytest.mark.parametrize("f", [np.mean, nn.MSELoss(), nn.SquaredLoss()])
def test_a_mean_that_fits_into_half_precision_is_right_though_its_sum_does_not(f: Any) -> None:
    x = Tensor(np.full((2_000, 1), 60.0, np.float16), requires_grad=True)
    y: Any = f(x) if f is np.mean else f(x, np.zeros((2_000, 1), np.float16))
    assert y.dtype == np.float16
    assert y.item() == {np.mean: 60, nn.MSELoss: 3600, nn.SquaredLoss: 1800}[f if f is np.mean else type(f)]
    y.backward()
    assert x.grad is not None
    assert np.all(np.isfinite(x.grad) & (x.grad > 0))


@given(floats)
def test_gradients_of_gradients_stay_in_the_arguments_dtype(dtype: Any) -> None:
    x = np.ones(3, dtype)
    g = tl.grad(lambda v: np.sum(tl.grad(lambda u: np.sum(np.tanh(u) * u**2 / 3))(v) ** 2))(x)
    assert g.dtype == dtype
