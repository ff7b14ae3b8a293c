"""The derivation as its readers see it: golden pages, single lines, levels, notations, quizzes, refusals."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import tinygrad_lite as tl
from tests.readings.derivations import classifier, exercise_point, lstm_cell, residual_block
from tests.test_random_programs import Program, programs
from tinygrad_lite import nn, optim
from tinygrad_lite.readings.derivation.layouts import numerator, turned
from tinygrad_lite.readings.derive import derive

GOLDEN = Path(__file__).parent / "golden"
PAGES: dict[str, Any] = {
    "derive_exercise": lambda: exercise_point(0, lr=0.001),
    "derive_exercise_second": lambda: exercise_point(1, lr=0.001, digits=9),
    "derive_classifier": lambda: derive(classifier()),
    "derive_residual": lambda: derive(residual_block()),
    "derive_lstm": lambda: derive(lstm_cell(), level=2),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_golden_one(name: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"{name}.txt"
    derivation = PAGES[name]()
    text = without_errors(str(derivation))
    if request.config.getoption("--rewrite-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text("utf-8")
    assert derivation.ok


def without_errors(text: str) -> str:
    """The page but for the sizes of rounding errors, which belong to the machine."""
    return "\n".join(line.partition(", largest relative error")[0] for line in text.splitlines()) + "\n"


def test_the_exercise_has_its_numbers_in_its_order() -> None:
    d = exercise_point(0, lr=0.001)
    backward = [step.key for step in d if step.cotangent]
    assert backward == ["dC/da", "dC/dW2", "dC/dh", "dC/dz", "dC/db", "dC/dW1"]
    for key, value in {
        "dC/da": [-1], "dC/dW2": [[-3, -3, -3]], "dC/dh": [-1, -1, -1], "dC/dz": [-1, -1, -1], "dC/db": [-1, -1, -1],
        "dC/dW1": [[-2, -1]] * 3,
    }.items():  # fmt: skip
        np.testing.assert_array_equal(d[key].step.value, value)
    lines = str(d).splitlines()
    assert any("dC/dW2 = (dC/da) h^T" in s and "(1,1)(1,3) = (1,3)" in s and "-1 * [3 3 3]" in s for s in lines)
    assert any("dC/da = a - y" in s and "9 - 10" in s and "= -1" in s for s in lines)
    assert "dC/dz = (dC/dh) ⊙ 1[z > 0]" in str(d)
    assert "0.001 * (15 + 3 + 27) = 0.045" in str(d)
    assert "C goes from 0.5 to 0.455961" in str(d)


def test_the_balance_of_a_relu_between_two_layers_is_shown() -> None:
    shown = "relu balance: ∑_k W1_jk (dC/dW1_jk) + b_j (dC/db_j) = ∑_i W2_ij (dC/dW2_ij) for 3 of 3 units"
    assert f"{shown}, first -3 = -3" in str(exercise_point())
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 3, rng=1), nn.ReLU(), nn.Linear(3, 2, rng=2))
    x = np.random.default_rng(3).normal(size=(5, 3))
    text = str(derive(nn.CrossEntropyLoss()(net(x), np.array([0, 1, 1, 0, 1]))))
    assert text.count("relu balance") == 2
    assert "for 4 of 4 units" in text
    assert "for 3 of 3 units" in text
    assert "balance" not in str(derive(classifier()))  # tanh is not homogeneous


def test_the_second_point_is_derived_from_the_updated_weights() -> None:
    d = exercise_point(1)
    values = {step.key: np.asarray(step.value) for step in d}
    for key, want in {"z": 6.01, "h": 6.01, "a": 18.08409, "dC/da": -2.91591, "dC/dW2": -17.5246191,
                      "dC/dz": -2.92465773, "dC/dW1": -8.77397319}.items():  # fmt: skip
        np.testing.assert_allclose(values[key], want, rtol=1e-8, err_msg=key)


def test_softmax_with_cross_entropy_arrives_at_p_minus_y() -> None:
    assert "dL/dz2 = (softmax(z2) - onehot(labels))/5" in str(derive(classifier()))
    long = derive(classifier(), fuse=False)
    assert long.ok
    assert len(long) > len(derive(classifier()))
    page = " ".join(str(long).split())
    assert "via v1: e^(z2 - v1)/5" in page  # no sum of a softmax is left, which is 1
    assert "= (e^(z2 - v1) - onehot(labels))/5" in page


def test_it_is_found_in_a_loss_that_is_written_out_too() -> None:
    w = tl.tensor(np.random.default_rng(0).normal(size=(3, 2)), requires_grad=True, name="W")
    x, y = np.random.default_rng(1).normal(size=(4, 2)), np.array([0, 1, 2, 1])
    z = x @ w.T
    d = derive(np.mean(tl.logsumexp(z) - z[np.arange(4), y]), names={"x": x, "y": y, "z": z})
    assert "dL/dz = (softmax(z) - onehot(y))/4" in str(d)
    assert "dL/dW = (dL/dz)^T x" in str(d)


def test_paths_that_meet_are_announced_and_named() -> None:
    text = str(derive(residual_block())["dL/dx"])
    assert "x feeds 2 places, so 2 terms" in text
    assert "via v1: dL/dv1" in text
    assert "via z1: W1^T (dL/dz1)" in text


def test_a_line_is_asked_for_by_several_names_and_a_wrong_one_is_answered_with_all() -> None:
    d = exercise_point()
    assert d["dC/dz"].step is d["∂C/∂z"].step is d["dz"].step
    assert d["z"].step.cotangent is False
    assert "relu passes the gradient where z > 0" in str(d["dC/dz"])
    with pytest.raises(KeyError, match=r"Did you mean dC/dW1\? Its lines are z, h, a, C, dC/da"):
        d["dC/dW11"]


def test_levels_say_more_and_more() -> None:
    one = str(exercise_point(level=0))
    assert "dC/dW1_jk = W2_j (a - y) · 1[z_j > 0] x_k" in one
    assert "FORWARD" not in one
    texts = [str(exercise_point(level=level)) for level in (1, 2, 3, 4)]
    assert all(len(a) < len(b) for a, b in itertools.pairwise(texts))
    assert "-1 * [3 3 3]" not in texts[0]
    assert "-1 * [3 3 3]" in texts[1]


def test_one_entry_is_followed_along_every_path() -> None:
    d = exercise_point(entry="W1[2,0]")
    assert d.paths is not None
    assert [path.factors for path in d.paths.paths] == [[2.0, 1.0, 1.0, -1.0]]
    assert "(dC/da) · (da/dh[2]) · (dh[2]/dz[2]) · (dz[2]/dW1[2,0]) = -1*1*1*2" in str(d)
    two = derive(residual_block(), entry="x[1]")
    assert two.paths is not None
    assert two.paths.complete
    assert two.paths.count == 1 + 2 * 3  # straight through the sum, or by each hidden unit to each entry
    np.testing.assert_allclose(two.paths.total, two["dL/dx"].step.value[1], rtol=1e-12)


@pytest.mark.parametrize("entry", ["W1", "W1[3,0]", "W1[0]", "nothing[0]", "W1[a]", "W1[0,0"])
def test_an_entry_that_is_none_is_refused(entry: str) -> None:
    if entry == "W1[0,0":
        assert exercise_point(entry=entry).paths is not None  # what is meant is clear
        return
    with pytest.raises(ValueError, match="entry="):
        exercise_point(entry=entry)


def test_notations() -> None:
    net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 1, bias=False, rng=0))
    loss = nn.SquaredLoss()(net((2.0, 1.0)), 10.0)

    def text(**options: Any) -> str:
        return str(derive(loss, level=1, **options))

    assert "dL/dW1 = (dL/dz1) x^T" in text()
    assert "δ1 = (dC/da1) ⊙ 1[z1 > 0]" in text(names="nielsen")
    assert "the weighted input of a layer, and by nothing else: δ1 = dC/dz1, δ2 = dC/dz2." in text(names="nielsen")
    assert "dE/dw2 = δ2 z1^T" in text(preset="bishop")
    assert "δ1 = dE/da1, δ2 = dE/da2." in text(preset="bishop")
    assert "dJ/da1 = (dJ/dh1) ⊙ 1[a1 > 0]" in text(preset="goodfellow")
    assert "dW2 = dscores hidden^T" in text(preset="cs231n")
    assert "bias_gradients = hidden_layer_error" in text(preset="mitx")
    assert "output_layer_error = output - y" in text(preset="mitx")
    assert "z1¯ = h1¯ ⊙ 1[z1 > 0]" in text(delta="bar")
    assert "dz1 = dh1 * 1[z1 > 0]" in text(delta="code", product="*")
    assert "dL/dz1 = diag(1[z1 > 0]) (dL/dh1)" in text(product="diag")
    assert "dC/dz2 = z2 - y" in text(symbol="C")


def test_no_delta_stands_for_two_derivatives_and_each_is_defined() -> None:
    d = exercise_point(delta="delta")
    page = " ".join(str(d).split())
    assert "by nothing else: δ_z = dC/dz, δ_a = dC/da." in page
    assert "δ_z = (dC/dh) ⊙ 1[z > 0]" in page
    assert "dC/dW1_jk = δ_(z,j) x_k" in page
    assert d["δ_z"].step is d["dC/dz"].step
    rng = np.random.default_rng(0)
    w, b, v = (
        tl.tensor(rng.normal(size=s), requires_grad=True, name=n) for n, s in (("W", (2, 3)), ("b", 3), ("v", 3))
    )
    by_hand = str(derive(np.sum((np.tanh(rng.normal(size=(4, 2)) @ w + b) @ v) ** 2), delta="delta", level=1))
    assert "δ1 = dL/dv1, δ2 = dL/dz2." in " ".join(by_hand.split())  # with the bias, not before it
    assert "dL/db = ∑_n δ1" in by_hand


def test_numerator_layout_writes_derivatives_as_rows() -> None:
    text = str(exercise_point(layout="numerator", level=2))
    assert "dC/dh = (dC/da) W2" in text
    assert "dC/dW2 = h (dC/da)" in text
    assert "dC/dW1 = x (dC/dz)" in text
    assert "(2,1)(1,3) = (2,3)" in text


def test_numbers_may_be_left_out_and_digits_chosen() -> None:
    assert "[-3 -3 -3]" not in str(exercise_point(numbers=False))
    d = exercise_point(1, digits=9)
    assert "-17.5246191" in str(d)


def test_only_what_leads_to_the_asked_is_derived() -> None:
    w = tl.tensor([1.0, 2.0], requires_grad=True, name="w")
    u = tl.tensor([3.0, 4.0], requires_grad=True, name="u")
    d = derive(np.sum(np.tanh(w) * u), w)
    assert [step.key for step in d if step.cotangent] == ["dL/dv2", "dL/dv1", "dL/dw"]


def test_an_optimisers_step_is_shown_on_copies() -> None:
    w = tl.tensor([1.0, 2.0], requires_grad=True, name="w")
    d = derive(np.sum(w * w), optimizer=optim.Adam([w], lr=0.1))
    assert "One step of Adam(" in str(d)
    assert "-<gradient, step>" in str(d)
    assert w.numpy().tolist() == [1.0, 2.0]
    assert w.grad is None


def test_a_worksheet_has_holes_and_a_key() -> None:
    d = exercise_point()
    sheet = d.quiz(["dC/dz", "dC/dW1"])
    assert "dC/dz = ________________" in str(sheet)
    assert "-2 -1" not in str(sheet)
    assert "dC/dh = W2^T (dC/da)" in str(sheet)
    assert "[-2 -1; -2 -1; -2 -1]" in str(sheet.answers())
    assert "dC/dh" not in [entry.key for section in sheet.answers().page().sections for entry in section.entries]
    formulas = str(d.quiz(["dC/dz"], what="numbers"))
    assert "(dC/dh) ⊙ 1[z > 0]" in formulas
    for page in (sheet, sheet.answers()):
        assert page.to_html()
        assert page.to_latex()
        assert page.to_markdown()
    with pytest.raises(ValueError, match="'formula', 'numbers' or 'both'"):
        d.quiz(what="all")


# -- refusals ----------------------------------------------------------------------------------------------------


def refused(kind: type[Exception], match: str, *args: Any, **options: Any) -> None:
    with pytest.raises(kind, match=match):
        derive(*args, **options)


def test_what_cannot_be_derived_is_refused_with_a_reason() -> None:
    w = tl.tensor([1.0, -1.0], requires_grad=True, name="w")
    loss = np.sum(w * w)
    refused(tl.GraphError, "requires no gradient", tl.tensor(1.0))
    refused(ValueError, "is not a scalar", w * w)
    refused(TypeError, "derive takes the Tensor that a loss is, not float", 1.0)
    refused(TypeError, "derive takes the Tensor that a loss is, not Sequential", nn.Sequential())
    refused(ValueError, "level is one of 0, 1, 2, 3, 4, not 7", loss, level=7)
    refused(ValueError, "delta is one of", loss, delta="dot")
    refused(ValueError, "product is one of", loss, product="x")
    refused(ValueError, "there is no preset 'nielson'", loss, names="nielson")
    refused(TypeError, "names is a dict, locals.. or the name of a preset, not list", loss, names=["w"])
    refused(ValueError, "'2w' cannot be a name", loss, names={"2w": w})
    refused(ValueError, "'lambda' cannot be a name", loss, names={"lambda": w})
    refused(tl.GraphError, "was not computed from", loss, tl.tensor([1.0], requires_grad=True))


def test_what_keeps_no_graph_is_refused_and_a_loss_of_one_entry_is_not() -> None:
    x = tl.tensor([1.0], requires_grad=True, name="x")
    refused(tl.GraphError, "through tl.checkpoint", np.sum(tl.checkpoint(np.sin)(x)))
    assert "L goes from 1 to 0.64" in str(derive(x * x, lr=0.1))


def test_the_first_value_that_is_not_finite_is_named() -> None:
    w = tl.tensor([1.0, -1.0], requires_grad=True, name="w")
    with np.errstate(invalid="ignore"):
        root = np.sqrt(w)
        loss = np.sum(root * 2)
    refused(ValueError, r"root, a tensor \(2,\) from sqrt is the first value .* nan at index \(1,\)", loss,
            names={"root": root})  # fmt: skip


def test_two_values_never_go_by_one_name() -> None:
    a = tl.tensor(2.0, requires_grad=True, name="w")
    b = tl.tensor(3.0, requires_grad=True, name="w")
    text = str(derive(a * b + a))
    assert "w_2" in text
    assert derive(a * b + a).ok


def test_the_text_does_not_depend_on_the_process() -> None:
    code = (
        "from tests.readings.derivations import *; from tinygrad_lite.readings.derive import derive;"
        "import hashlib; d = [exercise_point(lr=.001), derive(classifier()), derive(lstm_cell())];"
        "print(hashlib.sha256(''.join(x.to_text() + x.to_html() + x.to_latex() for x in d).encode()).hexdigest())"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={"PYTHONHASHSEED": seed, "PATH": ""}, cwd=Path(__file__).parents[2]).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


@given(programs())
def test_numerator_layout_writes_any_program(program: Program) -> None:
    """What is written evaluates to the transpose of what the layout of shapes has."""
    d = derive(program.at(*(tl.tensor(a, requires_grad=True) for a in program.leaves)), verify=False)
    assert str(derive(d.loss, layout="numerator", verify=False))
    for step in d:
        if step.cotangent:
            found, wanted = np.asarray(numerator(step.expression).value), turned(step.value)
            found = found.reshape(wanted.shape) if found.size == wanted.size else np.broadcast_to(found, wanted.shape)
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.max(np.abs(wanted), initial=1.0))


def test_a_hole_is_not_filled_by_the_numbers_of_another_line() -> None:
    sheet = str(exercise_point(1).quiz(["dC/dh"], what="numbers"))
    assert "dC/dh = W2^T (dC/da)" in sheet
    assert "dC/dz_j = (dC/dh_j) · 1[z_j > 0]" in sheet
    value = "-2.925"  # of dC/dh, and of dC/dz too
    assert value not in sheet.split("dC/dh = W2^T")[1].split("dC/dz = ")[0]
    assert f"{value} {value} {value}]^T ⊙" not in sheet


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"wrt": "W1"}, TypeError, "wrt is a Tensor or a list of some, not str"),
        ({"wrt": []}, TypeError, "not an empty list"),
        ({"digits": 0}, ValueError, "digits is a whole number from 1 to 17"),
        ({"symbol": "{"}, ValueError, "symbol is what the loss is called"),
        ({"lr": "fast"}, TypeError, "lr is a learning rate, a number"),
        ({"optimizer": 3}, TypeError, "optimizer is one of tl.optim"),
        ({"wrt": {"W1": 3}}, TypeError, "wrt is a Tensor or a list of some, not dict"),
        ({"wrt": np.ones(2)}, TypeError, "wrt is a Tensor or a list of some, not ndarray"),
        ({"entry": 3}, TypeError, "entry is text such as"),
        ({"entry": ""}, TypeError, "entry is text such as"),
        ({"level": True}, ValueError, "level is one of 0, 1, 2, 3, 4, not True"),
        ({"numbers": "no"}, TypeError, "numbers is True or False, not 'no'"),
        ({"fuse": 2}, TypeError, "fuse is True or False"),
        ({"lr": np.nan}, ValueError, "a finite number above 0, not nan"),
        ({"lr": -1}, ValueError, "a finite number above 0, not -1"),
        ({"lr": 0.1, "optimizer": optim.SGD([nn.Parameter(np.ones(2))], lr=0.1)}, TypeError, "not both"),
        ({"mean": "median"}, ValueError, "mean is one of in_loss, at_params"),
    ],
)
def test_an_odd_option_is_answered_by_its_name(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        derive(classifier(), **options)


def test_text_keeps_to_the_width_that_it_is_given() -> None:
    lines = exercise_point(lr=0.001).to_text(80).splitlines()
    assert max(map(len, lines)) <= 84  # a mark may stick out
    assert exercise_point().to_text() == str(exercise_point())
