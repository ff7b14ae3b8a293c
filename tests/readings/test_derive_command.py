"""`tinygrad-lite derive`: the exercise by default, files as their names end, losses of one's own."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import tinygrad_lite as tl
from tests.quick import one_in
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
    assert "is of type int; name a loss" in capsys.readouterr().err
    assert main(["derive", f"{file}:value", "--entry", "u[1]"]) == 1
    assert "there is no 'u' here" in capsys.readouterr().err


CLASSIFIER = """\
import numpy as np
from tinygrad_lite import nn, optim
net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 2, rng=1))
x, y = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([0, 1])
loss = nn.CrossEntropyLoss()(net(x), y)
W = net[2].weight
sgd = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
"""
FLAGS: dict[str, tuple[str, dict[str, Any]]] = {
    "wrt": ("--wrt W --wrt b1", {"wrt": ("W", "b1")}),
    "level": ("--level 1", {"level": 1}),
    "entry": ("--entry W[1,2]", {"entry": "W[1,2]"}),
    "preset": ("--preset bishop", {"preset": "bishop", "names": None}),
    "symbol": ("--symbol J", {"symbol": "J"}),
    "delta": ("--delta bar", {"delta": "bar"}),
    "product": ("--product ∘", {"product": "∘"}),
    "layout": ("--layout numerator", {"layout": "numerator"}),
    "mean": ("--mean at_params", {"mean": "at_params"}),
    "digits": ("--digits 2", {"digits": 2}),
    "numbers": ("--no-numbers", {"numbers": False}),
    "fuse": ("--no-fuse", {"fuse": False}),
    "lr": ("--lr 0.5", {"lr": 0.5}),
    "optimizer": ("--optimizer sgd", {"optimizer": "sgd"}),
    "verify": ("--no-checks", {"verify": False}),
}


def test_every_option_has_a_flag() -> None:
    """`names` are those of the file."""
    assert set(FLAGS) == set(inspect.signature(tl.derive).parameters) - {"loss", "names"}


@pytest.mark.parametrize("option", one_in(3, FLAGS))
def test_a_flag_does_what_the_option_does(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(CLASSIFIER)
    flags, options = FLAGS[option]
    assert main(["derive", f"{file}:loss", *flags.split()]) == 0
    shown = capsys.readouterr().out
    names: dict[str, Any] = {}
    exec(CLASSIFIER, names)
    by_name = {**names, "b1": names["net"][0].bias}
    for key in {"wrt", "optimizer"} & set(options):
        options = {key: by_name[options[key]] if key == "optimizer" else [by_name[name] for name in options[key]]}
    assert shown == str(tl.derive(names["loss"], **{"names": names, **options}))
    assert shown != str(tl.derive(names["loss"], names=names))


def test_a_name_that_is_not_there_is_answered_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(CLASSIFIER)
    assert main(["derive", f"{file}:loss", "--wrt", "Q"]) == 2
    assert capsys.readouterr().err.endswith("There are z2, b2, W, h1, z1, b1, W1\n")
    for command in ("derive", "source"):
        assert main([command, f"{file}:loss", "--optimizer", "Q"]) == 2
        assert capsys.readouterr().err.endswith("Optimizers there: sgd\n")
        assert main([command, "--optimizer", "sgd"]) == 2
        assert "of your own" in capsys.readouterr().err
