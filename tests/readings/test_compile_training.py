"""The training loops, compiled: the numbers on the screen and in the files are those without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.test_compile import bits, mlp
from tinygrad_lite import exercise, models, nn, optim, training
from tinygrad_lite.cli import main


def test_the_exercise_is_the_same_to_the_last_bit() -> None:
    one, two = exercise.network(), exercise.network()
    assert list(exercise.train(one)) == list(exercise.train(two, compile=True))
    assert all(bits(a.data) == bits(b.data) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_the_digits_are_the_same_to_the_last_bit() -> None:
    settings = training.Settings(hidden=(16, 8), epochs=3)
    assert list(training.train_digits(settings)) == list(training.train_digits(settings, compile=True))


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_the_models_are_the_same(model: Any) -> None:
    plan = models.Plan(model, epochs=1)
    data = models.examples(plan)
    small = tuple((x[:70], y[:70]) for x, y in data)
    found = [models.train(plan, small, compile=compiled) for compiled in (False, True)]  # type: ignore[arg-type]
    (one, a), (two, b) = found
    assert all(bits(p.data) == bits(q.data) for p, q in zip(one.parameters(), two.parameters(), strict=True))
    for r, s in zip(a, b, strict=True):
        assert {k: v for k, v in r.items() if k != "seconds"} == {k: v for k, v in s.items() if k != "seconds"}


def test_fit_takes_it_as_an_option() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 6)), rng.integers(3, size=50)
    histories = []
    for compiled in (False, True):
        net: nn.Module = mlp()
        opt = optim.Adam(net.parameters(), lr=0.01)
        schedule = optim.lr_scheduler.StepLR(opt, 2)
        histories.append(
            tl.fit(net, nn.CrossEntropyLoss(), opt, (x, y), epochs=5, scheduler=schedule, validation=(x, y), rng=0,
                   patience=3, progress=False, compile=compiled)
        )  # fmt: skip
    assert histories[0]["loss"] == histories[1]["loss"]
    assert histories[0]["val_loss"] == histories[1]["val_loss"]


def test_a_loss_that_is_no_longer_finite_ends_it() -> None:
    x, y = np.ones((4, 6)), np.zeros((4, 3))
    net: nn.Module = mlp()
    opt = optim.SGD(net.parameters(), lr=1e200)
    with np.errstate(all="ignore"), pytest.raises(ArithmeticError, match="the loss is"):
        tl.fit(net, nn.MSELoss(), opt, (x, y), epochs=9, progress=False, compile=True)


def test_the_command_line(capsys: Any, tmp_path: Path) -> None:
    seen = []
    for more in ([], ["--compile"]):
        assert main(["train", *more, "--json", str(tmp_path / "e.json")]) in (None, 0)
        exercise_text = capsys.readouterr().out
        assert main(["train", "--data", "digits", "--epochs", "2", *more]) in (None, 0)
        digits_text = capsys.readouterr().out.rpartition(";")[0]  # without the seconds
        seen.append((exercise_text, digits_text, json.loads((tmp_path / "e.json").read_text())))
    assert seen[0] == seen[1]
