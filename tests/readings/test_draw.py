"""What is on a picture: nodes, edges, boxes, numbers, and how it becomes an image."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.networks import Residual, Siamese, Tower, exercise_loss
from tinygrad_lite import nn
from tinygrad_lite.readings.drawing import image
from tinygrad_lite.readings.drawing.image import Drawing, RenderError
from tinygrad_lite.readings.drawing.scene import Item, Scene

GOLDEN = Path(__file__).parent / "golden"
RNG = np.random.default_rng(0)


def scene_of(*args: Any, **options: Any) -> Scene:
    scene = tl.draw(*args, **options).scene
    assert scene is not None
    return scene


def item(scene: Scene, name: str) -> Item:
    (found,) = (item for item in scene.items if item.name == name)
    return found


def arrows(scene: Scene) -> list[tuple[str, str, str]]:
    return [(edge.source.name, edge.target.name, edge.label) for edge in scene.edges]


def quadratic() -> Any:
    x = tl.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = tl.tensor([3.0, 4.0], requires_grad=True, name="y")
    return np.sum((x - y) * x)


PICTURES = {
    "exercise": lambda: tl.draw(exercise_loss(), values=True, grads=True),
    "exercise_backward": lambda: tl.draw(exercise_loss(), backward=True),
    "residual": lambda: tl.draw(Residual(2), np.ones((1, 2))),
    "siamese": lambda: tl.draw(Siamese(), np.ones(3), np.arange(3.0)),
    "tower_folded": lambda: tl.draw(Tower(12), np.ones((5, 2))),
    "quadratic": lambda: tl.draw(quadratic(), values=True, grads=True),
    "module": lambda: tl.draw(Tower(3)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_text_is_the_golden_one(name: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"{name}.gv"
    text = PICTURES[name]().source
    if request.config.getoption("--rewrite-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "pytest --rewrite-golden takes the new text; look at it first"


def test_equal_programs_give_equal_text_in_another_process() -> None:
    program = (
        "import tinygrad_lite as tl; from tests.readings.networks import exercise_loss; "
        "print(tl.draw(exercise_loss(), values=True, backward=True).source, end='')"
    )
    here = tl.draw(exercise_loss(), values=True, backward=True).source
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program],
            capture_output=True,
            check=True,
            text=True,
            encoding="utf-8",
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "SYSTEMROOT": ""},
        )
        assert run.stdout == here


# -- nodes and edges ---------------------------------------------------------------------------------------------


def test_a_square_has_two_edges_and_says_that_cotangents_add_up() -> None:
    scene = scene_of(lambda x: x * x, 3.0, grads=True, values=True)
    assert arrows(scene) == [("x", "out", ""), ("x", "out", "")]
    assert item(scene, "x").cotangent == ["6"]
    assert "used 2 times: cotangents add up" in item(scene, "x").notes


def test_a_difference_numbers_its_operands_in_order() -> None:
    assert arrows(scene_of(lambda a, b: a - b, 1.0, 2.0)) == [("a", "out", "1"), ("b", "out", "2")]
    assert arrows(scene_of(lambda a, b: b - a, 1.0, 2.0)) == [("b", "out", "1"), ("a", "out", "2")]
    assert arrows(scene_of(lambda a, b: a + b, 1.0, 2.0)) == [("a", "out", ""), ("b", "out", "")]
    assert item(scene_of(lambda a: 2 - a, 1.0), "out").text == "2 - a"


@pytest.mark.parametrize("after_backward", [False, True])
def test_every_node_has_its_cotangent(after_backward: bool) -> None:
    loss = exercise_loss()
    if after_backward:
        loss.backward()
    scene = scene_of(loss, grads=True, values=True)
    found = {(i.path, i.name): i.cotangent for i in scene.items if i.cotangent}
    assert found == {
        ("net.0", "weight"): ["-2  -1"] * 3,
        ("net.0", "bias"): ["-1  -1  -1"],
        ("net.2", "weight"): ["-3  -3  -3"],
        ("net.0", "z1"): ["-1  -1  -1"],
        ("net.1", "h"): ["-1  -1  -1"],
        ("net.2", "z2"): ["-1"],
        ("SquaredLoss", "loss"): ["1"],
    }
    assert item(scene, "z1").symbol == "∂loss/∂z1"


def test_drawing_changes_nothing() -> None:
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    tl.draw(np.sum(x * x), grads=True, backward=True, values=True)
    assert x.grad is None


def test_kinds_are_told_apart_by_shape_and_by_a_word() -> None:
    drawing = tl.draw(exercise_loss())
    scene = drawing.scene
    assert scene is not None
    kinds = {i.name: i.kind for i in scene.items}
    assert kinds == {
        "weight": "parameter", "bias": "parameter", "x": "input", "y": "input",
        "z1": "operation", "h": "operation", "z2": "operation", "loss": "operation",
    }  # fmt: skip
    for shape, word in ("cds", "INPUT"), ("box3d", "PARAMETER"), ("box", "OUTPUT"):
        assert any(f"shape={shape} " in line and f"<B>{word}</B>" in line for line in drawing.source.splitlines())


def test_boxes_have_attribute_names_and_sizes() -> None:
    scene = scene_of(Tower(2), np.ones((1, 2)))
    labels = {i.group.label for i in scene.items if i.group}
    assert {"net.inp: Linear(2, 4)", "net.blocks.1.fc2: Linear(4, 4)"} <= labels
    inner = next(i.group for i in scene.items if i.group and i.group.label == "net.blocks.1.fc2: Linear(4, 4)")
    assert inner.parent is not None
    assert inner.parent.label == "net.blocks.1: Residual"
    assert inner.parent.parent is not None
    assert inner.parent.parent.label == "net: Tower"


def test_a_module_used_twice_is_drawn_twice_and_says_so() -> None:
    scene = scene_of(Siamese(), np.ones(3), np.arange(3.0))
    boxes = {i.group: i.group.note for i in scene.items if i.group and "enc" in i.group.label}
    assert list(boxes.values()) == ["call 1 of 2, same parameters", "call 2 of 2, same parameters"]
    assert [a for a in arrows(scene) if a[0] == "enc.weight"] == [("enc.weight", "z1", ""), ("enc.weight", "z2", "")]


def test_names_are_those_of_the_users_variables() -> None:
    first = tl.tensor(1.0, requires_grad=True)
    second = np.array([1.0, 2.0])
    product = first * second
    layers = [np.exp(product)]
    scene = scene_of(layers[0], names=locals())
    assert [i.name for i in scene.items] == ["first", "second", "product", "layers[0]"]
    assert item(scene, "product").text == "first * second"
    my_net = nn.Sequential(nn.Linear(2, 1, rng=0))
    scene = scene_of(my_net, np.ones(2), names={"my_net": my_net})
    assert {i.group.label for i in scene.items if i.group} == {"my_net.0: Linear(2, 1)"}


def test_several_outputs_are_marked_and_named() -> None:
    x = tl.tensor([1.0, 2.0], requires_grad=True, name="x")
    scene = scene_of({"low": x * 2, "high": x * 3}, grads=True, values=True)
    assert [(i.name, i.is_output) for i in scene.items] == [("x", False), ("low", True), ("high", True)]
    assert item(scene, "x").cotangent == ["5  5"]
    assert item(scene, "x").symbol == "∂Σ/∂x"
    assert "sum over all outputs" in scene.notes[0]


def test_an_output_that_another_is_made_of() -> None:
    x = tl.tensor([1.0, 2.0], requires_grad=True, name="x")
    h = np.exp(x)
    assert [i.is_output for i in scene_of([h, np.sum(h)]).items] == [False, True, True]


def test_the_backward_pass_is_a_graph_of_its_own() -> None:
    scene = scene_of(exercise_loss(), backward=True, values=True)
    back = {i.name: i.value for i in scene.items if i.group and i.group.label == "backward pass"}
    assert back["∂loss/∂z2"] == ["-1"]
    assert back["∂loss/∂0.weight"] == ["-2  -1"] * 3
    assert {"∂loss/∂2.weight", "∂loss/∂h", "∂loss/∂z1 = ∂loss/∂0.bias"} <= set(back)  # b gets what z1 gets
    # What it takes from the forward pass comes from there, arrays too.
    assert ("z1", "forward") in {(e.source.name, "forward") for e in scene.edges if e.into_backward}
    assert len([i for i in scene.items if i.name == "x"]) == 1


def test_the_second_order_is_drawn_too() -> None:
    x = tl.tensor([1.0, 2.0], requires_grad=True, name="x")
    g = tl.grad(lambda x: np.sum(x * x * x))
    penalty = np.sum(g(x) ** 2)
    (leaf,) = (i for i in scene_of(penalty, grads=True).items if i.kind == "parameter")
    assert leaf.cotangent == ["36  288"]  # d sum 9 x^4 / dx = 36 x^3
    back = scene_of(penalty, backward=True, values=True)
    assert ["36  288"] in [i.value for i in back.items if "∂out/∂x" in i.name]


# -- odd input ---------------------------------------------------------------------------------------------------


def test_a_tensor_without_a_graph_is_one_node_that_says_so() -> None:
    for t in (tl.tensor([1.0]), (tl.tensor(1.0, requires_grad=True) * 2).detach()):
        scene = scene_of(t)
        assert len(scene.items) == 1
        assert "no graph" in scene.notes[0]
    assert scene_of(tl.tensor(1.0, requires_grad=True)).notes == []


def test_nan_and_infinity_are_marked() -> None:
    x = tl.tensor([1.0, np.nan, -np.inf], requires_grad=True, name="x")
    scene = scene_of(np.sum(x * x), grads=True)
    assert item(scene, "x").alarm == "1 nan, 1 inf; 1 nan, 1 inf in ∂out/∂x"
    assert "! 1 nan, 1 inf" in tl.draw(np.sum(x * x)).source


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (2, 3, 4), (100, 100), (1, 1, 1, 1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_shape_and_dtype_is_drawn(shape: tuple[int, ...], dtype: type) -> None:
    x = tl.tensor(np.ones(shape, dtype), requires_grad=True, name="x")
    scene = scene_of(x * 2, grads=True, values=True, backward=True)
    assert item(scene, "x").shape == f"{shape or 'scalar'} {np.dtype(dtype)}"
    assert len(item(scene, "x").value) <= 6


@pytest.mark.parametrize(
    ("target", "inputs", "message"),
    [
        (np.ones(3), (), "not a Tensor"),
        ([], (), "the list is empty"),
        ([tl.tensor(1.0), 2.0], (), "output 1 is float"),
        (lambda x: x, (), "inputs to be called on"),
        (tl.tensor(1.0), (1.0,), "drawn as it is"),
        (lambda x: 3, (1.0,), "this is int"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_advice(target: Any, inputs: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        tl.draw(target, *inputs)


def test_depth_and_max_nodes_are_checked() -> None:
    with pytest.raises(ValueError, match="depth=-1"):
        tl.draw(exercise_loss(), depth=-1)
    with pytest.raises(ValueError, match="max_nodes=0"):
        tl.draw(exercise_loss(), max_nodes=0)


# -- images ------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without Graphviz, and with nothing on the PATH at all."""
    monkeypatch.setenv("PATH", "")


