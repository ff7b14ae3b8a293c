"""What a page begins with: the network, from the data to the loss; and what it says that nobody needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

import tinygrad_lite as tl
from tests.readings.derivations import classifier, exercise_point, lstm_cell
from tests.test_random_programs import Program, programs
from tinygrad_lite import Tensor, nn
from tinygrad_lite.readings.derivation.derivation import Derivation
from tinygrad_lite.readings.derivation.text import plain


def network(d: Derivation) -> list[str]:
    """The lines of the network, as text."""
    (section,) = (s for s in d.page().sections if s.title == "Network")
    return [plain(line) for line in section.intro]


def test_the_network_of_the_exercise_is_one_chain() -> None:
    d = exercise_point()
    assert network(d) == ["x (2,1) → z = W1 x + b (3,1) → h = relu(z) (3,1) → a = W2 h (1,1) → C = 1/2 (y - a)^2"]
    assert "dC/dx, dC/dy: not needed, as no step changes the data." in str(d)


def test_chains_begin_where_paths_part_and_meet() -> None:
    w = tl.tensor([[1.0, 2.0]], requires_grad=True, name="W")
    x = np.array([3.0, 4.0])
    z = w @ x
    d = tl.derive(np.sum(np.tanh(z) * np.sin(z)), names={"x": x, "z": z})
    assert network(d) == ["x (2,1) → z = W x (1,1) → v1 = tanh z (1,1)", "z → v2 = sin z (1,1)",
                          "v1, v2 → v3 = v1 · v2 (1,1) → L = v3"]  # fmt: skip


def test_a_long_network_shows_its_ends() -> None:
    lines = network(tl.derive(lstm_cell(), verify=False))
    assert "… 9 more …" in lines
    assert lines[-1].endswith("→ L = ‖y - v14‖^2/4")
    chain: Any = Tensor(0.5, requires_grad=True, name="x")
    for _ in range(400):
        chain = np.sin(chain)
    assert "… 392 more …" in network(tl.derive(chain, verify=False))


def test_derivatives_are_named_as_not_needed_by_data_alone() -> None:
    assert "dL/dx: not needed" in str(tl.derive(classifier()))  # and not by labels, which are no numbers to be moved
    x = tl.tensor([[1.0, 2.0]], requires_grad=True, name="x")
    page = str(tl.derive(np.sum(nn.Linear(2, 2, rng=0)(x) ** 2)))
    assert "not needed" not in page
    assert "dL/dx = " in page


def test_a_work_sheet_shows_the_network_unless_that_fills_a_hole() -> None:
    assert "h = relu(z)" in str(exercise_point().quiz())
    sheet = str(exercise_point().quiz(["h"]))
    assert "relu(" not in sheet
    assert "NETWORK" not in sheet


@pytest.mark.parametrize("delta", ["full", "delta", "bar", "code"])
def test_every_dialect_and_notation_has_both(delta: str) -> None:
    d = exercise_point(delta=delta)
    for page in (d.to_text(), d.to_markdown(), d.to_latex(), d.to_html()):
        assert "network" in page.lower()
        assert "not needed, as no step" in page


@given(programs())
def test_every_value_of_a_network_is_a_forward_line(program: Program) -> None:
    d = tl.derive(program.at(*(Tensor(a, requires_grad=True) for a in program.leaves)), verify=False)
    forward = [step.key for step in d if not step.cotangent]
    stages = {part.split(" = ")[0].split(" (")[0] for line in network(d) for part in line.split(" → ")}
    if len(forward) <= 8:
        assert set(forward) <= stages
    else:
        assert f"… {len(forward) - 8} more …" in network(d)


def test_data_that_nobody_has_named_is_x_and_what_it_is_compared_with_y() -> None:
    rng = np.random.default_rng(0)
    w = tl.tensor(rng.normal(size=(4, 2)), requires_grad=True, name="W")
    rows, columns, target = rng.normal(size=(5, 4)), rng.normal(size=(4, 5)), rng.normal(size=(5, 2))
    losses: dict[str, Any] = {
        "x   (5,4)\n     y   (5,2)\n": np.mean((np.tanh(rows @ w) - target) ** 2),
        "x   (4,5)\n     y   (2,5)\n": np.mean((target.T - np.tanh(w.T @ columns)) ** 2),
        "c   (4,1)\n": np.sum(columns[:, :1] * w),
    }
    for text, loss in losses.items():
        assert f"GIVEN\n     {text}" in str(tl.derive(loss, numbers=False))
