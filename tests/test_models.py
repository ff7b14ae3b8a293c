"""The networks of the course: their shapes, that they learn, and the command that trains them by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.test_idx import idx, write_mnist
from tinygrad_lite import models, nn
from tinygrad_lite.cli import main


@pytest.mark.parametrize(
    ("model", "data", "parameters"),
    [
        ("mlp", "digits", 784 * 128 + 128 + 1290),
        ("cnn", "digits", 320 + 18496 + 1600 * 128 + 128 + 1290),
        ("mlp", "two-digits", 1176 * 64 + 64 + 2 * 650),
        ("cnn", "two-digits", 320 + 18496 + 2880 * 128 + 128 + 2 * 1290),
    ],
)
def test_the_networks_have_the_sizes_that_they_are_known_for(model: str, data: str, parameters: int) -> None:
    net = models.network(models.Plan(model, data))  # type: ignore[arg-type]
    assert sum(p.size for p in net.parameters()) == parameters
    two = data == "two-digits"
    logits = net.eval()(np.zeros((2, 1, 42 if two else 28, 28), np.float32))
    assert [head.shape for head in (logits if two else (logits,))] == [(2, 10)] * (2 if two else 1)


def part(
    data: tuple[models.Examples, models.Examples], train: int, test: int
) -> tuple[models.Examples, models.Examples]:
    (x, y), (u, v) = data
    return (x[:train], y[:train]), (u[:test], v[:test])


@pytest.mark.parametrize(
    ("plan", "train", "wanted"),
    [
        (models.Plan("mlp", epochs=3), 1437, 0.93),
        pytest.param(models.Plan("mlp", activation="leaky-relu", epochs=3), 1437, 0.93, marks=pytest.mark.thorough),
        pytest.param(models.Plan("cnn", epochs=2, lr=0.02), 1437, 0.8, marks=pytest.mark.thorough),
        (models.Plan("mlp", "two-digits", epochs=3), 4000, 0.55),
        pytest.param(models.Plan("cnn", "two-digits", epochs=2, lr=0.03), 2000, 0.3, marks=pytest.mark.thorough),
    ],
    ids=["mlp", "mlp leaky", "cnn", "mlp two-digits", "cnn two-digits"],
)
def test_they_learn(plan: models.Plan, train: int, wanted: float) -> None:
    _, history = models.train(plan, part(models.examples(plan), train, 200))
    losses = [record["loss"] for record in history]
    assert losses == sorted(losses, reverse=True)
    assert history.epochs[-1]["val_accuracy"] >= wanted


def test_the_fork_adds_up_the_gradients_of_both_heads() -> None:
    net = models.network(models.Plan("mlp", "two-digits"))
    x, y = np.random.default_rng(0).random((3, 1, 42, 28), np.float32), np.array([[1, 2], [3, 4], [5, 6]])
    models.PairLoss()(net(x), y).backward()
    whole = {name: p.grad for name, p in net.named_parameters() if p.grad is not None}
    parts = []
    for head in range(2):
        net.zero_grad()
        (0.5 * nn.CrossEntropyLoss()(net(x)[head], y[:, head])).backward()
        parts.append({name: p.grad for name, p in net.named_parameters() if p.grad is not None})
    for name in ("body.1.weight", "body.1.bias"):
        np.testing.assert_allclose(whole[name], parts[0][name] + parts[1][name], rtol=1e-4, atol=1e-7)
    assert "lower.weight" not in parts[0]


def test_equal_plans_give_equal_numbers() -> None:
    plan = models.Plan("mlp", epochs=1, seed=3)
    a, b = (models.train(plan)[0].state_dict() for _ in range(2))
    assert {n: v.tobytes() for n, v in a.items()} == {n: v.tobytes() for n, v in b.items()}


def test_the_command_trains_and_saves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mnist(tmp_path)
    file = tmp_path / "history.json"
    assert main(["train", "--model", "mlp", "--data", f"mnist:{tmp_path}", "--epochs", "2", "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert "Linear(in_features=784, out_features=128, bias=True)" in out
    assert "7 images to train on, 3 to test on" in out
    assert "s an epoch" in out
    record = json.loads(file.read_text(encoding="utf-8"))
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2]
    assert (record["settings"]["lr"], record["settings"]["momentum"], record["settings"]["epochs"]) == (0.1, 0.0, 2)


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        (["--model", "mlp", "--data", "exercise"], "the exercise has a network of its own"),
        (["--model", "mlp", "--hidden", "3"], "--hidden is for --data digits without --model"),
        (["--activation", "relu"], "--activation is for the networks of --model"),
        (["--data", "mnist:/nowhere"], "/nowhere has no file train-images-idx3-ubyte"),
    ],
)
def test_what_makes_no_sense_is_refused(flags: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *flags]) == 2
    assert error in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "array", "found"),
    [
        ("train-images-idx3-ubyte", np.zeros((7, 20, 20)), r"the train images are \(7, 20, 20\)"),
        ("t10k-labels-idx1-ubyte", np.array([3, 77, 1]), r"the test images are \(3, 28, 28\), labels from 1 to 77"),
    ],
)
def test_images_that_the_networks_cannot_read_are_refused(file: str, array: Any, found: str, tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / file).write_bytes(idx(array, 8))
    with pytest.raises(ValueError, match=found):
        models.examples(models.Plan(data=f"mnist:{tmp_path}"))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_divergence_ends_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--model", "mlp", "--lr", "1e30", "--epochs", "2"]) == 1
    assert "the training diverged" in capsys.readouterr().err
