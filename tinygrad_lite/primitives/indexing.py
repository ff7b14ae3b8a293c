"""Reading entries, and its adjoint: putting a cotangent back where the entries came from.

Index arrays are array arguments like any other (a batch's class labels are one), so `index` holds `ARRAY` where
the next of them goes: `x[1:, rows]` is `getitem(x, rows, index=(slice(1, None), ARRAY))`.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from tinygrad_lite.primitive import Primitive, linear


class _Array:
    def __repr__(self) -> str:
        return "ARRAY"


ARRAY: Final = _Array()
ROWS = (ARRAY,)  # x[i]: whole rows, an embedding's


def fill(index: tuple[Any, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """`index` with its placeholders replaced by `arrays`, in order."""
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple(next(rest) if i is ARRAY else i for i in index)


def _scatter_add(g: Any, *arrays: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, g.dtype)
    if index == ROWS and g.size >= 1 << 10 and arrays[0].dtype.kind in "iu" and out.ndim > 1:
        _add_rows(out, arrays[0].reshape(-1), g)
    elif any(a.dtype.kind != "b" for a in arrays):
        np.add.at(out, fill(index, arrays), g)  # an entry read twice gets both cotangents; `out[i] += g` keeps one
    else:
        out[fill(index, arrays)] = g
    return out


def _add_rows(out: Any, rows: Any, g: Any) -> None:
    """np.add.at(out, rows, g), entry by entry in the same order: NumPy is several times as quick at single numbers."""
    flat, width = out.reshape(-1), math.prod(out.shape[1:])
    columns, g = np.arange(width), g.reshape(len(rows), width)
    step = max(1, 1 << 16 >> width.bit_length())  # some rows at a time: the places take more memory than the numbers
    for k in range(0, len(rows), step):
        places = rows[k : k + step, None].astype(np.intp) * width + columns
        np.add.at(flat, places.reshape(-1), g[k : k + step].reshape(-1))


def _pick(z: Any, labels: Any) -> Any:
    return z[np.arange(len(labels)), labels]


def _unpick(g: Any, labels: Any, classes: int) -> Any:
    out = np.zeros((len(labels), classes), g.dtype)
    out[np.arange(len(labels)), labels] = g
    return out


def _put(x: Any, v: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    out = np.array(x)  # a copy, in x's dtype, as a write into an array would
    out[fill(index, arrays)] = v
    return out


def _put_value(g: Any, y: Any, x: Any, v: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    # Of several values written to one entry the last stays, and it alone gets the cotangent.
    c = getitem(g, *arrays, index=index)
    if any(a.dtype.kind != "b" for a in arrays):
        order = np.arange(c.size).reshape(c.shape)
        writer = np.zeros(x.shape, int)
        place = fill(index, tuple(np.asarray(getattr(a, "value", a)) for a in arrays))
        writer[place] = order
        c = np.where(writer[place] == order, c, 0)
    return c


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
pick: Primitive = linear(  # of each row the entry that its label names: a classifier's logit of the right class
    _pick,
    "#1_{#2}",
    lambda g, y, z, labels: unpick(g, labels, classes=z.shape[1]),
    None,
    name="pick",
)
unpick: Primitive = linear(  # the numbers back at their labels, zeros elsewhere; a row has one label, so none collide
    _unpick,
    r"#1 \odot \mathrm{onehot}(#2)",
    lambda h, y, g, labels, classes: pick(h, labels),
    None,
    name="unpick",
)
put: Primitive = linear(  # x with `v` written over what the index names
    _put,
    r"#1[#3 \gets #2]",
    lambda g, y, x, v, *arrays, index: put(g, 0, *arrays, index=index),
    _put_value,
    name="put",
)
