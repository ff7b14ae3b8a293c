"""The bias of a layer, and all that every example meets alike: it gets the sum of its errors over the examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_lite.checking.mistakes.affine import transposed
from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.parts import Shift, only
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure

Rule = Callable[[Any, Any, Any, Shift], Any]  # (error of each example, bias, output, shift) -> taken for its gradient


def planted(b: Shift, rule: Rule) -> Change:
    """A wrong gradient of a bias."""
    return Change("edge", b.node, lambda g, y, *xs, **how: rule(b.error(g, xs), xs[b.i], y, b), b.i)


def bias(
    id: str, kind: str, text: str, *rules: Rule, need: Callable[[Shift], bool] = lambda b: b.examples > 1,
    **more: Any,
) -> None:  # fmt: skip
    """Wrong gradients of a bias, one for each form that the mistake has."""

    @mistake(id, "bias", kind, text, **more)
    def finder(s: Structure) -> Iterator[Place]:
        for b in s.shifts:
            if need(b):
                for k, rule in enumerate(rules):
                    yield Place(b.leaf, (planted(b, rule),), {"b": b.leaf}, variant=k)


def first_axis(b: Shift) -> int:
    """How many examples there are, where each has many places, as in an image."""
    return int(np.shape(b.node.value)[b.axes[0]])


bias("bias_not_summed", "sum", "{line} still has the axis of the examples: a bias gets the sum over them.",
     lambda e, b, y, at: e, source="CS231n")  # fmt: skip
bias("bias_meaned", "factor", "{line} is a mean over the examples: 1/N is in the error already, so take the sum.",
     lambda e, b, y, at: at.gathered(e, b, np.mean),
     lambda e, b, y, at: at.gathered(e, b) / first_axis(at))  # fmt: skip
bias("bias_not_meaned", "factor", "1/N is missing in {line} alone.",
     lambda e, b, y, at: at.gathered(e, b) * at.examples,
     lambda e, b, y, at: at.gathered(e, b) * first_axis(at))  # fmt: skip
bias("bias_all_summed", "sum", "{line} was summed over all axes: a bias gets the sum over the examples alone.",
     lambda e, b, y, at: np.sum(e) + 0 * b, lambda e, b, y, at: np.sum(e), need=lambda b: True)  # fmt: skip
bias("bias_zero", "missing", "{line} is 0: the bias was forgotten. Its derivative is 1: it gets its layer's error.",
     lambda e, b, y, at: 0 * b, need=lambda b: not b.scale)  # fmt: skip
bias("bias_times_x", "operand", "{line} was multiplied by the layer's output; a bias has derivative 1.",
     lambda e, b, y, at: at.gathered(e * y, b), need=lambda b: not b.scale)  # fmt: skip
bias("keepdims_lost", "shape", "{line} has lost an axis: {b} is a column, and minus a row that makes a matrix.",
     lambda e, b, y, at: np.reshape(at.gathered(e, b), (-1,)),
     need=lambda b: np.ndim(b.leaf.value) == 2 and np.shape(b.leaf.value)[0] > 1)  # fmt: skip
bias("bias_last_or_first", "sum", "{line} is that of one example; a bias gets the sum over all of them.",
     lambda e, b, y, at: at.gathered(e * only(at.node, at.axes[0], -1), b),
     lambda e, b, y, at: at.gathered(e * only(at.node, at.axes[0], 0), b),
     need=lambda b: first_axis(b) > 1 if b.axes else False)  # fmt: skip
bias("wrong_axis", "axis", "{line} was summed over the units; it is the examples that are summed over.",
     lambda e, b, y, at: _over_units(e, b, at),
     need=lambda b: np.ndim(b.node.value) == 2 and min(np.shape(b.node.value)) > 1)  # fmt: skip


def _over_units(e: Any, b: Any, at: Shift) -> Any:
    (axis,) = at.axes
    total = np.sum(e, axis=1 - axis, keepdims=b.ndim == 2)
    return total if b.ndim == 1 or total.shape == b.shape else transposed(total)
