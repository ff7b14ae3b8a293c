"""THE TABLE: every operation that the engine knows, one row each, a file per family.

Start with `arithmetic`; each rule there is a line of a first course.
"""

from __future__ import annotations

from tinygrad_lite.primitive import Primitive
from tinygrad_lite.primitives import (
    activations,
    arithmetic,
    comparisons,
    decompositions,
    elementwise,
    exponentials,
    indexing,
    linear_algebra,
    losses,
    moving,
    patches,
    pooling,
    products,
    reductions,
    rounding,
    scans,
    shaping,
    special,
    trigonometry,
)

# In the order of a course: what a first network needs, then what other programs do.
FAMILIES = (
    arithmetic,
    elementwise,
    comparisons,
    reductions,
    shaping,
    indexing,
    linear_algebra,
    losses,
    activations,
    patches,
    pooling,
    trigonometry,
    exponentials,
    rounding,
    special,
    scans,
    moving,
    products,
    decompositions,
)

TABLE: dict[str, Primitive] = {
    row.name: row for family in FAMILIES for row in vars(family).values() if isinstance(row, Primitive)
}
