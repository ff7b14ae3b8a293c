"""IDX files, whole and damaged, gzipped or not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_lite import data
from tinygrad_lite.data.idx import TYPES


def idx(array: Any, code: int) -> bytes:
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    numbers: bytes = array.astype(TYPES[code]).tobytes()
    return bytes([0, 0, code, array.ndim]) + sizes + numbers


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 3), ()])
@pytest.mark.parametrize("packed", [False, True])
def test_every_type_and_shape(code: int, shape: tuple[int, ...], packed: bool, tmp_path: Path) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    raw = idx(array, code)
    (tmp_path / "f").write_bytes(gzip.compress(raw) if packed else raw)
    found = data.read_idx(tmp_path / "f")
    assert found.dtype == np.dtype(TYPES[code]).newbyteorder("=")
    np.testing.assert_array_equal(found, array)
    found[...] = 0  # the caller's own


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda raw: b"", "begins with nothing"),
        (lambda raw: raw[:3], "is no IDX file"),
        (lambda raw: b"PNG!" + raw[4:], "is no IDX file: it begins with 50 4e 47 21"),
        (lambda raw: raw[:2] + b"\x07" + raw[3:], "is no IDX file"),
        (lambda raw: raw[:9], "ends in its header"),
        (lambda raw: raw[:-1], r"announces \(2, 3\) numbers, that is 6 bytes, but 5 follow"),
        (lambda raw: raw + b"\0", "but 7 follow"),
        (lambda raw: gzip.compress(raw)[:-6], "is gzipped, but damaged"),
        (lambda raw: gzip.compress(raw)[:12] + b"xxxxxxxxxx", "is gzipped, but damaged"),
    ],
)
def test_damage_is_said(damage: Any, error: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(damage(idx(np.arange(6).reshape(2, 3), 8)))
    with pytest.raises(ValueError, match=error):
        data.read_idx(tmp_path / "f")


def write_mnist(folder: Path, dot: str = "-", end: str = "") -> None:
    rng = np.random.default_rng(0)
    for part, n in (("train", 7), ("t10k", 3)):
        for kind, array in (("images{}idx3", rng.integers(256, size=(n, 28, 28))),
                            ("labels{}idx1", rng.integers(10, size=n))):  # fmt: skip
            raw = idx(array, 8)
            name = f"{part}-{kind.format(dot)}-ubyte{end}"
            (folder / name).write_bytes(gzip.compress(raw) if end else raw)


@pytest.mark.parametrize(("dot", "end"), [("-", ""), (".", ""), ("-", ".gz")])
def test_mnist_is_found_under_its_names(dot: str, end: str, tmp_path: Path) -> None:
    write_mnist(tmp_path, dot, end)
    shapes = [part.shape for part in data.load_mnist(tmp_path)]
    assert shapes == [(7, 28, 28), (3, 28, 28), (7,), (3,)]


def test_what_is_missing_or_does_not_belong_together_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file train-images-idx3-ubyte"):
        data.load_mnist(tmp_path)
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(4), 8))
    with pytest.raises(ValueError, match=r"test images \(3, 28, 28\) and labels \(4,\) do not belong together"):
        data.load_mnist(tmp_path)
