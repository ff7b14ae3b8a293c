"""For pytest, which loads this by itself: a plain `assert tl.check(...)` fails with the whole report as its message.

pytest shows the first and the last hundred characters of what an assertion found false, on one line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

ENOUGH = 60  # characters by which pytest's explanation of an assertion is seen to be about a report


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """Put the report in place of what pytest says, where an assertion about one failed."""
    if call.excinfo is None or not isinstance(call.excinfo.value, AssertionError):
        return
    if "tinygrad_lite.checking.report" not in sys.modules:  # nobody has checked anything
        return
    from tinygrad_lite.checking.report import CheckFailed

    error = call.excinfo.value
    text = None if isinstance(error, CheckFailed) else _in_full(error)
    if text is not None:
        call.excinfo = pytest.ExceptionInfo.from_exception(CheckFailed(text).with_traceback(error.__traceback__))


def _in_full(error: AssertionError) -> str | None:
    """What a failed assertion says, with the report that it is about in full; None if it is about none."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    try:
        said = str(error)
    except Exception:  # an exception that cannot be printed is for pytest to report
        return None
    for report in _not_right(at.tb_frame) if at is not None else ():
        text = str(report)
        head = text.replace("\n", "\\n")[:ENOUGH]
        if head in said:
            given = said.partition(f"assert {head}")[0].strip().splitlines()  # the message that an assertion came with
            if given and given[0] == text.splitlines()[0]:  # which was the report itself
                given = []
            rest = [line for line in given if head not in line and not line.lstrip().startswith("+")]
            return "\n".join([*rest, *([""] if rest else []), text])
    return None


def _not_right(frame: FrameType) -> Iterator[Any]:
    """The reports that a function can see and that are not right; those that pytest itself keeps are among them."""
    from tinygrad_lite.checking.identities import Identities
    from tinygrad_lite.checking.report import Report

    used = [frame.f_globals[name] for name in frame.f_code.co_names if name in frame.f_globals]
    for value in (*frame.f_locals.values(), *used):
        if isinstance(value, (Report, Identities)) and not value:
            yield value
