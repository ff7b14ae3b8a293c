"""Files in the IDX format, in which the MNIST digits come: a header of sizes, then the numbers."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np

from tinygrad_lite.intake import Array

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MNIST = {  # the files that load_mnist looks for, the four of every MNIST-like data set
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def read_idx(path: str | os.PathLike[str]) -> Array:
    """The array in an IDX file, gzipped or not.

    The file begins with two zero bytes, a byte for the type of the numbers, a byte for the number of axes, and the
    size of each axis as 4 bytes, the largest first; then the numbers follow, in C order.
    Raises: FileNotFoundError; ValueError that says what is wrong with a damaged file.
    Source: Y. LeCun, C. Cortes & C. Burges, The MNIST database of handwritten digits, 1998.

    >>> import tempfile, pathlib
    >>> from tinygrad_lite import data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "labels-idx1-ubyte")
    ...     _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    ...     data.read_idx(file)
    array([5, 0, 4], dtype=uint8)
    """
    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"read_idx: {path} is gzipped, but damaged: {error}") from None
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in TYPES:
        raise ValueError(f"read_idx: {path} is no IDX file: it begins with {raw[:4].hex(' ') or 'nothing'}")
    dtype, axes = np.dtype(TYPES[raw[2]]), raw[3]
    start = 4 + 4 * axes
    if len(raw) < start:
        raise ValueError(f"read_idx: {path} ends in its header: {len(raw)} bytes for the sizes of {axes} axes")
    shape = tuple(int.from_bytes(raw[i : i + 4], "big") for i in range(4, start, 4))
    wanted = math.prod(shape) * dtype.itemsize
    if len(raw) - start != wanted:
        raise ValueError(
            f"read_idx: {path} announces {shape} numbers, that is {wanted} bytes, but {len(raw) - start} follow"
        )
    return np.frombuffer(raw, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def load_mnist(folder: str | os.PathLike[str]) -> tuple[Array, Array, Array, Array]:
    """x_train, x_test, y_train, y_test from the four IDX files of MNIST (or of a set like it) in `folder`.

    Shapes: images (N, 28, 28) uint8, labels (N,) int64. The files may be gzipped, and a dot may stand in a name
    instead of its last dash but one (`train-images.idx3-ubyte`).
    Raises: FileNotFoundError that names the file; ValueError where images and labels do not belong together.
    """
    parts: dict[str, tuple[Array, Array]] = {}
    for part, names in MNIST.items():
        images, labels = (read_idx(_find(Path(folder), name)) for name in names)
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise ValueError(
                f"load_mnist: the {part} images {images.shape} and labels {labels.shape} do not belong together"
            )
        parts[part] = images, labels.astype(np.int64)
    (x_train, y_train), (x_test, y_test) = parts["train"], parts["test"]
    return x_train, x_test, y_train, y_test


def _find(folder: Path, name: str) -> Path:
    names = [name, name.replace("-idx", ".idx")]
    for candidate in [*names, *(f"{n}.gz" for n in names)]:
        if (folder / candidate).is_file():
            return folder / candidate
    raise FileNotFoundError(f"load_mnist: {folder} has no file {name} (nor {name}.gz)")
