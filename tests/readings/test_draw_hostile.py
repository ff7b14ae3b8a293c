"""Names that try to leave their label: shown literally, in DOT text, in SVG and in the film's page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.readings.networks import HOSTILE
from tinygrad_lite import nn
from tinygrad_lite.readings.labels import literal

SVG = "{http://www.w3.org/2000/svg}"


def named(name: str) -> Any:
    x = tl.tensor([1.0, 2.0], requires_grad=True, name=name)
    return np.sum(x * x)


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:20])
def test_a_hostile_name_is_shown_as_it_is(name: str) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            setattr(self, name, nn.Linear(2, 2, rng=0))

        def forward(self, x: object) -> object:
            return getattr(self, name)(x)

        def extra_repr(self) -> str:
            return name

    drawing = tl.draw({name: named(name), "net": Net()(np.ones(2))}, names={name: 1}, values=True, grads=True)
    svg = drawing.pipe("svg")
    root = ElementTree.fromstring(svg)
    assert len([g for g in root.iter(f"{SVG}g") if (g.get("class") or "").startswith("node")]) == len(
        drawing.scene.items  # type: ignore[union-attr]  # there is one
    )
    assert not list(root.iter(f"{SVG}script"))
    texts = " ".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))
    shown = re.sub(r"\s+", " ", literal(name)).strip()
    assert shown in re.sub(r"\s+", " ", texts.replace("\N{NO-BREAK SPACE}", " "))
    assert drawing.pipe("png")[:4] == b"\x89PNG"


@given(st.text(max_size=80))
@example("\\")
@example('"')
def test_any_name_leaves_the_picture_whole(name: str) -> None:
    source = tl.draw(named(name)).source
    assert source.count("\n") == source.rstrip("\n").count("\n") + 1
    labels = re.findall(r"label=<(<TABLE.*</TABLE>)>\]$", source, re.MULTILINE)
    assert len(labels) == 3
    for label in labels:
        ElementTree.fromstring(label)  # well-formed


@given(st.text(max_size=30))
def test_a_name_without_control_characters_is_its_own_literal(text: str) -> None:
    shown = literal(text)
    assert shown.isprintable() or "\u200d" in shown
    if text.isascii() and text.isprintable():
        assert shown == text
