"""SGD against its published update, written out here once more, over all options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.oracles import Array
from tinygrad_lite import GraphError, Tensor, nn, optim


@dataclass
class Published:
    """Sutskever et al. 2013 as PyTorch's documentation writes it, number by number: no arrays, so no broadcasting."""

    lr: float
    momentum: float = 0
    dampening: float = 0
    weight_decay: float = 0
    nesterov: bool = False
    maximize: bool = False
    b: dict[int, float] = field(default_factory=dict)

    def step(self, theta: list[float], gradients: list[float]) -> list[float]:
        out = []
        for i, (p, g) in enumerate(zip(theta, gradients, strict=True)):
            g = -g if self.maximize else g
            g = g + self.weight_decay * p
            if self.momentum != 0:
                self.b[i] = self.momentum * self.b[i] + (1 - self.dampening) * g if i in self.b else g
                g = g + self.momentum * self.b[i] if self.nesterov else self.b[i]
            out.append(p - self.lr * g)
        return out


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    momentum = draw(st.sampled_from([0, 0.0, 0.5, 0.9, 1.5]))
    dampening = draw(st.sampled_from([0, 0.1, 1.0]))
    return {
        "lr": draw(st.sampled_from([0, 1, 0.001, 0.5]) | st.floats(0, 2)),
        "momentum": momentum,
        "dampening": dampening,
        "weight_decay": draw(st.sampled_from([0, 0.01, 0.5])),
        "nesterov": momentum > 0 and dampening == 0 and draw(st.booleans()),
        "maximize": draw(st.booleans()),
    }


@given(options(), st.integers(1, 6), st.lists(st.sampled_from([(), (2,), (2, 3), (0,)]), min_size=1, max_size=3))
def test_every_step_is_the_published_one(
    given_options: dict[str, Any], steps: int, shapes: list[tuple[int, ...]]
) -> None:
    rng = np.random.default_rng(0)
    params = [Tensor(rng.normal(size=s), requires_grad=True) for s in shapes]
    opt, published = optim.SGD(params, **given_options), Published(**given_options)

    def flat(arrays: list[Array]) -> list[float]:
        return [float(v) for a in arrays for v in np.ravel(a)]

    theta = flat([p.numpy() for p in params])
    for _ in range(steps):
        for p in params:
            p.grad = np.asarray(rng.normal(size=p.shape))
        theta = published.step(theta, flat([p.grad for p in params if p.grad is not None]))
        opt.step()
        np.testing.assert_allclose(flat([p.numpy() for p in params]), theta, rtol=1e-13, atol=1e-13)


def quadratic(p: Tensor) -> Any:
    return np.sum(p * p) / 2


def test_all_parameters_move_at_once_from_the_old_values() -> None:
    a, b = Tensor(2.0, requires_grad=True), Tensor(3.0, requires_grad=True)
    opt = optim.SGD([a, b], lr=0.1)
    (a * b).backward()
    opt.step()
    np.testing.assert_allclose([a.item(), b.item()], [2 - 0.3, 3 - 0.2], rtol=1e-15)


def test_the_gradient_and_the_old_array_are_not_written_into() -> None:
    p = Tensor([1.0, 2.0], requires_grad=True)
    opt = optim.SGD([p], lr=0.5, momentum=0.9, weight_decay=0.1, nesterov=True)
    for _ in range(3):
        g = np.array([0.25, -0.5])
        p.grad, before = g, p.data
        kept = before.copy()
        opt.step()
        np.testing.assert_array_equal(g, [0.25, -0.5])
        np.testing.assert_array_equal(before, kept)
        assert p.grad is g


def test_writes_into_the_gradient_after_a_step_do_not_reach_the_momentum() -> None:
    def run(write: bool) -> Array:
        p = Tensor([1.0, 2.0], requires_grad=True)
        opt = optim.SGD([p], lr=0.5, momentum=0.9)
        for _ in range(3):
            p.grad = np.array([0.25, -0.5])
            opt.step()
            if write:
                p.grad[...] = 99
        return p.numpy()

    np.testing.assert_array_equal(run(True), run(False))


def test_what_was_written_into_data_before_the_step_counts() -> None:
    p = Tensor([1.0], requires_grad=True)
    opt = optim.SGD([p], lr=1)
    p.data[...] = 5
    p.grad = np.array([2.0])
    opt.step()
    assert p.item() == 3
    p.data -= 1
    assert p.item() == 2


