"""How to call each row of the table. Adding an operation is its row and one line here: `primitives/test_rules.py` then
holds it to the oracles, in its value, dtypes, broadcasting and first three derivatives.

`each(call, a domain per input)` for an operation on entries, `reducing(call)` for one that makes axes disappear,
`[on(call, a shape per input), ...]` otherwise. Where NumPy has no function of that name, or one that is not analytic
on complex numbers, say what is meant with `reference=`; where there are kinks say `kinked=True` and keep off them.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

import tinygrad_lite as tl
from tests.samples_images import IMAGES
from tests.samples_more import MORE
from tests.samples_series import SERIES
from tests.sampling import GRID, GRID2, NONZERO, POSITIVE, REAL, Sample, chosen, each, on, reducing
from tinygrad_lite.primitives import TABLE
from tinygrad_lite.primitives.arithmetic import detach
from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.primitives.reductions import largest

MASK = chosen(False, True)
WILD = chosen(np.nan, np.inf, -np.inf, 0.0, -1.5)
FEW = chosen(-1.0, 0.0, 1.0)  # few values, so that comparisons meet equal ones

ROWS = np.array([2, 0, 2])
ONE_HOT = np.array([[0.0, 0, 1], [1, 0, 0], [0, 0, 1]])  # of the labels in ROWS
PICK = np.array([[0.0, 1, 0], [0, 0, 0], [1, 0, 1]])  # PICK @ g puts g[k] back where x[ROWS] read it


def _var(x: Any, axis: Any, ddof: int, keepdims: bool) -> Any:
    n = x.size / np.sum(x, axis=axis).size if x.size else x.shape[-1]
    return np.sum(np.square(x - np.mean(x, axis=axis, keepdims=True)), axis=axis, keepdims=keepdims) / (n - ddof)


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def _affine(x: Any, w: Any, b: Any = 0) -> Any:
    return np.einsum("...i,oi->...o", x, w) + b


def _squared_loss(a: Any, y: Any) -> Any:
    return 0.5 * np.sum(np.square(a - y)) / (a.shape[0] if a.ndim > 1 else 1)


SAMPLES: dict[str, list[Sample]] = {
    # arithmetic
    "add": each(np.add, REAL, REAL),
    "subtract": each(np.subtract, REAL, REAL),
    "multiply": each(np.multiply, REAL, REAL),
    "divide": each(np.divide, REAL, NONZERO),
    "power": each(np.power, POSITIVE, REAL)
    + each(lambda a: a**3, NONZERO)
    + each(lambda a: a**-2.0, NONZERO)
    + each(lambda a: a**0, NONZERO)
    + each(lambda b: 2.0**b, REAL),
    "negative": each(np.negative, REAL),
    "identity": each(operator.pos, REAL),
    "detach": each(detach, REAL),
    "astype": each(lambda x: x.astype(np.float64), REAL, reference=lambda x: x * np.float64(1)),
    # smooth functions of each entry
    "exp": each(np.exp, REAL),
    "log": each(np.log, POSITIVE),
    "sqrt": each(np.sqrt, POSITIVE),
    "square": each(np.square, REAL),
    "tanh": each(np.tanh, REAL),
    "sigmoid": each(tl.sigmoid, REAL, reference=lambda x: 1 / (1 + np.exp(-x))),
    # functions with a kink
    "relu": each(tl.relu, GRID, reference=lambda x: x * (x.real > 0), kinked=True),
    "absolute": each(np.absolute, GRID, reference=lambda x: x * np.sign(x.real), kinked=True),
    "sign": each(np.sign, GRID, reference=lambda x: np.sign(x.real), kinked=True),
    "maximum": each(np.maximum, GRID, GRID2, kinked=True),
    "minimum": each(np.minimum, GRID, GRID2, kinked=True),
    "clip": each(lambda x: np.clip(x, -1, 1), GRID, kinked=True)
    + each(lambda x: np.clip(x, None, 0.5), GRID2, kinked=True)
    + each(lambda x: np.clip(x, 0.5, None), GRID2, kinked=True)
    + each(np.clip, GRID, chosen(-1.25), chosen(1.25), kinked=True)
    + each(np.clip, GRID, chosen(1.25), chosen(-1.25), kinked=True),  # bounds crossed
    "where": each(np.where, MASK, REAL, REAL),
    # comparisons and logic
    "greater": each(np.greater, FEW, FEW),
    "greater_equal": each(np.greater_equal, FEW, FEW),
    "less": each(np.less, FEW, FEW),
    "less_equal": each(np.less_equal, FEW, FEW),
    "equal": each(np.equal, FEW, FEW),
    "not_equal": each(np.not_equal, FEW, FEW),
    "logical_and": each(np.logical_and, FEW, FEW),
    "logical_or": each(np.logical_or, FEW, FEW),
    "logical_xor": each(np.logical_xor, FEW, FEW),
    "logical_not": each(np.logical_not, FEW),
    "bitwise_and": each(np.bitwise_and, MASK, MASK),
    "bitwise_or": each(np.bitwise_or, MASK, MASK),
    "bitwise_xor": each(np.bitwise_xor, MASK, MASK),
    "invert": each(np.invert, MASK),
    "isfinite": each(np.isfinite, WILD),
    "isnan": each(np.isnan, WILD),
    "isinf": each(np.isinf, WILD),
    # reductions
    "sum": reducing(np.sum),
    "mean": reducing(np.mean),
    "max": reducing(np.max, GRID, kinked=True),
    "nanmax": reducing(np.nanmax, GRID, kinked=True),
    "nanmin": reducing(np.nanmin, GRID, kinked=True),
    "min": reducing(np.min, GRID, kinked=True),
    "var": reducing(np.var, reference=_var, ddof=0),
    "logsumexp": reducing(tl.logsumexp, reference=_logsumexp),
    "logaddexp_reduce": reducing(TABLE["logaddexp_reduce"], reference=_logsumexp),
    "largest": [on(lambda x, axis=axis: largest(x, axis=axis), (2, 3)) for axis in (0, -1, None)],
    # shapes
    "reshape": [
        on(lambda x: x.reshape(3, -1), (2, 3)),
        on(lambda x: np.reshape(x, 6), (3, 2)),
        on(lambda x: x.reshape(()), (1, 1)),
        on(lambda x: x.reshape(1), ()),
        on(lambda x: x.reshape(0, 7), (3, 0)),
    ],
    "transpose": [
        on(np.transpose, (2, 3)),
        on(lambda x: x.T, ()),
        on(lambda x: x.T, (2, 0)),
        on(lambda x: x.transpose(2, 0, 1), (2, 3, 4)),
        on(lambda x: np.transpose(x, (-1, 0, 1)), (2, 3, 4)),
        on(lambda x: np.swapaxes(x, 0, -1), (2, 3, 4)),
    ],
    "expand_dims": [on(lambda x: np.expand_dims(x, 0), ()), on(lambda x: np.expand_dims(x, (-1, 1)), (2, 3))],
    "squeeze": [on(np.squeeze, (1, 2, 1)), on(lambda x: np.squeeze(x, -1), (1, 3, 1)), on(np.squeeze, (1, 0))],
    "broadcast_to": [
        on(lambda x: np.broadcast_to(x, (2, 3)), ()),
        on(lambda x: np.broadcast_to(x, (2, 3)), (2, 1)),
        on(lambda x: np.broadcast_to(x, (4, 2, 3)), (1, 2, 3)),
        on(lambda x: np.broadcast_to(x, (0, 3)), (3,)),
    ],
    "concatenate": [
        on(lambda *xs: np.concatenate(xs), (2,), (0,), (3,)),
        on(lambda *xs: np.concatenate(xs, axis=1), (2, 1), (2, 3)),
        on(lambda *xs: np.concatenate(xs, axis=-2), (1, 2, 3), (1, 1, 3), (1, 2, 3)),
    ],
    "stack": [
        on(lambda *xs: np.stack(xs), (), (), ()),
        on(lambda *xs: np.stack(xs, axis=-1), (2, 3), (2, 3)),
        on(lambda *xs: np.stack(xs, axis=1), (2, 3), (2, 3)),
        on(lambda *xs: np.stack(xs), (0,), (0,)),
    ],
    # indexing: every kind of index is in test_indexing.py
    "getitem": [
        on(lambda x: x[1], (3,)),
        on(lambda x: x[::-2, None, ..., 0], (4, 2, 3)),
        on(lambda x: x[ROWS], (3, 2)),
        on(lambda x: x[x.shape[0] :], (3, 2)),
    ],
    "scatter_add": [
        on(
            lambda g: TABLE["scatter_add"](g, ROWS, index=(ARRAY,), shape=(3, 2)),
            (3, 2),
            reference=lambda g: PICK.astype(g.dtype) @ g,
        )
    ],
    "pick": [on(lambda z: TABLE["pick"](z, ROWS), (3, 3), reference=lambda z: (z * ONE_HOT.astype(z.dtype)).sum(1))],
    "unpick": [
        on(
            lambda g: TABLE["unpick"](g, ROWS, classes=3),
            (3,),
            reference=lambda g: g[:, None] * ONE_HOT.astype(g.dtype),
        )
    ],
    # products: every case of NumPy's matmul is in test_matmul.py
    "matmul": [on(np.matmul, a, b) for a, b in (((3,), (3,)), ((2, 3), (3, 4)), ((2, 1, 3, 2), (4, 2, 3)))],
    "affine": [
        on(TABLE["affine"], x, w, reference=_affine) for x, w in (((3,), (2, 3)), ((4, 3), (2, 3)), ((0, 3), (1, 3)))
    ]
    + [
        on(TABLE["affine"], x, (2, 3), b, reference=_affine)
        for x, b in (((3,), (2,)), ((4, 3), (2,)), ((2, 2, 3), (2,)), ((4, 3), (1,)), ((4, 3), ()))
    ],
    # losses
    "squared_loss": [on(TABLE["squared_loss"], s, s, reference=_squared_loss) for s in ((), (3,), (4, 1), (4, 3))],
}

SAMPLES |= MORE | IMAGES | SERIES  # the rows that a first course does not need
