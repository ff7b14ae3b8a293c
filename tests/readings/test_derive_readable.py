"""Lines that once were hard to read, or failed without a reason: each is held here to how it reads in a textbook."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.quick import one_in
from tests.readings.test_derive_verify import modules, reads_back
from tests.readings.test_source_elsewhere import MODULES
from tinygrad_lite import nn
from tinygrad_lite.readings.derive import derive
from tinygrad_lite.readings.dialects import text


def test_attention_reads_as_in_a_textbook() -> None:
    page = str(derive(modules()["attention"]()))
    assert "z4 = (1/sqrt(2)) heads(z1) heads(z2)^T" in page
    assert "z5 = p heads(z3)" in page
    assert "dL/dz1 = (1/sqrt(2)) join((dL/dz4) heads(z2))" in page
    assert "dL/dz2 = (1/sqrt(2)) join((dL/dz4)^T heads(z1))" in page
    assert "heads cuts each row into 2 pieces" in page
    assert "permute" not in page
    assert "reshape" not in page


def test_every_name_in_a_sentence_is_the_name_of_a_line() -> None:
    for name in ("attention", "convolution", "recurrent"):
        d = derive(modules()[name]())
        known = {d._builder.names[node] for node in d._builder.folding.shown}
        for step in d._builder.backward:
            for rule in step.rule:
                said = " ".join(part if isinstance(part, str) else text(part) for part in rule)
                assert set(re.findall(r"\b[vz]\d+\b", said)) <= known, said


@pytest.mark.parametrize("axis", [-1, 0])
def test_heads_and_join_evaluate_to_what_they_stand_for(axis: int) -> None:
    w = tl.tensor(np.random.default_rng(0).normal(size=(2, 3, 4)), requires_grad=True, name="W")
    cut = np.tanh(w).reshape(2, 3, 2, 2).swapaxes(1, 2)
    turned = cut.swapaxes(-1, -2) if axis == 0 else cut
    joined = (turned * turned).swapaxes(1, 2) if axis else (turned * turned).swapaxes(-1, -2).swapaxes(1, 2)
    d = derive(np.sum(np.sin(joined.reshape(2, 3, 4)) * np.arange(24.0).reshape(2, 3, 4)))
    d.verify(raise_on_failure=True)
    assert "heads(" in str(d)
    assert "join(" in str(d)


def test_a_sum_that_cancels_is_no_failure() -> None:
    """A bias before batch normalisation changes nothing: its derivative is rounding, of terms that are not."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, rng=0), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(),
                        nn.Linear(32, 3, rng=0))  # fmt: skip
    x = np.random.default_rng(0).normal(size=(2, 1, 4, 4))
    d = derive(nn.CrossEntropyLoss()(net(x), np.array([0, 2])))
    d.verify(raise_on_failure=True)
    assert np.max(np.abs(d["dL/db1"].step.value)) < 1e-12


def test_the_variance_of_equal_numbers_is_no_failure() -> None:
    w = tl.tensor(0.41088506, requires_grad=True, name="w")
    spread = np.broadcast_to(np.tanh(w), (2, 3))
    derive(np.sum(np.var(spread, axis=1)) + w).verify(raise_on_failure=True)


def test_log_softmax_and_a_label_come_to_p_minus_onehot() -> None:
    z = tl.tensor(np.random.default_rng(0).normal(size=(4, 3)), requires_grad=True, name="z")
    labels = np.array([0, 2, 1, 1])
    by_hand: Any = -np.mean(tl.log_softmax(z)[np.arange(4), labels])
    for loss in (by_hand, nn.NLLLoss()(nn.LogSoftmax(-1)(z), labels)):
        d = derive(loss, names={"labels": labels})
        assert "dL/dz = (softmax(z) - onehot(labels))/4" in str(d)
        d.verify(raise_on_failure=True)


@pytest.mark.parametrize("kind", one_in(2, ["GLU", "GRUCell", "LSTMCell", "LSTM"]))
def test_gates_cut_from_one_product_come_back_side_by_side(kind: str) -> None:
    net, x = MODULES[kind]
    out = net(x)
    while isinstance(out, tuple):
        out = out[0]
    d = derive(np.sum(np.sin(out)))
    d.verify(raise_on_failure=True)
    page = d.to_text()
    assert re.search(r"= \[dL/d\w+, dL/d\w+", page)
    assert "pieces that share no entry" in " ".join(page.split())
    assert "scatter" not in page


