"""Right work is never called wrong, however it is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite import nn

# Some BLAS set the flag for an invalid value in single precision where there is none.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in matmul:RuntimeWarning")

SIZES = st.tuples(*(st.integers(1, 5) for _ in range(4)))


def network(sizes: tuple[int, ...], seed: int, dtype: Any) -> dict[str, Any]:
    n, i, h, o = sizes
    rng = np.random.default_rng(seed)
    return {
        "x": rng.standard_normal((n, i)).astype(dtype), "y": rng.standard_normal((n, o)).astype(dtype),
        "W1": rng.standard_normal((i, h)).astype(dtype), "b1": rng.standard_normal(h).astype(dtype),
        "W2": rng.standard_normal((h, o)).astype(dtype), "b2": rng.standard_normal(o).astype(dtype),
    }  # fmt: skip


def loss_of(at: dict[str, Any]) -> tl.Tensor:
    t = {k: tl.tensor(v, requires_grad=True, name=k) for k, v in at.items() if k not in "xy"}
    a = tl.relu(at["x"] @ t["W1"] + t["b1"]) @ t["W2"] + t["b2"]
    loss: tl.Tensor = ((a - at["y"]) ** 2).sum() / (2 * len(at["x"]))
    return loss


def rows(x: Any, y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> dict[str, Any]:
    z1 = x @ W1 + b1
    h1 = np.maximum(z1, 0)
    a = h1 @ W2 + b2
    da = (a - y) / len(x)
    dW2, db2, dh1 = h1.T @ da, da.sum(axis=0), da @ W2.T
    dz1 = dh1 * (z1 > 0)
    dW1, db1 = x.T @ dz1, dz1.sum(axis=0)
    return locals()


def columns(x: Any, y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> dict[str, Any]:
    """Everything transposed, 1/N at the parameters, errors of the other sign up to the last moment."""
    z1 = W1.T @ x.T + b1[:, None]
    h1 = z1 * (z1 > 0)
    delta2 = y.T - (W2.T @ h1 + b2[:, None])
    delta1 = np.where(z1 > 0, W2 @ delta2, 0)
    n = x.shape[0]
    return {
        "dW2": -(delta2 @ h1.T).T / n,
        "db2": -delta2.sum(1) / n,
        "dW1": -(delta1 @ x).T / n,
        "db1": -delta1.sum(1) / n,
    }


def stored_transposed(x: Any, y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> dict[str, Any]:
    right = rows(x, y, W1, b1, W2, b2)
    return {"dW1": right["dW1"].T, "dW2": right["dW2"].T, "db1": right["db1"][:, None], "db2": right["db2"][:, None]}


def late_mean(x: Any, y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> dict[str, Any]:
    z1 = x @ W1 + b1
    h1 = np.maximum(z1, 0)
    dz2 = h1 @ W2 + b2 - y
    dz1 = (dz2 @ W2.T) * (z1 > 0)
    n = len(x)
    return {"dz2": dz2, "dW2": h1.T @ dz2 / n, "db2": dz2.mean(0), "dz1": dz1, "dW1": x.T @ dz1 / n, "db1": dz1.mean(0)}


def negative_errors(x: Any, y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> dict[str, Any]:
    z1 = x @ W1 + b1
    h1 = np.maximum(z1, 0)
    output_error = (y - (h1 @ W2 + b2)) / len(x)
    hidden_error = output_error @ W2.T * (z1 > 0)
    return {"output_error": output_error, "hidden_error": hidden_error, "dW2": -h1.T @ output_error,
            "db2": -output_error.sum(0), "dW1": -x.T @ hidden_error, "db1": -hidden_error.sum(0)}  # fmt: skip


def loops(x: Any, y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> dict[str, Any]:
    dW1, db1, dW2, db2 = (np.zeros_like(p) for p in (W1, b1, W2, b2))
    for xk, yk in zip(x, y, strict=True):
        z = xk @ W1 + b1
        h = np.maximum(z, 0)
        e = (h @ W2 + b2 - yk) / len(x)
        d = np.where(z > 0, W2 @ e, 0)
        dW2 += np.outer(h, e)
        db2 += e
        dW1 += np.outer(xk, d)
        db1 += d
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


def matrices(x: Any, y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> dict[str, Any]:
    right = rows(x, y, W1, b1, W2, b2)
    return {
        key: np.matrix(right[key]) if key[1] == "W" else right[key].tolist() for key in ("dW1", "db1", "dW2", "db2")
    }


STYLES = [rows, columns, stored_transposed, late_mean, negative_errors, loops, matrices]


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("style", STYLES, ids=lambda f: f.__name__)
@given(sizes=SIZES, seed=st.integers(0, 10**6))
def test_right_work_in_any_style(style: Any, dtype: Any, sizes: tuple[int, ...], seed: int) -> None:
    at = network(sizes, seed, dtype)
    if style is stored_transposed and (sizes[1] == sizes[2] or sizes[2] == sizes[3]):
        return  # a square matrix: whether it is stored transposed or wrong, nobody can see
    report = tl.check(style(**at), against=loss_of(at))
    assert report, f"{style.__name__} {sizes} {seed}\n{report}"
    assert report.mistakes == []


@given(sizes=SIZES, seed=st.integers(0, 10**6), scale=st.floats(1e-6, 1e6))
def test_any_grouping_of_the_arithmetic(sizes: tuple[int, ...], seed: int, scale: float) -> None:
    at = network(sizes, seed, np.float64)
    at["x"] = at["x"] * scale
    right = rows(**at)
    x, y, W1, W2 = at["x"], at["y"], at["W1"], at["W2"]
    n = len(x)
    dz1 = (
        np.einsum("no,ho->nh", right["a"], W2) * (right["z1"] > 0) / n
        - np.einsum("no,ho->nh", y, W2) * (right["z1"] > 0) / n
    )
    dW1 = sum(np.outer(x[k], dz1[k]) for k in reversed(range(n)))
    work = {"dW1": dW1, "db1": np.ones(n) @ dz1, "dW2": (right["da"].T @ right["h1"]).T, "db2": right["da"].mean(0) * n}
    assert W1.shape == np.shape(dW1)
    assert tl.check(work, against=loss_of(at))


def test_minus_the_gradient_is_right_where_the_update_adds() -> None:
    at = network((4, 3, 5, 2), 0, np.float64)
    work = {key: -value for key, value in loops(**at).items()}
    assert tl.check(work, against=loss_of(at), adds=True)
    assert [m.id for m in tl.check(work, against=loss_of(at)).mistakes] == ["sign"]


def test_names_that_mean_different_things_are_tried_as_each() -> None:
    at = network((4, 3, 5, 2), 0, np.float64)
    right = rows(**at)
    gradients = {key: right[key] for key in ("dW1", "db1", "dW2", "db2")}
    for hidden in ("dh1", "dz1"):
        report = tl.check({"hidden_layer_error": right[hidden], **gradients}, against=loss_of(at))
        assert all(row.status == "ok" for row in report.rows), str(report)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), dtype=st.sampled_from([np.float64, np.float32]))
def test_softmax_with_cross_entropy_in_two_styles(seed: int, n: int, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    net = nn.Sequential(nn.Linear(4, 6, rng=seed, dtype=dtype), nn.Sigmoid(), nn.Linear(6, 3, rng=1, dtype=dtype))
    x, y = rng.standard_normal((n, 4)).astype(dtype), rng.integers(0, 3, n)
    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    h = 1 / (1 + np.exp(-(x @ W1.T + b1)))
    z = h @ W2.T + b2
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    e = p.copy()
    e[np.arange(n), y] -= 1
    for scale, late in ((1 / n, 1), (1, n)):
        dlogits = e * dtype(scale)
        delta1 = dlogits @ W2 * h * (1 - h)
        work = {"dlogits": dlogits, "delta1": delta1, "dW2": dlogits.T @ h / late, "db2": dlogits.sum(0) / late,
                "dW1": delta1.T @ x / late, "db1": delta1.sum(0) / late}  # fmt: skip
        report = tl.check(work, against=nn.CrossEntropyLoss()(net(x), y))
        assert report, str(report)
