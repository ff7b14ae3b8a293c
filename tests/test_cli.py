"""The command line as a user meets it: what it prints, what it writes, its help."""

from __future__ import annotations

import io
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import tinygrad_lite
from tinygrad_lite import exercise, training
from tinygrad_lite.cli import main

DIGITS = ["train", "--data", "digits", "--hidden", "16", "--epochs", "2"]


# -- the exercise ----------------------------------------------------------------------------------------------


def test_the_exercise_prints_costs_parameters_predictions_and_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = re.findall(r"^ +(start|\d+)((?: +\d+\.\d{8}){5})$", out, re.MULTILINE)
    assert [name for name, _ in rows] == ["start", *map(str, range(1, 11))]
    assert rows[10][1].split() == ["0.13393921", "0.00111281", "0.08955623", "0.00181572", "0.05660599"]
    printed = [float(number) for number in re.findall(r"\d+\.\d{10,}", out)]
    for number in (1.0475420568027847, 0.010264775053490811, 1.1070729799438688, 70.07770787249463):
        assert number in [pytest.approx(one, rel=1e-12) for one in printed]  # the last digits are the BLAS's own
    assert "1. C < 0.15 at every training point after the last epoch: holds (max 0.1339)" in out
    assert "2. |prediction - 7p| < 0.1 at every testing point: holds (max 0.0777)" in out
    assert "means the cost C;\n  for |y - a|, here 0.518, 0.047, 0.423, 0.060, it does not hold." in out
    assert max(map(len, out.splitlines())) <= 80
    assert out.isascii()


def test_verdicts_are_honest_at_other_rates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--epochs", "1", "--lr", "0"]) == 0
    out = capsys.readouterr().out
    assert out.count("DOES NOT HOLD") == 2
    assert "here 1.000, 3.000, 5.000, 6.000, it does not hold" in out


def test_the_exercise_as_json_has_every_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "exercise.json"
    assert main(["train", "--epochs", "3", "--json", str(file)]) == 0
    assert f"saved the history to {file}" in capsys.readouterr().out
    record = json.loads(file.read_text())
    result = exercise.run(epochs=3)
    assert record["settings"] == {"epochs": 3, "lr": 0.001}
    assert [epoch["costs"] for epoch in record["epochs"]] == [list(epoch.costs) for epoch in result.epochs]
    assert record["parameters"] == {"W1": result.W1.tolist(), "b": result.b.tolist(), "W2": result.W2.tolist()}
    assert [p["prediction"] for p in record["predictions"]] == [answer.prediction for answer in result.answers]
    assert [c["holds"] for c in record["criteria"]] == [c.holds for c in result.criteria]


def test_it_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tinygrad_lite", "train"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(Path(tinygrad_lite.__file__).with_name("__main__.py")), run_name="__main__")
    assert end.value.code == 0
    assert "holds (max 0.1339)" in capsys.readouterr().out


def test_it_runs_as_a_process() -> None:
    done = subprocess.run([sys.executable, "-m", "tinygrad_lite", "train"], capture_output=True, text=True, check=True)
    assert "holds (max 0.1339)" in done.stdout
    assert done.stderr == ""


# -- the digits ------------------------------------------------------------------------------------------------


def test_the_digits_print_a_row_per_epoch_and_no_bar_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(DIGITS) == 0
    out, err = capsys.readouterr()
    rows = [line.split() for line in re.findall(r"^ +\d+(?: +\d+\.\d{4}){4}$", out, re.MULTILINE)]
    assert [row[0] for row in rows] == ["1", "2"]
    assert f"Test accuracy {rows[-1][4]} after epoch 2" in out
    assert err == ""


def test_a_terminal_gets_a_bar_with_the_running_figures_that_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(DIGITS) == 0
    shown = terminal.getvalue()
    assert re.search(r"epoch 2/2  loss \d\.\d{4}  accuracy \d\.\d{3} \|.*\| +\d+% \[", shown)
    assert shown.rstrip(" \r").endswith("]")
    assert shown.endswith("\r")  # wiped with blanks, and back to the start of the line


def test_equal_seeds_give_equal_files(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.json", "two.json", "other.json")]
    for file, seed in zip(files, "334", strict=True):
        assert main([*DIGITS, "--seed", seed, "--json", str(file)]) == 0
    one, two, other = (file.read_bytes() for file in files)
    assert one == two
    assert json.loads(one)["epochs"] != json.loads(other)["epochs"]
    assert json.loads(one)["tinygrad_lite"] == tinygrad_lite.__version__


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        ("", training.Settings()),
        (
            "--hidden 8 4 --epochs 1 --batch-size 7 --lr .5 --momentum .25 --seed 11",
            training.Settings((8, 4), epochs=1, batch_size=7, lr=0.5, momentum=0.25, seed=11),
        ),
    ],
    ids=["none", "all"],
)
def test_flags_reach_the_training_and_the_file(
    flags: str, settings: training.Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def train_digits(got: training.Settings, on_step: Any, compile: bool) -> Iterator[training.Epoch]:
        assert got == settings
        yield training.Epoch(1, 1.0, 0.5, 1.0, 0.5, seconds=7.0)

    monkeypatch.setattr(training, "train_digits", train_digits)
    file = tmp_path / "h.json"
    assert main(["train", "--data", "digits", *flags.split(), "--json", str(file)]) == 0
    record = json.loads(file.read_text())
    assert record["settings"] == {**asdict(settings), "hidden": list(settings.hidden)}
    assert record["epochs"] == [
        {"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5, "test_loss": 1.0, "test_accuracy": 0.5}
    ]


# -- curves ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "ending", "magic"),
    [
        (["train"], "png", b"\x89PNG"),
        (["train"], "SVG", b"<?xml"),
        pytest.param(["train"], "pdf", b"%PDF", marks=pytest.mark.thorough),
        (DIGITS, "png", b"\x89PNG"),
    ],
    ids=["exercise-png", "exercise-SVG", "exercise-pdf", "digits-png"],
)
def test_curves_are_drawn_in_the_format_that_the_name_asks_for(
    data: list[str], ending: str, magic: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / f"curves.{ending}"
    assert main([*data, "--plot", str(file)]) == 0
    assert file.read_bytes().startswith(magic)
    assert f"saved the curves to {file}" in capsys.readouterr().out


def test_drawing_leaves_matplotlibs_global_state_alone(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    program = (
        "import sys, matplotlib; from tinygrad_lite.cli import main; "
        "before = dict.__getitem__(matplotlib.rcParams, 'backend'); "
        f"main(['train', '--plot', {str(tmp_path / 'c.png')!r}]); "
        "assert dict.__getitem__(matplotlib.rcParams, 'backend') is before; "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


# -- help ------------------------------------------------------------------------------------------------------


def test_help_has_every_flag_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["train", "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    for flag in ("data", "hidden", "epochs", "batch-size", "lr", "momentum", "seed", "plot", "json"):
        assert f"--{flag} " in out
    assert "examples:\n  tinygrad-lite train\n" in out
    defaults = training.Settings()
    for default in (f"digits {defaults.epochs}", f"digits {defaults.lr}", f"default: {defaults.batch_size}"):
        assert default in out
    assert f"default: {' '.join(map(str, defaults.hidden))}" in out
    assert f"default: {defaults.momentum}" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"tinygrad-lite {tinygrad_lite.__version__}\n"


def test_help_is_quick_for_it_imports_no_command() -> None:
    program = (
        "import sys; from tinygrad_lite.cli.arguments import parser; parser(); "
        "print(sorted({'tqdm', 'matplotlib', 'tinygrad_lite.training', 'numpy.random'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
