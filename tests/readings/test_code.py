"""Rows as NumPy source: every row of the table, brackets, constants, and what cannot be written."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.quick import one_in
from tests.samples import SAMPLES
from tests.sampling import Case, cases
from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.graph import ancestors, same_bits
from tinygrad_lite.primitives import TABLE
from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.readings.code import Code, Helpers, Unprintable, filled, form, index_text, literal, written

EVERY = cases(SAMPLES)


def test_there_is_a_sample_of_every_row() -> None:
    assert {case.row for case in EVERY} == set(TABLE)


@pytest.mark.parametrize("row", one_in(3, sorted(TABLE)))
def test_the_source_of_a_row_gives_its_numbers_to_the_last_bit(row: str) -> None:
    seen = 0
    for case in (case for case in EVERY if case.row == row):
        for dtype in case.sample.dtypes:
            seen += _compare(case, dtype)
    assert seen


def _compare(case: Case, dtype: Any) -> int:
    """Run the text of every operation of a sample by itself; how many were the case's row."""
    with recording(EVERYTHING), np.errstate(all="ignore"):
        y = case.sample.call(*(tl.Tensor(a) for a in case.inputs(dtype)))
    seen = 0
    for node in ancestors([y]):
        if node.op is None:
            continue
        helpers = Helpers()
        text = form(node.op, node.args, node.kwargs, [False] * len(node.args), helpers)
        space: dict[str, Any] = {}
        exec("import numpy as np\n" + "\n".join(helpers.text([text])), space)  # by itself: with nothing else in scope
        space.update((f"_{i}", a) for i, a in enumerate(node.args))
        with np.errstate(all="ignore"):
            found, wanted = eval(text, space), node.op.run(*node.args, **node.kwargs)
        assert same_bits(np.asarray(found), np.asarray(wanted)), text
        seen += node.op.name == case.row
    return seen


NAMES = [Code(c) for c in "abc"]
OPERATIONS = ["_0 + _1", "_0 - _1", "_0 * _1", "_0 / _1", "-_0", "_0 ** _1", "_0 @ _1.T", "np.exp(_0)", "_0[:, None]",
              "_0 > _1", "_0.sum(axis=0)", "_0 & _1", "~_0", "_0[np.arange(len(_1)), _1]"]  # fmt: skip
EXPRESSIONS = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.tuples(st.sampled_from(OPERATIONS), inner, inner),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_brackets_stand_where_they_have_to(expression: Any) -> None:
    """With brackets around every operand it would be the same expression."""

    def code(e: Any) -> Code:
        return e if isinstance(e, Code) else filled(e[0], [code(e[1]), code(e[2])])

    def bracketed(e: Any) -> str:
        if isinstance(e, Code):
            return e.text
        first, second = (f"({bracketed(x)})" for x in e[1:])
        text: str = e[0].replace("_0", first).replace("_1", second)
        return text

    assert ast.dump(ast.parse(code(expression).text)) == ast.dump(ast.parse(bracketed(expression)))


@pytest.mark.parametrize(
    ("form_text", "text"),
    [("np.exp(_0)", "np.exp(a - b)"), ("_0 + c", "a - b + c"), ("_0[:, None]", "(a - b)[:, None]")],
)
def test_no_bracket_stands_where_it_need_not(form_text: str, text: str) -> None:
    assert filled(form_text, [filled("_0 - _1", NAMES)]).text == text


@given(st.floats(allow_nan=False), st.sampled_from([np.float64, np.float32, np.float16]))
def test_a_number_reads_back_exactly(x: float, dtype: Any) -> None:
    assert eval(literal(x).text, {"np": np}) == x
    with np.errstate(over="ignore"):
        y = dtype(x)
    assert same_bits(eval(literal(y, strong=True).text, {"np": np}), y)


