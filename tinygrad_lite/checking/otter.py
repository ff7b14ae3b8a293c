"""Test files for otter-grader: one test case for each quantity, in either of its two formats."""

from __future__ import annotations

from collections.abc import Sequence

EXCEPTIONS = '''"""Made by tinygrad_lite: tests of a hand-written backward pass."""

from otter.test_files import test_case

OK_FORMAT = False

name = {name!r}

{cases}'''

CASE = """
@test_case(points={each!r}, hidden={hidden!r}, success_message={success!r})
def test_{k}({arguments}):
{lines}
    said = report.says({quantity!r}, {level})
    assert said == {success!r}, said
"""

DOCTESTS = '''"""Made by tinygrad_lite: tests of a hand-written backward pass."""

OK_FORMAT = True

test = {{
    "name": {name!r},
    "suites": [{{"type": "doctest", "scored": True, "setup": "", "teardown": "", "cases": [
{cases}    ]}}],
}}
'''

SUITE = """        {{
            "points": {each!r}, "hidden": {hidden!r}, "locked": False, "success_message": {success!r},
            "code": {code!r},
        }},
"""


def to_otter(
    quantities: Sequence[str],
    against: str = "loss",
    *,
    name: str = "backprop",
    points: float = 1.0,
    hidden: bool = False,
    hide_expected: bool = True,
    hints: int = 2,
    setup: str = "",
    ok_format: bool = False,
) -> str:
    """The text of a test file for otter-grader: a case for each of `quantities`, names in the student's notebook.

    against    the name of the reference loss there; hints is the level of `Report.hint` that a failing case shows
    setup      lines that make `against` in the test itself, out of the reach of whoever writes the notebook
    ok_format  doctests instead of functions that raise
    Raises: ValueError for what is no name, and for a setup that is no Python.

    >>> [line for line in to_otter(["dW1", "db1"], points=4).splitlines() if "test_case(" in line][1]
    "@test_case(points=2.0, hidden=False, success_message='db1 is right')"
    """
    quantities = [quantities] if isinstance(quantities, str) else list(quantities)
    if not quantities:
        raise ValueError("check.to_otter: name at least one quantity, such as 'dW1'")
    for text in (*quantities, against):
        if not text.isidentifier():
            raise ValueError(f"check.to_otter: {text!r} is not a name that a notebook can have")
    if hints not in (1, 2, 3, 4):
        raise ValueError(f"check.to_otter: hints={hints}; levels go from 1 to 4")
    try:
        compile(setup, "setup", "exec")
    except SyntaxError as error:
        raise ValueError(f"check.to_otter: setup= is no Python: {error}") from None
    # In a doctest a name that the notebook lacks would be an error for all of them; in a function it is None.
    entries = ", ".join(f"{q!r}: {f'globals().get({q!r})' if ok_format else q}" for q in quantities)
    lines = [
        "import tinygrad_lite as tl",
        *setup.strip().splitlines(),
        f"report = tl.check({{{entries}}}, against={against}, hide_expected={hide_expected!r})",
    ]
    cases = "".join(
        (SUITE if ok_format else CASE).format(
            k=k,
            each=points / len(quantities),
            hidden=hidden,
            success=f"{q} is right",
            quantity=q,
            level=hints,
            arguments=", ".join(dict.fromkeys([*quantities, *([] if setup else [against])])),
            lines="\n".join(f"    {line}".rstrip() for line in lines),
            code=_doctest([*lines, f"print(report.says({q!r}, {hints}))"], f"{q} is right"),
        )
        for k, q in enumerate(quantities, start=1)
    )
    return (DOCTESTS if ok_format else EXCEPTIONS).format(name=name, cases=cases)


def _doctest(lines: list[str], shown: str) -> str:
    """Lines as a doctest; what is indented goes on with the line above it, and a blank prompt ends it."""
    text = [f"{'...' if line[:1].isspace() else '>>>'} {line}" for line in lines if line.strip()]
    ended = []
    for line, after in zip(text, [*text[1:], ">>> "], strict=True):
        ended.append(line)
        if line.startswith("...") and after.startswith(">>>"):
            ended.append("...")
    return "\n".join([*ended, shown]) + "\n"
