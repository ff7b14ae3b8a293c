"""What a name means is told by the value beside it: `do` is by the student's own `o`, whatever else is called o."""

from __future__ import annotations

import numpy as np

import tinygrad_lite as tl


def gate() -> tuple[tl.Tensor, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    Wo, Wg = (tl.tensor(rng.standard_normal((3, 4)), requires_grad=True, name=name) for name in ("Wo", "Wg"))
    x, y = rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
    loss = np.sum((tl.sigmoid(x @ Wo) * np.tanh(x @ Wg) - y) ** 2) / 2
    o, g = 1 / (1 + np.exp(-x @ Wo.numpy())), np.tanh(x @ Wg.numpy())
    dh = o * g - y
    return loss, {"o": o, "g": g, "dh": dh, "do": dh * g, "dg": dh * o}


def test_a_gate_called_o_is_no_output() -> None:
    loss, work = gate()
    dg = work["dh"] * work["g"]
    report = tl.check(work | {"dg": dg}, against=loss)
    assert report.first_wrong == "dg", str(report)
    assert [m.id for m in report.mistakes] == ["own_factor"]
    assert report["do"].status == "ok"


def test_a_table_of_words_is_no_error() -> None:
    rng = np.random.default_rng(1)
    E = tl.tensor(rng.standard_normal((6, 4)), requires_grad=True, name="E")
    W = tl.tensor(rng.standard_normal((4, 2)), requires_grad=True, name="W")
    idx, Y = np.array([[0, 2, 2], [1, 5, 0]]), rng.standard_normal((2, 2))
    loss = np.sum((E[idx].mean(axis=1) @ W - Y) ** 2) / 2
    e = E.numpy()[idx]
    ds = e.mean(axis=1) @ W.numpy() - Y
    dE = np.zeros((6, 4))
    np.add.at(dE, idx, np.repeat((ds @ W.numpy().T)[:, None] / 3, 3, axis=1))
    work = {"E": E.numpy(), "W": W.numpy(), "e": e, "ds": ds, "dW": e.mean(axis=1).T @ ds, "dE": dE}
    assert tl.check(work, against=loss)


def test_what_a_loop_leaves_behind_is_not_held_against_it() -> None:
    loss, work = gate()
    x = np.random.default_rng(0)
    dh = x.standard_normal((5, 4))
    report = tl.check(work | {"dh": dh, "dg": work["dg"] / 2}, against=loss)
    assert report.first_wrong == "dg", str(report)
