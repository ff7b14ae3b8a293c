"""NumPy's functions on Tensors: each takes NumPy's arguments and ends in one row, or a few, of the table.

A ufunc needs no entry here: its row answers for it. What is here puts arguments in order (arrays positional, the
rest by keyword), or composes a function of others, in a few lines of NumPy that run on Tensors.
"""

from tinygrad_lite.functions import (
    linalg,
    padding,
    plain_answers,
    pointwise,
    products,
    reductions,
    scans,
    selection,
    series,
    shapes,
    statistics,
)
from tinygrad_lite.functions.activations import erf, erfc, log_softmax, logsumexp, relu, sigmoid, softmax
from tinygrad_lite.primitives import FAMILIES as ROWS  # every row, for those of ufuncs answer by themselves

FAMILIES = (
    pointwise, reductions, scans, statistics, series, shapes, selection, padding, products, linalg, plain_answers,
)  # fmt: skip

__all__ = ["FAMILIES", "ROWS", "erf", "erfc", "log_softmax", "logsumexp", "relu", "sigmoid", "softmax"]