def test_zero_grad_forgets_and_gradients_add_up_until_then() -> None:
    p = Tensor([3.0], requires_grad=True)
    opt = optim.SGD([p], lr=0.1)
    for _ in range(2):
        quadratic(p).backward()
    assert p.grad is not None
    assert p.grad.tolist() == [6]
    opt.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0]
    opt.step()
    assert p.item() == 3
    for _ in range(2):
        opt.zero_grad(set_to_none=True)
        assert p.grad is None
        opt.zero_grad(set_to_none=False)


def test_descent_reaches_the_minimum_of_a_quadratic() -> None:
    p = Tensor([3.0, -2.0], requires_grad=True)
    opt = optim.SGD([p], lr=0.2, momentum=0.5, nesterov=True)
    for _ in range(100):
        opt.zero_grad()
        quadratic(p).backward()
        opt.step()
    np.testing.assert_allclose(p.numpy(), 0, atol=1e-12)


# -- refused -----------------------------------------------------------------------------------------------------


def exhausted() -> Iterator[Tensor]:
    parameters = nn.Linear(2, 2).parameters()
    list(parameters)
    return parameters


@pytest.mark.parametrize("none", [[], (), exhausted(), nn.ReLU().parameters()])
def test_no_parameters_are_an_error_that_says_why(none: Any) -> None:
    with pytest.raises(ValueError, match=r"got no parameters: the network has none, or the iterator was used up"):
        optim.SGD(none, lr=0.1)


@pytest.mark.parametrize("what", ["lr", "momentum", "weight_decay"])
@pytest.mark.parametrize("rate", [-1e-9, float("nan"), float("inf"), -1])
def test_a_rate_that_is_no_number_from_0_up_is_refused_by_name(what: str, rate: float) -> None:
    with pytest.raises(ValueError, match=f"SGD: {what} has to be a number from 0 up, not"):
        optim.SGD([Tensor([1.0], requires_grad=True)], **dict[str, Any]({"lr": 0.1, what: rate}))


@pytest.mark.parametrize("more", [{}, {"momentum": 0.9, "dampening": 0.1}])
def test_nesterov_needs_momentum_without_dampening(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="nesterov needs a momentum above 0 and no dampening"):
        optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1, nesterov=True, **more)


@pytest.mark.parametrize(("params", "error", "said"), [
    (Tensor([1.0], requires_grad=True), TypeError, r"SGD\(\[p\], \.\.\.\)"),
    ([np.ones(2)], TypeError, "parameter 0 is ndarray, not a Tensor"),
    ([Tensor(1.0, requires_grad=True, name="w") * 2], ValueError, r"parameter 0, .* from multiply, is computed"),
    ([w := Tensor(1.0, requires_grad=True, name="w"), w], ValueError, "parameter 1, parameter w, is given twice"),
])  # fmt: skip
def test_what_cannot_be_trained_is_refused(params: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        optim.SGD(params, lr=0.1)


def test_a_missing_gradient_names_the_parameter_and_moves_nothing() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    opt = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net[0](np.ones(2)).sum().backward()
    before = net.state_dict()
    with pytest.raises(ValueError, match=r"SGD.step: parameter 1\.weight has no gradient.*loss.backward\(\) first"):
        opt.step()
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    unnamed = optim.SGD([Tensor([1.0, 2.0], requires_grad=True)], lr=0.1)
    with pytest.raises(ValueError, match=r"parameter 0 \(2,\) has no gradient"):
        unnamed.step()


def test_a_gradient_of_another_shape_names_the_parameter_and_both_shapes() -> None:
    a, b = (Tensor(np.ones(3), requires_grad=True, name=n) for n in "ab")
    opt = optim.SGD([a, b], lr=0.1)
    a.grad, b.grad = np.ones(3), np.ones((2, 3))
    with pytest.raises(ValueError, match=r"parameter b has shape \(3,\), but its gradient \(2, 3\)"):
        opt.step()
    np.testing.assert_array_equal(a.numpy(), 1)


def test_a_step_between_forward_and_a_recorded_gradient_is_named() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    opt = optim.SGD([w], lr=0.1)
    w.grad = np.ones(2)

    def f(x: Any) -> Any:
        y = np.sum(w * x * x)
        opt.step()
        return y

    with pytest.raises(GraphError, match=r"w \(2,\) has been changed since multiply used it"):
        tl.grad(f)(Tensor([1.0, 1.0], requires_grad=True))