def test_binary_cross_entropy_of_logits_reads_with_its_targets() -> None:
    z = tl.tensor(np.random.default_rng(0).normal(size=(4, 3)), requires_grad=True, name="z")
    y = np.array([[1.0, 0, 1], [0, 1, 1], [0, 0, 0.25], [0, 1, 1]])
    d = derive(nn.BCEWithLogitsLoss()(z, y))
    d.verify(raise_on_failure=True)
    assert "L = mean((1 - y) ⊙ z + softplus(-z))" in str(d)
    assert "dL/dz = (σ(z) - y)/12" in str(d)
    reads_back(d)


def test_a_minus_before_a_difference_keeps_its_brackets_in_components() -> None:
    z = tl.tensor(np.random.default_rng(0).normal(size=(4, 3)), requires_grad=True, name="z")
    labels = np.array([0, 2, 1, 1])
    page = str(derive(nn.NLLLoss()(nn.LogSoftmax(-1)(z), labels), names={"labels": labels}))
    assert "L = 1/4 ∑_n (-(z_(n,labels_n) - ln ∑_k e^(z_nk)))" in page
    assert "--" not in str(derive((-(z - np.exp(z))).mean()))


def test_the_two_of_a_square_and_a_mean_over_two_cancel() -> None:
    z = tl.tensor([[1.0], [2.0]], requires_grad=True, name="z")
    assert "dL/dz = z - y " in str(derive(nn.MSELoss()(z, np.array([[0.5], [3.0]]))))


def test_a_mask_may_have_a_sign_and_a_number_may_be_spread() -> None:
    b = tl.tensor([0.5, -1.0, 2.0], requires_grad=True, name="b")
    assert "dL/dv1 = -1[3 - v1 > 0]" in str(derive(np.sum(tl.relu(3 - b.sum()))))
    assert "dL/db = 1/3" in str(derive(np.average(b).mean()))


def test_arrays_of_nothing_derive() -> None:
    a, b = (tl.tensor(np.ones(shape), requires_grad=True, name=name) for shape, name in (((0, 3), "a"), ((3,), "b")))
    d = derive(np.sum(a * b) + np.sum(b), level=4)
    d.verify(raise_on_failure=True)
    assert str(d)


@pytest.mark.parametrize("kind", one_in(16, MODULES))
def test_every_module_derives_in_every_notation(kind: str) -> None:
    net, x = MODULES[kind]
    out = net(x)
    while isinstance(out, tuple):
        out = out[0]
    loss: Any = np.sum(np.sin(out) * 1.3)
    d = derive(loss, names={"x": x})
    d.verify(raise_on_failure=True)
    assert not d.verify().unchecked
    for page in (d.to_text(), d.to_markdown(), d.to_latex(), d.to_html()):
        assert "FAILS" not in page
        assert "True" not in page
    assert str(derive(loss, names={"x": x}, layout="numerator", level=2, verify=False))


def test_the_reason_is_that_of_the_operation_and_not_of_a_number_beside_it() -> None:
    x: Any = tl.tensor([0.5, 1.5], requires_grad=True, name="x")
    root = str(derive(np.sum(np.sqrt(x + 1e-5)))["dL/dx"])
    assert "sqrt works on each entry" in root
    assert "1/(2 v)" in root
    square = str(derive(np.mean((3 - x) ** 2))["dL/dx"])
    assert square.index("power works on each entry") < square.index("x is subtracted")
    assert "A constant over a value" in str(derive(np.sum(np.sin(2 / x)))["dL/dx"])
    mask = str(derive(np.sum(tl.relu(3 - x.sum())))["dL/dv1"])
    assert "relu passes the gradient where 3 - v1 > 0" in mask


def test_a_batch_of_one_and_places_are_called_what_they_are() -> None:
    layer = nn.Linear(2, 2, rng=0)
    for x, said in (
        (np.ones((1, 2)), "added to the one example of this batch"),
        (np.ones((3, 2)), "added to each of the 3 examples"),
        (np.ones((2, 3, 2)), "added at each of the 6 places in the batch"),
    ):
        page = " ".join(str(derive(np.sum(np.sin(layer(x))))).split())
        assert f"b was {said}" in page
        assert "each of the 1 " not in page
    w = tl.tensor(np.eye(3, 2), requires_grad=True, name="W")
    assert "Each of the 4 examples used the same W, so" in str(derive(np.sum(np.sin(np.ones((4, 2)) @ w.T))))
    q, k = (tl.tensor(np.eye(3, 2) + i, requires_grad=True, name="QK"[i]) for i in range(2))
    assert "used the same" not in str(derive(np.sum(np.sin(q @ k.T))))  # no layer with a weight


