"""Test files for otter-grader, run as otter runs them: functions that raise, and doctests."""

from __future__ import annotations

import doctest
import io
import sys
from contextlib import redirect_stdout
from types import ModuleType
from typing import Any

import pytest

import tinygrad_lite as tl
from tests.checking.test_face import AT, backward, loss


class Case:
    """What otter's `test_case` does: it keeps the function, and looks its arguments up among the student's names."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def __call__(self, function: Any) -> Case:
        self.function = function
        return self

    def run(self, env: dict[str, Any]) -> str:
        names = self.function.__code__.co_varnames[: self.function.__code__.co_argcount]
        try:
            self.function(**{name: env.get(name) for name in names})
        except Exception as error:  # as otter does
            return f"{type(error).__name__}: {error}"
        return ""


def run_functions(text: str, env: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[float, list[str]]:
    module = ModuleType("otter.test_files")
    vars(module)["test_case"] = Case
    monkeypatch.setitem(sys.modules, "otter", ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", module)
    space: dict[str, Any] = {}
    exec(text, space)
    assert space["OK_FORMAT"] is False
    assert space["name"] == "backprop"
    cases = [thing for thing in space.values() if isinstance(thing, Case)]
    said = [case.run(env) for case in cases]
    return sum(c.settings["points"] for c, s in zip(cases, said, strict=True) if not s), said


def run_doctests(text: str, env: dict[str, Any], _: pytest.MonkeyPatch) -> tuple[float, list[str]]:
    space: dict[str, Any] = {}
    exec(text, space)
    assert space["OK_FORMAT"] is True
    (suite,) = space["test"]["suites"]
    points, said = 0.0, []
    for case in suite["cases"]:
        printed = io.StringIO()
        test = doctest.DocTestParser().get_doctest(case["code"], dict(env), "case", None, None)
        with redirect_stdout(printed):
            failed = doctest.DocTestRunner(verbose=False).run(test, clear_globs=False).failed
        said.append(printed.getvalue() if failed else "")
        points += 0.0 if failed else case["points"]
    return points, said


@pytest.mark.parametrize(
    "setup", ["", "from tests.checking.test_face import loss as make\nif True:\n    loss = make()"]
)
@pytest.mark.parametrize(("ok_format", "run"), [(False, run_functions), (True, run_doctests)])
def test_a_file_gives_points_for_each_quantity(
    ok_format: bool, run: Any, setup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tl.check.to_otter(["dW1", "db1"], points=4, ok_format=ok_format, setup=setup)
    right = backward(**AT)
    work = {"dW1": right["W1"], "db1": right["b1"]} | ({} if setup else {"loss": loss()})
    assert run(text, work, monkeypatch) == (4.0, ["", ""])
    points, said = run(text, work | {"db1": right["b1"] / 5}, monkeypatch)
    assert points == 2.0
    assert said[0] == ""
    assert "db1: first wrong. In dC/db1, look at a constant factor." in said[1]
    points, said = run(text, {key: value for key, value in work.items() if key != "dW1"}, monkeypatch)
    assert points == 2.0
    assert "dW1 is missing" in said[0]


def test_what_cannot_be_a_test_file() -> None:
    with pytest.raises(ValueError, match="not a name"):
        tl.check.to_otter(["dW1; import os"])
    with pytest.raises(ValueError, match="at least one"):
        tl.check.to_otter([])
    with pytest.raises(ValueError, match="no Python"):
        tl.check.to_otter(["dW1"], setup="loss = (")
    with pytest.raises(ValueError, match="from 1 to 4"):
        tl.check.to_otter(["dW1"], hints=7)
