"""Help for your own property tests; `strategies` needs Hypothesis and is imported when first asked for."""

from importlib import import_module
from typing import Any

__all__ = ["strategies"]


def __getattr__(name: str) -> Any:
    if name == "strategies":
        return import_module("tinygrad_lite.testing.strategies")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
