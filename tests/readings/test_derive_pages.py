"""The printed pages: LaTeX that compiles, HTML that renders, whatever the names."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.derivations import classifier, exercise_point, lstm_cell, residual_block
from tests.readings.networks import HOSTILE
from tinygrad_lite import nn
from tinygrad_lite.readings.derivation.derivation import Derivation
from tinygrad_lite.readings.derivation.sentences import SENTENCES
from tinygrad_lite.readings.derive import derive

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def convolution() -> Derivation:
    rng = np.random.default_rng(0)
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3, rng=0)
    )
    return derive(nn.CrossEntropyLoss()(net(rng.normal(size=(2, 1, 4, 4))), np.array([0, 2])))


def hostile(**options: Any) -> Derivation:
    """A loss of tensors whose names are as bad as can be."""
    leaves = [tl.tensor([0.5, -1.0], requires_grad=True, name=name) for name in HOSTILE]
    special = tl.tensor([1.0, 2.0], requires_grad=True, name=r"50%_of{x}^2 & \alpha $#~ <b> αβ é")
    return derive(sum((np.sum(np.tanh(leaf) * special) for leaf in leaves), np.sum(special)), **options)


PAGES: dict[str, Any] = {
    "exercise": lambda: exercise_point(0, lr=0.001, entry="W1[2,0]"),
    "one line": lambda: exercise_point(level=0),
    "numerator": lambda: exercise_point(layout="numerator"),
    "bars": lambda: exercise_point(delta="bar", product="diag"),
    "deltas": lambda: derive(classifier(), names="nielsen"),
    "template": lambda: derive(classifier(), names="mitx"),
    "residual": lambda: derive(residual_block()),
    "lstm": lambda: derive(lstm_cell()),
    "convolution": convolution,
    "quiz": lambda: exercise_point().quiz(),
    "answers": lambda: exercise_point().quiz().answers(),
    "line": lambda: exercise_point()["dC/dW1"],
    "hostile": hostile,
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [name if name in ("exercise", "hostile") else pytest.param(name, marks=pytest.mark.thorough) for name in PAGES],
)
def test_the_latex_compiles(name: str, tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed (Debian: apt-get install texlive-latex-base)")
    (tmp_path / "page.tex").write_text(PAGES[name]().to_latex(), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, "\n".join(line for line in run.stdout.splitlines() if line.startswith(("!", "l.")))
    assert (tmp_path / "page.pdf").stat().st_size > 1_000


@pytest.mark.parametrize("name", PAGES)
def test_its_formulas_are_what_a_converter_takes(name: str) -> None:
    converter = pytest.importorskip("latex2mathml.converter", reason="latex2mathml is not installed")
    formulas = re.findall(r"(?<!\\)\$(.+?)(?<!\\)\$", PAGES[name]().to_latex())
    assert formulas
    for formula in formulas[:200]:
        assert formula.count("{") - formula.count(r"\{") == formula.count("}") - formula.count(r"\}"), formula
        ElementTree.fromstring(converter.convert(formula))


@pytest.mark.parametrize("name", PAGES)
def test_the_html_is_whole_and_well_formed(name: str) -> None:
    page = PAGES[name]().to_html()
    for math in re.findall(r"<math.*?</math>", page, re.DOTALL):
        ElementTree.fromstring(math)
    assert "<script" not in page
    assert "<img" not in page
    assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", page)
    assert not re.search(r"\b(?:src|href)=", page.replace("img src=x", ""))
    assert "default-src 'none'" in page


@pytest.mark.thorough
def test_the_page_fits_every_window_and_scrolls_what_does_not() -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in ("exercise", "lstm", "convolution", "hostile", "quiz"):
            html = PAGES[name]().to_html()
            for width in (360, 1300):
                page = browser.new_page(viewport={"width": width, "height": 800})
                asked: list[str] = []
                page.on("request", lambda request, asked=asked: asked.append(request.url))
                page.set_content(html)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width} px"
                assert page.evaluate("window.hacked") is None
                assert page.evaluate("document.querySelectorAll('math').length") > 10
                rectangles = (
                    "[...document.querySelectorAll('.formula math')].map(m => m.getBoundingClientRect().height)"
                )
                heights = page.evaluate(rectangles)
                assert all(height > 5 for height in heights)
                assert asked == []
                page.close()
        browser.close()


def test_bad_names_stay_text_in_every_dialect() -> None:
    d = hostile()
    assert d.ok
    text = d.to_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert all(line.replace("\u200d", "").isprintable() for line in text.splitlines())  # which joins emoji
    assert "<script>window" not in d.to_markdown()


def test_a_notebook_shows_the_page() -> None:
    shown = exercise_point()._repr_html_()
    assert shown.startswith('<div class="tgl-derivation">')
    assert "<html" not in shown
    assert exercise_point()["dC/dz"]._repr_html_().count("<article") == 1


def test_every_word_of_a_page_is_in_the_table_of_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """A course that translates the table has translated the page: what is left are names, formulas and numbers."""
    for key, words in SENTENCES.items():
        monkeypatch.setitem(SENTENCES, key, "".join(re.findall(r"\{\w+\}", re.sub(r"\$[^$]*\$", "", words))) + "§")
    page = str(exercise_point(level=4, lr=0.001)) + str(exercise_point().quiz()) + str(exercise_point(level=0))
    left = set(re.findall(r"[A-Za-z]{4,}", page))
    assert left <= {"relu", "value", "adjoint", "differences", "scalar", "NONE"}, left
