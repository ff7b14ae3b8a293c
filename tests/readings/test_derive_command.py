"""`tinygrad-lite derive`: the exercise by default, files as their names end, losses of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.readings.derivations import exercise_point
from tinygrad_lite.cli import main


def test_the_command_prints_the_exercise(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive"]) == 0
    assert capsys.readouterr().out == str(exercise_point(0, lr=0.001))


def test_the_command_writes_files_as_their_names_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, start in {
        "d.html": "<!DOCTYPE html>",
        "d.tex": r"\documentclass",
        "d.md": "# The",
        "d.txt": "The",
    }.items():
        assert main(["derive", "--level", "2", "-o", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_text("utf-8").startswith(start)
    assert capsys.readouterr().out.count(str(tmp_path)) == 4


def test_the_command_takes_a_loss_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np, tinygrad_lite as tl\n"
        "w = tl.tensor([1.0, 2.0], requires_grad=True)\n"
        "def loss(x): return np.sum((w * x) ** 2)\n"
        "value = np.sum(w * w)\nnumber = 3\n"
    )
    assert main(["derive", f"{file}:loss", "--input-shape", "2", "--quiz"]) == 0
    assert "dL/dw = ____" in capsys.readouterr().out
    assert main(["derive", f"{file}:value", "--entry", "w[1]", "--no-checks"]) == 0
    assert "w[1]" in capsys.readouterr().out
    assert main(["derive", f"{file}:number"]) == 2
    assert "is a int" in capsys.readouterr().err
    assert main(["derive", f"{file}:value", "--entry", "u[1]"]) == 1
    assert "there is no 'u' here" in capsys.readouterr().err
