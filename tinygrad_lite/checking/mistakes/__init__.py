"""The mistakes that people make in hand-written backprop, a file per family, each a wrong rule that runs.

Sources, where a row names one: CS231n = the notes and assignments of Stanford's CS231n; Nielsen = Neural Networks and
Deep Learning, chapter 2; Karpathy = "Yes you should understand backprop", 2016; micrograd, PyTorch = their issue
trackers; NumPy = its manual.
"""

from tinygrad_lite.checking.mistakes import (
    activations,
    affine,
    biases,
    bookkeeping,
    convolution,
    forks,
    loss,
    masks,
    normalisation,
    numerics,
    products,
)
from tinygrad_lite.checking.mistakes.catalogue import CATALOGUE, Mistake, Place, places

__all__ = [
    "CATALOGUE",
    "Mistake",
    "Place",
    "places",
    "activations",
    "affine",
    "biases",
    "bookkeeping",
    "convolution",
    "forks",
    "loss",
    "masks",
    "normalisation",
    "numerics",
    "products",
]

# In the order in which they are to be thought of: a constant on everything first, NumPy's traps last.
FAMILIES = ("loss", "activations", "masks", "affine", "biases", "products", "bookkeeping", "forks", "convolution",
            "normalisation", "numerics")  # fmt: skip
_rows = sorted(CATALOGUE.values(), key=lambda row: FAMILIES.index(row.family))
CATALOGUE.clear()
CATALOGUE.update((row.id, row) for row in _rows)
