"""One line of a derivation as a formula, tried at numbers that tell."""

from __future__ import annotations

import pytest

import tinygrad_lite as tl
from tests.checking.test_face import loss
from tinygrad_lite import exercise


@pytest.mark.parametrize(
    ("text", "of", "id"),
    [
        ("h1.T @ dout", "W2", None),
        ("dh1 * (1 - h1**2)", "z1", None),
        ("np.sum(dz1, axis=0)", "b1", None),
        ("(out - y) / N", "out", None),
        ("z1.T @ dout", "W2", "preact_in_dW"),
        ("dh1 * (1 - h1)", "z1", "tanh_1_minus_h"),
        ("dz1.mean(axis=0)", "b1", "bias_meaned"),
        ("dz1", "b1", "bias_not_summed"),
        ("(y - out) / N", "out", "sign"),
    ],
)
def test_a_formula(text: str, of: str, id: str | None) -> None:
    report = tl.check(text, against=loss(), of=of)
    assert bool(report) == (id is None), str(report)
    assert [m.id for m in report.mistakes] == ([] if id is None else [id])


def test_a_formula_is_tried_where_it_tells() -> None:
    """At the exercise's first point every unit is on; with other parameters it is not."""
    first = exercise.cost(exercise.network(), *exercise.TRAINING[0])
    assert tl.check("dh1 * (z1 > 0)", of="z1", against=first)
    report = tl.check("dh1", of="z1", against=first)
    assert "no_act_prime" in {report.mistakes[0].id, *(id for id, _ in report.mistakes[0].alternatives)}
    assert "with other parameters" in str(report)
    for cheat in ("dz1", "dv2", "dW1"):  # the answer itself, under any name
        assert "nothing is called" in str(tl.check(cheat, of="z1", against=loss()))


def test_a_formula_that_cannot_be_evaluated() -> None:
    assert "nothing is called q" in str(tl.check("q @ x", against=loss(), of="W1"))
    assert "no call of" in str(tl.check("open('x')", against=loss(), of="W1"))
    with pytest.raises(ValueError, match="which quantity the formula gives"):
        tl.check("x", against=loss(), of="Q")
