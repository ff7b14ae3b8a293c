"""Functions of each entry by itself that take more than the entries; a ufunc's row answers without one of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_lite.functions.answering import answers, operand, plain
from tinygrad_lite.primitive import ANSWERS
from tinygrad_lite.primitives import arithmetic, elementwise, rounding, trigonometry
from tinygrad_lite.tensor import Tensor, as_tensor

# NumPy's second names. A conjugate or a real part changes nothing, for all numbers here are real.
ANSWERS[np.radians], ANSWERS[np.degrees] = trigonometry.deg2rad, trigonometry.rad2deg
ANSWERS[np.conjugate] = ANSWERS[np.real] = arithmetic.identity


@answers(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = a_min if min is None else min, a_max if max is None else max
    return Tensor.record(elementwise.clip, (a, low, high), {})


@answers(np.where)
def _where(condition: Any, *branches: Any) -> Any:
    if not branches:
        return np.where(plain(condition))
    return _either(condition, *branches)


def _either(condition: Any, *branches: Any) -> Any:
    return Tensor.record(elementwise.where, (condition, *branches), {})


@answers(np.select)
def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError(f"np.select: {len(condlist)} conditions do not match {len(choicelist)} choices")
    chosen = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):  # the first that holds wins
        if operand(condition).dtype != bool:
            raise TypeError(f"np.select: conditions are booleans, such as x > 0, not {operand(condition).dtype}")
        chosen = _either(condition, choice, chosen)
    return chosen


@answers(np.round, np.around)
def _round(a: Any, decimals: int = 0) -> Any:
    return Tensor.record(rounding.round, (as_tensor(a),), {"decimals": decimals})


@answers(np.fix)
def _fix(x: Any) -> Any:
    return np.trunc(x)


@answers(np.nan_to_num)
def _nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return Tensor.record(rounding.nan_to_num, (x,), {"nan": nan, "posinf": posinf, "neginf": neginf})


@answers(np.divmod)
def _divmod(x1: Any, x2: Any) -> tuple[Any, Any]:
    return x1 // x2, x1 % x2


@answers(np.modf)
def _modf(x: Any) -> tuple[Any, Any]:
    x = operand(x)
    x = x if x.dtype.kind == "f" else x.astype(np.modf(x.dtype.type(0))[0].dtype)
    whole = np.trunc(x)
    return x - whole, whole


@answers(np.copy)
def _copy(a: Any) -> Any:
    return Tensor.record(arithmetic.identity, (operand(a),), {})


@answers(np.real_if_close)
def _real_if_close(a: Any, tol: float = 100) -> Any:
    return _copy(a)


@answers(np.astype)
def _astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    return as_tensor(x).astype(dtype)
