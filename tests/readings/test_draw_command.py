"""`tinygrad-lite draw`: files of every kind, networks of one's own, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygrad_lite.cli import main

NET = "from tinygrad_lite import nn, tensor\nnet = nn.Sequential(nn.Linear(784, 10, rng=0), nn.ReLU())\n"
MORE = "x = tensor(2.0, requires_grad=True, name='x')\ny = x * x\ndef f(a):\n    return a * a\nclass C: pass\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a network in it, and no `dot` anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    (tmp_path / "my_own_net.py").write_text(NET + MORE)
    (tmp_path / "broken.py").write_text("net = 1 / 0\n")
    return tmp_path


def test_the_exercise_with_values_and_gradients(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw"]) == 0
    assert capsys.readouterr().out == "graph.svg\n"
    svg = (place / "graph.svg").read_text(encoding="utf-8")
    for text in ("∂C/∂W1", "∂C/∂z", "affine(h, W2)", "net.0: Linear(2, 3)"):
        assert text in svg


@pytest.mark.parametrize(
    ("ending", "start"), [("png", b"\x89PNG"), ("gv", b"digraph"), ("html", b"<!DOCTYPE html>"), ("svg", b"<?xml")]
)
def test_the_ending_says_what_is_written(place: Path, ending: str, start: bytes) -> None:
    assert main(["draw", "-o", f"picture.{ending}"]) == 0
    assert (place / f"picture.{ending}").read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("my_own_net.py:net --input-shape 1x784 --depth 1", "net.0"),
        ("my_own_net.py:net", "7,850 parameters"),
        ("my_own_net.py:f --input-shape 3 --grads", "∂Σout/∂a"),
        ("my_own_net.py:f --input-shape scalar --backward", "backward pass"),
        ("my_own_net.py:y --values --max-nodes 9", "x * x"),
    ],
)
def test_a_network_of_ones_own(place: Path, arguments: str, text: str) -> None:
    assert main(["draw", *arguments.split(), "-o", "own.gv"]) == 0
    assert text in (place / "own.gv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("nowhere:net", 2, "finds no module nowhere here. For a file give its name with .py: nowhere.py:net"),
        ("nowhere.py:net", 2, "nowhere.py:net: there is no file nowhere.py. Give the path of the file from here."),
        ("broken.py:net", 2, "broken.py cannot be read. It stops with ZeroDivisionError: division by zero"),
        ("my_own_net.py:nothing", 2, "there is no nothing in my_own_net.py. It has: C, f, net, nn, tensor, x, y"),
        ("my_own_net.py", 2, "MODULE:OBJECT"),
        ("my_own_net.py:C", 2, "is a class"),
        ("my_own_net.py:f", 2, "Give it once for each input"),
        ("my_own_net.py:nn", 1, "not a Tensor"),
        ("my_own_net.py:net --input-shape 1x3", 1, "the weight (10, 784) maps 784 features"),
        ("-o picture.pdf", 1, "install Graphviz itself"),
        ("-o nowhere/picture.svg", 2, "cannot write there"),
        ("--input-shape 3", 2, "of your own"),
        ("my_own_net.py:net -o tree.html", 1, "has no film"),
    ],
)
@pytest.mark.usefixtures("place")
def test_what_goes_wrong_is_said_in_a_line(
    arguments: str, status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["draw", *arguments.split()]) == status
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("place")
def test_a_shape_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["draw", "my_own_net.py:net", "--input-shape", "1y3"])
    assert "such as 1x784, not 1y3" in capsys.readouterr().err
