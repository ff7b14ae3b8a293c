"""The form of a function's result: what stands where, with a Place for each array in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.calls import Value
from tinygrad_lite.readings.compiling.symbols import Symbol
from tinygrad_lite.tensor import Tensor


class Place:
    """Where an output stands in the result: `tensor` says as what."""

    __slots__ = ("number", "requires_grad", "tensor")

    def __init__(self, number: int, result: Any) -> None:
        self.number = number
        self.tensor = isinstance(result, Tensor)
        self.requires_grad = self.tensor and result.requires_grad


def on_graph(form: Any) -> bool:
    """Whether any result would be on a graph."""
    if isinstance(form, (dict, tuple, list)):
        return any(on_graph(part) for part in (form.values() if isinstance(form, dict) else form))
    return isinstance(form, Place) and form.requires_grad


def form_of(result: Any, tracer: Any, values: list[Value]) -> Any:
    """The result with a Place for each array in it."""
    if isinstance(result, (Tensor, Symbol, np.ndarray, np.generic)):
        value = result.current() if isinstance(result, Tensor) else result
        values.append(tracer.result(value))
        return Place(len(values) - 1, result)
    if isinstance(result, dict):
        return {key: form_of(part, tracer, values) for key, part in result.items()}
    if isinstance(result, (tuple, list)):
        parts = [form_of(part, tracer, values) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    if result is None or isinstance(result, (bool, int, float, str)):
        return result
    return tracer.refuse(
        f"it returned {type(result).__name__}", "Return Tensors, arrays, or tuples, lists and dicts of them"
    )
