"""The report in the places where courses use it: a screen, a notebook, pytest, nbgrader, otter-grader, Gradescope."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from html import unescape
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.checking.architectures import NETWORKS, probes
from tests.checking.test_face import AT, backward, loss, show_your_work
from tinygrad_lite.checking import CheckFailed
from tinygrad_lite.checking.mistakes import places
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.rows import Row
from tinygrad_lite.checking.showing import html_table, table
from tinygrad_lite.checking.structure import Structure


def wrong() -> Report:
    return tl.check(show_your_work("1 - h"), against=loss())


def right() -> Report:
    return tl.check(backward(**AT), against=loss())


def test_it_prints_on_one_screen() -> None:
    for report in (wrong(), right(), wrong().hiding()):
        lines = str(report).splitlines()
        assert len(lines) <= 24
        assert all(len(line) <= 80 for line in lines)
        assert repr(report) == str(report)
    assert str(right()).startswith("right: all 3 quantities")


@pytest.mark.thorough
@pytest.mark.parametrize("network", NETWORKS)
def test_every_mistake_is_told_on_one_screen(network: str) -> None:
    reference = probes(NETWORKS[network])[0]
    ids = list(dict.fromkeys(mistake.id for mistake, _ in places(Structure(reference))))
    for id in ids[::5]:
        lines = str(tl.check(tl.check.mutate(reference, id).work, against=reference)).splitlines()
        assert len(lines) <= 24, id
        assert all(len(line) <= 80 for line in lines), id


def test_a_large_report_is_shortened() -> None:
    parameters = [tl.tensor(float(k + 1), requires_grad=True, name=f"p{k}") for k in range(60)]
    total: Any = parameters[0] * 1.5
    for p in parameters[1:]:
        total = total * 0.5 + p
    total.backward()
    work = {f"dp{k}": p.grad for k, p in enumerate(parameters)}
    work["dp30"] = np.array(5.0)
    text = str(tl.check(work, against=total))
    assert "dp30" in text
    assert len(text.splitlines()) <= 24


def numbers_of(line: str) -> tuple[str, str]:
    """The first numbers under "yours" and "expected" in a line of a report."""
    yours, expected = re.split(r"\s{2,}", line.strip())[-2:]
    return yours.split(",")[0], expected.split(",")[0]


@settings(deadline=None)
@given(
    shape=st.lists(st.integers(1, 30), max_size=4).map(tuple),
    where=st.integers(0, 10**6),
    off=st.sampled_from([1e-6, 1e-3, 1.0, -30.0, np.nan]),
    seed=st.integers(0, 9),
)
def test_what_is_wrong_is_among_the_numbers_shown(shape: tuple[int, ...], where: int, off: float, seed: int) -> None:
    expected = np.random.default_rng(seed).standard_normal(shape)
    at = np.unravel_index(where % expected.size, shape)
    yours = expected.copy()
    yours[at] = expected[at] + off
    row = Row("dW1", "dC/dW1", "first wrong", yours, expected, 1e12)
    line = table([row], row, False, 24)[1]
    assert len(line) <= 80
    mine, right = line.split("  ")[-2:]
    assert mine != right
    if expected.size > 12:
        assert f"at {list(map(int, at))}" in line
        mine, right = numbers_of(line)
        assert float(right) == pytest.approx(float(expected[at]), rel=1e-3)
        assert np.isnan(off) or float(mine) == pytest.approx(float(yours[at]), rel=1e-3)
    mine, right = re.findall("<code>(.*?)</code>", html_table([row], False))[1:]
    assert mine != right


def test_it_shows_itself_in_a_notebook() -> None:
    page = wrong()._repr_html_()
    assert page.count("<tr>") == 7
    assert "first wrong" in page
    assert "<script" not in tl.check({"dW1<script>": 0} | backward(**AT), against=loss())._repr_html_()


def test_hints_give_more_with_each_level() -> None:
    report = wrong()
    hints = [report.hint(level) for level in (1, 2, 3, 4)]
    assert hints[0] == "Look at delta1; what comes before it is right."
    assert "the derivative of a function" in hints[1]
    assert "the square was forgotten" in hints[2]
    assert hints[3].startswith("The right line: dC/dz1 = ")
    assert right().hint(4) == "Nothing is wrong."
    with pytest.raises(ValueError, match="from 1, the quantity, to 4"):
        report.hint(5)


def told(report: Report) -> list[str]:
    """Everything that a report can say."""
    hints = [report.hint(level) for level in (1, 2, 3, 4)]
    says = [report.says(row.name, level) for row in report.rows for level in (1, 2, 3, 4)]
    data = [report.to_json(6), json.dumps(report.to_gradescope()), *report._repr_mimebundle_().values()]
    try:
        report.assert_ok()
    except CheckFailed as error:
        data.append(str(error))
    return [str(report), repr(report), report._repr_html_(), *hints, *says, *data]


def test_what_graded_work_must_not_show() -> None:
    hidden = tl.check(show_your_work("1 - h"), against=loss(), hide_expected=True, hide_name=True)
    for text in told(hidden):
        assert "tanh" not in text
        assert "1 - h" not in text
        assert "⊙" not in text
        assert ">expected<" not in text
    assert any("tanh_1_minus_h" in text for text in told(wrong()))
    number = f"{wrong()['delta1'].expected[wrong()['delta1'].worst]:.4g}"
    assert any(number in text for text in told(wrong()))
    named = tl.check(show_your_work("1 - h"), against=loss(), hide_expected=True)
    assert "tanh_1_minus_h" in str(named)
    for text in told(named):
        assert number not in text
        assert "⊙" not in text
    assert np.isnan(named["delta1"].expected).all()
    assert named["delta1"].relative == wrong()["delta1"].relative


def test_a_quantity_by_its_name() -> None:
    report = wrong()
    assert report["db1"].status == "carried"
    assert report["dC/dz1"] is report["delta1"]
    assert report.says("dW2") == "dW2 is right"
    assert report.says("delta1", 3).endswith("the square was forgotten.")
    missing = tl.check({"dW1": backward(**AT)["W1"]}, against=loss())
    assert missing.says("dW2") == "dW2 is missing"
    with pytest.raises(KeyError, match="no dW7"):
        report["dW7"]


def test_zeros_that_follow_from_zeros_earn_nothing() -> None:
    work = {key: 0 * value for key, value in show_your_work().items() if key in ("dout", "dW2", "dh1", "dW1", "db1")}
    assert tl.check(work, against=loss()).points(6) == 0


def test_what_counts_can_be_said() -> None:
    right_steps = {key: value for key, value in show_your_work().items() if key in ("dout", "dh1", "delta1")}
    report = tl.check(right_steps, against=loss())
    assert report.points(6) == 3.0
    assert report.points(6, of=["dW1", "dW2", "db1"]) == 0.0
    assert wrong().points(3, of=["dW1", "delta1", "dW2"]) == 2.0


def test_it_fails_an_assertion_with_itself_as_the_message() -> None:
    right().assert_ok()
    with pytest.raises(CheckFailed, match="first wrong line: delta1") as caught:
        wrong().assert_ok()
    assert isinstance(caught.value, AssertionError)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# -- nbgrader: what determines the points is the representation of the last value, and any output on stderr is 0 ----


def nbgrader_points(shown: str, most: float) -> float:
    """Partial credit as nbgrader takes it from a cell's result; what is no number counts as all points."""
    try:
        return float(shown)
    except ValueError:
        return most


