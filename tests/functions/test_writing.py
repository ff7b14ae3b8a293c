"""`t.at[index]` against what NumPy's arrays do when written into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor

MASK = np.array([[True, False, True], [False, False, True]])
INDICES: list[Any] = [
    0, slice(1, None), (0, 1), (Ellipsis, -1), (slice(None), [0, 2, 0]), ([0, 1, 0], [1, 1, 1]), (None, 1), MASK,
    (np.array([[0, 1], [1, 0]]), slice(0, 2)), [], (np.int64(1), 2),
]  # fmt: skip
X = np.arange(6.0).reshape(2, 3) - 1.25


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_set_add_and_multiply_are_numpys_and_have_gradients_to_both(index: Any, whole: bool, order: int) -> None:
    place = X[index]
    v = np.asarray(np.random.default_rng(0).normal(size=np.shape(place) if whole else ()))
    wants = [X.copy() for _ in range(3)]
    wants[0][index] = v
    np.add.at(wants[1], index, v)
    np.multiply.at(wants[2], index, v)
    for name, want in zip(("set", "add", "multiply"), wants, strict=True):

        def write(x: Any, v: Any, name: str = name) -> Any:
            return getattr((x if isinstance(x, Tensor) else Tensor(x)).at[index], name)(v)

        np.testing.assert_allclose(write(X, v).numpy(), want, rtol=1e-15)
        assert tl.gradcheck(write, X, v, order=order)


@pytest.mark.parametrize("index", [(), ..., None], ids=str)
def test_a_number_has_one_place_to_write_to(index: Any) -> None:
    for name, want in (("set", (5.0, 0.0)), ("add", (8.0, 1.0)), ("multiply", (15.0, 5.0))):
        value, gradient = tl.value_and_grad(lambda x, name=name: getattr(x.at[index], name)(5.0).sum())(3.0)
        assert (value.item(), gradient.item()) == want


def test_a_write_keeps_the_dtype_and_the_original() -> None:
    t = Tensor(X.astype(np.float32))
    for new in (t.at[0].set(1.5), t.at[0].add(np.ones(3)), t.at[0].multiply(2)):
        assert new.dtype == np.float32
    np.testing.assert_array_equal(t.numpy(), X.astype(np.float32))
    with pytest.raises(ValueError, match="broadcast"):
        t.at[0].set(np.ones(2))
    with pytest.raises(IndexError):
        t.at[5].add(1.0)
