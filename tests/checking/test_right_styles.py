"""Right work in styles that are far apart, in what it returns and in how it is computed: none of it is accused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.checking.test_face import AT, backward, forward

Numbers = dict[str, Any]
rng = np.random.default_rng(1)
normal = rng.standard_normal
STYLES: dict[str, tuple[Callable[..., Any], Numbers, Callable[..., Any]]] = {}


def style(loss: Callable[..., Any], at: Numbers) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a backward pass, under its own name, with what it is the backward pass of."""

    def enter(by_hand: Callable[..., Any]) -> Callable[..., Any]:
        STYLES[by_hand.__name__] = loss, at, by_hand
        return by_hand

    return enter


@style(forward, AT)
def a_generator(**at: Any) -> Iterator[Any]:
    yield from backward(**at).values()


@style(forward, AT)
def the_loss_and_the_gradients(**at: Any) -> tuple[float, Numbers]:
    return 0.5, backward(**at)


@style(forward, AT)
def numbers_in_lists(W1: Any, b1: Any, W2: Any, x: Any, y: Any) -> Numbers:
    (N, inputs), (H, outputs) = x.shape, W2.shape
    dW1, db1, dW2 = [[0.0] * H for _ in range(inputs)], [0.0] * H, [[0.0] * outputs for _ in range(H)]
    for n in range(N):
        h = [math.tanh(sum(x[n, i] * W1[i, j] for i in range(inputs)) + b1[j]) for j in range(H)]
        for k in range(outputs):
            e = (sum(h[j] * W2[j, k] for j in range(H)) - y[n, k]) / N
            for j in range(H):
                dW2[j][k] += e * h[j]
                d = e * W2[j, k] * (1 - h[j] ** 2)
                db1[j] += d
                for i in range(inputs):
                    dW1[i][j] += d * x[n, i]
    return {"dW1": dW1, "db1": db1, "dW2": dW2}


@style(forward, AT)
def the_bias_as_a_row_of_the_weights(W1: Any, b1: Any, W2: Any, x: Any, y: Any) -> Numbers:
    xs = np.hstack([x, np.ones((len(x), 1))])
    h = np.tanh(xs @ np.vstack([W1, b1]))
    e = (h @ W2 - y) / len(x)
    G = np.einsum("ni,no,ho,nh->ih", xs, e, W2, 1 / np.cosh(xs @ np.vstack([W1, b1])) ** 2)
    return {"grad_W1": G[:-1], "grad_b1": G[-1:], "grad_W2": np.tensordot(h, e, (0, 0))}


@style(forward, AT)
def differences(**at: Any) -> Numbers:
    def loss(**at: Any) -> Any:
        return np.sum((np.tanh(at["x"] @ at["W1"] + at["b1"]) @ at["W2"] - at["y"]) ** 2) / (2 * len(at["x"]))

    found = {name: np.zeros_like(at[name]) for name in ("W1", "b1", "W2")}
    for name, g in found.items():
        for i in np.ndindex(g.shape):
            step = np.zeros_like(g)
            step[i] = 1e-5
            up, down = (loss(**at | {name: at[name] + s * step}) for s in (1, -1))
            g[i] = (up - down) / 2e-5
    return found


def over_time(Wx: Any, Wh: Any, Wo: Any, x: Any, y: Any, h_prev: Any) -> Any:
    h = h_prev
    for step in x:
        h = np.tanh(step @ Wx + h @ Wh)
    return np.sum((h @ Wo - y) ** 2) / (2 * len(y))


SERIES = {"Wx": normal((2, 3)), "Wh": normal((3, 3)), "Wo": normal((3, 2)), "x": normal((4, 5, 2)),
          "y": normal((5, 2)), "h_prev": normal((5, 3))}  # fmt: skip


@style(over_time, SERIES)
def one_matrix_for_both_inputs(Wx: Any, Wh: Any, Wo: Any, x: Any, y: Any, h_prev: Any) -> Numbers:
    W, h, seen = np.vstack([Wx, Wh]), h_prev, []
    for step in x:
        both = np.hstack([step, h])
        h = np.tanh(both @ W)
        seen.append((both, h))
    e = (h @ Wo - y) / len(y)
    dh, dW = e @ Wo.T, np.zeros_like(W)
    for both, out in reversed(seen):
        dz = dh * (1 - out * out)
        dW += both.T @ dz
        dh = dz @ Wh.T
    return {"dWx": dW[: len(Wx)], "dWh": dW[len(Wx) :], "dWo": h.T @ e, "dh_prev": dh}


def entropy(W1: Any, W2: Any, x: Any, y: Any) -> Any:
    return -np.sum(y * tl.log_softmax(tl.relu(x @ W1) @ W2)) / len(x)


CLASSES = {"W1": normal((3, 5)), "W2": normal((5, 4)), "x": normal((6, 3)), "y": np.eye(4)[rng.integers(0, 4, 6)]}


@style(entropy, CLASSES)
def the_whole_jacobian_of_the_softmax(W1: Any, W2: Any, x: Any, y: Any) -> Numbers:
    h = np.maximum(x @ W1, 0)
    p = np.exp(h @ W2) / np.exp(h @ W2).sum(axis=1, keepdims=True)
    dp = -y / p / len(x)
    ds = np.stack([(np.diag(q) - np.outer(q, q)) @ g for q, g in zip(p, dp, strict=True)])
    dh = ds @ W2.T
    dh[h <= 0] = 0  # of the masked error: its name means either
    return {"dp": dp, "dscores": ds, "dW2": h.T @ ds, "dh": dh, "dW1": x.T @ dh}


def normalised(W: Any, gamma: Any, beta: Any, x: Any, y: Any) -> Any:
    z = x @ W
    centred = z - z.mean(0)
    return np.sum((centred / np.sqrt((centred**2).mean(0) + 1e-5) * gamma + beta - y) ** 2) / len(x)


NORMED = {"W": normal((3, 4)), "gamma": normal(4), "beta": normal(4), "x": normal((6, 3)), "y": normal((6, 4))}


@style(normalised, NORMED)
def batch_norm_in_stages(W: Any, gamma: Any, beta: Any, x: Any, y: Any) -> Numbers:
    N, z = len(x), x @ W
    centred = z - z.mean(0)
    root = np.sqrt((centred**2).mean(0) + 1e-5)
    xhat = centred / root
    e = 2 * (gamma * xhat + beta - y) / N
    dxhat = e * gamma
    dvar = -(dxhat * centred).sum(0) / root**2 * 0.5 / root
    dcentred = dxhat / root + 2 * centred / N * dvar
    dz = dcentred - dcentred.sum(0) / N
    return {"dW": x.T @ dz, "dgamma": (e * xhat).sum(0), "dbeta": e.sum(0)}


@pytest.mark.parametrize("name", STYLES)
def test_a_right_style_is_right(name: str) -> None:
    loss, at, by_hand = STYLES[name]
    given = {key: np.array(value) for key, value in at.items()}
    returned = by_hand(**given)
    works = [by_hand] if not isinstance(returned, dict) else [by_hand, returned]
    for work in works:
        report = tl.check(work, against=loss, at=at)
        assert report, str(report)
        assert report.mistakes == []
        assert {row.status for row in report.rows} <= {"ok", "convention"}
