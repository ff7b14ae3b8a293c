"""Solutions of the exercise, as files: right ones in several styles, wrong ones, and those that misbehave."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.checking.writing import ARRAYS, HOSTILE, MATRIX, RIGHT, WRONG, changed
from tests.quick import one_in
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.solutions import Limits, mark_file
from tinygrad_lite.cli import main


def file(folder: Path, text: str, name: str = "solution.py") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def marked(folder: Path, text: str) -> Report:
    return mark_file(file(folder, text), limits=Limits(seconds=4))


def class_of(text: str) -> Any:
    space: dict[str, Any] = {"NeuralNetworkBase": object, "__name__": "notebook"}
    exec(text, space)
    return [thing for thing in space.values() if isinstance(thing, type) and thing is not object][-1]


@pytest.mark.parametrize("style", one_in(2, RIGHT))
def test_a_right_solution_is_right(style: str, tmp_path: Path) -> None:
    report = marked(tmp_path, RIGHT[style])
    assert report, str(report)
    assert report.mistakes == []
    assert report.points(6) == 6.0


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_solution_is_told_its_mistake(what: str) -> None:
    text, id = WRONG[what]
    report = tl.check(class_of(text))
    assert not report
    first, *others = report.mistakes
    assert id in {first.id, *(other for other, _ in first.alternatives)}, str(report)
    assert all(other.id == "predict_forgets_bias" for other in others)
    assert all(len(line) <= 130 for line in str(report).splitlines())
    assert len(str(report).splitlines()) <= 24


@pytest.mark.parametrize("what", one_in(3, HOSTILE))
def test_whatever_a_file_does_ends_in_a_report(what: str, tmp_path: Path) -> None:
    text, says = HOSTILE[what]
    report = marked(tmp_path, text)
    assert not report
    assert says in str(report)
    assert json.loads(report.to_json())["ok"] is False


def test_what_is_left_from_the_step_before_shows_in_the_second() -> None:
    kept = changed(
        ARRAYS,
        ("        self.learning_rate = 0.001\n", "        self.learning_rate = 0.001\n        self.g = [0, 0, 0]\n"),
        ("        self.hidden_to_output_weights += self.learning_rate * e @ h.T\n"
         "        self.biases += self.learning_rate * d\n"
         "        self.input_to_hidden_weights += self.learning_rate * d @ x.T\n",
         "        self.g = [g + new for g, new in zip(self.g, (e @ h.T, d, d @ x.T))]\n"
         "        self.hidden_to_output_weights += self.learning_rate * self.g[0]\n"
         "        self.biases += self.learning_rate * self.g[1]\n"
         "        self.input_to_hidden_weights += self.learning_rate * self.g[2]\n"),
    )  # fmt: skip
    assert [m.id for m in tl.check(class_of(kept)).mistakes] == ["stale_grad"]
    cached = changed(
        ARRAYS,
        ("        z, h, a = self.forward(x)",
         "        if not hasattr(self, 'c'):\n            self.c = (x, y, self.forward(x))\n        "
         "x, y, (z, h, a) = self.c"),
    )  # fmt: skip
    report = tl.check(class_of(cached))
    assert not report
    assert report.first_wrong is not None
    assert "second step" in report.first_wrong


def test_relu_at_zero_is_a_convention() -> None:
    report = tl.check(class_of(changed(ARRAYS, ("(z > 0)", "(z >= 0)"))))
    assert report
    assert [row.note for row in report.rows if row.status == "convention"] == ["relu'(0) = 1"] * 2


def test_inputs_that_are_written_into_are_mentioned() -> None:
    spec = tl.check.Spec(
        loss=lambda w, x: (w * x).sum(),
        parameters={"w": "w"},
        train=lambda model, at: model.fit(at["x"]),
        points=[{"w": [1.0, 2.0], "x": __import__("numpy").array([3.0, 4.0])}],
        lr=1.0,
    )

    class Model:
        def __init__(self) -> None:
            self.w = [1.0, 2.0]

        def fit(self, x: Any) -> None:
            self.w = [w - v for w, v in zip(self.w, x, strict=True)]
            x += 1

    report = tl.check(Model, spec)
    assert report
    assert "writes into its inputs (x)" in str(report)


# -- the command ---------------------------------------------------------------------------------------------------


def test_the_command_says_right_wrong_or_could_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file(tmp_path, MATRIX))]) == 0
    assert capsys.readouterr().out.startswith("solution.py: right: all 4 quantities")
    assert main(["check", str(file(tmp_path, WRONG["sign" if "sign" in WRONG else "twice"][0]))]) == 1
    printed = capsys.readouterr()
    assert "Likely mistake, in dC/dz2: factor2" in printed.out
    assert printed.err == ""
    assert main(["check", str(file(tmp_path, "raise ValueError('no')"))]) == 2
    assert "ValueError: no, line 1" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "none.py")]) == 2
    assert "is not a file" in " ".join(capsys.readouterr().out.split())  # a long path wraps


def test_the_command_prints_json_and_hints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(file(tmp_path, WRONG["mask the wrong way round"][0]))
    assert main(["check", path, "--json", "--points", "6"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == 1
    assert found["mistakes"][0]["id"] == "mask_inverted"
    assert found["points"] == {"got": 4.5, "of": 6.0}
    assert [q["status"] for q in found["quantities"]] == ["ok", "first_wrong", "carried", "ok"]
    assert main(["check", path, "--hint", "1"]) == 1
    assert capsys.readouterr().out.strip() == "Look at biases, or rather at dC/dz1; what comes before it is right."
    assert main(["check", path, "--hint", "4"]) == 1
    assert "1[z1 > 0]" in capsys.readouterr().out
    assert main(["check", path, "--hide-expected", "--hide-name"]) == 1
    hidden = capsys.readouterr().out
    assert "expected" not in hidden
    assert "mask" not in hidden


SPEC = """
import numpy as np
from tinygrad_lite.checking import Spec

