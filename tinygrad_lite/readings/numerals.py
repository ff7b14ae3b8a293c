"""Arrays as short text: integers as integers, four digits otherwise, long rows elided in the middle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def numeral(x: Any, digits: int = 4) -> str:
    """One number: `3` for 3.0, so many significant digits otherwise.

    >>> [numeral(x) for x in (3.0, -0.25, 1 / 3, 1e-9, True, float("nan"), float("-inf"))]
    ['3', '-0.25', '0.3333', '1e-09', 'True', 'nan', '-inf']
    """
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    x = float(x)
    if not math.isfinite(x):
        return str(x)
    return str(int(x)) if x == int(x) and abs(x) < 1e6 else f"{x:.{digits}g}"


def table(array: Any, rows: int = 4, columns: int = 5) -> list[str]:
    """An array as lines of text in columns: a matrix has a line for each row, a vector is one line.

    At most `rows` lines of `columns` numbers are shown, the rest is an ellipsis; of an array with more axes than
    two, the first entries and the range.

    >>> table(np.array([[1.0, 2.0], [3.5, -40.0]]))
    ['  1    2', '3.5  -40']
    >>> table(np.arange(100.0))
    ['0  1  2  …  98  99']
    """
    array = np.asarray(array)
    if not array.ndim:
        return [numeral(array[()])]
    if not array.size:
        return ["(empty)"]
    if array.ndim > 2:
        return [*table(array.reshape(-1), rows, columns), _span(array)]
    matrix = array.reshape(1, -1) if array.ndim == 1 else array
    row_indices, column_indices = _kept(matrix.shape[0], rows), _kept(matrix.shape[1], columns)
    texts = [["…" if i is None or j is None else numeral(matrix[i, j]) for j in column_indices] for i in row_indices]
    widths = [max(len(row[k]) for row in texts) for k in range(len(column_indices))]
    return ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in texts]


def oddities(array: Any) -> str:
    """How many nan and infinite entries an array has, as text; empty if none.

    >>> oddities(np.array([1.0, np.nan, np.inf, np.nan]))
    '2 nan, 1 inf'
    """
    array = np.asarray(array)
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return ""
    counts = (int(np.isnan(array).sum()), "nan"), (int(np.isinf(array).sum()), "inf")
    return ", ".join(f"{n} {what}" for n, what in counts if n)


def _kept(n: int, most: int) -> list[int | None]:
    """Which of `n` indices are shown; None stands for those left out."""
    if n <= most:
        return list(range(n))
    head = (most + 1) // 2
    return [*range(head), None, *range(n - (most - head), n)]


def _span(array: Any) -> str:
    # fmin and fmax step over nan, which `oddities` reports
    low, high = np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)
    return f"from {numeral(low)} to {numeral(high)}"
