"""Sums of products over chosen axes: tensordot and einsum. The adjoint of such a product is another of the kind."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive, linear

WORTH_PLANNING = (
    20_000  # multiplications; below, einsum's search for an order that uses BLAS takes longer than it saves
)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _free(x: Any, summed: tuple[int, ...]) -> list[int]:
    return [k for k in range(x.ndim) if k not in summed]


def _tensordot_left(g: Any, y: Any, a: Any, b: Any, axes: tuple[tuple[int, ...], tuple[int, ...]]) -> Any:
    # g has a's free axes, then b's. Summing over b's leaves a's free axes, then the summed ones in b's order.
    in_a, in_b = axes
    free_a, free_b = _free(a, in_a), _free(b, in_b)
    c = np.tensordot(g, b, (list(range(len(free_a), g.ndim)), free_b))
    return np.transpose(c, np.argsort([*free_a, *(in_a[in_b.index(k)] for k in sorted(in_b))]))


def _tensordot_right(g: Any, y: Any, a: Any, b: Any, axes: tuple[tuple[int, ...], tuple[int, ...]]) -> Any:
    in_a, in_b = axes
    free_a, free_b = _free(a, in_a), _free(b, in_b)
    c = np.tensordot(a, g, (free_a, list(range(len(free_a)))))
    return np.transpose(c, np.argsort([*(in_b[in_a.index(k)] for k in sorted(in_a)), *free_b]))


def _einsum(*xs: Any, subscripts: str) -> Any:
    # of one operand there is nothing to plan
    planned = len(xs) > 1 and _work(subscripts, tuple([x.shape for x in xs])) > WORTH_PLANNING
    return np.einsum(subscripts, *xs, optimize=planned)


@functools.lru_cache(maxsize=1024)
def _work(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> int:
    """The number of multiplications when all is done in one loop: the product of the sizes of all axes."""
    sizes: dict[str, int] = {}
    for term, shape in zip(subscripts.partition("->")[0].split(","), shapes, strict=True):
        sizes.update(zip(term, shape, strict=True))
    return math.prod(sizes.values())


def _einsum_adjoint(i: int, g: Any, y: Any, *xs: Any, subscripts: str) -> Any:
    """Operand i and the output change places; all other operands stay.

    An axis that only operand i has was summed away: its cotangent is the same all along, a product with ones.
    A letter that stands in operand i twice read a diagonal: the cotangent goes back onto it, a product with eye.
    """
    terms, out = subscripts.split("->")
    factors = terms.split(",")
    mine = factors[i]
    rest = [(factor, x) for k, (factor, x) in enumerate(zip(factors, xs, strict=True)) if k != i]
    known = set(out).union(*(factor for factor, _ in rest))
    unused = (letter for letter in LETTERS if letter not in subscripts)
    target = ""
    for letter, n in zip(mine, xs[i].shape, strict=True):
        if letter in target:
            fresh = next(unused)
            rest.append((letter + fresh, np.eye(n, dtype=y.dtype)))
            letter = fresh
        elif letter not in known:
            rest.append((letter, np.ones(n, y.dtype)))
        target += letter
    exchanged = ",".join([out, *(factor for factor, _ in rest)]) + "->" + target
    return einsum(g, *(x for _, x in rest), subscripts=exchanged)


def _correlate(a: Any, v: Any, zeros: tuple[int, int]) -> Any:
    if zeros == (0, 0) and a.size >= v.size:
        return np.correlate(a, v)
    every = np.correlate(a, v, "full")  # as if there were one zero less than v is long
    return every[v.size - 1 - zeros[0] : every.size - (v.size - 1 - zeros[1])]


def _last_with(b_axis: int) -> tuple[Any, Any]:
    """The rules of a product that sums over the last axis of a and axis `b_axis` of b: those of tensordot."""

    def axes(a: Any, b: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (a.ndim - 1,), (b.ndim + b_axis,)

    return (
        lambda g, y, a, b: _tensordot_left(g, y, a, b, axes(a, b)),
        lambda g, y, a, b: _tensordot_right(g, y, a, b, axes(a, b)),
    )


tensordot: Primitive = linear(  # axes: the summed axes of a, and those of b, each counted from 0
    lambda a, b, axes: np.tensordot(a, b, axes),
    r"#1 \cdot #2",
    _tensordot_left,
    _tensordot_right,
    multilinear=True,
    name="tensordot",
)
einsum: Primitive = linear(  # subscripts: one letter for each axis, with the output's written out
    _einsum, r"\mathrm{einsum}(#1)", _einsum_adjoint, variadic=True, multilinear=True, name="einsum"
)
correlate: Primitive = linear(  # y_k = sum_n a_(k+n) v_n wherever all of v fits on a, with so many zeros at its ends
    _correlate,
    r"#1 \star #2",
    lambda g, y, a, v, zeros: correlate(g, v[::-1], zeros=tuple(v.shape[0] - 1 - n for n in zeros)),
    lambda g, y, a, v, zeros: correlate(a, g, zeros=zeros),
    multilinear=True,
    name="correlate",
)
convolve: Primitive = linear(  # the same with v from behind
    lambda a, v, zeros: _correlate(a, v[::-1], zeros),
    r"#1 * #2",
    lambda g, y, a, v, zeros: correlate(g, v, zeros=tuple(v.shape[0] - 1 - n for n in zeros)),
    lambda g, y, a, v, zeros: correlate(a, g, zeros=zeros)[::-1],
    multilinear=True,
    name="convolve",
)
dot = linear(np.dot, r"#1 \cdot #2", *_last_with(-2), multilinear=True, name="dot")  # b of two axes or more
inner = linear(np.inner, r"#1 \cdot #2", *_last_with(-1), multilinear=True, name="inner")  # of one or more each
matvec: Primitive = linear(  # of each matrix of a stack and its vector
    np.matvec,
    r"#1\,#2",
    lambda g, y, a, x: g[..., :, None] * x[..., None, :],
    lambda g, y, a, x: vecmat(g, a),
    multilinear=True,
    name="matvec",
)
vecmat: Primitive = linear(
    np.vecmat,
    r"#1^{\mathsf T} #2",
    lambda g, y, x, a: matvec(a, g),
    lambda g, y, x, a: x[..., :, None] * g[..., None, :],
    multilinear=True,
    name="vecmat",
)
cross: Primitive = linear(  # of vectors of 3: <g, a x b> = <b x g, a> = <g x a, b>
    np.cross,
    r"#1 \times #2",
    lambda g, y, a, b: cross(b, g),
    lambda g, y, a, b: cross(g, a),
    multilinear=True,
    name="cross",
)
vdot = linear(  # of all entries, in order
    np.vdot,
    r"#1 \cdot #2",
    lambda g, y, a, b: g * np.reshape(b, a.shape),
    lambda g, y, a, b: g * np.reshape(a, b.shape),
    multilinear=True,
    name="vdot",
)
outer = linear(
    np.outer,
    r"#1\,#2^{\mathsf T}",
    lambda g, y, a, b: np.reshape(g @ np.reshape(b, -1), a.shape),
    lambda g, y, a, b: np.reshape(np.reshape(a, -1) @ g, b.shape),
    multilinear=True,
    name="outer",
)
