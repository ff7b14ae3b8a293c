"""What the README says is so: its code runs, its outputs are real, its tables match the package."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.checking.mistakes import CATALOGUE
from tinygrad_lite.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its header, as stripped cells."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def number(word: str) -> float | None:
    try:
        return float(word.strip("[](),|:"))
    except ValueError:
        return None


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.strip().splitlines()[0])
def test_a_code_block_runs_and_prints_what_it_says(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # for the files that it writes
    if ">>>" not in code:
        exec(compile(code, "README.md", "exec"), {})
        return
    test = doctest.DocTestParser().get_doctest(code, {}, "README.md", "README.md", 0)
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(test)
    assert results.failed == 0
    assert results.attempted > 0


def test_there_are_code_blocks() -> None:
    assert blocks("python")


def test_the_main_job_prints_what_the_readme_shows(capsys: pytest.CaptureFixture[str]) -> None:
    shown = next(block for block in blocks("text") if "epoch" in block)
    assert main(["train"]) == 0
    printed = capsys.readouterr().out
    assert len(shown.split()) == len(printed.split())
    for ours, theirs in zip(shown.split(), printed.split(), strict=True):
        # words to the letter; numbers to 12 digits, for the last ones are those of this machine's BLAS
        if number(ours) is None:
            assert ours == theirs
        else:
            assert number(ours) == pytest.approx(number(theirs), rel=1e-12, abs=1e-12)


def test_the_backward_pass_of_the_exercise_is_printed_as_the_readme_shows(capsys: pytest.CaptureFixture[str]) -> None:
    shown = next(block for block in blocks("text") if "# backward" in block)
    assert main(["source"]) == 0
    assert shown in capsys.readouterr().out


def test_there_are_as_many_mistakes_as_the_readme_says() -> None:
    said = {int(n) for n in re.findall(r"knows more than (\d+)", README)}
    assert said
    assert max(said) < len(CATALOGUE) <= max(said) + 50


def test_the_box_holds_exactly_what_the_package_exports() -> None:
    named = {name for row in table("What is in the box") for name in re.findall(r"`([^`]+)`", row[0])}
    parts = {"tl": tl, "nn": tl.nn, "optim": tl.optim, "data": tl.data}
    public = {f"{part}.{name}" for part, module in parts.items() for name in module.__all__}
    assert named == public


def test_the_derivative_at_every_kink_is_as_the_table_says() -> None:
    rows = table("Conventions at kinks")
    assert len(rows) >= 6
    for operation, point, derivative, code in rows:
        f = eval(code.strip("`"), {"np": np, "tl": tl})
        at = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", point)]
        wanted = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", derivative)]
        assert tl.grad(f)(np.array(at)).numpy().tolist() == wanted, operation
