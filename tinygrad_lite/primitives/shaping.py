"""Reshape, transpose, join: operations that move numbers without changing them; the adjoint moves them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import linear


def _broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
    # np.broadcast_to gives a view and takes 5 us to do so; filling a small array takes a tenth of that.
    if x.ndim > len(shape):  # assignment would drop leading axes of size 1, which broadcasting does not
        raise ValueError(f"{x.shape} has more axes than {shape}; broadcasting adds axes and takes none away")
    out = np.empty(shape, x.dtype)
    out[...] = x
    return out


def _piece(i: int, g: Any, y: Any, *xs: Any, axis: int) -> Any:
    # Concatenation laid the inputs end to end: input i owns the slice after all before it.
    start = sum(x.shape[axis] for x in xs[:i])
    return g[(slice(None),) * (axis % y.ndim) + (slice(start, start + xs[i].shape[axis]),)]


reshape = linear(
    lambda x, shape: x.reshape(shape),
    r"\mathrm{reshape}(#1)",
    lambda g, y, x, shape: np.reshape(g, x.shape),
    name="reshape",
)
transpose = linear(
    lambda x, axes: x.transpose(axes),
    r"#1^{\mathsf T}",
    lambda g, y, x, axes: np.transpose(g, None if axes is None else np.argsort([a % x.ndim for a in axes])),
    name="transpose",
)
expand_dims = linear(
    lambda x, axis: x[..., None] if axis == -1 else np.expand_dims(x, axis),  # the common case at a tenth of the cost
    "#1",
    lambda g, y, x, axis: np.squeeze(g, axis),
    name="expand_dims",
)
squeeze = linear(
    lambda x, axis: np.squeeze(x, axis), "#1", lambda g, y, x, axis: np.expand_dims(g, axis), name="squeeze"
)
broadcast_to = linear(  # the sum over the copies is the engine's un-broadcasting
    _broadcast_to, "#1", 1, name="broadcast_to"
)
concatenate = linear(lambda *xs, axis: np.concatenate(xs, axis), "[#1]", _piece, variadic=True, name="concatenate")
stack = linear(
    lambda *xs, axis: np.stack(xs, axis),
    "[#1]",
    lambda i, g, y, *xs, axis: g[(slice(None),) * (axis % y.ndim) + (i,)],
    variadic=True,
    name="stack",
)
