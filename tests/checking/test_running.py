"""What is checked by running it: functions that give gradients, objects that take a step, layers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.checking.test_face import AT, backward, forward
from tinygrad_lite import nn


def test_a_function_is_run_at_points_that_tell() -> None:
    assert tl.check(backward, against=forward, at=AT)
    assert tl.check(lambda W1, b1, W2, x, y: tuple(backward(W1, b1, W2, x, y).values()), against=forward, at=AT)

    def forgets(W1: Any, b1: Any, W2: Any, x: Any, y: Any) -> Any:
        return backward(W1, 0 * b1, W2, x, y)

    zero = AT | {"b1": np.zeros(4)}
    assert tl.check(forgets(**zero), against=forward, at=zero)  # at this point nothing can be seen
    report = tl.check(forgets, against=forward, at=zero)
    assert not report
    assert [m.id for m in report.mistakes] == ["bias_not_in_forward"]


def gated(first: Any, b1: Any, h: Any, mask2: Any, keep: Any, decay: Any, x: Any, y: Any) -> Any:
    a = np.tanh(x @ first + b1 + h) * mask2 / keep
    return np.sum((a - y) ** 2) / (2 * len(x)) + decay * np.sum(first**2) / 2


def gated_by_hand(first: Any, b1: Any, h: Any, mask2: Any, keep: Any, decay: Any, x: Any, y: Any) -> dict[str, Any]:
    t = np.tanh(x @ first + b1 + h)
    dz = (t * mask2 / keep - y) / len(x) * mask2 / keep * (1 - t * t)
    dfirst, db1, dh = x.T @ dz + decay * first, dz.sum(0), dz
    return locals()


GATED = {"first": AT["W1"][:, :2], "b1": AT["b1"][:2], "h": AT["y"] / 3, "mask2": (AT["y"] > 0) * 1.0, "keep": 0.5,
         "decay": 0.1, "x": AT["x"], "y": AT["y"]}  # fmt: skip


@pytest.mark.parametrize("names", [("first", "b1"), ("first", "b1", "h"), ("first",), ("b1",)])
@pytest.mark.parametrize("form", ["dict", "bare", "tuple", "locals", "dict of numbers", "generator"])
def test_what_the_gradients_name_is_learnt_and_the_rest_is_given(names: tuple[str, ...], form: str) -> None:
    def by_hand(**at: Any) -> Any:
        found = gated_by_hand(**at)
        if form == "locals":
            return {k: v for k, v in found.items() if k[:1] != "d" or k[1:] in names or k in ("dz", "decay")}
        if form == "tuple":
            return tuple(found[f"d{name}"] for name in names)
        if form == "generator":
            return (found[f"d{name}"] for name in names)
        return {name if form == "bare" else f"d{name}": found[f"d{name}"] for name in names}

    work = by_hand(**GATED) if form == "dict of numbers" else by_hand
    if form in ("tuple", "generator") and "b1" not in names:
        with pytest.raises(TypeError, match="one for each of first, b1"):
            tl.check(work, against=gated, at=GATED)
        return
    report = tl.check(work, against=gated, at=GATED)
    labels = {row.label[4:] for row in report.rows if row.label[4:] in GATED}
    if form in ("tuple", "generator"):  # the shapes say which
        assert labels == set(names)
    else:  # a bias is a bias, whether its gradient is there or not
        assert labels == {*names, "b1"}
        assert bool(report) == ("b1" in names), str(report)
    said = re.findall(r"taken as given, for no gradient by it is handed in: ([\w, ]*)", " ".join(report.notes))
    aside = set(said[0].split(", ")) if said else set()
    assert aside == {"first", "h", "decay"} - set(names)  # not what is data by its name


def test_parameters_can_be_named() -> None:
    assert tl.check(gated_by_hand, against=gated, at=GATED, parameters=["first", "b1", "h"])
    report = tl.check(
        lambda **at: {"dfirst": gated_by_hand(**at)["dfirst"]}, against=gated, at=GATED, parameters="first"
    )
    assert report
    assert not report.notes
    report = tl.check({"dfirst": 0}, against=gated, at=GATED, parameters=["first", "h"])
    assert {row.label for row in report.rows} == {"dC/dfirst", "dC/dh"}
    at_point = gated(**{k: tl.tensor(v, requires_grad=k == "first", name=k) for k, v in GATED.items()})
    with pytest.raises(TypeError, match="parameters= names those of the numbers in at="):
        tl.check({"dfirst": 0}, against=at_point, parameters=["first"])
    with pytest.raises(ValueError, match=r"parameters= names W; at= has first, b1"):
        tl.check(gated_by_hand, against=gated, at=GATED, parameters=["W", "first"])


def test_a_function_that_fails_or_writes_into_its_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(**_: Any) -> Any:
        raise KeyError("W3")

    assert "it raised KeyError: 'W3'" in str(tl.check(fails, against=forward, at=AT))

    def writes(W1: Any, b1: Any, W2: Any, x: Any, y: Any) -> Any:
        print("debugging")
        found = backward(W1, b1, W2, x, y)
        x *= 0
        return found

    report = tl.check(writes, against=forward, at=AT)
    assert report
    assert "writes into its inputs (x)" in str(report)
    assert capsys.readouterr() == ("", "")
    assert np.any(AT["x"])


class Model:
    def __init__(self, slip: str = "") -> None:
        self.weights, self.bias, self.top, self.lr, self.slip = (
            AT["W1"].copy(),
            AT["b1"].copy(),
            AT["W2"].copy(),
            0.01,
            slip,
        )

    def fit(self, x: Any, y: Any) -> None:
        g = backward(self.weights, self.bias, self.top, x, y)
        if self.slip == "order":
            self.top = self.top - self.lr * g["W2"]
            g = backward(self.weights, self.bias, self.top, x, y) | {"W2": 0 * self.top}
        self.weights, self.bias = self.weights - self.lr * g["W1"], self.bias - self.lr * g["b1"]
        self.top = self.top - self.lr * g["W2"]


def test_an_object_is_judged_by_what_its_step_does() -> None:
    names = {"weights": "W1", "bias": "b1", "top": "W2"}
    step = lambda model: model.fit(AT["x"], AT["y"])  # noqa: E731 - as a user writes it
    assert tl.check(Model(), against=forward, at=AT, names=names, step=step, lr="lr")
    report = tl.check(Model("order"), against=forward, at=AT, names=names, step=step, lr="lr")
    assert not report  # the error itself is that of the new W2, which is another mistake than using it on the way back


def test_a_dict_of_arrays_is_trained_by_a_step_of_two_arguments() -> None:
    params = {key: AT[key].copy() for key in ("W1", "b1", "W2")}

    def step(p: Any, at: Any, sign: float = -1) -> None:
        for key, g in backward(p["W1"], p["b1"], p["W2"], at["x"], at["y"]).items():
            p[key] += sign * 0.1 * g

    data = {"x": AT["x"], "y": AT["y"]}
    assert tl.check(params, against=forward, at=data, step=step, lr=0.1)
    assert all(np.array_equal(params[key], AT[key]) for key in params)  # copies of it were trained
    report = tl.check(params, against=forward, at=data, step=lambda p: step(p, data, 1), lr=0.1)
    assert [m.id for m in report.mistakes] == ["sign"]
    with pytest.raises(TypeError, match="at= has no x, y"):
        tl.check(params, against=forward, step=step, lr=0.1)
    with pytest.raises(TypeError, match="what the learning rate is"):
        tl.check(params, against=forward, at=data, step=step)
    with pytest.raises(TypeError, match="the object has no weight"):
        tl.check(params, against=forward, at=data, step=step, lr=0.1, names={"weight": "W1"})
    assert "there is nothing to mark yet" in " ".join(
        str(tl.check(params, against=forward, at=data, step=lambda p: None, lr=0.1)).split()
    )


class Whole:
    lr = 0.1

    def __init__(self) -> None:
        self.W = np.array([[1], [2]])

    def fit(self, x: Any, y: Any) -> None:
        self.W -= self.lr * (x.T @ (x @ self.W - y)) / len(x)  # which NumPy refuses


def test_floats_written_into_integers_have_a_name_and_a_line() -> None:
    def loss(W: Any, x: Any, y: Any) -> Any:
        return np.sum((x @ W - y) ** 2) / (2 * len(x))

    def into_integers(W: Any, x: Any, y: Any) -> Any:
        dW = np.zeros((2, 1), int)
        dW += x.T @ (x @ W - y) / len(x)  # which NumPy refuses
        return {"dW": dW}

    data = {"x": np.arange(6.0).reshape(3, 2), "y": np.ones((3, 1))}
    step = lambda model: model.fit(**data)  # noqa: E731 - as a user writes it
    report = tl.check(Whole(), against=loss, at=data, step=step)
    assert [m.id for m in report.mistakes] == ["int_dtype"]
    assert "self.W -=" in " ".join(row.note for row in report.rows)
    assert not report
    report = tl.check(into_integers, against=loss, at=data | {"W": np.ones((2, 1))})
    assert report.trouble is not None
    assert report.trouble.id == "int_dtype"
    assert "dW += x.T" in report.trouble.text
    for text in (str(report), report.to_json()):
        assert "Make that one of floats" in " ".join(text.split())


def test_lists_and_transposed_storage_are_understood() -> None:
    class Rows:
        lr = 0.01

        def __init__(self) -> None:
            self.first, self.bias, self.second = AT["W1"].T.tolist(), AT["b1"].tolist(), AT["W2"].T.tolist()

        def fit(self, x: Any, y: Any) -> None:
            W1, b1, W2 = np.array(self.first).T, np.array(self.bias), np.array(self.second).T
            g = backward(W1, b1, W2, x, y)
            self.first, self.second = (W1 - self.lr * g["W1"]).T.tolist(), (W2 - self.lr * g["W2"]).T.tolist()
            self.bias = (b1 - self.lr * g["b1"]).tolist()

    names = {"first": "W1", "bias": "b1", "second": "W2"}
    report = tl.check(Rows(), against=forward, at=AT, names=names, step=lambda m: m.fit(AT["x"], AT["y"]))
    assert report, str(report)
    assert {row.note for row in report.rows} == {"", "transposed"}


def test_labels_are_left_as_they_are_at_other_points() -> None:
    def entropy(W: Any, x: Any, y: Any) -> Any:
        return -np.sum(y * tl.log_softmax(x @ W)) / len(x)

    def by_hand(W: Any, x: Any, y: Any) -> Any:
        e = np.exp(x @ W)
        return x.T @ (e / e.sum(axis=1, keepdims=True) - y) / len(x)  # only where the rows of y add up to 1

    at = {"W": AT["W1"], "x": AT["x"], "y": np.eye(4)[[0, 3, 1, 2, 2]]}
    assert tl.check(by_hand, against=entropy, at=at)


def test_one_layer() -> None:
    def affine(x: Any, W: Any, b: Any) -> Any:
        return x @ W + b, (x, W)

    def back(g: Any, cache: Any) -> Any:
        x, W = cache
        return g @ W.T, x.T @ g, g.sum(axis=0)

    at = {"x": AT["x"], "W": AT["W1"], "b": AT["b1"]}
    reference = lambda x, W, b: x @ W + b  # noqa: E731 - as a user writes it
    assert tl.check((affine, back), against=reference, at=at)
    report = tl.check((affine, lambda g, c: (*back(g, c)[:2], g[0])), against=reference, at=at)
    assert [m.id for m in report.mistakes] == ["bias_last_or_first"]
    wrong = tl.check((lambda x, W, b: (x @ W, (x, W)), back), against=reference, at=at)
    assert wrong.first_wrong == "y (forward)"
    with pytest.raises(TypeError, match="at given inputs"):
        tl.check((affine, back), against=reference)


def test_a_layer_against_a_module() -> None:
    def norm(x: Any, gamma: Any, beta: Any) -> Any:
        root = np.sqrt(x.var(axis=0) + 1e-5)
        xhat = (x - x.mean(axis=0)) / root
        return gamma * xhat + beta, (xhat, root, gamma)

    def back(g: Any, cache: Any, path: int = 1) -> Any:
        xhat, root, gamma = cache
        d = g * gamma
        dx = (d - d.mean(axis=0) - path * xhat * (d * xhat).mean(axis=0)) / root
        return dx, (g * xhat).sum(axis=0), g.sum(axis=0)

    assert tl.check((norm, back), against=nn.BatchNorm1d(3), at={"x": AT["x"]})
    report = tl.check((norm, lambda g, cache: back(g, cache, 0)), against=nn.BatchNorm1d(3), at={"x": AT["x"]})
    assert [m.id for m in report.mistakes] == ["bn_no_var_path"]
    assert report.mistakes[0].line == "dC/dx"
    guided = (lambda x: (np.maximum(x, 0), x), lambda g, x: g * (g > 0))
    assert [m.id for m in tl.check(guided, against=nn.ReLU(), at=[AT["x"]]).mistakes] == ["mask_on_gradient"]


def test_a_layer_that_keeps_the_last_gradient_or_edits_what_it_is_given() -> None:
    kept: list[Any] = []

    def adds(g: Any, x: Any) -> Any:
        kept.append(g * (x > 0))
        return sum(kept)

    def edits(g: Any, x: Any) -> Any:
        g *= x > 0
        return g

    report = tl.check((lambda x: (np.maximum(x, 0), x), adds), against=tl.relu, at={"x": AT["x"]})
    assert [m.id for m in report.mistakes] == ["stale_grad"]
    report = tl.check((lambda x: (np.maximum(x, 0), x), edits), against=tl.relu, at={"x": AT["x"]})
    assert report
    assert "writes into its inputs (the cotangent)" in str(report)
