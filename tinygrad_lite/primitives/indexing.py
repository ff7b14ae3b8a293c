"""Reading entries, and its adjoint: putting a cotangent back where the entries came from.

Index arrays are array arguments like any other (a batch's class labels are one), so `index` holds `ARRAY` where
the next of them goes: `x[1:, rows]` is `getitem(x, rows, index=(slice(1, None), ARRAY))`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tinygrad_lite.primitive import Primitive, linear


class _Array:
    def __repr__(self) -> str:
        return "ARRAY"


ARRAY: Final = _Array()


def fill(index: tuple[Any, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """`index` with its placeholders replaced by `arrays`, in order."""
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple(next(rest) if i is ARRAY else i for i in index)


def _scatter_add(g: Any, *arrays: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, g.dtype)
    if any(a.dtype.kind != "b" for a in arrays):
        np.add.at(out, fill(index, arrays), g)  # an entry read twice gets both cotangents; `out[i] += g` keeps one
    else:
        out[fill(index, arrays)] = g
    return out


getitem: Primitive = linear(
    lambda x, *arrays, index: x[fill(index, arrays)],
    "#1[#2]",
    lambda g, y, x, *arrays, index: scatter_add(g, *arrays, index=index, shape=x.shape),
    name="getitem",
)
scatter_add: Primitive = linear(
    _scatter_add,
    r"\mathrm{scatter}(#1)",
    lambda h, y, g, *arrays, index, shape: getitem(h, *arrays, index=index),
    name="scatter_add",
)
