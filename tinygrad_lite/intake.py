"""What comes in from outside: checked, with an error that says what was asked, what came and what to do."""

from __future__ import annotations

from types import BuiltinFunctionType
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.exceptions import AxisError

from tinygrad_lite.context import SCOPE
from tinygrad_lite.graph import Node, describe
from tinygrad_lite.primitive import Primitive, Symbolic

Array = npt.NDArray[Any]
REAL = "efd" + "?bBhHiIlLqQpP"  # half, single and double; booleans and integers: dtype characters, not kinds,
#                                 for long double is a float too and no two machines agree on what it is


def array_from(data: Any, dtype: npt.DTypeLike | None = None) -> Array:
    """An array of real numbers from numbers, nested lists, an array or a tensor without gradient.

    The same object if it is an array already; Python's numbers become float64.
    """
    if isinstance(data, Node):
        if data.requires_grad:
            raise TypeError(
                f"{describe(data)} requires a gradient; a new tensor of it would lose the graph. Use it as it is, or "
                "t.detach()."
            )
        data = data.current()
    if isinstance(data, Symbolic):
        symbol: Any = data  # it has an array's methods
        return symbol if dtype is None else symbol.astype(dtype)  # type: ignore[no-any-return]  # and passes for one
    require_number(data, "a Tensor")
    require_all_entries(data, "a Tensor")
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data, dtype)
    else:
        try:
            array = np.asarray(data, dtype)
        except ValueError as error:
            raise ValueError(f"a tensor needs numbers, in rows of equal length: {error}") from error
        if dtype is None and array.dtype.kind in "iu":
            array = array.astype(np.float64)
    require_real(array, "a Tensor")
    return array


def require_real(array: Any, who: str) -> None:
    """Refuse complex numbers, objects, text and long doubles by name."""
    if array.dtype.char not in REAL:
        came = "complex numbers" if array.dtype.kind == "c" else f"dtype {array.dtype}"
        raise TypeError(
            f"{who} takes real numbers (float64, float32, float16, integers or booleans), not {came}. "
            "Convert first, for example with array.real or array.astype(float)."
        )


def require_number(a: Any, who: str) -> None:
    """Refuse None, of which NumPy would make an object, or nan."""
    if a is None:
        raise TypeError(
            f"{who} takes real numbers, and None is none: perhaps a function forgot its `return`. For a number "
            "that is missing write np.nan; an argument that is not wanted, leave out."
        )


def require_all_entries(a: Any, who: str) -> None:
    """Refuse masked arrays: what their mask hides would count again."""
    if isinstance(a, np.ndarray) and hasattr(a, "mask"):  # numpy.ma itself is imported by those who use it
        raise TypeError(
            f"{who} takes arrays of which every entry counts, not a masked one: its mask would be lost. Say what the "
            "hidden entries are, m.filled(0.0), or choose with np.where(mask, ...)."
        )


def array_of(a: Any, who: str) -> Any:
    """What NumPy makes of an operand that is no array; of another kind of array, if that means the same by it."""
    require_number(a, who)
    require_all_entries(a, who)
    if isinstance(a, np.matrix):
        raise TypeError(
            f"{who} takes arrays, not np.matrix, which means a product of matrices by * and never loses an axis. "
            "Use np.asarray(m), and @ for products."
        )
    return np.asarray(a)


def require_float(value: Any, name: str | None) -> None:
    """Refuse a gradient for integers and booleans."""
    if value.dtype.kind != "f":
        raise TypeError(
            f"{name or 'a tensor'} of dtype {value.dtype} cannot require a gradient: a derivative needs values that "
            "vary continuously. Use floats, for example array.astype(float)."
        )


def operand(a: Any, op: Primitive) -> Any:
    """A constant operand: a Python number, None where a row knows it (clip's absent bound), or an array of it."""
    if a.__class__ is not np.ndarray:
        if op.kind == "linear" or isinstance(op.run, (np.ufunc, BuiltinFunctionType)):
            require_number(a, op.name)
        if a is None or isinstance(a, (bool, int, float, Symbolic)):
            return a
        a = a if isinstance(a, np.generic) else array_of(a, op.name)
    require_real(a, op.name)
    return a


def failure(op: Primitive, args: tuple[Any, ...], values: list[Any], error: Exception) -> Exception:
    """The error of a failed operation, with the operands named and, where the row can tell, what to do."""
    operands = (f"{a.name} {v.shape}" if isinstance(a, Node) and a.name else f"{np.shape(v)}"
                for a, v in zip(args, values, strict=True))  # fmt: skip
    call = f" {op.symbol} ".join(operands) if op.symbol and len(args) == 2 else ", ".join(operands)
    try:
        why = op.explain(*values) if op.explain else None
    except Exception:  # an explanation must never hide the error that it explains
        why = None
    scope = SCOPE.get()
    where = f" In {scope!r}." if scope is not None else ""
    kinds = (np.linalg.LinAlgError, AxisError, ValueError, IndexError)
    kind = next((kind for kind in kinds if isinstance(error, kind)), TypeError)
    return kind(f"{op.name}: {why or str(error).rstrip(' .')}. Operands: {call}.{where}")


_COMPLEX = "gives complex numbers, and tensors are of real ones. Leave the graph with t.numpy()."
_WRITES = (
    "writes into its argument, and tensors do not change. Make a new one: t.at[index].set(value), .add or .multiply."
)
REFUSED = {
    **dict.fromkeys(("np.linalg.eig", "np.linalg.eigvals", "np.angle", "np.imag", "np.roots"), _COMPLEX),
    **dict.fromkeys(
        ("np.put", "np.copyto", "np.place", "np.putmask", "np.fill_diagonal", "np.put_along_axis"), _WRITES
    ),
}
SCIPYS = {  # its ufuncs ask a Tensor too
    "erf": "tl.erf(x)",
    "erfc": "tl.erfc(x)",
    "ndtr": "tl.erfc(-x / np.sqrt(2)) / 2",
    "expit": "tl.sigmoid(x)",
    "log_expit": "-np.logaddexp(0, -x)",
    "logit": "np.log(x / (1 - x))",
    "xlogy": "np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y)))",
}


def no_rule(name: str) -> str:
    """What to say when NumPy is called with a Tensor and no row answers."""
    if name.startswith("np.fft."):
        return f"{name} {_COMPLEX}"
    if name.endswith(".at"):  # np.add.at
        return f"{name} has no rule for Tensors: it {_WRITES}"
    if name in REFUSED:
        return f"{name} {REFUSED[name]}"
    if name in SCIPYS:
        return f"SciPy's {name} has no rule for Tensors. Write {SCIPYS[name]}."
    return (
        f"{name} has no rule for Tensors, so its result would have no gradient. Compose it from operations that have "
        "one, add a row of your own (tl.pointwise, tl.linear, tl.general), or leave the graph with t.numpy()."
    )