@pytest.mark.usefixtures("no_dot")
def test_pictures_need_no_dot(tmp_path: Path) -> None:
    drawing = tl.draw(exercise_loss(), values=True, grads=True)
    assert drawing.pipe("png")[:8] == b"\x89PNG\r\n\x1a\n"
    root = ElementTree.fromstring(drawing.pipe("svg"))
    texts = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"∂loss/∂z1", "net.0: Linear(2, 3)", "PARAMETER"} <= texts
    written = drawing.render(tmp_path / "graph.gv", cleanup=True)
    assert Path(written) == tmp_path / "graph.gv.svg"
    assert [p.name for p in tmp_path.iterdir()] == ["graph.gv.svg"]
    written = drawing.render(outfile=tmp_path / "picture.png")
    assert Path(written).read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "picture.gv").exists()
    (tmp_path / "other.gv").write_text("somebody's")
    assert Path(drawing.render(tmp_path / "other.png")).read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "other.gv").read_text() == "somebody's"
    assert not (tmp_path / "other.png.svg").exists()
    assert Path(drawing.render(tmp_path / "sub" / "x.svg")).read_text(encoding="utf-8").startswith("<?xml")
    assert Path(drawing.save(tmp_path / "text.gv")).read_text(encoding="utf-8") == drawing.source
    assert drawing.pipe("svg", encoding="utf-8").startswith("<?xml")
    assert "<svg" in drawing._repr_mimebundle_()["image/svg+xml"]