rng = np.random.default_rng(0)
POINT = {"W": rng.standard_normal((2, 1)), "b": np.zeros(1), "x": rng.standard_normal((4, 2)), "y": np.ones((4, 1))}
spec = Spec(
    loss=lambda W, b, x, y: np.mean((x @ W + b - y) ** 2),
    parameters={"W": "weights", "b": "bias"},
    train=lambda model, at: model.fit_step(at["x"], at["y"]),
    points=[POINT],
    lr=0.1,
)
"""
REGRESSION = """
import numpy as np

class Regression:
    def __init__(self):
        self.weights, self.bias = np.zeros((2, 1)), np.zeros(1)

    def fit_step(self, x, y):
        error = 2 * (x @ self.weights + self.bias - y) / len(x)
        self.weights = self.weights - 0.1 * x.T @ error
        self.bias = self.bias - 0.1 * error.sum(axis=0)
"""


def test_the_example_in_the_help_is_an_exercise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    lines = capsys.readouterr().out.splitlines()
    start, end = lines.index("  import numpy as np"), lines.index("  )")
    spec = str(file(tmp_path, textwrap.dedent("\n".join(lines[start : end + 1])), "spec.py"))
    assert main(["check", str(file(tmp_path, REGRESSION)), "--spec", spec]) == 0


def test_what_a_teacher_mistypes_is_said() -> None:
    right: dict[str, Any] = {
        "loss": lambda W, x: (x @ W).sum(), "parameters": {"W": "weights"}, "train": lambda model, at: None,
        "points": [{"W": np.ones(2), "x": np.ones(2)}],
    }  # fmt: skip
    assert tl.check.Spec(**right).point_names() == ["point 1"]
    for wrong, says in (
        ({"points": []}, "points= is empty"),
        ({"points": [{"W": np.ones(2)}]}, "point 1 has no x; loss= takes W, x"),
        ({"points": [{"W": np.ones(2), "x": np.ones(2), "z": 1}]}, "point 1 has z too"),
        ({"parameters": {"V": "weights"}}, "point 1 has no V"),
        ({"parameters": {}}, "parameters= is empty"),
        ({"train": "fit"}, "train= is a function, not str"),
        ({"predict": lambda model, at: 0}, "give both or neither"),
        ({"lr": 0}, "a number above 0"),
    ):
        with pytest.raises((TypeError, ValueError), match=re.escape(says)):
            tl.check.Spec(**right | wrong)
    with pytest.raises(ValueError, match="not a scalar"):
        tl.check(dict, tl.check.Spec(**right | {"loss": lambda W, x: x * W}))
    with pytest.raises(TypeError, match="a Spec marks a class, not dict"):
        tl.check({}, tl.check.Spec(**right))


def test_a_teacher_declares_an_exercise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(file(tmp_path, SPEC, "spec.py"))
    assert main(["check", str(file(tmp_path, REGRESSION)), "--spec", spec]) == 0
    wrong = changed(REGRESSION, (" / len(x)", ""))
    assert main(["check", str(file(tmp_path, wrong)), "--spec", spec]) == 1
    assert "no_1_over_N" in capsys.readouterr().out
    assert main(["check", str(file(tmp_path, REGRESSION)), "--spec", str(file(tmp_path, "x = 1", "none.py"))]) == 2
    assert "has no Spec" in " ".join(capsys.readouterr().out.split())
