"""THE TABLE: every operation that the engine knows, one row each, a file per family.

Start with `arithmetic`; each rule there is a line of a first course.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from tinygrad_lite.primitive import Primitive

# In the order of a course: what a first network needs, then what other programs do.
NAMES = (
    "arithmetic",
    "elementwise",
    "comparisons",
    "reductions",
    "shaping",
    "indexing",
    "linear_algebra",
    "losses",
    "activations",
    "patches",
    "pooling",
    "trigonometry",
    "exponentials",
    "rounding",
    "special",
    "scans",
    "moving",
    "series",
    "products",
    "decompositions",
)

FAMILIES: tuple[ModuleType, ...]
TABLE: dict[str, Primitive]


def __getattr__(name: str) -> Any:
    # The whole table is put together when somebody asks for it; an engine that only adds has no need of it.
    if name == "FAMILIES":
        value: Any = tuple(import_module(f"{__name__}.{family}") for family in NAMES)
    elif name == "TABLE":
        rows = (row for family in __getattr__("FAMILIES") for row in vars(family).values())
        value = {row.name: row for row in rows if isinstance(row, Primitive)}
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
