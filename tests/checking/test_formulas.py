"""Formulas that students type: evaluated without running anything, within bounds."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_lite.checking.formulas import FormulaError, evaluate

A, B = np.arange(6.0).reshape(2, 3), np.array([1.0, -2.0, 3.0])
NAMES = {"A": A, "b": B}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A @ b", A @ B),
        ("A.T", A.T),
        ("-A[0] * 2 + b / 4", -A[0] * 2 + B / 4),
        ("np.sum(A, axis=0)", A.sum(0)),
        ("A.sum(axis=1, keepdims=True)", A.sum(1, keepdims=True)),
        ("A[:, 1:]", A[:, 1:]),
        ("b * (b > 0)", B * (B > 0)),
        ("np.where(b > 0, b, 0)", np.where(B > 0, B, 0)),
        ("np.outer(A[0], b)", np.outer(A[0], B)),
        ("A.mean()", A.mean()),
        ("1 / A.shape[0]", 0.5),
        ("np.exp(-b**2) / len(b)", np.exp(-(B**2)) / 3),
        ("A[:, None, 0]", A[:, None, 0]),
        ("np.maximum(b, 0) + np.pi", np.maximum(B, 0) + np.pi),
        ("  b  ", B),
        ("(b > 0).astype(float)", (B > 0).astype(float)),
        ("~(b > 0) & (b < 0)", B < 0),
        ("b.reshape(-1, 1)", B.reshape(-1, 1)),
        ("np.max(A, axis=1, keepdims=True)", A.max(1, keepdims=True)),
    ],
)
def test_what_is_allowed(text: str, value: object) -> None:
    np.testing.assert_array_equal(evaluate(text, NAMES), value)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')", "A.__class__", "().__class__.__bases__[0]", "open('x')", "[x for x in A]",
        "lambda: 1", "A if b else A", "exec('1')", "np.load('x')", "np.linalg.inv(A)", "A.tofile('x')", "f'{A}'",
        "'text'", "b'x'", "{1: 2}", "(yield)", "a := 3", "import os", "A; b", "", "np.fromfile('x')", "np.sum.__self__",
        "A.dtype", "*A", "np.ndarray.tofile(A, 'x')", "globals()", "1j", "np.sum(A, out=b)", "A[0](1)", "print(A)",
        "A @", "not A", "...", "A.T.base", "np.where.__doc__",
        "np.add(b, b, b)", "np.log(b, b)", "np.sum(A, 0, None, b)", "(b, b)", "None", "A.shape * 3", "b.astype(object)",
    ],
)  # fmt: skip
def test_what_is_not(text: str) -> None:
    with pytest.raises(FormulaError):
        evaluate(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9", "9**99**99", "(" * 100 + "1" + ")" * 100, "1+" * 400 + "1", "-" * 200 + "1", "A" * 501,
        "10**15 * 10**15 * 10**15", "np.outer(np.outer(np.outer(c, c), c), c)", "c[:, None] * c",
        "(1,) * 10**9", "c[i][:, None] * c[i]", "c[:, None][:, i * 0]", "c[:, None] > c", "np.where(c[:, None], c, c)",
        "s @ s @ s @ s @ s @ s @ s @ s @ s @ s @ s", "s" + "**s" * 30, "np.exp(" * 30 + "s" + ")" * 30,
        "2**2**2**2**2**2",
        "c[:, None] @ c[None]", "np.dot(c[:, None], c[None])", "99999999999999999999",
    ],
)  # fmt: skip
def test_what_would_take_long_is_refused_or_bounded(text: str) -> None:
    try:
        value = evaluate(text, NAMES | {"c": np.ones(9000), "i": np.arange(9000), "s": np.ones((900, 900))})
    except FormulaError:
        return
    assert value.size <= 10_000_000


@given(st.text(alphabet="Ab.T@+-*/()[]:,0123456789 npsum_'\"=<>{}xeval", max_size=40))
def test_any_text_is_a_value_or_a_formula_error(text: str) -> None:
    with contextlib.suppress(FormulaError):
        evaluate(text, NAMES)
