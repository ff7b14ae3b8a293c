"""The hand-written NumPy steps: what a good student would write, and the denominator of every ratio."""

from __future__ import annotations

import numpy as np

from .rows import Array, Layer, Row, Runner, flat


def gradients_2_3_1(layers: list[Layer], x: Array, y: Array) -> tuple[float, list[Array]]:
    """Loss 1/2 (y - a)^2 and the gradients of W1, b1, W2; one hidden ReLU layer, an output without bias.

    Straight lines, no loop: this is the network that students derive by hand.
    """
    (w1, b1), (w2,) = layers
    z1 = x @ w1.T + b1
    a1 = np.maximum(z1, 0)
    error = a1 @ w2.T - y
    loss = 0.5 * (error * error).sum()

    dw2 = error.T @ a1
    dz1 = (error @ w2) * (z1 > 0)
    dw1 = dz1.T @ x
    db1 = dz1.sum(axis=0)
    return loss, [dw1, db1, dw2]


def gradients(layers: list[Layer], x: Array, y: Array) -> tuple[float, list[Array]]:
    """Mean cross-entropy of the classes y (B,) and the gradients of W1, b1, W2, ...; any number of layers."""
    inputs = [x]  # inputs[k] is what layer k was given
    for w, b in layers[:-1]:
        inputs.append(np.maximum(inputs[-1] @ w.T + b, 0))
    w, b = layers[-1]
    logits = inputs[-1] @ w.T + b

    every = np.arange(len(y))
    shifted = logits - logits.max(axis=1, keepdims=True)  # so that exp cannot overflow
    exps = np.exp(shifted)
    totals = exps.sum(axis=1, keepdims=True)
    loss = (np.log(totals[:, 0]) - shifted[every, y]).mean()

    delta = exps / totals
    delta[every, y] -= 1
    delta /= len(y)
    grads: list[Array] = []
    for k in reversed(range(len(layers))):
        grads = [delta.T @ inputs[k], delta.sum(axis=0), *grads]
        if k > 0:
            delta = (delta @ layers[k][0]) * (inputs[k] > 0)
    return loss, grads


def build(row: Row) -> Runner:
    """The step on this row's data, updating its own copy of the weights in place."""
    layers = row.layers()
    params = flat(layers)
    x, y = row.data()
    differentiate = gradients_2_3_1 if row.loss == "squared" else gradients

    def step() -> float:
        loss, grads = differentiate(layers, x, y)
        for p, g in zip(params, grads, strict=True):
            p -= row.lr * g
        return loss

    return Runner(step, lambda: [p.copy() for p in params])
