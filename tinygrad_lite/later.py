"""Names that are imported when they are first asked for, so that importing the package costs little."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

PYTORCH = {
    "cat": "np.concatenate",
    "from_numpy": "tl.tensor",
    "manual_seed": "nn.Linear(2, 3, rng=rng) with rng = np.random.default_rng(0), and so for all that draws numbers",
    "rand": "rng.random of rng = np.random.default_rng(0)",
    "randn": "rng.normal of rng = np.random.default_rng(0)",
    "set_grad_enabled": "with tl.no_grad()",
    "inference_mode": "with tl.no_grad()",
}


def later(package: str, where: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: each name of `where` comes from the module given, or is that module."""

    def __getattr__(name: str) -> Any:
        if name not in where:
            write = PYTORCH.get(name, f"np.{name}" if hasattr(sys.modules.get("numpy"), name) else "")
            advice = f"; write {write}" if write and "." not in package else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{advice}")
        module = import_module(where[name])
        value = module if where[name] == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__


def in_notebook(self: Any, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows of a Tensor or a Module: its picture, by a reading that they know nothing of."""
    bundle: dict[str, str] = import_module("tinygrad_lite.readings.draw").mimebundle(self)
    return bundle
