"""Pictures of large networks: closed boxes, runs, elided middles, and graphs of a million nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.networks import Siamese, Tower, fifty_layers
from tests.readings.test_draw import arrows, scene_of
from tinygrad_lite import nn


def test_fifty_layers_at_depth_1_fit_a_screen() -> None:
    scene = scene_of(fifty_layers(), np.zeros((1, 64)), depth=1)
    assert [(i.name, i.text) for i in scene.items] == [
        ("x", ""),
        ("net.0 … net.47", "Linear(64, 64) → ReLU"),
        ("net.48", "Linear(64, 64)"),
        ("net.49", "ReLU"),
    ]
    assert scene.items[1].notes == ["× 24", "99,840 parameters"]
    assert scene.items[2].notes == ["4,160 parameters"]
    assert scene.items[2].shape == "z: (1, 64) float64"
    assert scene.direction == "LR"
    assert "depth=2" in scene.notes[0]
    tree = scene_of(fifty_layers(), depth=1)
    assert [i.name for i in tree.items] == ["net.0 … net.49"]
    assert tree.items[0].notes == ["× 25", "104,000 parameters"]


def test_blocks_fold_to_one_and_unfold_again() -> None:
    folded = scene_of(Tower(12), np.ones((5, 2)))
    assert [i.name for i in folded.items] == ["x", "net.inp", "net.blocks.0 … net.blocks.11", "net.head"]
    assert arrows(folded)[1] == ("net.inp", "net.blocks.0 … net.blocks.11", "× 2")
    whole = scene_of(Tower(12), np.ones((5, 2)), max_nodes=float("inf"))
    assert len(whole.items) == 103
    assert whole.notes == []
    assert len(scene_of(Tower(12), np.ones((5, 2)), depth=0).items) == 2


def test_a_closed_box_counts_what_is_inside_and_keeps_its_cotangent() -> None:
    scene = scene_of(Tower(2), np.ones((5, 2)), depth=1, grads=True)
    inp = scene.items[1]
    assert (inp.name, inp.text, inp.notes) == ("net.inp", "Linear(2, 4)", ["12 parameters"])
    assert inp.symbol.endswith("/∂z1")
    assert inp.cotangent


def test_a_shared_module_says_so_when_it_is_closed() -> None:
    scene = scene_of(Siamese(), np.ones(3), np.arange(3.0), depth=1)
    assert [i.notes for i in scene.items if i.name == "net.enc"] == [
        ["call 1 of 2, same parameters"],
        ["call 2 of 2, same parameters"],
    ]


def test_a_loop_folds_and_what_it_shares_stays() -> None:
    w = tl.tensor([1.0, 2.0], requires_grad=True, name="w")
    a = tl.tensor([0.0, 0.0], requires_grad=True, name="a")
    h: Any = a
    for _ in range(40):
        h = np.tanh(h * w)
    scene = scene_of(np.sum(h))
    run = next(i for i in scene.items if i.kind == "module")
    assert (run.text, run.notes[0]) == ("multiply → tanh", "× 40")
    assert ("w", "", "× 40") in arrows(scene)


def test_different_layers_do_not_fold_and_the_middle_is_left_out() -> None:
    net = nn.Sequential(*(nn.Linear(i + 1, i + 2, rng=0) for i in range(100)))
    scene = scene_of(net, np.zeros((1, 1)))
    assert len(scene.items) <= 61
    assert sum(i.kind == "elided" for i in scene.items) == 1
    assert "max_nodes=101" in scene.notes[0]
    assert len(scene_of(net, np.zeros((1, 1)), depth=1, max_nodes=101).items) == 101


def test_many_leaves_of_one_operation() -> None:
    xs = [tl.tensor(float(i), requires_grad=True) for i in range(500)]
    scene = scene_of(np.sum(np.stack(xs)))
    assert len(scene.items) < 20
    assert any(label == "× 492" for _, _, label in arrows(scene))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 59, 60, 61, 200])
def test_a_folded_picture_is_a_graph_without_cycles_or_loose_ends(n: int) -> None:
    rng = np.random.default_rng(n)
    nodes: list[Any] = [tl.tensor(1.0, requires_grad=True), tl.tensor(2.0, requires_grad=True)]
    for _ in range(n):
        i, j = rng.integers(0, len(nodes), 2)
        nodes.append(nodes[i] * nodes[j] if rng.random() < 0.5 else np.tanh(nodes[i]))
    for most in (5, 20, 60):
        scene = scene_of(nodes[-1], max_nodes=most)
        place = {item: k for k, item in enumerate(scene.items)}
        assert len(scene.items) <= most + 1
        for edge in scene.edges:
            assert place[edge.source] < place[edge.target]


def test_text_of_thousands_of_nodes_has_them_all() -> None:
    h: Any = tl.tensor([1.0, 2.0], requires_grad=True)
    w = h
    for _ in range(1_500):
        h = np.tanh(h) + w
    text = tl.draw(h, max_nodes=float("inf")).source
    assert text.count("[id=n") == 3_001


@pytest.mark.parametrize("n", [20_000, pytest.param(1_000_000, marks=pytest.mark.thorough)])
def test_a_large_graph_is_folded(n: int) -> None:
    h = w = tl.tensor([1.0], requires_grad=True)
    for i in range(n):
        h = h * 0.5 if i % 3 else h + w
    drawing = tl.draw(h)
    drawing.pipe("svg")
    shown: Any = h
    assert list(shown._repr_mimebundle_()) == ["text/plain"]
    assert drawing.scene is not None
    assert len(drawing.scene.items) < 60
    assert f"{n + 1:,} nodes" in drawing.scene.notes[0]


def test_a_deep_module_tree_is_drawn_without_recursion() -> None:
    net: nn.Module = nn.ReLU()
    for _ in range(300):
        net = nn.Sequential(net)
    assert len(scene_of(net).items) == 1
