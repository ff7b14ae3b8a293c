"""Training on the digits: it learns, it repeats itself to the last bit, and its figures are what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.quick import one_in
from tinygrad_lite import nn, optim
from tinygrad_lite.training import (
    Diverged,
    Settings,
    Step,
    digits,
    evaluate,
    fit,
    multilayer_perceptron,
    train_digits,
)

QUICK = Settings(hidden=(16,), epochs=3)


@pytest.mark.parametrize("seed", one_in(3, [0, 1, 2]))
def test_the_defaults_reach_95_percent_on_digits_never_seen(seed: int) -> None:
    assert list(train_digits(Settings(seed=seed)))[-1].test_accuracy >= 0.95


def test_three_epochs_of_a_small_network_learn() -> None:
    first, _, last = train_digits(QUICK)
    assert first.train_loss > 1
    assert last.train_loss < first.train_loss / 2
    assert last.test_loss < first.test_loss
    assert last.test_accuracy > 0.8


def test_equal_seeds_give_equal_numbers_and_others_others() -> None:
    one = list(train_digits(QUICK))
    assert one == list(train_digits(QUICK))  # times are not compared
    assert one != list(train_digits(replace(QUICK, seed=1)))


def test_the_figures_are_means_over_examples() -> None:
    """At a rate of 0 nothing moves, so the running figures have to be those of the whole set at once."""
    train, test = digits(np.random.default_rng(0))
    net = multilayer_perceptron([64, 8, 10], np.random.default_rng(1))
    optimiser = optim.SGD(net.parameters(), lr=0)
    (epoch,) = fit(net, optimiser, train, test, epochs=1, batch_size=100, rng=np.random.default_rng(2))
    loss, accuracy = evaluate(net, train)  # 1,438 examples: the last batch has 38
    assert epoch.train_loss == pytest.approx(loss, rel=1e-6)
    assert epoch.train_accuracy == pytest.approx(accuracy, rel=1e-12)
    assert (epoch.test_loss, epoch.test_accuracy) == evaluate(net, test)
    assert epoch.seconds > 0


def test_evaluate_by_hand() -> None:
    logits = np.log([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    loss, accuracy = evaluate(nn.Identity(), (logits, np.array([0, 2])))
    assert loss == pytest.approx((np.log(2) + np.log(10)) / 2)
    assert accuracy == 0.5


def test_every_step_is_reported_with_the_figures_so_far() -> None:
    steps: list[Step] = []
    epochs = list(train_digits(replace(QUICK, epochs=2, batch_size=1000), steps.append))
    assert [(step.epoch, step.number, step.total) for step in steps] == [(1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2)]
    assert [(s.loss, s.accuracy) for s in steps[1::2]] == [(e.train_loss, e.train_accuracy) for e in epochs]


def test_a_batch_may_be_larger_than_the_data() -> None:
    steps: list[Step] = []
    list(train_digits(replace(QUICK, epochs=1, batch_size=10**30), steps.append))
    assert len(steps) == 1


def test_the_digits_are_split_into_a_fifth_and_the_rest_in_single_precision() -> None:
    (x, y), (x_test, y_test) = digits(np.random.default_rng(0))
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((1438, 64), (1438,), (359, 64), (359,))
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0, 1)


def test_the_network_computes_in_single_precision() -> None:
    net = multilayer_perceptron([64, 64, 32, 10], np.random.default_rng(0))
    assert net(np.zeros((2, 64), np.float32)).dtype == np.float32
    assert [type(module).__name__ for module in net] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]


@pytest.mark.parametrize("batch_size", [32, 1438])
def test_a_rate_that_blows_up_is_named_and_warns_of_nothing(batch_size: int) -> None:
    """With one batch an epoch the loss is still fine when it is visited; the end of the epoch tells."""
    with pytest.raises(Diverged, match="epoch 1"):
        list(train_digits(replace(QUICK, lr=1e38, batch_size=batch_size)))