def test_a_vector_that_goes_along_the_rows_is_said_to() -> None:
    """NumPy would not take (5,) times (5,3); the notation shows no axis, so a sentence does."""
    rng = np.random.default_rng(0)
    z, r = (tl.tensor(rng.normal(size=s), requires_grad=True, name=n) for s, n in (((5, 3), "z"), ((5,), "r")))
    said = "(5,) counts as (5, 1) here: it is repeated along the axis that it lacks."
    d = tl.derive(nn.CrossEntropyLoss()(z, np.array([0, 2, 1, 1, 0])), fuse=False)
    for name in ("dL/dv1", "v1"):
        assert f"{name} {said}" in " ".join(str(d["dL/dz"]).split())
    d = tl.derive(np.sum(np.tanh(z * r[:, None])))
    assert f"r {said}" in " ".join(str(d["v1"]).split())
    assert f"r {said}" in " ".join(str(d["dL/dz"]).split())
    assert "counts as" not in str(tl.derive(np.sum(np.tanh(z * r[:3]))))


@pytest.mark.parametrize("what", ["batch", "layer", "by hand"])
def test_a_normalisation_comes_to_its_short_form(what: str) -> None:
    """(N g - sum g - x sum(g x)) / (N s): three paths, one of them through a variance, in one line that is checked."""
    rng = np.random.default_rng(0)
    z, y = tl.tensor(rng.normal(size=(5, 3)), requires_grad=True, name="z"), rng.normal(size=(5, 3))
    norm = {"batch": nn.BatchNorm1d(3), "layer": nn.LayerNorm(3)}.get(what)
    x = norm(z) if norm else (z - np.mean(z, 0)) / np.sqrt(np.var(z, 0) + 0.1)
    d = derive(np.sum(np.sin(x) * y))
    n, axis = (3, "j") if what == "layer" else (5, "n")
    short = f"({n} (dL/dv5) - ∑_{axis} (dL/dv5) - v5 ⊙ (∑_{axis} (dL/dv5) ⊙ v5))/({n} v4)"
    assert short in " ".join(str(d["dL/dz"]).split())
    assert d.ok
    for options in ({"product": "diag"}, {"layout": "numerator"}, {"delta": "code"}, {"numbers": False}):
        assert derive(np.sum(np.sin(x) * y), **options).ok
    used_again = derive(np.sum(np.sin(x) * y * z)) if norm else derive(np.sum(np.sin(x) * np.var(z, 0)))
    assert used_again.ok
    assert "dL/dv5) ⊙ v5))/" not in str(used_again["dL/dz"])


def test_a_condition_among_numbers_is_iversons_bracket_wherever_it_stands() -> None:
    x = tl.tensor([0.5, -0.7], requires_grad=True, name="x")
    for loss, line in ((np.sum(tl.relu(x)), "dL/dx = 1[x > 0] "), (np.sum(tl.relu(x)) + np.sum(x * x), "+ 1[x > 0] ")):
        assert line in str(derive(loss)["dL/dx"])
        reads_back(derive(loss))


def test_what_begins_with_a_minus_has_brackets_behind_a_sum() -> None:
    z = tl.tensor([[0.5, 1.0, 2.0], [1.0, 0.0, 1.0]], requires_grad=True, name="z")
    loss: Any = -np.sum(np.eye(3)[[0, 2]] * tl.log_softmax(z, axis=1)) / 4
    d = derive(loss)
    assert "∑_j (-1/4 c)" in str(d["dL/dz"])
    assert "∑_m (-1/4 c_jm)" in str(d["dL/dz"])


@pytest.mark.parametrize(
    ("loss", "line"),
    [
        (lambda r: np.mean(r**2) * 0.25, "dL/dv1 = 1/6 v1 "),
        (lambda r: 0.5 * r.dot(r), "= v "),
        (lambda r: np.mean(r**2), "dL/dv1 = 2 v1/3 "),  # 2/3 v1 would have to be 0.6667 v1
        (lambda r: 0.5 * np.sum(3 * (r * 2)), "= 3 "),
    ],
)
def test_the_numbers_before_a_value_are_one_number(loss: Any, line: str) -> None:
    a = tl.tensor([0.5, 1.0, -1.0], requires_grad=True, name="a")
    y = np.array([1.0, 0.0, 2.0])
    d = derive(loss(a - y), names={"y": y})
    assert any(line in str(d[step.key]) for step in d), str(d)
    d.verify(raise_on_failure=True)
