"""The exercise against its hand derivation, written out in plain NumPy, and against its published numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tinygrad_lite import exercise, optim
from tinygrad_lite.intake import Array
from tinygrad_lite.training import Diverged

Parameters = tuple[Array, Array, Array]  # W1 (3, 2), b (3,), W2 (1, 3)


def assert_exact(ours: Any, reference: Any) -> None:
    np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-12)


def gradients_by_hand(W1: Array, b: Array, W2: Array, x: Array, y: float) -> tuple[float, Parameters]:
    """C and its derivatives, derived with pen and paper."""
    z = W1 @ x + b
    h = np.where(z > 0, z, 0.0)
    a = float(W2[0] @ h)
    dC_da = a - y
    dC_dW2 = dC_da * h[None, :]
    dC_dh = dC_da * W2[0]
    dC_dz = np.where(z > 0, dC_dh, 0.0)  # relu'(0) = 0
    return (y - a) ** 2 / 2, (np.outer(dC_dz, x), dC_dz, dC_dW2)


def steps_by_hand() -> Iterator[tuple[float, Parameters]]:
    """The cost before each of the 40 steps and the parameters after it."""
    W1, b, W2 = np.ones((3, 2)), np.zeros(3), np.ones((1, 3))
    for _ in range(10):
        for point, y in (((2, 1), 10), ((3, 3), 21), ((4, 5), 32), ((6, 6), 42)):
            C, (dW1, db, dW2) = gradients_by_hand(W1, b, W2, np.array(point, float), y)
            W1, b, W2 = W1 - 0.001 * dW1, b - 0.001 * db, W2 - 0.001 * dW2
            yield C, (W1, b, W2)


@pytest.fixture(scope="module")
def result() -> exercise.Result:
    return exercise.run()


def test_all_40_steps_equal_those_by_hand() -> None:
    net = exercise.network()
    optimiser = optim.SGD(net.parameters(), lr=0.001)
    visits = [point for _ in range(10) for point in exercise.TRAINING]
    for (x, y), (C, parameters) in zip(visits, steps_by_hand(), strict=True):
        assert exercise.step(net, optimiser, x, y) == pytest.approx(C, rel=0, abs=1e-12)
        for ours, by_hand in zip(net.state_dict().values(), parameters, strict=True):
            assert_exact(ours, by_hand)


def test_the_first_step_is_the_one_in_whole_numbers() -> None:
    net = exercise.network()
    C = exercise.cost(net, (2, 1), 10)
    assert C.item() == 0.5
    C.backward()
    assert net[0].weight.grad.tolist() == [[-2, -1]] * 3
    assert net[0].bias.grad.tolist() == [-1, -1, -1]
    assert net[2].weight.grad.tolist() == [[-3, -3, -3]]
    optim.SGD(net.parameters(), lr=0.001).step()
    assert exercise.cost(net, (2, 1), 10).item() == pytest.approx(0.455961, abs=5e-7)


@pytest.mark.parametrize("roll", [0, 1])
def test_a_generic_point_with_a_dead_unit_equals_the_hand_derivation(roll: int) -> None:
    """The exercise's own points keep all units equal and on, which hides many a mistake; this one hides none."""
    W1 = np.roll([[0.7, -0.4], [-0.3, 0.9], [-0.8, -0.6]], roll, axis=0)  # rolled: the dead unit comes first
    b, W2 = np.roll([0.1, -0.2, 0.05], roll), np.roll([[0.5, -1.2, 0.8]], roll, axis=1)
    net = exercise.network()
    net.load_state_dict({"0.weight": W1, "0.bias": b, "2.weight": W2})
    exercise.cost(net, (1.5, 2), 0.7).backward()
    assert net((1.5, 2)).item() == pytest.approx(-1.205, abs=1e-12)
    dz, dW2 = np.roll([-0.9525, 2.286, 0], roll), np.roll([[-0.66675, -2.19075, 0]], roll, axis=1)
    dW1 = np.roll([[-1.42875, -1.905], [3.429, 4.572], [0, 0]], roll, axis=0)
    assert_exact(net[0].weight.grad, dW1)
    assert_exact(net[0].bias.grad, dz)
    assert_exact(net[2].weight.grad, dW2)


def test_the_parameters_after_epoch_1() -> None:
    net = exercise.network()
    next(exercise.train(net))
    assert_exact(net[0].weight.numpy(), [[1.0452341374864325, 1.04847162072718]] * 3)
    assert_exact(net[0].bias.numpy(), [0.011080512859654598] * 3)
    np.testing.assert_allclose(net[2].weight.numpy(), [[1.0923780] * 3], rtol=0, atol=1e-7)


def test_the_parameters_after_10_epochs(result: exercise.Result) -> None:
    assert_exact(result.W1, [[1.0475420568027847, 1.061431111666658]] * 3)
    assert_exact(result.b, [0.010264775053490811] * 3)
    assert_exact(result.W2, [[1.1070729799438688] * 3])


def test_the_predictions_after_10_epochs(result: exercise.Result) -> None:
    reference = [7.038453196038151, 14.042814826755537, 21.047176457472922, 35.055899718907696, 70.07770787249463]
    assert_exact([answer.prediction for answer in result.answers], reference)
    assert [answer.target for answer in result.answers] == [7, 14, 21, 35, 70]


def test_an_epochs_costs_are_those_of_the_network_at_its_end(result: exercise.Result) -> None:
    last_steps = list(steps_by_hand())[3::4]
    for epoch, (_, parameters) in zip(result.epochs, last_steps, strict=True):
        costs = [gradients_by_hand(*parameters, np.array(x, float), y)[0] for x, y in exercise.TRAINING]
        assert_exact(epoch.costs, costs)
        assert epoch.mean == pytest.approx(np.mean(costs), rel=0, abs=1e-12)
    assert [epoch.number for epoch in result.epochs] == list(range(1, 11))
    assert result.start == exercise.Epoch(0, (0.5, 4.5, 12.5, 18.0))


def test_both_criteria_hold_for_the_cost_and_not_for_the_distance(result: exercise.Result) -> None:
    costs, predictions = result.criteria
    assert costs.holds
    assert costs.largest == pytest.approx(0.1339, abs=5e-5)
    assert predictions.holds
    assert predictions.largest == pytest.approx(0.0777, abs=5e-5)
    assert result.training_errors == pytest.approx((0.518, 0.047, 0.423, 0.060), abs=5e-4)


def test_the_criteria_fail_where_they_should() -> None:
    after_one = exercise.run(epochs=1)
    assert [criterion.holds for criterion in after_one.criteria] == [False, False]
    assert after_one.criteria[0].largest == max(after_one.epochs[-1].costs)


def test_a_rate_that_blows_up_is_named_and_warns_of_nothing() -> None:
    with pytest.raises(Diverged, match="in epoch 1"):
        exercise.run(lr=1e200)
