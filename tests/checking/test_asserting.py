"""A plain assertion in a pytest test: its message is the report, in full, with a short trace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tinygrad_lite as tl
from tests.checking.test_face import AT, backward, forward, loss, show_your_work
from tinygrad_lite.checking import CheckFailed
from tinygrad_lite.checking.asserting import pytest_runtest_makereport
from tinygrad_lite.checking.report import Report

ROOT = Path(tl.__file__).parent.parent
WRONG = tl.check(show_your_work("1 - h"), against=loss())


def plainly(report: Any) -> None:
    assert report


def of_a_call(report: Report) -> None:
    assert (lambda: report)()


def of_its_truth(report: Report) -> None:
    assert bool(report) is True


def of_its_points(report: Report) -> None:
    assert report.points(6) == 6


def with_a_message(report: Report) -> None:
    assert report, "see the chapter on tanh"


def with_itself_as_the_message(report: Report) -> None:
    assert report, report


def of_a_global(_: Report) -> None:
    assert WRONG


def failure(request: pytest.FixtureRequest, call: Callable[[], Any]) -> pytest.ExceptionInfo[BaseException]:
    """What pytest reports of a call that fails."""
    info = pytest.CallInfo.from_call(call, "call")
    pytest_runtest_makereport(request.node, info)
    assert info.excinfo is not None
    return info.excinfo


@pytest.mark.parametrize(
    "asserted",
    [plainly, of_a_call, of_its_truth, of_its_points, with_a_message, with_itself_as_the_message, of_a_global],
)
def test_the_message_is_the_report(request: pytest.FixtureRequest, asserted: Callable[[Report], None]) -> None:
    found = failure(request, lambda: asserted(WRONG))
    said = str(found.value)
    assert isinstance(found.value, CheckFailed)
    assert said.endswith(str(WRONG))
    assert said.count("\\n") == 0
    assert found.traceback[-1].name == asserted.__name__
    assert ("see the chapter on tanh" in said) == (asserted is with_a_message)
    assert ("== 6" in said) == (asserted is of_its_points)


def test_identities_are_shown_in_full_too(request: pytest.FixtureRequest) -> None:
    values = {key: AT[key] for key in ("W1", "b1", "W2")}
    found = tl.check.identities(values, values, columns=True)
    assert not found
    assert str(failure(request, lambda: plainly(found)).value) == str(found)


def test_other_assertions_are_left_alone(request: pytest.FixtureRequest) -> None:
    right = tl.check(backward, against=forward, at=AT)

    def of_something_else() -> None:
        report = WRONG
        assert report is None or right is None

    def of_a_right_one() -> None:
        assert not right

    for call in (of_a_right_one, WRONG.assert_ok, lambda: pytest.fail("no")):
        before = pytest.CallInfo.from_call(call, "call").excinfo
        assert before is not None
        assert str(failure(request, call).value) == str(before.value)


def test_an_exception_that_cannot_be_printed_is_left_to_pytest(request: pytest.FixtureRequest) -> None:
    class Mute(AssertionError):
        def __str__(self) -> str:
            raise ValueError

    def mute() -> None:
        raise Mute

    assert isinstance(failure(request, mute).value, Mute)


@pytest.mark.thorough
def test_it_works_as_installed_and_without_configuration(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / "tinygrad_lite-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinygrad_lite\nVersion: 0\n")
    points = [f"{name} = {module}" for name, module in project["entry-points"]["pytest11"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[pytest11]", *points, ""]))
    (tmp_path / "test_mine.py").write_text(
        "import numpy as np, tinygrad_lite as tl\n"
        "W = tl.tensor([[2.0, -1.0]], requires_grad=True, name='W')\n"
        "def test_mine():\n"
        "    assert tl.check({'dW': np.ones((1, 2))}, against=np.sum(np.tanh(W * 0.5)))\n"
    )
    path = os.pathsep.join([str(tmp_path / "site"), str(ROOT)])
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "first wrong line: dW" in ran.stdout, ran.stdout
    shown = [line for line in ran.stdout.splitlines() if line.startswith("E  ")]
    assert any("->" in line for line in shown)
    assert len(re.findall(r"\.py:\d", ran.stdout)) == 1
