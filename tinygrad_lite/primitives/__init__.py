"""THE TABLE: every operation that the engine knows, one row each, a file per family.

Start with `arithmetic`; each rule there is a line of a first course.
"""

from __future__ import annotations

from tinygrad_lite.primitive import Primitive
from tinygrad_lite.primitives import (
    arithmetic,
    comparisons,
    elementwise,
    indexing,
    linear_algebra,
    losses,
    reductions,
    shaping,
)

FAMILIES = (arithmetic, elementwise, comparisons, reductions, shaping, indexing, linear_algebra, losses)

TABLE: dict[str, Primitive] = {
    row.name: row for family in FAMILIES for row in vars(family).values() if isinstance(row, Primitive)
}
