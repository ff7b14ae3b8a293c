"""The film's page, read as text: its steps, its numbers, and that nothing on it comes from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.networks import HOSTILE, Tower, exercise_loss
from tinygrad_lite import GraphError, exercise, nn, optim


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()


def test_the_steps_of_the_exercise() -> None:
    net = exercise.network()
    loss = exercise.cost(net, *exercise.TRAINING[0])
    optimiser = optim.SGD(net.parameters(), lr=0.001)
    film = tl.draw(loss).film(optimizer=optimiser)
    assert [(step.kind, step.title) for step in film.steps] == [
        ("given", "What is given"),
        ("forward", "z1 = affine(x, weight, bias)"),
        ("forward", "h = relu(z1)"),
        ("forward", "z2 = affine(h, weight)"),
        ("forward", "loss = squared_loss(z2, y)"),
        ("backward", "∂loss/∂loss = 1"),
        ("backward", "back through loss = squared_loss(z2, y)"),
        ("backward", "back through z2 = affine(h, weight)"),
        ("backward", "back through h = relu(z1)"),
        ("backward", "back through z1 = affine(x, weight, bias)"),
        ("update", "the update"),
    ]
    update = text_of(film.steps[-1].html)
    assert "SGD(lr=0.001)" in update
    assert "1.002 1.001" in update
    np.testing.assert_array_equal(net[0].weight.data, np.ones((3, 2)))  # nothing has moved
    assert net[0].weight.grad is None


def test_momentum_and_its_buffers_are_part_of_the_update() -> None:
    net = exercise.network()
    optimiser = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        exercise.step(net, optimiser, *exercise.TRAINING[0])
    loss = exercise.cost(net, *exercise.TRAINING[0])
    film = tl.draw(loss).film(optimizer=optimiser)
    loss2 = exercise.step(net, optimiser, *exercise.TRAINING[0])
    assert loss2 == loss.item()
    assert f"{net[2].weight.data[0, 0]:.4g}" in text_of(film.steps[-1].html)


def test_where_paths_meet_there_is_a_step_for_the_sum() -> None:
    x = tl.tensor([1.0, 2.0], requires_grad=True, name="x")
    film = tl.draw(np.sum(x * x + np.exp(x))).film()
    sums = [step for step in film.steps if step.kind == "sum"]
    assert [step.title for step in sums] == ["∂out/∂x is the sum of 3"]
    text = text_of(sums[0].html)
    assert "s1, from" in text
    assert "4.718 11.39" in text  # 2 x + e^x


def test_an_output_that_is_used_on_starts_with_a_one_of_its_own() -> None:
    x = tl.tensor([1.0, 2.0], requires_grad=True, name="x")
    h = np.exp(x)
    film = tl.draw({"h": h, "s": np.sum(h)}).film()
    assert "∂Σ/∂h is the sum of 2" in [step.title for step in film.steps]


def test_local_derivative_and_product_have_formulas_and_numbers() -> None:
    x = tl.tensor([1.0, -2.0], requires_grad=True, name="x")
    film = tl.draw(np.sum(tl.relu(x) * 3)).film()
    (step,) = (step for step in film.steps if "back through h" in step.title)
    assert step.html.count("<math") == 2
    assert "local derivative" in step.html
    assert "1  0" in step.html
    assert "3  0" in step.html


def test_the_page_is_whole_and_small(tmp_path: Path) -> None:
    path = tl.draw(exercise_loss()).to_html(tmp_path / "page.html")
    page = Path(path).read_text(encoding="utf-8")
    assert len(page.encode()) < 300_000
    assert not re.search(r'(src|href)="?http', page.replace("http://www.w3.org", ""))
    assert "Content-Security-Policy" in page
    assert "%%" not in page
    assert page == tl.draw(exercise_loss()).to_html()  # the same program, the same page
    again = tl.draw(exercise_loss()).render("again.html", directory=tmp_path / "pages")  # and no DOT text
    assert Path(again).read_text(encoding="utf-8") == page


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:20])
def test_no_name_leaves_its_place_on_the_page(name: str) -> None:
    x = tl.tensor([1.0, 2.0], requires_grad=True, name=name)
    page = tl.draw({name: np.sum(x * x)}).to_html(title=name)
    page.encode()
    assert "<script>window" not in page
    assert "<img" not in page
    assert page.count("<script") == 1
    assert page.count("<article") == len(tl.draw({name: np.sum(x * x)}).film().steps)


def test_folded_boxes_are_steps_too() -> None:
    film = tl.draw(Tower(2), np.ones((1, 2)), depth=1).film()
    titles = [step.title for step in film.steps]
    assert "net.blocks.0" in titles
    assert "back through net.blocks.0" in titles
    assert not [step for step in film.steps if step.kind == "sum"]


def test_a_picture_that_folds_has_a_film_that_does_not() -> None:
    film = tl.draw(Tower(12), np.ones((1, 2))).film()
    assert len(film.scene.items) == 103


def test_what_has_no_film_says_so() -> None:
    with pytest.raises(RuntimeError, match="shows a module"):
        tl.draw(nn.Linear(2, 3)).to_html()
    h = w = tl.tensor([1.0], requires_grad=True)
    for _ in range(2_100):
        h = h * w
    with pytest.raises(GraphError, match="Fold it"):
        tl.draw(h, max_nodes=float("inf")).film()


def test_it_plays_inline_in_jupyter() -> None:
    shown = tl.draw(exercise_loss()).film()._repr_html_()
    assert shown.startswith("<iframe")
    assert 'sandbox="allow-scripts"' in shown
    assert "<script" not in shown.replace("&lt;", "<")[:50]


@pytest.mark.parametrize("target", [tl.tensor([1.0, 2.0]), tl.tensor(2.0, requires_grad=True)])
def test_a_single_node_has_a_film(target: Any) -> None:
    assert tl.draw(target).film().steps[0].kind == "given"


def test_a_film_of_500_nodes_is_quick() -> None:
    h: Any = tl.tensor([1.0, 2.0], requires_grad=True)
    w = h
    for _ in range(250):
        h = np.tanh(h) * 1.01
    page = tl.draw(np.sum(h * w)).to_html()
    assert page.count("<article") > 1000
    assert len(page) < 6_000_000
