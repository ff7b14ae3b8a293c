"""Every NumPy function on Tensors: values, derivatives of both orders, both modes; and the page that lists them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.functions.coverage import HEAD, PAGE, line
from tests.functions.table import FILLED, FUNCTIONS, PLAIN, name_of, samples
from tests.quick import one_in
from tinygrad_lite import Tensor
from tinygrad_lite.primitive import ANSWERS, Primitive

TABLE = sorted(samples())
X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -2.5]])


@pytest.mark.parametrize("name", one_in(3, dict(TABLE)))
def test_a_function_is_as_the_page_says(name: str) -> None:
    assert line(name, dict(TABLE)[name]) in PAGE.read_text(encoding="utf-8").splitlines()


def test_the_page_lists_what_answers_and_nothing_else() -> None:
    listed = [row.split("`")[1] for row in PAGE.read_text(encoding="utf-8").removeprefix(HEAD).splitlines()]
    assert listed == [name for name, _ in TABLE], "run python -m tests.functions.coverage"


def test_every_answer_has_a_line_in_the_table() -> None:
    known = {*FUNCTIONS, *PLAIN, *FILLED}
    missing = [name_of(f) for f, answer in ANSWERS.items() if f not in known and not isinstance(answer, Primitive)]
    assert not missing


@pytest.mark.parametrize("f", PLAIN, ids=name_of)
def test_a_plain_answer_is_numpys(f: Any) -> None:
    x = X if f is not np.searchsorted and f is not np.lexsort else X[0]
    want, got = PLAIN[f](x), PLAIN[f](Tensor(x, requires_grad=True))
    assert not isinstance(got, Tensor)
    np.testing.assert_equal(got, want)


@pytest.mark.parametrize("f", FILLED, ids=name_of)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_a_new_array_like_a_tensor_is_a_tensor(f: Any, dtype: Any) -> None:
    x = X.astype(dtype)
    got = FILLED[f](Tensor(x))
    assert isinstance(got, Tensor)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got.numpy(), FILLED[f](x))