def test_points_are_a_plain_number() -> None:
    points = wrong().points(5)
    assert type(points) is float
    assert nbgrader_points(repr(points), 5) == pytest.approx(5 * 5 / 6, abs=1e-3)
    assert nbgrader_points(repr(right().points(5)), 5) == 5


def shown(value: Any) -> dict[str, str]:
    """What a notebook shows of a cell's result."""
    found: dict[str, str] = value._repr_mimebundle_()
    return found


def test_what_is_wrong_earns_nothing_at_the_end_of_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", ast)  # as in a kernel; which module it is plays no part
    values = {key: AT[key] for key in ("W1", "b1", "W2")}
    identities = tl.check.identities(values, values, columns=True)
    report, trouble = wrong(), tl.check("nonsense(", of="W1", against=loss())
    advice = [r.hint(level) for r in (report, trouble) for level in (1, 2, 3, 4)]
    for value in (report, trouble, identities, *advice, report.says("delta1")):
        assert nbgrader_points(shown(value)["text/plain"], 5) == 0
    assert "first wrong" in shown(report)["text/html"]
    assert all(a in unescape(shown(a)["text/html"]) and nbgrader_points(repr(a), 5) == 0 for a in advice)
    assert "FAILS" in shown(identities)["text/html"]
    assert nbgrader_points(shown(right())["text/plain"], 5) == 5
    monkeypatch.delitem(sys.modules, "ipykernel")
    assert shown(report)["text/plain"] == str(report)
    assert shown(identities)["text/plain"] == str(identities)
    assert shown(advice[0])["text/plain"] == repr(str(advice[0]))


