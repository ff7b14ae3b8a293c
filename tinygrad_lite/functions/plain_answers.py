"""Questions whose answer is no number that could vary smoothly: shapes, positions, counts, verdicts.

They are answered with plain arrays, by NumPy itself, and there is nothing to differentiate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.functions.answering import plain
from tinygrad_lite.primitive import ANSWERS
from tinygrad_lite.tensor import Tensor

QUESTIONS: tuple[Callable[..., Any], ...] = (
    # shapes and types
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.iscomplex, np.isreal,
    # positions
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort, np.nonzero, np.argwhere,
    np.flatnonzero, np.searchsorted, np.digitize,
    # counts and verdicts
    np.count_nonzero, np.bincount, np.all, np.any, np.allclose, np.array_equal, np.array_equiv, np.isclose, np.isin,
    np.isneginf, np.isposinf, np.signbit, np.linalg.matrix_rank,
    # text
    np.array2string, np.array_repr, np.array_str,
)  # fmt: skip


def _answer(question: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*args: Any, **kwargs: Any) -> Any:
        return question(*(plain(a) for a in args), **{name: plain(a) for name, a in kwargs.items()})

    return answer


ANSWERS.update((question, _answer(question)) for question in QUESTIONS)


def _filled(make: Callable[..., Any]) -> Callable[..., Any]:
    """A new leaf of a tensor's shape and dtype."""

    def answer(*args: Any, **kwargs: Any) -> Tensor:
        return Tensor(make(*(plain(a) for a in args), **{name: plain(a) for name, a in kwargs.items()}))

    return answer


ANSWERS.update((make, _filled(make)) for make in (np.zeros_like, np.ones_like, np.full_like, np.empty_like))
