"""Products of vectors, matrices and arrays of any number of axes."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_lite.functions.answering import answers, operand, operands
from tinygrad_lite.primitive import ANSWERS
from tinygrad_lite.primitives import products
from tinygrad_lite.primitives.linear_algebra import matmul
from tinygrad_lite.tensor import Tensor, as_tensor

ANSWERS[np.linalg.matmul] = matmul


@answers(np.dot)
def _dot(a: Any, b: Any) -> Any:
    a, b = operand(a), operand(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim <= 2:
        return a @ b
    return Tensor.record(products.dot, (a, b), {})  # every matrix with every other


@answers(np.vdot)
def _vdot(a: Any, b: Any) -> Any:
    return Tensor.record(products.vdot, (a, b), {})


@answers(np.inner)
def _inner(a: Any, b: Any) -> Any:
    a, b = operand(a), operand(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else Tensor.record(products.inner, (a, b), {})


@answers(np.outer)
def _outer(a: Any, b: Any) -> Any:
    return Tensor.record(products.outer, (a, b), {})


@answers(np.linalg.outer)
def _linalg_outer(x1: Any, x2: Any, /) -> Any:
    a, b = operand(x1), operand(x2)
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError(f"np.linalg.outer takes two vectors, not {a.shape} and {b.shape}")
    return _outer(a, b)


@answers(np.vecdot, np.linalg.vecdot)
def _vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    a, b = operand(x1), operand(x2)
    if not (a.ndim and b.ndim and a.shape[axis] == b.shape[axis]):  # of the others, those of size 1 broadcast
        raise ValueError(f"np.vecdot: along axis {axis} the vectors of {a.shape} and {b.shape} differ in length")
    if axis == -1 and 1 in (a.ndim, b.ndim):
        return a @ b if b.ndim == 1 else b @ a
    y = (a * b).sum(axis)
    return y if y.dtype.kind == "f" else y.astype(np.result_type(a.dtype, b.dtype))


@answers(np.matvec)
def _matvec(x1: Any, x2: Any, /) -> Any:
    a, b = operand(x1), operand(x2)
    if a.ndim < 2 or b.ndim < 1:
        raise ValueError(f"np.matvec multiplies matrices (..., m, n) and vectors (..., n), not {a.shape} and {b.shape}")
    return a @ b if b.ndim == 1 else Tensor.record(products.matvec, (a, b), {})


@answers(np.vecmat)
def _vecmat(x1: Any, x2: Any, /) -> Any:
    a, b = operand(x1), operand(x2)
    if a.ndim < 1 or b.ndim < 2:
        raise ValueError(f"np.vecmat multiplies vectors (..., m) and matrices (..., m, n), not {a.shape} and {b.shape}")
    return a @ b if a.ndim == 1 or b.ndim == 2 else Tensor.record(products.vecmat, (a, b), {})


@answers(np.tensordot, np.linalg.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = operand(a), operand(b)
    if isinstance(axes, (int, np.integer)):
        pairs: Any = (range(a.ndim - axes, a.ndim), range(axes))
    else:
        pairs = tuple([k] if isinstance(k, (int, np.integer)) else k for k in axes)
    in_a, in_b = (tuple(normalize_axis_index(k, x.ndim) for k in side) for side, x in zip(pairs, (a, b), strict=True))
    return Tensor.record(products.tensordot, (a, b), {"axes": (in_a, in_b)})


@answers(np.kron)
def _kron(a: Any, b: Any) -> Any:
    a, b = operand(a), operand(b)
    ndim = max(a.ndim, b.ndim)
    m, n = ((1,) * (ndim - x.ndim) + x.shape for x in (a, b))
    product = a.reshape([k for size in m for k in (size, 1)]) * b.reshape([k for size in n for k in (1, size)])
    return product.reshape([i * j for i, j in zip(m, n, strict=True)])


@answers(np.cross)
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = (x if k == -1 else np.moveaxis(x, k, -1) for x, k in ((operand(a), axisa), (operand(b), axisb)))
    sizes = (a.shape[-1], b.shape[-1])
    if sizes == (2, 2):
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    if sizes != (3, 3):
        raise ValueError(f"np.cross takes two vectors of 3 entries (or two of 2), not of {sizes[0]} and {sizes[1]}")
    c: Any = Tensor.record(products.cross, (a, b), {})
    return c if axisc == -1 or c.ndim == 1 else np.moveaxis(c, -1, axisc)


@answers(np.linalg.cross)
def _linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    a, b = operand(x1), operand(x2)
    if not (a.ndim and b.ndim and a.shape[axis] == b.shape[axis] == 3):
        raise ValueError(f"np.linalg.cross takes vectors of 3 entries along axis {axis}, not {a.shape} and {b.shape}")
    return _cross(a, b, axis=axis)


@answers(np.einsum)
def _einsum(*arguments: Any, optimize: Any = None) -> Any:
    if isinstance(arguments[0], str):
        subscripts, xs = arguments[0], operands(arguments[1:])
    else:  # an array, its axes, an array, its axes..., and perhaps the output's axes
        pairs = len(arguments) // 2
        xs = operands(arguments[: 2 * pairs : 2])
        subscripts = ",".join(map(_spelled, arguments[1 : 2 * pairs : 2]))
        subscripts += "->" + _spelled(arguments[-1]) if len(arguments) % 2 else ""
    came = tuple([x.shape for x in xs])
    subscripts = _written_out(subscripts, tuple(map(len, came)))
    if 1 in itertools.chain(*came):
        subscripts, *shapes = _without_ones(subscripts, came)
        xs = [x if x.shape == shape else x.reshape(shape) for x, shape in zip(xs, shapes, strict=True)]
    return Tensor.record(products.einsum, tuple(xs), {"subscripts": subscripts})


@functools.lru_cache(maxsize=1024)
def _without_ones(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[Any, ...]:
    """Subscripts and shapes without the axes of size 1 whose letter is larger elsewhere: to broadcast is to repeat."""
    inputs, out = subscripts.split("->")
    named = [list(zip(term, shape, strict=True)) for term, shape in zip(inputs.split(","), shapes, strict=True)]
    larger = {letter for axes in named for letter, n in axes if n != 1}
    named = [[(letter, n) for letter, n in axes if n != 1 or letter not in larger] for axes in named]
    terms = ["".join(letter for letter, _ in axes) for axes in named]
    return ",".join(terms) + "->" + out, *(tuple(n for _, n in axes) for axes in named)


def _spelled(axes: Any) -> str:
    return "".join("..." if k is Ellipsis else products.LETTERS[k] for k in axes)


@functools.lru_cache(maxsize=1024)
def _written_out(subscripts: str, ndims: tuple[int, ...]) -> str:
    """`subscripts` with a letter for every axis, those under an ellipsis too, and with the output's."""
    inputs, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"np.einsum: {subscripts!r} has {len(terms)} operands, but {len(ndims)} came")
    unused = [letter for letter in products.LETTERS if letter not in subscripts]
    hidden = [n - len(term.replace("...", "")) if "..." in term else 0 for term, n in zip(terms, ndims, strict=True)]
    ellipsis = "".join(unused[: max(hidden)])
    for i, n in enumerate(ndims):
        term = terms[i].replace("...", ellipsis[len(ellipsis) - hidden[i] :])
        if len(term) != n:
            raise ValueError(f"np.einsum: {terms[i]!r} names {len(term)} axes of an operand of shape with {n}")
        terms[i] = term
    if not arrow:
        every = "".join(terms)
        once = sorted(letter for letter in set(every) - set(ellipsis) if every.count(letter) == 1)
        out = "..." * bool(ellipsis) + "".join(once)
    elif ellipsis and "..." not in out:
        raise ValueError("np.einsum: the axes under the operands' ellipsis need one in the output too")
    return ",".join(terms) + "->" + out.replace("...", ellipsis)


