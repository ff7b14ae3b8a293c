"""How a function here becomes the answer to NumPy's function of the same name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tinygrad_lite.intake import array_of
from tinygrad_lite.primitive import ANSWERS, Traced
from tinygrad_lite.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])


def answers(*functions: Callable[..., Any]) -> Callable[[F], F]:
    """Let the decorated function answer when NumPy's `functions` are called with a Tensor."""

    def register(f: F) -> F:
        @functools.wraps(f)
        def checked(*args: Any, **kwargs: Any) -> Any:
            try:
                return f(*args, **kwargs)
            except TypeError:
                found = _taken(functions[0], f, args, kwargs)
                if found is None:
                    raise
            return f(*found.args, **found.kwargs)

        for function in functions:
            ANSWERS[function] = checked
        return f

    return register


def _taken(
    function: Any, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> inspect.BoundArguments | None:
    """The arguments as `f` takes them, which NumPy's `function` may have in another order; None if they fit.

    What f does not take, such as out=, may be there if it has the value that it has by default.
    """
    signature = inspect.signature(f)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        try:
            theirs = inspect.signature(function)
            named = theirs.bind(*args, **kwargs).arguments
            named = {k: v for k, v in named.items() if v is not theirs.parameters[k].default}
            positional = [k for k, p in signature.parameters.items() if p.kind is p.POSITIONAL_ONLY]
            return signature.bind(*(named.pop(k) for k in positional if k in named), **named)
        except (TypeError, ValueError):  # a ufunc's reduce has no signature
            takes = ", ".join(str(p).split(":")[0] for p in signature.parameters.values())
            raise TypeError(
                f"{name_of(function)} on a Tensor takes ({takes}): {error}. Results are new tensors, so there is no "
                "out=; for another dtype use t.astype."
            ) from None
    return None


def name_of(function: Any) -> str:
    """np.sum, np.linalg.inv, np.add.reduce."""
    ufunc = getattr(function, "__self__", None)
    if isinstance(ufunc, np.ufunc):
        return f"np.{ufunc.__name__}.{function.__name__}"
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{function.__name__}"


def operand(a: Any) -> Any:
    """`a` as something with a shape and a dtype: a Tensor as it is, numbers and lists as NumPy reads them."""
    return a if isinstance(a, (Traced, np.generic)) or a.__class__ is np.ndarray else array_of(a, "a Tensor's function")


def operands(arrays: Any) -> list[Any]:
    """Each of `arrays` as an `operand`."""
    return [operand(a) for a in arrays]


def plain(a: Any) -> Any:
    """`a` with an array, not to be written into, in place of each Tensor in it, lists and tuples included."""
    if isinstance(a, Tensor):
        value = a.current()
        if value.__class__ is np.ndarray:
            value = value.view()
            value.flags.writeable = False
        return value
    if isinstance(a, (list, tuple)):
        return type(a)([plain(x) for x in a])
    return a
