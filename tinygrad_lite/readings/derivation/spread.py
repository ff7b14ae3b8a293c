"""Component forms of what takes in a whole axis: sums of products, softmax, variances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_lite.readings.derivation.components import Components, Index, NoForm, as_index
from tinygrad_lite.readings.derivation.expression import Apply
from tinygrad_lite.readings.typeset import Formula, numbered, template


def axes_of(e: Apply) -> list[int]:
    """The axes that vanish."""
    ndim, axis = len(e.args[0].shape), e.kwargs["axis"]
    return (
        list(range(ndim)) if axis is None else sorted(a % ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
    )


def restored(e: Apply, at: Sequence[Index], summed: Sequence[Index]) -> list[Index]:
    """The operand's indices: those of the result, and those summed over in their places."""
    shape, axes = e.args[0].shape, axes_of(e)
    rest = iter([i for k, i in enumerate(at) if k not in axes] if e.kwargs.get("keepdims") else at)
    inner = iter(summed)
    return [next(inner) if k in axes else next(rest) for k in range(len(shape))]


def einsum(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    """The sum, over the letters that the result lacks, of the product of the entries."""
    operands, _, result = e.kwargs["subscripts"].replace(" ", "").partition("->")
    parts = operands.split(",")
    if "." in operands or len(parts) != len(e.args):
        raise NoForm
    sizes = {x: n for part, a in zip(parts, e.args, strict=True) for x, n in zip(part, a.shape, strict=True)}
    free = [x for x in sizes if x not in result]

    def body(k: list[Index]) -> Formula:
        here = dict(zip([*result, *free], [*at, *k], strict=True))
        found = None
        for part, a in zip(parts, e.args, strict=True):
            entry = c.entry(a, [0 if n == 1 else here[x] for x, n in zip(part, a.shape, strict=True)])
            found = entry if found is None else c.product(found, entry)
        assert found is not None
        return found

    return c.total([sizes[x] for x in free], body)


def softmax(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    """e^z_j over the sum of e^z_k."""
    z, axis = e.args[0], e.kwargs["axis"]
    axes = {a % len(z.shape) for a in (axis if isinstance(axis, tuple) else (axis,))}

    def power(i: Sequence[Index]) -> Formula:
        return template("e^{#1}", [c.entry(z, i)])

    def body(k: list[Index]) -> Formula:
        inner = iter(k)
        return power([next(inner) if a in axes else i for a, i in enumerate(at)])

    above = power(at)
    return template(r"\frac{#1}{#2}", [above, c.total([z.shape[a] for a in sorted(axes)], body)])


def variance(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    """The mean of the squares of the distances from the mean; of std its root."""
    x = e.args[0]
    sizes = [x.shape[a] for a in axes_of(e)]
    n = int(np.prod(sizes))
    if n <= e.kwargs["ddof"]:
        raise NoForm
    if c.concrete:
        whole = restored(e, at, [0] * len(sizes))
        here = tuple(slice(None) if k in axes_of(e) else as_index(i) for k, i in enumerate(whole))
        mean = c.look.number(np.mean(np.asarray(x.value)[here]))
    else:
        total = c.total(sizes, lambda k: c.entry(x, restored(e, at, k)))
        mean = template(r"\frac{1}{#1}\,#2", [numbered(str(n)), total])
    squares = c.total(sizes, lambda k: _squared(c.entry(x, restored(e, at, k)), mean), wanted="n")
    found = template(r"\frac{1}{#1}\,#2", [numbered(str(n - e.kwargs["ddof"])), squares])
    return template(r"\sqrt{#1}", [found]) if e.op.name == "std" else found


def _squared(a: Formula, b: Formula) -> Formula:
    return template("#1^2", [template("#1 - #2", [a, b])])
