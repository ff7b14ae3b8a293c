"""From what a program ran to what a text writes: the same values by rows whose notation is that of linear algebra.

Each rewriting gives an expression that is evaluated again, so a wrong one would show on the page as a failing line.
Vectors are columns: for x of shape (I,) the affine row is W x + b, and the rule of W an outer product g x^T.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinygrad_lite.primitive import general
from tinygrad_lite.primitives import (
    arithmetic,
    elementwise,
    linear_algebra,
    losses,
    products,
    reductions,
    scans,
    shaping,
)
from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.readings.derivation.asking import bare, is_silent, is_transpose, same, scalar, transposed
from tinygrad_lite.readings.derivation.expression import Apply, Expression, apply
from tinygrad_lite.readings.derivation.heads import cut, joined
from tinygrad_lite.readings.rewriting.numbers import onehot

add, subtract, multiply, divide = arithmetic.add, arithmetic.subtract, arithmetic.multiply, arithmetic.divide
negative, matmul, outer = arithmetic.negative, linear_algebra.matmul, products.outer


def _affine(e: Apply) -> Expression | None:
    x, weight, *bias = e.args
    y = apply(matmul, weight, x) if len(x.shape) == 1 else apply(matmul, x, transposed(weight))
    return apply(add, y, bias[0]) if bias and bias[0].value is not None else y


def _matmul(e: Apply) -> Expression | None:
    a, b = e.args
    for k, x in enumerate((a, b)):
        if isinstance(x, Apply) and x.op is multiply and (number := scalar(x.args[0])) is not None:  # to the front
            return apply(multiply, number, rewritten(apply(matmul, *(x.args[1], b) if not k else (a, x.args[1]))))
    if len(a.shape) == 1 and len(b.shape) == 2:  # a row times a matrix, as columns
        return apply(matmul, b.args[0] if is_transpose(b) else transposed(b), a)  # type: ignore[attr-defined]  # is_transpose: an Apply
    if (
        is_silent(b)
        and len(bare(b).shape) == 1
        and len(b.shape) == 2
        and b.shape == (b.shape[-2], 1)
        and len(a.shape) == 2
    ):
        return apply(matmul, a, bare(b))  # a column made from a vector, where the result loses its axis again
    return None


def _multiply(e: Apply) -> Expression | None:
    a, b = e.args
    if same(a, b):
        return apply(elementwise.square, a)
    if isinstance(b, Apply) and b.op is e.op and scalar(a) is not None and scalar(b.args[0]) is not None:
        factor = scalar(a) * scalar(b.args[0])
        return b.args[1] if factor == 1 else apply(multiply, factor, b.args[1])
    u, v = bare(a), bare(b)
    if scalar(u) == 1 and b.shape == e.shape:
        return b
    if len(u.shape) == len(v.shape) == 1 and len(e.shape) == 2:
        if a.shape[-2:-1] and a.shape == (len(u.value), 1) and b.shape in ((len(v.value),), (1, len(v.value))):
            return apply(outer, u, v)
        if b.shape == (len(v.value), 1) and a.shape in ((len(u.value),), (1, len(u.value))):
            return apply(outer, v, u)
    return None


def _divide(e: Apply) -> Expression | None:
    """1/2 over v is 1 over 2 v."""
    a, b = e.args
    part = scalar(a)
    if not isinstance(part, float) or not 0 < part < 1 or 1 / round(1 / part) != part or scalar(b) is not None:
        return None
    return apply(divide, 1.0, apply(multiply, float(round(1 / part)), b))


def _getitem(e: Apply) -> Expression | None:
    inside = e.args[0]
    dropped = e.kwargs["index"] == (Ellipsis, 0) and inside.shape[-1:] == (1,)
    return inside if dropped and isinstance(inside, Apply) and inside.op.name == "matmul" else None


def _squared_loss(e: Apply) -> Expression | None:
    a, y = e.args
    n = losses._examples(a.value)
    error = apply(subtract, y, a)
    size = error if error.value.size == 1 else Apply(scans.norm, (error,), {"axis": None, "keepdims": False})
    squared = apply(elementwise.square, size)
    return apply(multiply, 0.5, squared) if n == 1 else apply(divide, squared, 2 * n)


softmax = general(  # what e^(z - ln sum e^z) is called
    lambda z, axis: np.exp(z - reductions._logsumexp(z, axis, True)),
    r"\mathrm{softmax}(#1)",
    None,
    name="softmax",
)


def _exp(e: Apply) -> Expression | None:
    d = e.args[0]
    if isinstance(d, Apply) and d.op.name == "subtract":
        lse = bare(d.args[1])
        if isinstance(lse, Apply) and lse.op.name == "logsumexp" and same(lse.args[0], d.args[0]):
            return Apply(softmax, (_softmax(d.args[0]),), {"axis": lse.kwargs["axis"]})
    return None


def _negated(e: Expression) -> Expression | None:
    return e.args[0] if isinstance(e, Apply) and e.op.name == "negative" else None


def _transpose(e: Apply) -> Expression | None:
    """(A B)^T = B^T A^T, (u v^T)^T = v u^T, (A^T)^T = A."""
    x = e.args[0]
    if (pieces := cut(e)) is not None:
        return pieces
    if not is_transpose(e) or not isinstance(x, Apply):
        return None
    if is_transpose(x):
        return x.args[0]
    if x.op.name == "outer":
        return apply(outer, x.args[1], x.args[0])
    if x.op.name == "matmul" and all(len(a.shape) > 1 for a in x.args):
        return apply(matmul, *(rewritten(transposed(a)) for a in reversed(x.args)))
    return None


def _reshape(e: Apply) -> Expression | None:
    """Of two reshapings the last; none where it gives the old shape back."""
    x = e.args[0]
    if (whole := joined(e)) is not None:
        return rewritten(whole)
    inner = x.args[0] if isinstance(x, Apply) and x.op.name == "reshape" else x
    if e.shape == inner.shape:
        return inner
    return Apply(e.op, (inner,), {"shape": e.shape}) if inner is not x else None


def _sum(e: Apply) -> Expression | None:
    """A sum of sums is one sum over all those axes."""
    x = e.args[0]
    if not isinstance(x, Apply) or x.op is not e.op or e.kwargs["keepdims"] or x.kwargs["keepdims"]:
        return None
    inner, outside = x.args[0], _axes(e)
    gone = _axes(x)
    left = [k for k in range(len(inner.shape)) if k not in gone]
    axes = tuple(sorted([*gone, *(left[k] for k in outside)]))
    return Apply(e.op, (inner,), {**e.kwargs, "axis": axes})


def _axes(e: Apply) -> list[int]:
    n, axis = len(e.args[0].shape), e.kwargs["axis"]
    return list(range(n)) if axis is None else [a % n for a in (axis if isinstance(axis, tuple) else (axis,))]


def _add(e: Apply) -> Expression | None:
    """x + x = 2 x, and A/n - (1/n) B = (A - B)/n."""
    a, b = e.args
    if e.op is subtract and (found := _log_softmax(e)) is not None:
        return found
    if e.op.name == "add" and same(a, b):
        return apply(multiply, 2, a)
    for first, second in ((a, b), (b, a)):
        both = isinstance(first, Apply) and isinstance(second, Apply)
        if not both or first.op.name != "divide" or second.op.name != "multiply":  # type: ignore[attr-defined]  # Apply
            continue
        (x, n), (c, y) = first.args, second.args  # type: ignore[attr-defined]  # Apply
        if scalar(n) and scalar(c) and scalar(c) * scalar(n) == 1:
            return apply(divide, apply(e.op, x, y) if first is a else apply(e.op, y, x), n)
    return None


def _unpick(e: Apply) -> Expression | None:
    """A number at each label is that number times the one-hot rows."""
    number = bare(e.args[0])
    number = number.args[0] if isinstance(number, Apply) and number.op.name == "full" else number
    if scalar(number) is None:
        return None
    labels = Apply(onehot, (e.args[1],), {"classes": e.kwargs["classes"], "dtype": np.asarray(e.value).dtype})
    return apply(multiply, scalar(number), labels)


def _scatter(e: Apply) -> Expression | None:
    """A number put at [0 1 2 ..., labels] of zeros is that number times the one-hot rows of the labels."""
    whole = all(part in (None, Ellipsis, slice(None)) for part in e.kwargs["index"])
    if len(e.args) == 1 and whole:  # of an axis of size 1 that an index put in
        return Apply(shaping.reshape, e.args, {"shape": e.shape})
    if len(e.args) != 3 or e.kwargs["index"] != (ARRAY, ARRAY) or len(e.kwargs["shape"]) != 2:
        return None
    number, (rows, classes) = bare(e.args[0]), e.kwargs["shape"]
    if isinstance(number, Apply) and number.op.name == "full":
        number = number.args[0]
    where = np.asarray(e.args[1].value)
    if scalar(number) is None or not np.array_equal(where, np.arange(rows)):
        return None
    labels = Apply(onehot, (e.args[2],), {"classes": classes, "dtype": np.asarray(e.value).dtype})
    return apply(multiply, scalar(number), labels)


def _clip(e: Apply) -> Expression | None:
    """A clip with one bound is a maximum or a minimum."""
    x, low, high = e.args
    if (low.value is None) is (high.value is None):
        return None
    return apply(elementwise.maximum, x, low) if high.value is None else apply(elementwise.minimum, x, high)


def _guarded(e: Apply) -> Expression | None:
    """A divisor that would be another number where it is 0, and is 0 nowhere."""
    condition, instead, x = e.args
    zero = isinstance(condition, Apply) and condition.op.name == "equal" and scalar(condition.args[1]) == 0
    if not zero or scalar(instead) is None or np.any(condition.value):
        return None
    return x if same(condition.args[0], x) else None  # type: ignore[attr-defined]  # zero: an Apply


def _both(e: Apply) -> Expression | None:
    """A condition and True is the condition."""
    a, b = e.args
    return b if scalar(a) is True else a if scalar(b) is True else None


def _softmax(z: Expression) -> Expression:
    """What softmax is of: a shift by the largest entry changes nothing, and is left out."""
    return z.args[0] if isinstance(z, Apply) and z.op is subtract and _is_largest(z.args[1]) else z


def _is_largest(e: Expression) -> bool:
    return isinstance(e, Apply) and e.op is reductions.largest


def _log_softmax(e: Apply) -> Expression | None:
    """(z - m) - ln sum e^(z - m) = z - ln sum e^z, for m the largest entry."""
    shifted, lse = e.args[0], bare(e.args[1])
    if not isinstance(lse, Apply) or lse.op is not reductions.logsumexp or not same(lse.args[0], shifted):
        return None
    z = _softmax(shifted)
    return None if z is shifted else apply(subtract, z, Apply(lse.op, (z,), {**lse.kwargs, "keepdims": True}))


MOVING = frozenset({"transpose", "reshape", "expand_dims", "squeeze", "heads", "join"})


def _signs(e: Apply) -> Expression | None:
    """Minus signs and numbers to the front, two minus signs to none."""
    minus = [_negated(a) for a in e.args]
    if e.op.name == "negative" and minus[0] is not None:
        return minus[0]
    x = e.args[0]
    if e.op.name in MOVING and isinstance(x, Apply) and x.op is multiply and scalar(x.args[0]) is not None:
        return apply(multiply, x.args[0], rewritten(Apply(e.op, x.args[1:], e.kwargs)))
    if e.op.name in ("multiply", "divide", "matmul", "outer") and any(m is not None for m in minus):
        positive = Apply(e.op, tuple(a if m is None else m for a, m in zip(e.args, minus, strict=True)), e.kwargs)
        return positive if all(m is not None for m in minus) else apply(negative, positive)
    if e.op.name in ("transpose", "sum", "reshape", "expand_dims", "squeeze", "getitem") and minus[0] is not None:
        return apply(negative, Apply(e.op, (minus[0], *e.args[1:]), e.kwargs))
    if e.op.name in ("add", "subtract") and minus[1] is not None:
        return apply(subtract if e.op.name == "add" else add, e.args[0], minus[1])
    if e.op.name == "add" and minus[0] is not None:
        return apply(subtract, e.args[1], minus[0])
    return None


RULES: dict[str, Callable[[Apply], Expression | None]] = {
    "affine": _affine, "matmul": _matmul, "multiply": _multiply, "getitem": _getitem, "squared_loss": _squared_loss,
    "exp": _exp, "transpose": _transpose, "reshape": _reshape, "sum": _sum, "add": _add, "subtract": _add,
    "scatter_add": _scatter, "clip": _clip, "bitwise_and": _both, "logical_and": _both, "unpick": _unpick,
    "divide": _divide, "where": _guarded,
}  # fmt: skip


def rewritten(e: Expression) -> Expression:
    """The expression in the notation of linear algebra, from the inside out."""
    if not isinstance(e, Apply):
        return e
    args = tuple(rewritten(a) for a in e.args)
    if any(a is not b for a, b in zip(args, e.args, strict=True)):
        e = Apply(e.op, args, e.kwargs)
    rule = RULES.get(e.op.name)
    found = rule(e) if rule else None
    if found is not None and not isinstance(found, Apply):
        return found
    e = found or e
    signed = _signs(e)
    while isinstance(signed, Apply):
        e, signed = signed, _signs(signed)
    return e if signed is None else signed
