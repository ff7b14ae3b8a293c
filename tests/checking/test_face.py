"""Gradients and work in dicts and `locals()`, against a loss; the network here serves the other tests as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn

RNG = np.random.default_rng(0)
AT: dict[str, Any] = {
    "W1": RNG.standard_normal((3, 4)), "b1": RNG.standard_normal(4), "W2": RNG.standard_normal((4, 2)),
    "x": RNG.standard_normal((5, 3)), "y": RNG.standard_normal((5, 2)),
}  # fmt: skip


def forward(W1: Any, b1: Any, W2: Any, x: Any, y: Any) -> Any:
    return np.sum((np.tanh(x @ W1 + b1) @ W2 - y) ** 2) / (2 * len(x))


def backward(W1: Any, b1: Any, W2: Any, x: Any, y: Any) -> dict[str, Any]:
    h = np.tanh(x @ W1 + b1)
    delta2 = (h @ W2 - y) / len(x)
    delta1 = delta2 @ W2.T * (1 - h * h)
    return {"W1": x.T @ delta1, "b1": delta1.sum(0), "W2": h.T @ delta2}


def loss() -> tl.Tensor:
    found: tl.Tensor = forward(**{k: tl.tensor(v, requires_grad=k not in "xy", name=k) for k, v in AT.items()})
    return found


def test_gradients_alone() -> None:
    right = backward(**AT)
    assert tl.check(right, against=loss())
    assert tl.check({f"d{key}": value for key, value in right.items()}, against=loss())
    wrong = right | {"b1": right["b1"] / 5}
    report = tl.check(wrong, against=loss())
    assert report.first_wrong == "b1"
    assert [m.id for m in report.mistakes] == ["bias_meaned"]


@pytest.mark.parametrize("pair", [("W1", "b1"), ("W1", "W2"), ("b1", "W2")])
@pytest.mark.parametrize("slip", ["", "b2", "b3"])
def test_gradients_under_each_others_names_are_one_mistake(pair: tuple[str, str], slip: str) -> None:
    made = {"W1": (3, 3), "b1": (3,), "W2": (3, 3), "b2": (3,), "W3": (3, 2), "b3": (2,)}
    tensors = {k: tl.tensor(RNG.standard_normal(shape), requires_grad=True, name=k) for k, shape in made.items()}
    a: Any = RNG.standard_normal((4, 3))
    for k in (1, 2, 3):
        a = np.tanh(a @ tensors[f"W{k}"] + tensors[f"b{k}"])
    reference = np.sum(a * a)
    reference.backward()
    right = {f"d{k}": np.array(t.grad) for k, t in tensors.items()}
    first, second = (f"d{name}" for name in pair)
    work = right | {first: right[second], second: right[first]}
    if slip:
        work[f"d{slip}"] = work[f"d{slip}"] / 4
    report = tl.check(work, against=reference)
    assert {m.id for m in report.mistakes} == {"gradients_swapped", *(["bias_meaned"] if slip else [])}, str(report)
    wrong = [row.name for row in report.rows if row.status in ("first wrong", "wrong")]
    assert len(wrong) == (2 if slip else 1)
    assert {first, second} & set(wrong)
    assert not report


def test_a_missing_gradient_is_missing_and_no_mistake_is_named() -> None:
    right = backward(**AT)
    del right["b1"]
    report = tl.check(right, against=loss())
    assert not report
    assert report.first_wrong == "dC/db1"
    assert report.mistakes == []
    assert report.points(3) == 2.0
    assert "No known mistake" not in str(report)


def show_your_work(delta1_from: str = "tanh'") -> dict[str, Any]:
    W1, b1, W2, x, y = AT.values()
    N = len(x)
    z1 = x @ W1 + b1
    h1 = np.tanh(z1)
    out = h1 @ W2
    dout = (out - y) / N
    dW2 = h1.T @ dout
    dh1 = dout @ W2.T
    delta1 = dh1 * {"tanh'": 1 - h1**2, "1 - h": 1 - h1, "z": 1 - z1**2}[delta1_from]
    dW1 = x.T @ delta1
    db1 = delta1.sum(axis=0)
    return locals()


def test_locals_with_everything_in_it() -> None:
    report = tl.check(show_your_work(), against=loss())
    assert report
    assert {row.name for row in report.rows} == {"dout", "dW2", "dh1", "delta1", "db1", "dW1"}


@pytest.mark.parametrize(("slip", "id"), [("1 - h", "tanh_1_minus_h"), ("z", "z_formula")])
def test_later_lines_are_judged_by_the_earlier_ones(slip: str, id: str) -> None:
    report = tl.check(show_your_work(slip), against=loss())
    assert report.first_wrong == "delta1"
    assert [m.id for m in report.mistakes] == [id]
    assert {row.name: row.status for row in report.rows} == {
        "dout": "ok", "dW2": "ok", "dh1": "ok", "delta1": "first wrong", "db1": "carried", "dW1": "carried",
    }  # fmt: skip
    assert report.points(6) == 5.0
    assert "1 - h1^2" in report.hint(4)


def test_a_wrong_value_of_the_forward_pass_is_the_first_wrong_line() -> None:
    W = tl.tensor([[-1.5, 0.5], [0.25, 0.75]], requires_grad=True, name="W1")
    V = tl.tensor([[0.6, -1.2]], requires_grad=True, name="W2")
    x, y = np.array([1.0, 2.0]), np.array([0.3])
    x[1] = 2.75
    reference = nn.SquaredLoss()(V @ tl.relu(W @ x - np.array([0.9, 0.0])), y)
    z1 = W.numpy() @ x - np.array([0.9, 0.0])
    h1 = np.vectorize(lambda v: max(0, v))(z1)
    da = V.numpy() @ h1 - y
    work = {"h1": h1, "da": da, "dW2": np.outer(da, h1), "dW1": np.outer((V.numpy().T @ da) * (z1 > 0), x)}
    report = tl.check(work, against=reference)
    assert report.first_wrong == "h1"
    assert [m.id for m in report.mistakes] == ["vectorize_dtype"]
    assert {row.status for row in report.rows[1:]} == {"carried"}


def test_names_of_ones_own() -> None:
    right = backward(**AT)
    work = {"alpha": right["W1"], "beta": right["b1"], "gamma": right["W2"]}
    assert tl.check(work, against=loss(), names={"alpha": "W1", "beta": "b1", "gamma": "dW2"})
    with pytest.raises(ValueError, match=r"none of the names handed in \(alpha, beta, gamma\).*It has .*dW1"):
        tl.check(work, against=loss())
    with pytest.raises(ValueError, match="the graph has no W7"):
        tl.check(work, against=loss(), names={"alpha": "W7"})


def test_a_list_of_gradients_is_numbered() -> None:
    right = backward(**AT)
    assert tl.check({"dW": [right["W1"], right["W2"]], "db": right["b1"]}, against=loss())


def test_names_of_modules() -> None:
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Sigmoid(), nn.Linear(4, 2, rng=1))
    reference = nn.MSELoss()(net(AT["x"]), AT["y"])
    reference.backward()
    by_name = {name: p.grad for name, p in net.named_parameters()}
    assert tl.check(by_name, against=reference)
    by_number = {"dW1": net[0].weight.grad, "db1": net[0].bias.grad, "dW2": net[2].weight.grad, "db2": net[2].bias.grad}
    assert tl.check(by_number, against=reference)


def test_integers_are_reported() -> None:
    right = backward(**AT)
    report = tl.check({key: (100 * value).astype(int) for key, value in right.items()}, against=100 * loss())
    assert [m.id for m in report.mistakes] == ["int_dtype"]
    assert "integers" in str(report)


def test_nan_is_reported_by_the_first_quantity_that_has_it() -> None:
    work = {k: v for k, v in show_your_work().items() if k.startswith(("d", "W", "b"))}
    work["delta1"] = work["delta1"] + np.nan
    work["dW1"] = work["dW1"] + np.nan
    report = tl.check(work, against=loss())
    assert report.first_wrong == "delta1"
    assert [m.id for m in report.mistakes] == ["not_finite"]


def test_what_is_no_array_is_left_aside() -> None:
    work = backward(**AT) | {"note": "text", "f": len, "dx": "none", "config": {"a": 1}, "nothing": None}
    assert tl.check(work, against=loss())


def test_several_points_at_once() -> None:
    again = AT | {"x": AT["x"][:2] * 2, "y": AT["y"][:2]}
    losses = [loss(), forward(**{k: tl.tensor(v, requires_grad=k not in "xy", name=k) for k, v in again.items()})]
    assert tl.check([backward(**AT), backward(**again)], against=losses)
    with pytest.raises(ValueError, match="1 dicts of gradients against 2 losses"):
        tl.check([backward(**AT)], against=losses)


def test_a_reference_that_is_not_finite_is_none() -> None:
    w = tl.tensor([np.nan, 1.0], requires_grad=True, name="w")
    with pytest.raises(ValueError, match="a gradient by w that is not finite"):
        tl.check({"dw": np.ones(2)}, against=(w * w).sum())


def test_names_of_any_kind_are_listed_on_one_line() -> None:
    odd = {f"dq{k}\x1b[31m\n": np.ones(2) for k in range(30)}
    text = str(tl.check(backward(**AT) | odd, against=loss()))
    assert "\x1b" not in text
    assert len(text.splitlines()) < 16


def test_what_it_is_checked_against_has_to_be_a_loss() -> None:
    right = backward(**AT)
    with pytest.raises(TypeError, match="compute it first"):
        tl.check(right, against=nn.Linear(2, 2))
    with pytest.raises(ValueError, match="not a scalar"):
        tl.check(right, against=tl.tensor([1.0, 2.0], requires_grad=True) * 2)
    with pytest.raises(tl.GraphError, match="requires no gradient"):
        tl.check(right, against=tl.tensor(1.0))
    with pytest.raises(TypeError, match="say what is right"):
        tl.check(right)


def test_a_network_and_its_criterion() -> None:
    net, criterion = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1)), nn.MSELoss()
    criterion(net(AT["x"]), AT["y"]).backward()
    work = {"dW1": net[0].weight.grad, "db1": net[0].bias.grad, "dW2": net[2].weight.grad, "db2": net[2].bias.grad}
    assert tl.check(work, against=(net, criterion), at=(AT["x"], AT["y"]))
    assert tl.check("(a2 - y) * 2 / 10", of="z2", against=(net, criterion), at={"x": AT["x"], "y": AT["y"]})


def test_half_precision_hides_no_mistake() -> None:
    right = {key: value.astype(np.float16) for key, value in backward(**AT).items()}
    assert "float16" in str(tl.check(right, against=loss()))
    report = tl.check(right | {"W1": right["W1"] * np.float16(1.01)}, against=loss())
    assert report.first_wrong == "W1"


def test_what_is_no_array_is_said_to_be_none() -> None:
    right = backward(**AT)
    report = tl.check(right | {"b1": None}, against=loss())
    assert report["dC/db1"].status == "missing"
    assert "b1 is NoneType, not an array of real numbers" in str(report)
    with pytest.raises(ValueError, match="dW1 is str"):
        tl.check({"dW1": "0.5"}, against=loss())


@pytest.mark.parametrize("length", [3_000, pytest.param(20_000, marks=pytest.mark.thorough)])
def test_a_deep_chain_is_no_trouble(length: int) -> None:
    w = tl.tensor(1.0, requires_grad=True, name="w")
    y = w
    for _ in range(length):
        y = y * 1.0
    assert tl.check({"dw": 1.0}, against=y)


def test_what_is_data_by_its_name_is_no_parameter() -> None:
    def loss(W: Any, x: Any, y: Any, reg: Any, idx: Any) -> Any:
        return np.sum((W[idx] * x - y) ** 2) / 2 + reg * np.sum(W * W) / 2

    def backward(W: Any, x: Any, y: Any, reg: Any, idx: Any) -> dict[str, Any]:
        dW = reg * W
        np.add.at(dW, idx, (W[idx] * x - y) * x)
        return {"dW": dW}

    at = {"W": np.arange(4.0) + 0.5, "x": np.array([1.0, 2.0, 3.0]), "y": np.ones(3), "reg": 0.1, "idx": [0, 2, 2]}
    assert tl.check(backward, against=loss, at=at)
