"""Questions whose answer is no number that could vary smoothly: shapes, positions, counts, verdicts.

They are answered with plain arrays, by NumPy itself, and there is nothing to differentiate. Where everything is
recorded, an answer that depends on values (positions, counts, verdicts) is on the graph: what is printed from there
then asks again instead of repeating the answer of one run.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.context import EVERYTHING, RECORDING, VALUES
from tinygrad_lite.functions.answering import answers, name_of, plain
from tinygrad_lite.primitive import ANSWERS, constant
from tinygrad_lite.tensor import Tensor, as_tensor

ABOUT: tuple[Callable[..., Any], ...] = (
    # shapes and types
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.iscomplex, np.isreal,
    np.einsum_path,
)  # fmt: skip
TEXT: tuple[Callable[..., Any], ...] = (np.array2string, np.array_repr, np.array_str)
LOOKED_UP: tuple[Callable[..., Any], ...] = (
    # positions
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort, np.nonzero, np.argwhere,
    np.flatnonzero, np.searchsorted, np.digitize, np.tril_indices_from, np.triu_indices_from, np.diag_indices_from,
    # counts and verdicts
    np.count_nonzero, np.all, np.any, np.allclose, np.array_equal, np.array_equiv, np.isclose, np.isin,
    np.isneginf, np.isposinf, np.signbit, np.linalg.matrix_rank,
)  # fmt: skip
QUESTIONS = (*ABOUT, *TEXT, *LOOKED_UP)


def _answer(question: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*args: Any, **kwargs: Any) -> Any:
        try:
            return question(*(plain(a) for a in args), **{name: plain(a) for name, a in kwargs.items()})
        except ValueError as error:
            if "read-only" in str(error):
                raise TypeError(f"{name_of(question)} has no place in a Tensor to write to: out= is an array") from None
            raise

    return answer


def _written(question: Callable[..., Any]) -> Callable[..., Any]:
    answer = _answer(question)
    return lambda a, *args, **kwargs: answer(np.asarray(plain(a)), *args, **kwargs)  # NumPy writes arrays, no scalars


def _looked_up(question: Callable[..., Any]) -> Callable[..., Any]:
    row = constant(question, rf"\mathrm{{{question.__name__}}}(#1)", name=question.__name__)
    answer = _answer(question)

    def answer_or_row(*args: Any, **kwargs: Any) -> Any:
        found = answer(*args, **kwargs)
        if RECORDING.get() not in (EVERYTHING, VALUES) or not isinstance(found, (np.ndarray, np.generic)):
            return found
        arrays, rest = args[: ARRAYS.get(question, 1)], args[ARRAYS.get(question, 1) :]
        named = dict(zip(list(inspect.signature(question).parameters)[len(arrays) :], rest, strict=False))
        settings = {**named, **kwargs}
        single = all(isinstance(a, (Tensor, np.ndarray, np.generic, int, float)) for a in arrays)
        if not single or any(isinstance(a, Tensor) for a in settings.values()):
            return found
        return Tensor.record(row, arrays, settings)

    return answer_or_row


ARRAYS = {np.searchsorted: 2, np.digitize: 2, np.isin: 2, np.isclose: 2}  # operands; an axis is no operand
ANSWERS.update((question, _answer(question)) for question in ABOUT)
ANSWERS.update((question, _written(question)) for question in TEXT)
ANSWERS.update((question, _looked_up(question)) for question in LOOKED_UP)


def _filled(make: Callable[..., Any]) -> Callable[..., Any]:
    """A new leaf of a tensor's shape and dtype."""

    def answer(*args: Any, **kwargs: Any) -> Tensor:
        return Tensor(make(*(plain(a) for a in args), **{name: plain(a) for name, a in kwargs.items()}))

    return answer


ANSWERS.update((make, _filled(make)) for make in (np.zeros_like, np.ones_like, np.empty_like))


@answers(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    array = plain(a)
    filling = as_tensor(fill_value).astype(dtype or np.asarray(array).dtype)
    return np.broadcast_to(filling, np.shape(array) if shape is None else shape)
