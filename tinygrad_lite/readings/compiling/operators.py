"""A symbol's operators: each the ufunc that NumPy calls for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitive import Symbolic

# NumPy's ** on an array has shortcuts that np.power has not.
SHORTCUTS = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal, 1: np.positive}


def _power(x: Any, exponent: Any) -> Any:
    if x.ndim and isinstance(exponent, (int, float)) and exponent in SHORTCUTS and x.dtype.kind == "f":
        return SHORTCUTS[exponent](x)
    return _raised(x, exponent)


def _raised(x: Any, exponent: Any) -> Any:
    if not (_is_scalar(x) and _is_scalar(exponent)):
        return np.power(x, exponent)
    symbol: Any = x if isinstance(x, Symbolic) else exponent
    return symbol.tracer.emit("call", scalar_power, (x, exponent), {}, "power")


def _is_scalar(x: Any) -> bool:
    """Whether eager has a scalar there: an argument without axes is one, as a Tensor of it is."""
    if not isinstance(x, Symbolic):
        return not isinstance(x, np.ndarray)
    symbol: Any = x
    return not isinstance(symbol.array, np.ndarray) or (not symbol.shape and symbol.traced in symbol.tracer.arguments)


def scalar_power(x: Any, exponent: Any) -> Any:
    """x ** exponent of two scalars, as eager has them: its last bit may differ from that of np.power."""
    return _scalar(x) ** _scalar(exponent)


def _scalar(x: Any) -> Any:
    return x[()] if isinstance(x, np.ndarray) else x


def _operator(ufunc: Any, swapped: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if isinstance(other, Node):
            return NotImplemented
        return ufunc(other, self) if swapped else ufunc(self, other)

    return method


def _in_place(ufunc: Any) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if isinstance(other, Node):
            return NotImplemented
        new = ufunc(self, other).astype(self.dtype)
        self._memory[0] += 1  # every other name for this memory is void from now on
        return new

    return method


def with_operators(symbol: Any) -> None:
    """Give a class of symbols all of Python's operators."""
    for name, ufunc in {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
        "mod": np.remainder, "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or,
        "xor": np.bitwise_xor,
    }.items():  # fmt: skip
        setattr(symbol, f"__{name}__", _operator(_power if name == "pow" else ufunc))
        setattr(symbol, f"__r{name}__", _operator(_raised if name == "pow" else ufunc, swapped=True))
        setattr(symbol, f"__i{name}__", _in_place(ufunc))
    for name, ufunc in {
        "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
        "ne": np.not_equal,
    }.items():  # fmt: skip
        setattr(symbol, f"__{name}__", _operator(ufunc))
    for name, ufunc in {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}.items():
        setattr(symbol, f"__{name}__", lambda self, f=ufunc: f(self))
