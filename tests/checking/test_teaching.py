"""What teachers use: wrong passes made on purpose, what data can reveal, and identities that need no reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.checking.architectures import NETWORKS, probes
from tests.quick import one_in
from tinygrad_lite import exercise, nn
from tinygrad_lite.checking.mistakes import CATALOGUE, places
from tinygrad_lite.checking.recognise import Words
from tinygrad_lite.checking.structure import Structure


def first_loss() -> tl.Tensor:
    return exercise.cost(exercise.network(), *exercise.TRAINING[0])


# -- mutate --------------------------------------------------------------------------------------------------------


def test_a_mutant_is_found_by_check() -> None:
    loss = probes(NETWORKS["relu, squared loss, penalty"])[0]
    mutant = tl.check.mutate(loss, "mask_inverted")
    assert mutant.line == "dC/dz1"
    report = tl.check(mutant.work, against=loss)
    assert [m.id for m in report.mistakes] == ["mask_inverted"]
    assert report.mistakes[0].text == mutant.answer
    assert tl.check(mutant.gradients, against=loss).first_wrong == "b1"


def test_gradients_exchanged_on_purpose_are_found() -> None:
    loss = probes(NETWORKS["residual"])[0]
    right = {name: tl.check.mutate(loss, "sign").gradients[name] for name in ("W1", "W2")}
    mutant = tl.check.mutate(loss, "gradients_swapped", where="W2")
    for name, other in (("W1", "W2"), ("W2", "W1")):
        np.testing.assert_array_equal(mutant.gradients[name], -right[other])
    for work in (mutant.work, mutant.gradients):
        report = tl.check(work, against=loss)
        assert [(m.id, m.text) for m in report.mistakes] == [("gradients_swapped", mutant.answer)]
        assert mutant.answer.startswith("The gradients of W2 and W1 were exchanged: ")


def test_where_says_at_which_place() -> None:
    loss = probes(NETWORKS["relu, squared loss, penalty"])[0]
    assert tl.check.mutate(loss, "W_transposed", where="W1").line == "dC/dW1"
    assert tl.check.mutate(loss, "W_transposed", where="dW2").line == "dC/dW2"
    with pytest.raises(ValueError, match="W_transposed can be made at W1, W2, not at b1"):
        tl.check.mutate(loss, "W_transposed", where="b1")
    with pytest.raises(ValueError, match="with bias_not_summed the backward pass does not run here: cannot reshape"):
        tl.check.mutate(probes(NETWORKS["convolution"])[0], "bias_not_summed", where="gamma1")
    with pytest.raises(ValueError, match="no room for conv_dW_reversed"):
        tl.check.mutate(loss, "conv_dW_reversed")
    with pytest.raises(ValueError, match=r"no mistake is called 'mask_invert'\. Did you mean mask_inverted"):
        tl.check.mutate(loss, "mask_invert")


IDS = [
    pytest.param(network, id, marks=() if (n + k) % 30 == 0 else pytest.mark.thorough)
    for n, network in enumerate(NETWORKS)
    for k, id in enumerate(CATALOGUE)
]


@pytest.mark.parametrize(("network", "id"), IDS)
def test_the_source_of_a_mutant_computes_its_wrong_gradients(network: str, id: str) -> None:
    loss = probes(NETWORKS[network])[0]
    if not any(places(Structure(loss), [id])):
        with pytest.raises(ValueError, match="has no room for"):
            tl.check.mutate(loss, id)
        return
    mutant = tl.check.mutate(loss, id)
    assert "{" not in mutant.answer
    text = mutant.source()
    assert "There is a mistake in the backward pass" in text
    _, gradients = text.exec()["loss_and_gradients"](**text.values)
    assert set(gradients) == set(mutant.gradients)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, mutant.gradients[name], rtol=1e-12, atol=1e-14, err_msg=name)


def plain_arrays(seed: int) -> tuple[tl.Tensor, dict[str, Any]]:
    """Two layers on a batch that is plain arrays, as a notebook has them, and what the notebook calls all of it."""
    rng = np.random.default_rng(seed)
    sizes = {"X": (5, 4), "W1": (4, 4), "b1": (4,), "W2": (4, 1), "b2": (1,), "y": (5, 1)}
    names: dict[str, Any] = {key: rng.standard_normal(shape) for key, shape in sizes.items()}
    names |= {key: tl.tensor(names[key], requires_grad=True) for key in ("W1", "b1", "W2", "b2")}
    z = names["X"] @ names["W1"] + names["b1"]
    loss: tl.Tensor = np.mean((tl.relu(z) @ names["W2"] + names["b2"] - names["y"]) ** 2)
    return loss, names


PLAIN = list(dict.fromkeys(mistake.id for mistake, _ in places(Structure(plain_arrays(0)[0]))))


@pytest.mark.parametrize("id", one_in(3, PLAIN))
def test_the_source_of_a_mutant_is_right_but_for_its_mistake_on_other_data_too(id: str) -> None:
    (loss, names), (there, others) = plain_arrays(0), plain_arrays(1)
    text = tl.check.mutate(loss, id, names=names).source()
    assert set(names) <= set(text.values)
    values = {key: a.numpy() if isinstance(a, tl.Tensor) else a for key, a in others.items()}
    _, gradients = text.exec()["loss_and_gradients"](**text.values | values)
    expected = tl.check.mutate(there, id, names=others).gradients
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-10, atol=1e-12, err_msg=name)


def test_the_source_of_a_mutant_has_the_users_names_and_a_line_for_each_step() -> None:
    loss, names = plain_arrays(0)
    text = tl.check.mutate(loss, "sign", names=names).source()
    assert list(text.values) == ["X", "y", "W1", "b1", "W2", "b2"]
    assert "dW1 = -(X.T @ " in text
    backward = text[text.index("# backward") : text.index("return loss")]
    assert backward.count(" = ") >= 6  # four gradients, and the errors that they share


def test_every_mistake_of_the_catalogue_has_a_network_to_be_planted_in() -> None:
    found = {mistake.id for network in NETWORKS.values() for mistake, _ in places(Structure(probes(network)[0]))}
    assert found == set(CATALOGUE)


def test_a_pass_without_a_mistake_is_the_engines_to_the_last_bit() -> None:
    for network in NETWORKS:
        loss = probes(NETWORKS[network])[0]
        loss.backward()
        truth = Structure(loss).truth
        for p in Structure(loss).parameters:
            assert isinstance(p, tl.Tensor)
            assert p.grad is not None
            np.testing.assert_array_equal(truth.computed[p], p.grad)


# -- coverage ------------------------------------------------------------------------------------------------------


def test_the_exercises_first_point_hides_much() -> None:
    found = tl.check.coverage(first_loss())
    assert {"no_act_prime", "mask_skipped_b", "mask_skipped_W", "preact_in_dW", "vectorize_dtype"} <= set(found.hidden)
    assert {"sign", "factor2", "bias_zero"} <= set(found.seen)
    assert ("factor2", "stale_grad") in found.alike
    assert "conv_dW_reversed" in found.absent
    assert 0.5 < found.share < 0.8
    assert "would not show" in str(found)


def test_a_generic_point_hides_little() -> None:
    found = tl.check.coverage(*probes(NETWORKS["relu, squared loss, penalty"]))
    assert set(found.hidden) <= {"relu_ge_zero"}
    assert found.share > 0.95


def test_other_numbers_reveal_what_the_first_point_hides() -> None:
    W1 = np.array([[-0.7, 0.2], [0.9, -0.3], [0.4, 1.1]])
    there = {"W1": W1, "b1": np.array([-0.25, 0.35, -0.15]), "W2": np.array([[0.8, 1.3, -0.6]])}
    found = tl.check.coverage(first_loss(), there)
    assert set(found.hidden) <= {"relu_ge_zero"}
    function = tl.check.coverage(lambda W, x: np.sum(tl.relu(W @ x)), {"W": W1, "x": np.array([1.5, 0.5])})
    assert "no_act_prime" in function.seen
    with pytest.raises(ValueError, match=r"W9 is no parameter of this loss\. It has W2, b1, W1"):
        tl.check.coverage(first_loss(), {"W9": W1})
    with pytest.raises(TypeError, match="the numbers to run it at"):
        tl.check.coverage(lambda W: W)


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(network, marks=() if network == "recurrent" else pytest.mark.thorough)
        for network in ("relu, squared loss, penalty", "convolution", "recurrent")
    ],
)
def test_a_mutant_with_the_right_numbers_is_said_to_be_hidden(network: str) -> None:
    loss = probes(NETWORKS[network])[0]
    hidden, structure = tl.check.coverage(loss).hidden, Structure(loss)
    words = Words(structure)
    right = {words[p]: structure.truth.computed[p] for p in structure.parameters}
    for id, line in dict.fromkeys((mistake.id, words[place.line]) for mistake, place in places(structure)):
        try:
            wrong = tl.check.mutate(loss, id, line).gradients
        except ValueError:  # with the mistake in it the pass does not run, which shows
            continue
        if all(np.array_equal(wrong[key], right[key]) for key in right):
            assert line in hidden.get(id, []), (id, line)


# -- identities ----------------------------------------------------------------------------------------------------


def trained(p: Any, x: Any, y: Any, slip: str = "") -> dict[str, Any]:
    z = x @ p["W1"].T + p["b1"]
    h = np.maximum(z, 0)
    e = h @ p["W2"].T - y
    if slip != "no 1/N":
        e = e / len(x)
    d = e @ p["W2"]
    if slip != "no mask":
        d = d * (z > 0)
    weights = np.arange(len(x)) if slip == "by position" else np.ones(len(x))
    return {
        "W1": (d.T @ x) if slip != "transposed" else (d.T @ x).T,
        "b1": d.mean(0) if slip == "bias mean" else d[0] if slip == "first example" else d.sum(0),
        "W2": (e * weights[:, None]).T @ h,
    }


def identities(slip: str = "") -> Any:
    rng = np.random.default_rng(0)
    p = {"W1": rng.standard_normal((4, 4)), "b1": rng.standard_normal(4), "W2": rng.standard_normal((2, 4))}
    x, y = rng.standard_normal((5, 4)), rng.standard_normal((5, 2))
    return tl.check.identities(lambda p, x, y: trained(p, x, y, slip), p, x=x, y=y)


def test_all_identities_hold_for_right_gradients() -> None:
    found = identities()
    assert found, str(found)
    assert {i.name for i in found} == {
        "relu balance 1",
        "batch of examples",
        "doubled batch",
        "batch order",
        "permuted units",
    }


@pytest.mark.parametrize(
    ("slip", "fails"),
    [
        ("no mask", "relu balance 1"),
        ("no 1/N", "doubled batch"),
        ("bias mean", "batch of examples"),
        ("first example", "batch order"),
        ("by position", "batch order"),
        ("transposed", "permuted units"),
    ],
)
def test_an_identity_fails_for_a_mistake(slip: str, fails: str) -> None:
    found = identities(slip)
    assert not found
    assert not found[fails].holds
    assert "FAILS" in str(found)


def test_rows_of_logits_and_batch_norm() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 5)
    right = (p - np.eye(3)[[0, 1, 2, 0, 1]]) / 5
    assert tl.check.identities({"dlogits": right})
    assert not tl.check.identities({"dlogits": p / 5})
    x = tl.tensor(rng.standard_normal((6, 3)), requires_grad=True, name="x")
    y = nn.BatchNorm1d(3, affine=False)(x)
    (y * rng.standard_normal((6, 3))).sum().backward()
    assert x.grad is not None
    assert tl.check.identities({"dx": x.grad, "xhat": y.numpy()})
    without = tl.check.identities({"dx": x.grad + 0.1, "xhat": y.numpy()})
    assert not without["batch-norm mean"].holds
    variance = tl.check.identities({"dx": x.grad + 0.1 * y.numpy(), "xhat": y.numpy()})
    assert variance["batch-norm mean"].holds
    assert not variance["batch-norm variance"].holds
    assert not tl.check.identities({})


def test_what_are_no_gradients_is_said() -> None:
    W = {"W1": np.ones((2, 3)), "W2": np.ones((1, 2))}
    assert tl.check.identities({"dW1": W["W1"] / 3, "dW2": W["W2"]}, W)["relu balance 1"].holds
    assert "no identity could be tried: they need" in str(tl.check.identities({"W3": 1.0}))
    for gradients, says in (
        (5, "this is int"),
        (lambda p, x, y: None, "this is NoneType"),
        ({"W1": "x"}, "W1 is str, not numbers"),
        ({"W1": None}, "W1 is NoneType, not numbers"),
        (lambda p, x, y: {"W1": p["W9"]}, "the function asked for 'W9'; parameters= has W1, W2"),
        ({"dW1": np.ones((3, 2))}, r"dW1 has the shape \(3, 2\), where W1 has \(2, 3\)"),
    ):
        with pytest.raises((TypeError, ValueError), match=says):
            tl.check.identities(gradients, W, x=np.ones((4, 3)))  # type: ignore[arg-type]  # what is refused
    for arguments in ({}, {"parameters": W}, {"x": np.ones((4, 3))}):
        with pytest.raises(TypeError, match="a function is run with its parameters and its examples"):
            tl.check.identities(lambda p, x, y: {"W1": p["W1"]}, **arguments)
    nothing = tl.check.identities(lambda p, x, y: {"other": x}, W, x=np.ones((4, 3)))
    assert not nothing
    assert "no identity could be tried" in str(nothing)
    with pytest.raises(ValueError, match="reduction='avg'"):
        tl.check.identities(W, W, reduction="avg")


def test_a_softmax_of_one_class_is_no_function_of_single_entries() -> None:
    W = tl.tensor(np.ones((2, 1)), requires_grad=True, name="W")
    loss: tl.Tensor = np.sum((tl.softmax(np.ones((3, 2)) @ W, axis=1) - 0.3) ** 2)
    assert tl.check({"dW": np.zeros((2, 1))}, against=loss)
