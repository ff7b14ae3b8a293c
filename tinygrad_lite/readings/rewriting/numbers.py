"""Numbers that are known by more than their value, and rows for arrays made of numbers alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import constant


class Size(int):
    """A whole number that is known by a name: `Size(5, "N")` is 5, and is written N."""

    text: str

    def __new__(cls, value: int, text: str) -> Size:
        size = super().__new__(cls, value)
        size.text = text
        return size

    def __repr__(self) -> str:
        return self.text


class Quotient(float):
    """above / below, which remembers both: with the batch size N below it is written so, 1 / N."""

    above: float
    below: float

    def __new__(cls, value: float, above: float, below: float) -> Quotient:
        quotient = super().__new__(cls, value)
        quotient.above, quotient.below = above, below
        return quotient

    @property
    def text(self) -> str:
        """The number as source."""
        if not isinstance(self.below, Size):
            return float.__repr__(self)
        below = self.below.text
        return f"{shortest(self.above)} / {below if below.isidentifier() else f'({below})'}"

    def __repr__(self) -> str:
        return self.text


def shortest(number: float) -> str:
    """A number as source, 2 for 2.0."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


full = constant(
    lambda value, shape, dtype: np.full(shape, value, dtype)[()], "#1", name="full"
)  # the same number everywhere
counted = constant(lambda n: np.arange(n), r"0 \dots #1", name="arange")  # 0, 1 ... n - 1: the rows of a batch
onehot = constant(  # labels (N,) -> (N, C), 1 where the label says
    lambda labels, classes, dtype: np.eye(classes, dtype=dtype)[labels], r"\mathrm{onehot}(#1)", name="onehot"
)


def is_number(x: Any) -> bool:
    """Whether `x` is a Python number, which stands in the text as it is."""
    return isinstance(x, (int, float)) and not isinstance(x, (bool, np.generic))


def plain(x: Any) -> Any:
    """The Python number that a scalar of any kind reads back as."""
    if isinstance(x, (np.generic, np.ndarray)):
        return float(str(x)) if x.dtype.kind == "f" else x.item()
    return x


def bare(a: Any) -> Any:
    """A number as Python's own, which NumPy lets take the dtype of what it meets; anything else as it is."""
    return int(a) if isinstance(a, Size) else float(a) if isinstance(a, Quotient) else a
