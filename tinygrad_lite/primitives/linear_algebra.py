"""Matrix products: `matmul` in all of NumPy's cases, and the affine map of a layer."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_lite.primitive import linear


def _t(a: Any) -> Any:
    return np.swapaxes(a, -1, -2)


def _matmul_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    # y = a b gives dL/da = g b^T. A 1-D operand is a row (left) or a column (right) whose axis was dropped.
    if b.ndim == 1:
        return g[..., None] * b
    if a.ndim == 1:
        return (b @ g[..., None])[..., 0]
    return g @ _t(b)


def _matmul_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    # y = a b gives dL/db = a^T g.
    if a.ndim == 1:
        return g * a if b.ndim == 1 else a[:, None] * g[..., None, :]
    if b.ndim == 1:
        return (_t(a) @ g[..., None])[..., 0]
    return _t(a) @ g


def _explain_matmul(a: Any, b: Any) -> str | None:
    a_shape, b_shape = np.shape(a), np.shape(b)
    if not a_shape or not b_shape:
        return "a scalar has no axis to sum over; use * to scale"
    inner = a_shape[-1], b_shape[-2 if len(b_shape) > 1 else 0]
    if inner[0] == inner[1]:
        return f"the batch axes {a_shape[:-2]} and {b_shape[:-2]} do not broadcast"
    hint = f"inner sizes differ: {inner[0]} != {inner[1]}"
    if len(b_shape) == 2 and b_shape[1] == a_shape[-1]:
        return f"{hint}. Did you mean the transpose of the second, `b.T`, of shape {b_shape[::-1]}?"
    if len(a_shape) == 2 and a_shape[0] == inner[1]:
        return f"{hint}. Did you mean the transpose of the first, `a.T`, of shape {a_shape[::-1]}?"
    wanted = (*b_shape[:-2], inner[0], b_shape[-1]) if len(b_shape) > 1 else (inner[0],)
    return f"{hint}. The second would have to have shape {wanted}"


def _affine(x: Any, weight: Any, bias: Any = None) -> Any:
    if not x.ndim:
        raise ValueError("a scalar has no features")
    y = np.dot(x, weight.T) if x.ndim < 3 else np.matmul(x, weight.T)  # dot is quicker, but only up to 2-D
    if bias is None:
        return y
    if y.dtype != bias.dtype:
        return y + bias
    y += bias  # the product is ours to write into
    return y


def _affine_weight(g: Any, y: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    # y_o = sum_i W_oi x_i gives dL/dW_oi = g_o x_i, summed over every example.
    if x.ndim == 1:
        return g[:, None] * x
    if x.ndim > 2:
        g, x = g.reshape(-1, g.shape[-1]), x.reshape(-1, x.shape[-1])
    return np.dot(g.T, x)


def _explain_affine(x: Any, weight: Any, bias: Any = None) -> str | None:
    fed = np.shape(x)[-1:] or "a scalar"
    return f"the weight {np.shape(weight)} maps {np.shape(weight)[-1]} features, but the input's last axis is {fed}"


matmul = linear(
    operator.matmul,
    r"#1\,#2",
    _matmul_left,
    _matmul_right,
    symbol="@",
    numpy=np.matmul,
    multilinear=True,
    explain=_explain_matmul,
)
affine = linear(  # x W^T + b, one line of a derivation; x (..., I), W (O, I), b (O,) -> (..., O)
    _affine,
    r"#1\,#2^{\mathsf T} + #3",
    lambda g, y, x, weight, bias=None: np.dot(g, weight) if g.ndim < 3 else g @ weight,
    _affine_weight,
    1,
    name="affine",
    explain=_explain_affine,
)
