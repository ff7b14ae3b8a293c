"""Data: what comes with the package, and data sets in parts and in batches."""

from tinygrad_lite.data.batches import batches
from tinygrad_lite.data.digits import load_digits
from tinygrad_lite.data.idx import load_mnist, read_idx
from tinygrad_lite.data.split import train_test_split
from tinygrad_lite.data.two_digits import two_digits

__all__ = ["batches", "load_digits", "load_mnist", "read_idx", "train_test_split", "two_digits"]
