"""The digits that come with the package: the right numbers, small, with their source named."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np

from tinygrad_lite import data
from tinygrad_lite.data.digits import FILE


def test_shapes_types_and_range() -> None:
    images, labels = data.load_digits()
    assert (images.shape, labels.shape) == ((1797, 8, 8), (1797,))
    assert (images.dtype, labels.dtype) == (np.dtype(np.uint8), np.dtype(np.int64))
    assert (images.min(), images.max()) == (0, 16)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_values_are_scikit_learns() -> None:
    """The digest is that of sklearn.datasets.load_digits 1.9.1: images, then target, as uint8."""
    images, labels = data.load_digits()
    digest = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_the_file_is_small_and_has_the_documented_keys() -> None:
    assert FILE.stat().st_size <= 100_000
    with np.load(FILE) as file:
        assert sorted(file) == ["images", "labels"]


def test_source_and_licence_stand_beside_the_file() -> None:
    text = FILE.with_name("digits.LICENSE.txt").read_text()
    for needed in ("E. Alpaydin", "C. Kaynak", "1998", "10.24432/C50P49", "CC BY 4.0", "scikit-learn"):
        assert needed in text


def test_each_call_gives_arrays_of_its_own() -> None:
    images, labels = data.load_digits()
    images[:], labels[:] = 0, 0
    again, labels_again = data.load_digits()
    assert again.any()
    assert labels_again.any()


def test_importing_the_folder_does_not_load_numpys_generators() -> None:
    """NumPy loads its generators when they are first used; an import of ours must not be that use."""
    program = "import sys, tinygrad_lite.data; print('numpy.random' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
