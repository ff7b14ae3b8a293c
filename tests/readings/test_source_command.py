"""`tinygrad-lite source`: to the terminal, to a file, of a program of one's own; and what goes wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_lite.cli import main

OWN = """\
import numpy as np
import tinygrad_lite as tl
from tinygrad_lite import nn

net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
W = tl.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
sgd = tl.optim.SGD([W], lr=0.1, momentum=0.5)
ready = np.sum(np.tanh(W) ** 2)

def size(x):
    return np.mean(net(x) ** 2)

def bad(x):
    return net(x)

def stops():
    return {}["nothing there"]

def leaves():
    raise SystemExit(0)

class C: ...
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_program.py").write_text(OWN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_exercise_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["source"]) == 0
    text = capsys.readouterr().out
    for line in ("z = W1 @ x + b", "da = a - y", "dW2 = np.outer(da, h)", "dz = dh * (z > 0)", "dW1 = np.outer(dz, x)"):
        assert f"    {line}" in text


def test_the_file_is_written_and_runs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["source", "--update", "0.001", "-o", "exercise.py"]) == 0
    assert capsys.readouterr().out == "exercise.py\n"
    run = subprocess.run([sys.executable, "exercise.py"], cwd=place, capture_output=True, text=True, check=True)
    assert "loss = 0.5\n" in run.stdout
    assert "step 2: loss 0.455961" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("own_program.py:size --input-shape 8x4", "N, the batch size, is free: it was checked with 8"),
        ("own_program.py:ready", "dW = "),
        ("--exercise", "dW1 = ... # TODO: shape (3, 2)"),
        ("--blank dW1 --blank dz", "dh = da @ W2 # (3,) dz = ... # TODO: shape (3,) db = dz # (3,) dW1 = ... # TODO"),
        ("--rounded", "dz = dh * (z > 0)"),
        ("own_program.py:ready --optimizer sgd", "velocity[key] = 0.5 * velocity[key] + g if key in velocity else g"),
    ],
)
@pytest.mark.usefixtures("place")
def test_of_a_program_of_ones_own(arguments: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["source", *arguments.split()]) == 0
    assert text in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("own_program.py:nothing", 2, "there is no nothing in own_program.py"),
        ("nowhere.py:f", 2, "there is no file nowhere.py"),
        ("own_program.py:C", 2, "is a class"),
        ("own_program.py:np", 2, "is of type module; name a function or a loss"),
        ("own_program.py:stops", 1, "own_program.py:stops stops with KeyError: 'nothing"),
        ("own_program.py:leaves", 1, "own_program.py:leaves stops with SystemExit: 0"),
        ("own_program.py:net", 2, "is a network, which has no loss"),
        ("own_program.py:size", 2, "Give it once for each input"),
        ("own_program.py:size --input-shape 8x3", 1, "maps 4 features"),
        ("own_program.py:bad --input-shape 8x4", 1, "is not a scalar"),
        ("own_program.py:ready --input-shape 3", 2, "is a Tensor"),
        ("--input-shape 3", 2, "of your own"),
        ("--blank dz1", 1, "'dz1' is no line of the backward pass. The lines are da, dW2, dh, dz, db, dW1"),
        ("--update 0.1 --optimizer sgd", 2, "not both"),
        ("-o nowhere/x.py", 2, "cannot write there"),
    ],
)
@pytest.mark.usefixtures("place")
def test_what_goes_wrong_is_said_in_a_line(
    arguments: str, status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["source", *arguments.split()]) == status
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


BESIDE = """\
from __future__ import annotations
from dataclasses import dataclass
from own_program import net
import numpy as np

@dataclass
class Setting:
    rate: float = 0.1

print("reading")

def loss():
    print("running")
    return np.mean(net(np.ones((2, 4))) ** 2)
"""


@pytest.mark.parametrize("command", ["source", "derive", "draw"])
def test_a_file_is_read_as_a_script_is(command: str, place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It may import what stands beside it, and what it prints does not get into what the command prints."""
    (place / "beside.py").write_text(BESIDE, encoding="utf-8")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    arguments = [sys.executable, "-m", "tinygrad_lite", command, f"{place / 'beside.py'}:loss"]
    run = subprocess.run(arguments, cwd=elsewhere, capture_output=True, text=True, check=True)
    assert "running" in run.stderr
    assert "reading" in run.stderr
    assert not {"reading", "running"} & set(run.stdout.split("\n"))