@pytest.mark.parametrize(
    "a",
    [
        np.arange(6).reshape(2, 3),
        np.array([0.1, np.inf, -0.0]),
        np.zeros((0, 3)),
        np.array([True]),
        np.array([1.5], np.float32),
    ],
)
def test_an_array_reads_back_exactly(a: Any) -> None:
    got = eval(literal(a).text, {"np": np})
    assert same_bits(got, a) or (got.size == a.size == 0 and got.dtype == a.dtype)


def test_an_index_is_written_as_in_numpy() -> None:
    index = (slice(1, None), None, Ellipsis, ARRAY, -2, slice(None, None, -1))
    assert index_text(index, ["rows"]) == "1:, None, ..., rows, -2, ::-1"


@pytest.mark.parametrize(
    ("row", "args", "kwargs", "text"),
    [
        ("affine", [np.ones((4, 2)), np.ones((3, 2)), np.ones(3)], {}, "a @ b.T + c"),
        ("affine", [np.ones(2), np.ones((3, 2)), np.ones(3)], {}, "b @ a + c"),
        ("relu", [np.ones(2)], {}, "np.maximum(a, 0)"),
        ("expand_dims", [np.ones(2)], {"axis": 1}, "a[:, None]"),
        ("transpose", [np.ones((2, 3))], {"axes": (1, 0)}, "a.T"),
        ("sum", [np.ones((2, 3))], {"axis": (0,), "keepdims": False}, "a.sum(axis=0)"),
        ("pick", [np.ones((2, 3)), np.array([0, 1])], {}, "a[np.arange(len(b)), b]"),
        ("getitem", [np.ones((4, 2)), np.array([0, 1])], {"index": (ARRAY, 0)}, "a[b, 0]"),
        ("clip", [np.ones(2), 0.0, 1.0], {}, "np.clip(a, b, c)"),
    ],
)
def test_rows_read_as_a_person_writes_them(row: str, args: list[Any], kwargs: dict[str, Any], text: str) -> None:
    assert written(TABLE[row], NAMES[: len(args)], kwargs, args).text == text


def test_a_weak_number_does_not_widen_and_a_strong_one_does() -> None:
    x = np.ones(2, np.float32)
    assert form(TABLE["multiply"], [x, 0.1], {}) == "_0 * 0.1"
    assert form(TABLE["multiply"], [x, np.float64(0.1)], {}, [False, True]) == "_0 * np.float64(0.1)"
    assert form(TABLE["multiply"], [x, np.float32(0.1)], {}, [False, True]) == "_0 * 0.1"


def softsign(x: Any) -> Any:
    """A row of a user's own, of more than one line."""
    size = np.abs(x)
    return x / (SCALE + size)


SCALE = 1.5


def test_a_row_of_ones_own_goes_along_as_a_function() -> None:
    row = tl.pointwise(softsign, "s(#1)", lambda y, x: y, name="softsign")
    helpers = Helpers()
    assert form(row, [np.ones(2)], {}, None, helpers) == "softsign(_0)"
    assert helpers.text(["softsign(_0)"]) == [
        "SCALE = 1.5",
        'def softsign(x: Any) -> Any:\n    """A row of a user\'s own, of more than one line."""\n    size = np.abs(x)\n'
        "    return x / (SCALE + size)",
    ]


def test_a_row_without_source_is_written_as_what_it_does_to_tensors() -> None:
    space: dict[str, Any] = {"np": np}
    exec("f = lambda x: x / (1 + np.abs(x))", space)
    row = tl.pointwise(space["f"], "s(#1)", lambda y, x: y, name="softsign")
    assert form(row, [np.ones(2)], {}) == "_0 / (1 + np.absolute(_0))"


def test_a_row_that_cannot_be_written_says_what_to_do() -> None:
    space: dict[str, Any] = {"np": np}
    exec("f = lambda x: np.array([float(v) ** 3 for v in x])", space)
    row = tl.pointwise(space["f"], "s(#1)", lambda y, x: y, name="cubed")
    with pytest.raises(Unprintable, match=r"cubed cannot be written as NumPy source.*function in a file"):
        form(row, [np.ones(2)], {}, None, Helpers())