@pytest.mark.usefixtures("no_dot")
def test_a_format_that_needs_graphviz_says_what_to_install() -> None:
    with pytest.raises(RenderError, match=r"pdf: .* svg, png and jpeg.*apt install graphviz"):
        tl.draw(exercise_loss()).pipe("pdf")


@pytest.mark.usefixtures("no_dot")
def test_without_any_renderer_nobody_is_left_with_an_executable_that_was_not_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image, "_bundled_program", lambda: None)
    drawing = tl.draw(exercise_loss())
    shown = drawing._repr_mimebundle_()
    assert list(shown) == ["text/plain"]
    assert "pip install graphviz-pure" in shown["text/plain"]
    with pytest.raises(RenderError, match="pip install graphviz-pure"):
        drawing.render()


def test_a_dot_on_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("the stand-in for dot is a shell script")
    fake = tmp_path / "dot"
    fake.write_text("#!/bin/sh\n/bin/cat > /dev/null\necho '<svg>from dot</svg>'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tl.draw(exercise_loss()).pipe("svg", encoding="utf-8") == "<svg>from dot</svg>\n"


def test_it_is_a_digraph_and_can_be_copied() -> None:
    import graphviz

    drawing = tl.draw(exercise_loss())
    assert isinstance(drawing, graphviz.Digraph)
    assert isinstance(drawing.copy(), Drawing)
    assert drawing.copy().source == drawing.source
    drawing.node("mine")
    assert "mine" in drawing.source


# -- notebooks ---------------------------------------------------------------------------------------------------


def test_tensors_and_modules_show_themselves() -> None:
    loss: Any = exercise_loss()
    bundle = loss._repr_mimebundle_()
    assert bundle["text/plain"] == repr(loss)
    assert "<svg" in bundle["text/html"]
    assert "squared_loss" in bundle["text/html"]
    plain: Any = tl.tensor([1.0], name="<b>")
    assert list(plain._repr_mimebundle_()) == ["text/plain"]
    net: Any = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    bundle = net._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"] == repr(net)
    assert "Linear(2, 3)" in bundle["text/html"]


def test_importing_the_package_imports_no_drawing() -> None:
    program = "import sys, tinygrad_lite; print([m for m in sys.modules if 'graphviz' in m or 'readings' in m])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert run.stdout.strip() == "[]"
