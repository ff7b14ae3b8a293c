"""What the printed module says: its lines, its names, its work-sheets, and why it cannot be printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.sources import (
    ALL,
    GOLDEN,
    RNG,
    X,
    Y,
    attention,
    batch_norm,
    classifier,
    conv_net,
    function,
    lstm,
    residual,
    the_exercise,
)
from tinygrad_lite import nn, optim


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("source_exercise", lambda: the_exercise(update=0.001).text),
        ("source_exercise_blank", lambda: the_exercise(exercise=True).text),
        ("source_classifier", lambda: classifier().text),
        ("source_classifier_rounded", lambda: function(classifier(exact=False))),
        ("source_conv_net", lambda: function(conv_net())),
        ("source_batch_norm", lambda: function(batch_norm())),
        ("source_lstm", lambda: function(lstm())),
        ("source_attention", lambda: function(attention())),
    ],
)
def test_the_text_is_the_one_that_was_read_and_found_good(name: str, text: Any, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--rewrite-golden"):
        path.write_text(text(), encoding="utf-8")
    assert text() == path.read_text(encoding="utf-8")


def test_lines_are_those_that_a_person_writes() -> None:
    text = function(classifier())
    for line in ("dz1 = dh * (z1 > 0)", "dW1 = dz1.T @ x", "db1 = dz1.sum(axis=0)", "h = np.maximum(z1, 0)"):
        assert f"    {line}" in text


def test_softmax_with_cross_entropy_is_p_minus_onehot_over_n_when_rounding_may_differ() -> None:
    source = classifier(exact=False)
    assert "(np.exp(z2 - lse[:, None]) - np.eye(3)[labels]) / N" in source
    assert "units in the last place of float64" in " ".join(source.split())


def test_it_says_what_was_checked() -> None:
    text = " ".join(classifier().split())
    assert (
        "the engine's to the last bit, in float64. N, the batch size, is free if nothing of that went by it: it" in text
    )
    assert "it was checked with 5 and 6." in text


@pytest.mark.parametrize("make", ALL)
def test_lines_end_where_they_should(make: Any) -> None:
    for line in make().splitlines():
        assert len(line) <= 120
        assert line == line.rstrip()


def test_fan_out_is_a_sum_of_terms() -> None:
    w = tl.tensor([1.0, 2.0], requires_grad=True, name="w")
    h = np.tanh(w)
    text = tl.source(np.sum(np.exp(h) * w) + np.sum(np.sin(h)), names={"h": h})
    assert any(line.strip().startswith("dh = ") and " + " in line for line in text.splitlines())


def test_positions_of_a_sort_are_found_again() -> None:
    w = tl.tensor([3.0, 1.0, 2.0], requires_grad=True, name="w")
    assert "np.argsort(np.argsort(w" in tl.source(np.sum(np.sort(w) * np.arange(3.0)))


def test_a_mask_that_a_function_drew_is_pointed_out() -> None:
    net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Dropout(0.5, rng=0))

    def loss(x: Any) -> Any:
        return np.mean(np.square(net(x)))

    source = tl.source(loss, X)
    assert "c: made or drawn by the program in this run" in source
    assert "x: made" not in source


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: np.sum(x * x.numpy()), "c: made or drawn by the program"),
        (lambda x: np.sum(x * np.eye(4)[np.argmax(x, axis=1)]), "c: made or drawn by the program"),
        (lambda x: np.sum(x) * float(x.numpy().max()), "RIGHT FOR THIS RUN ONLY: on other data numbers in it were"),
        (lambda x: np.sum(x) if x.sum() > 0 else np.sum(x * x), "RIGHT FOR THIS RUN ONLY: on other data other op"),
    ],
)
def test_what_leaves_the_graph_is_said_to_be_of_this_run(f: Any, said: str) -> None:
    assert said in " ".join(tl.source(f, X).split())


V = tl.tensor(RNG.normal(size=(4, 2)), requires_grad=True, name="V")


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: np.sum((x @ V) ** 2) * float(V.numpy().max()), "on other parameters numbers in it were others"),
        (lambda x: np.sum(x @ V) if V.sum() > 0 else np.sum((x @ V) ** 2), "on other parameters other operations ran"),
        (lambda x: np.sum(x @ V) * float(V.numpy().max() + x.numpy().max()), "on other data and parameters numbers"),
        (lambda x: np.sum(V @ V.T * V.numpy()[0, 0]), "RIGHT FOR THIS RUN ONLY"),
        (lambda x: np.sum(x @ V * np.sign(V.numpy()[0])), "c: made or drawn by the program"),
    ],
)
def test_what_a_program_takes_off_its_parameters_is_said_to_be_of_this_run(f: Any, said: str) -> None:
    handle, before = V.data, V.numpy()
    assert said in " ".join(tl.source(f, X).split())
    assert V.data is handle
    np.testing.assert_array_equal(V.numpy(), before)


def test_numbers_that_a_recorded_loss_has_of_its_data_are_shown() -> None:
    """Of the parameter, too: there is no data and no batch size here, and the text is right at this point only."""
    factor = float(V.numpy().mean())
    text = " ".join(tl.source(np.sum((V @ V.T) * factor)).split())
    assert f"Taken as numbers of the program, not made of its data: {factor!r}." in text


def test_data_that_went_through_numpy_first_is_pointed_out() -> None:
    """Which operation made it nobody knows; that the graph has one array and not the other is certain."""
    x, y = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 2))
    standardised = (x - x.mean(0)) / x.std(0)
    names = {"x": x, "standardised": standardised, "y": y, "other": x[:2]}
    text = " ".join(tl.source(nn.MSELoss()(standardised @ V, y), names=names).split())
    assert "No operation has x. If standardised, y was made of it before the graph began" in text
    used = tl.source(nn.MSELoss()(x @ V, y), names={"x": x, "y": y})
    assert "No operation has" not in used


def test_one_input_for_two_equal_arrays_is_said_to_be_one() -> None:
    a, b = np.ones((2, 2)), np.ones((2, 2))
    assert "x: one array for a and b, equal in this run." in tl.source(
        np.sum((V @ a) * (V @ b)), names={"a": a, "b": b}
    )


def test_a_constant_of_the_program_is_not_said_to_change() -> None:
    text = tl.source(lambda x: np.sum(np.sin(x) * np.arange(4.0)), X).text
    assert "made or drawn" not in text
    assert "taken as given" not in text


def _transformed(x: Any, y: Any, w: Any) -> Any:
    return nn.SoftMarginLoss()(x[:, :, None].squeeze(2) @ w, y)


@pytest.mark.parametrize("given", [True, False])
def test_arrays_of_a_recorded_loss_that_are_not_the_users_own_are_pointed_out(given: bool) -> None:
    """The loss made -y of y, and a view of x is no x: with other data the text has to be given others."""
    x, y, w = X, np.where(X[:, :1] > 0, 1.0, -1.0), tl.tensor(np.ones((4, 1)), requires_grad=True, name="w")
    source = tl.source(_transformed(x, y, w), names={"x": x, "y": y} if given else None)
    made = next(name for name, a in source.values.items() if np.array_equal(a, -y))
    assert made != "y"
    assert f"{made}: taken as given" in " ".join(source.split())


def test_a_mask_that_a_loss_makes_of_its_target_is_computed() -> None:
    w = tl.tensor(np.ones((4, 3)), requires_grad=True, name="w")
    f = lambda x, y: nn.KLDivLoss(reduction="sum")(tl.log_softmax(x @ w, axis=1), y)  # noqa: E731  # one expression
    assert "np.where(y > 0, y, 1.0)" in tl.source(f, X, np.full((5, 3), 1 / 3))


# -- work-sheets -----------------------------------------------------------------------------------------------


def test_a_work_sheet_has_blanks_and_a_key() -> None:
    sheet = the_exercise(exercise=["dW1", "dh"])
    assert "    dW1 = ...  # TODO: shape (3, 2)\n" in sheet
    assert "    dh = ...  # TODO: shape (3,)\n" in sheet
    assert "    dz = dh * (z > 0)" in sheet
    assert sheet.key() == the_exercise()
    assert sheet.blanks == ("dW1", "dh")


def test_a_work_sheet_marks_itself(capsys: pytest.CaptureFixture[str]) -> None:
    sheet = the_exercise(exercise=True).text
    for line, text in (("da", "a - y"), ("dW2", "np.outer(da, h)"), ("db", "da")):  # two right, one wrong
        sheet = "\n".join(
            f"    {line} = {text}" if row.startswith(f"    {line} = ...") else row for row in sheet.splitlines()
        )
    exec(sheet, {"__name__": "__main__"})
    assert capsys.readouterr().out.splitlines() == ["loss = 0.5", "dW1: to do", "db: not right yet", "dW2: right"]


@pytest.mark.parametrize(
    ("line", "text", "first"),
    [
        ("dW2", "np.outer(da, h)", "da"),
        ("dh", "W2.T @ da", "da"),
        ("dz", "dh * (z > 0)", "dh"),
        ("dW1", "np.outer(dz, x)", "dz"),
        ("dW1", "np.outer(np.where(z > 0, dh, 0), da * x)", "dh, da"),
    ],
)
def test_a_work_sheet_says_which_blank_a_line_needs_first(line: str, text: str, first: str, tmp_path: Path) -> None:
    sheet = the_exercise(exercise=True).text
    (tmp_path / "sheet.py").write_text(re.sub(rf"(?m)^    {line} = \.\.\..*", f"    {line} = {text}", sheet))
    run = subprocess.run([sys.executable, "sheet.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    number = 1 + sheet.splitlines().index(next(row for row in sheet.splitlines() if row.startswith(f"    {line} =")))
    assert run.stdout.splitlines() == [f"line {number}: fill in {first} first", f"    {line} = {text}"]


def test_a_mistake_that_has_nothing_to_do_with_blanks_is_shown_as_it_is() -> None:
    sheet = the_exercise(exercise=True).text
    with pytest.raises(NameError, match="q"):
        exec(re.sub(r"    dh = \.\.\..*", "    dh = W2.T @ q", sheet), {"__name__": "__main__"})


# -- names -----------------------------------------------------------------------------------------------------


def test_names_are_identifiers_and_no_two_are_the_same() -> None:
    def leaf(name: str) -> Any:
        return tl.tensor([2.0], requires_grad=True, name=name)

    named = [leaf(name) for name in ("lambda", "loss", "loss", "np", "len", "sigmoid", "a b", "2nd", "dh", "N")]
    product: Any = 1.0
    for x in named:
        product = product * tl.sigmoid(x)
    source = tl.source(np.sum(product))
    module = source.exec()
    _, gradients = module["loss_and_gradients"](**source.values)
    assert len(gradients) == len(named)
    for g in gradients.values():
        np.testing.assert_allclose(g, source.gradients[next(iter(gradients))], rtol=1e-14)


def test_a_parameter_that_is_called_loss_is_not_taken_for_it() -> None:
    x = tl.tensor([1.0, 2.0], requires_grad=True, name="loss")
    source = tl.source(np.sum(x * x), update=0.5)
    before, new = source.exec()["step"](**source.values)
    assert before == 5.0
    np.testing.assert_array_equal(new["loss"], [0.0, 0.0])


def test_the_users_names_are_kept() -> None:
    weights = tl.tensor([[1.0, 2.0]], requires_grad=True)
    scores = X[:, :2] @ weights.T
    text = tl.source(np.sum(scores * scores), names={"weights": weights, "scores": scores, "data": X[:, :2]})
    assert "scores = data @ weights.T" in text
    assert "dscores = 2 * scores" in text


def test_parameters_of_modules_have_names_of_textbooks() -> None:
    assert list(batch_norm().gradients) == ["W1", "b1", "gamma2", "beta2", "W3", "b3"]
    assert list(residual().gradients) == ["W_fc1", "b_fc1", "W_fc2", "b_fc2"]


def test_layers_that_are_called_by_themselves_have_letters_and_a_number_if_there_are_several() -> None:
    first, second, table = nn.Linear(4, 3, rng=0), nn.Linear(3, 2, rng=1), nn.Embedding(3, 3, rng=2)
    assert list(tl.source(lambda x: np.sum(first(x) ** 2), X).gradients) == ["W", "b"]
    both = tl.source(lambda x, y: np.sum(second(np.tanh(first(x)) + table(y)) ** 2), X, Y)
    assert sorted(both.gradients) == ["E", "W1", "W2", "b1", "b2"]


def test_a_product_and_its_bias_are_one_step() -> None:
    W, b = (tl.tensor(RNG.normal(size=shape), requires_grad=True) for shape in ((3, 4), (3, 1)))
    text = tl.source(np.sum(tl.relu(W @ X.T + b) ** 2), names={"W": W, "b": b}).text
    assert "    z = W @ x + b" in text
    assert "    dz = dh * (z > 0)" in text


# -- mistakes --------------------------------------------------------------------------------------------------


def w() -> Any:
    return tl.tensor([1.0, 2.0], requires_grad=True, name="w")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tl.source(tl.tensor([1.0]).sum()), tl.GraphError, "requires no gradient"),
        (lambda: tl.source(tl.checkpoint(np.sin)(tl.tensor(2.0, requires_grad=True))), tl.GraphError, "tl.checkpoint"),
        (lambda: tl.source(w() * 2), ValueError, r"\(2,\) from multiply is not a scalar"),
        (lambda: tl.source(3), TypeError, "int is no program"),
        (lambda: tl.source(np.sum(w()), X), TypeError, "a Tensor is written down as it is"),
        (lambda: tl.source(lambda x: x), TypeError, "to be called on"),
        (
            lambda: tl.source(lambda x, d: x, w(), {"g": w()}),
            TypeError,
            "input 2 of .* is of type dict.*arrays or Tensors",
        ),
        (lambda: tl.source(lambda x: 3.0, 1.0), TypeError, "returned float, not a Tensor"),
        (lambda: tl.source(np.sum(w()), names={"w 1": w()}), ValueError, "no Python identifier.*such as 'w_1'"),
        (lambda: tl.source(np.sum(w()), names={"np": w()}), ValueError, "NumPy itself"),
        (lambda: tl.source(np.sum(w() ** 2), exercise="dz"), ValueError, "is no line.*The lines are dw"),
        (lambda: tl.source(np.sum(w() ** 2), update="adam"), TypeError, "a learning rate or an optim.SGD, not str"),
        (lambda: tl.source(np.sum(w() ** 2), update=np.nan), ValueError, "nan is no learning rate"),
        (
            lambda: tl.source(np.sum(w()), names=cast(Any, ["w"])),
            TypeError,
            r"a dict such as locals\(\), not one of type list",
        ),
    ],
)
def test_what_cannot_be_written_down_says_why(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_is_traced_to_where_it_begins() -> None:
    x = w()
    with pytest.raises(ValueError, match=r"log of \(2,\) is the first value with nan"):
        tl.source(np.sum(np.exp(np.log(x - 5) * x)))


def test_a_hook_is_no_operation_that_could_be_written() -> None:
    h = w() * 2
    with h.register_hook(lambda g: g * 2), pytest.raises(tl.GraphError, match="a hook on"):
        tl.source(np.sum(h))


def test_an_update_of_other_parameters_is_refused() -> None:
    x = w()
    with pytest.raises(ValueError, match="holds none of w, which the loss has gradients by"):
        tl.source(np.sum(x * x), update=optim.SGD([w()], lr=0.1))


def test_a_long_chain_is_no_recursion() -> None:
    x = tl.tensor(1.0, requires_grad=True, name="x")
    y: Any = x
    for _ in range(1100):
        y = np.sin(y) * x
    source = tl.source(y)
    assert source.exec()["loss_and_gradients"](**source.values)[0] == y.value