def test_nothing_is_printed_or_warned_about() -> None:
    code = (
        "import numpy as np, tinygrad_lite as tl\n"
        "W = tl.tensor([[1e300, 1.0]], requires_grad=True, name='W')\n"
        "with np.errstate(all='ignore'):\n"  # building an infinite loss warns, as NumPy does; marking it must not
        "    loss = (W * W).sum() * 0 + W.sum()\n"
        "r = tl.check({'dW': np.array([[np.inf, np.nan]])}, against=loss)\n"
        "str(r), r.to_json(), r._repr_html_(), r.points(3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")


# -- data ----------------------------------------------------------------------------------------------------------


def test_json_has_a_fixed_form() -> None:
    found = json.loads(wrong().to_json(6))
    assert list(found) == [
        "version", "ok", "probe", "points", "first_wrong", "quantities", "mistakes", "conventions", "trouble",
    ]  # fmt: skip
    assert found["version"] == 1
    assert found["first_wrong"] == "delta1"
    assert found["quantities"][3] == {
        "name": "delta1", "label": "dC/dz1", "status": "first_wrong", "shape": [5, 4], "expected_shape": [5, 4],
        "rel_error": pytest.approx(found["quantities"][3]["rel_error"]), "note": "",
        "mistakes": [found["mistakes"][0]],
    }  # fmt: skip
    assert found["mistakes"][0]["id"] == "tanh_1_minus_h"
    assert found["mistakes"][0]["confidence"] == "exact"


def test_gradescope() -> None:
    found = wrong().to_gradescope(points=12)
    assert found["score"] == 10.0
    assert [t["score"] for t in found["tests"]] == [2.0, 2.0, 2.0, 0.0, 2.0, 2.0]
    assert found["tests"][3]["tags"] == ["tanh_1_minus_h"]
    assert found["tests"][3]["status"] == "failed"
    assert found["extra_data"] == {"mistakes": ["tanh_1_minus_h"]}
    json.dumps(found, allow_nan=False)
    for visibility in ("hidden", "after_due_date", "after_published", "visible"):
        found = wrong().to_gradescope(12, visibility)
        assert {found["visibility"], *(test["visibility"] for test in found["tests"])} == {visibility}
    with pytest.raises(ValueError, match="visibility='hiden'; Gradescope knows hidden, after_due_date"):
        wrong().to_gradescope(visibility="hiden")
    for points in (-1.0, np.nan):
        with pytest.raises(ValueError, match="is no number of points"):
            wrong().to_gradescope(points)


FIELDS = {"version", "ok", "probe", "points", "first_wrong", "quantities", "mistakes", "conventions", "trouble"}


def test_every_report_has_the_form_of_the_json() -> None:
    """The form, in words: what a program that reads it can count on."""
    trouble = tl.check("nonsense(", of="W1", against=loss())
    missing = tl.check({"dW1": backward(**AT)["W1"]}, against=loss())
    for report in (wrong(), right(), wrong().hiding(), trouble, missing):
        found = json.loads(report.to_json(6), parse_constant=pytest.fail)
        assert set(found) == FIELDS
        assert found["version"] == 1
        assert found["ok"] is bool(report)
        assert found["points"] == {"got": report.points(6), "of": 6.0}
        assert found["trouble"] is None or isinstance(found["trouble"]["text"], str)
        for q in found["quantities"]:
            assert q["status"] in ("ok", "convention", "first_wrong", "wrong", "carried", "missing")
            assert q["shape"] is None or all(isinstance(n, int) for n in q["shape"])
            assert q["rel_error"] is None or q["rel_error"] >= 0
            assert all(m["confidence"] in ("exact", "nearest") and m["id"] and m["text"] for m in q["mistakes"])


def test_bare_truth() -> None:
    assert right().ok is True
    assert wrong().ok is False
    assert not Report([])
