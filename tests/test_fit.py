"""The training loop: what it trains on, what it records, when it stops, and how the history shows itself."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn, optim
from tinygrad_lite.fitting import accuracy, evaluate
from tinygrad_lite.history import History

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Y = (X @ RNG.standard_normal((4, 3))).argmax(1)


def run(**more: Any) -> tuple[nn.Module, History]:
    net = nn.Sequential(nn.Linear(4, 16, rng=1), nn.ReLU(), nn.Linear(16, 3, rng=2))
    opt = optim.Adam(net.parameters(), lr=more.pop("lr", 0.02))
    options: dict[str, Any] = {"epochs": 8, "rng": 0, "progress": False, "metrics": {"accuracy": accuracy}, **more}
    return net, tl.fit(net, nn.CrossEntropyLoss(), opt, options.pop("train", (X, Y)), **options)


def test_it_learns_and_records_every_epoch() -> None:
    net, history = run(validation=(X[:20], Y[:20]), epochs=20)
    assert len(history) == 20
    assert history["accuracy"][-1] > 0.9  # type: ignore[index]
    last = history[-1]
    assert isinstance(last, dict)
    assert last.keys() == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
    assert evaluate(net, nn.CrossEntropyLoss(), (X[:20], Y[:20]), {"accuracy": accuracy}) == {
        "loss": pytest.approx(last["val_loss"]), "accuracy": pytest.approx(last["val_accuracy"]),
    }  # fmt: skip
    assert not net.training


def test_equal_seeds_give_equal_runs_with_or_without_a_bar() -> None:
    (_, a), (_, b) = run(), run(progress=True)
    assert a["loss"] == b["loss"]


def test_batches_of_ones_own_are_taken_as_they_are() -> None:
    _, history = run(train=[(X[:30], Y[:30]), (X[30:], Y[30:])])
    assert len(history) == 8
    with pytest.raises(TypeError, match="an iterator is used up after one epoch"):
        run(train=iter([(X, Y)]))


def test_it_stops_early_and_goes_back_to_the_best() -> None:
    noise = np.random.default_rng(1).integers(3, size=20)
    net, history = run(validation=(X[:20], noise), patience=3, epochs=200, lr=0.1)
    assert len(history) < 100
    losses = history["val_loss"]
    assert isinstance(losses, list)
    assert losses.index(min(losses)) == len(losses) - 4
    assert evaluate(net, nn.CrossEntropyLoss(), (X[:20], noise))["loss"] == pytest.approx(min(losses))


def test_callbacks_see_each_epoch_and_can_end_it() -> None:
    seen: list[float] = []

    def watch(record: dict[str, float]) -> bool:
        seen.append(record["epoch"])
        return record["epoch"] == 3

    assert len(run(callbacks=[watch])[1]) == 3
    assert seen == [1, 2, 3]


def test_ctrl_c_keeps_what_was_done() -> None:
    def interrupt(record: dict[str, float]) -> None:
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    _, history = run(callbacks=[interrupt])
    assert len(history) == 2
    assert "interrupted" in repr(history)


@pytest.mark.parametrize("kind", ["StepLR", "ReduceLROnPlateau"])
def test_the_schedule_is_stepped_each_epoch(kind: str) -> None:
    net = nn.Linear(4, 3, rng=0)
    opt = optim.SGD(net.parameters(), lr=0.1)
    schedule = optim.lr_scheduler.StepLR(opt, 1) if kind == "StepLR" else optim.lr_scheduler.ReduceLROnPlateau(opt)
    tl.fit(net, nn.CrossEntropyLoss(), opt, (X, Y), epochs=4, scheduler=schedule, rng=0, progress=False)
    assert schedule.last_epoch == 4


def test_a_loss_that_is_not_finite_is_an_error_that_says_what_to_do() -> None:
    net = nn.Linear(4, 1, rng=0)
    opt = optim.SGD(net.parameters(), lr=1e200)
    with pytest.raises(ArithmeticError, match="A smaller learning rate"):
        tl.fit(net, nn.MSELoss(), opt, (X, X[:, :1]), epochs=5, rng=0, progress=False)


@pytest.mark.parametrize(
    ("train", "metrics", "error", "says"),
    [
        ((np.zeros((0, 2)), np.zeros((0, 1))), {}, ValueError, "no example"),
        ([], {}, ValueError, "no example"),
        ([np.ones((4, 2)), np.ones((4, 1))], {}, TypeError, r"a tuple, \(x, y\), or a list of batches"),
        ({"x": np.ones((4, 2)), "y": np.ones((4, 1))}, {}, TypeError, r"a tuple, \(x, y\), or a list of batches"),
        ((np.ones((4, 2)), np.ones((4, 1))), {"loss": nn.L1Loss()}, ValueError, "no metric can be called 'loss'"),
    ],
)
def test_data_and_metrics_that_make_no_sense_are_refused(
    train: Any, metrics: Any, error: type[Exception], says: str
) -> None:
    net = nn.Linear(2, 1, rng=0)
    with pytest.raises(error, match=says):
        tl.fit(net, nn.MSELoss(), optim.SGD(net.parameters(), lr=0.1), train, epochs=1, metrics=metrics, progress=False)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"epochs": -1}, ValueError, "a whole number from 0 up, not -1"),
        ({"epochs": 1.5}, ValueError, "a whole number from 0 up, not 1.5"),
        ({"epochs": True}, ValueError, "a whole number from 0 up, not True"),
        ({"epochs": "3"}, ValueError, "a whole number from 0 up, not '3'"),
        ({"optimizer": None}, TypeError, r"one of tl.optim.*not None\. To look at a network.*fitting import evaluate"),
        ({"optimizer": optim.SGD}, TypeError, "one of tl.optim, such as"),
        ({"optimizer": optim.SGD(nn.Linear(1, 1).parameters())}, ValueError, "the optimizer was made for other param"),
        ({"train": (np.array([[np.nan]]), np.ones((1, 1)))}, ArithmeticError, "nan or infinity is among the data"),
        ({"metrics": [nn.L1Loss()]}, TypeError, "a dict of functions"),
        ({"scheduler": 0.5}, TypeError, "made with the optimizer.*not 0.5"),
        ({"scheduler": optim.lr_scheduler.StepLR}, TypeError, "made with the optimizer"),
        ({"train": np.ones((2, 1))}, TypeError, r"a pair of arrays in a tuple, \(x, y\)"),
        ({"train": (np.ones((2, 1)),)}, TypeError, r"a pair of arrays in a tuple, \(x, y\)"),
        ({"train": None}, TypeError, r"a pair of arrays in a tuple, \(x, y\)"),
    ],
)
def test_a_training_that_makes_no_sense_is_refused(change: Any, error: type[Exception], says: str) -> None:
    net = nn.Linear(1, 1)
    how = {"optimizer": optim.SGD(net.parameters()), "train": (np.ones((2, 1)), np.ones((2, 1))), "epochs": 1}
    with pytest.raises(error, match=says):
        tl.fit(net, nn.MSELoss(), **{**how, **change})


def test_a_loss_that_was_not_made_yet_is_refused_with_the_brackets_it_lacks() -> None:
    net = nn.Linear(1, 1)
    with pytest.raises(TypeError, match=r"MSELoss; give an object made of it, MSELoss\(\)"):
        tl.fit(net, nn.MSELoss, optim.SGD(net.parameters()), (np.ones((2, 1)), np.ones((2, 1))), epochs=1)  # type: ignore[arg-type]  # the mistake


def test_the_history_is_a_plot_in_a_notebook() -> None:
    _, history = run(validation=(X[:20], Y[:20]))
    svg = ElementTree.fromstring(history._repr_svg_())
    lines = [e for e in svg.iter() if e.tag.endswith("polyline")]
    assert len(lines) == 4  # loss and accuracy, training and validation
    assert all(len(line.attrib["points"].split()) == 8 for line in lines)
    assert ElementTree.fromstring(History()._repr_svg_()) is not None
    assert [record["epoch"] for record in history] == list(range(1, 9))