@answers(np.linalg.matrix_power)
def _matrix_power(a: Any, n: int) -> Any:
    t: Any = as_tensor(a)
    if t.ndim < 2 or t.shape[-1] != t.shape[-2]:
        raise np.linalg.LinAlgError(f"np.linalg.matrix_power takes square matrices, not {t.shape}")
    if n < 0:
        t, n = np.linalg.inv(t), -n
    if n == 0:
        return Tensor(np.broadcast_to(np.eye(t.shape[-1], dtype=t.dtype), t.shape))
    power = None
    while n:  # the bits of n: a^13 = a^8 a^4 a
        if n & 1:
            power = t if power is None else power @ t
        n >>= 1
        if n:
            t = t @ t
    return power


@answers(np.linalg.multi_dot)
def _multi_dot(arrays: Any) -> Any:
    xs = operands(arrays)
    if len(xs) < 2:
        raise ValueError(f"np.linalg.multi_dot takes two arrays or more, not {len(xs)}")
    row, column = xs[0].ndim == 1, xs[-1].ndim == 1
    xs[0], xs[-1] = (xs[0][None, :] if row else xs[0]), (xs[-1][:, None] if column else xs[-1])
    product = _cheapest(tuple([x.shape for x in xs]))
    y = _multiply(xs, product, 0, len(xs) - 1)
    return y[0, 0] if row and column else y[0] if row else y[:, 0] if column else y


@functools.lru_cache(maxsize=1024)
def _cheapest(shapes: tuple[tuple[int, ...], ...]) -> dict[tuple[int, int], int]:
    """Where to split each run i..j of a product of matrices, for the fewest multiplications.

    Source: Cormen et al., Introduction to Algorithms, section 15.2.
    """
    sizes = [shapes[0][0], *(shape[1] for shape in shapes)]
    cost: dict[tuple[int, int], float] = {(i, i): 0.0 for i in range(len(shapes))}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, len(shapes)):
        for i in range(len(shapes) - length):
            j = i + length
            cost[i, j] = math.inf
            for k in range(i, j):
                c = cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                if c < cost[i, j]:
                    cost[i, j], split[i, j] = c, k
    return split


def _multiply(xs: list[Any], split: dict[tuple[int, int], int], i: int, j: int) -> Any:
    return xs[i] if i == j else _multiply(xs, split, i, split[i, j]) @ _multiply(xs, split, split[i, j] + 1, j)
