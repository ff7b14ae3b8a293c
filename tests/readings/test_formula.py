"""Formulas printed from rows: every row of the table, and rules that run on stand-ins."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.graph import Node
from tinygrad_lite.primitives import TABLE
from tinygrad_lite.readings import formula, typeset
from tinygrad_lite.readings.dialects import mathml, text
from tinygrad_lite.readings.formula import applied, name, number
from tinygrad_lite.readings.tex import latex


def flat(mathml: str) -> str:
    """The characters of a formula, fractions as {above|below}, exponents with ^."""
    mathml = mathml.replace("<msup>", "⟨").replace("</msup>", "⟩")
    root = ElementTree.fromstring(f"<math>{mathml}</math>")
    for fraction in root.iter("mfrac"):
        fraction[0].text = "{" + (fraction[0].text or "")
        fraction[1].text = "|" + (fraction[1].text or "")
        fraction[1].tail = "}"
    return re.sub(r"\s", "", "".join(root.itertext())).replace("⟨", "").replace("⟩", "")


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_every_row_becomes_well_formed_mathml(row: tl.Primitive) -> None:
    count = max(map(int, re.findall(r"#(\d)", row.tex)), default=0)
    text, _ = applied(row, [name(letter) for letter in "abcd"[: max(1, count)]])
    ElementTree.fromstring(f"<math>{text}</math>")
    assert "#" not in text
    for letter in "abcd"[:count]:
        assert f">{letter}<" in text


def test_a_group_ends_where_its_brace_does() -> None:
    a, b = typeset.name("a"), typeset.name("b")
    assert text(typeset.template(r"#1^{\mathsf T}\,#2", [a, b])) == "a^T b"
    assert text(typeset.applied(TABLE["conv2d_input"], [a, b])) == "a ⋆^T b"
    numbers = typeset.Matrix((("2", "0"),))
    assert text(typeset.Script(a.layout, sub=numbers)) == "a_([2 0])"  # and not entry 20
    assert text(typeset.Script(a.layout, sub=typeset.row(b.layout, a.layout))) == "a_ba"


def test_brackets_stand_where_they_have_to() -> None:
    a, b, c = (name(letter) for letter in "abc")
    total = applied(TABLE["add"], [a, b])
    product = applied(TABLE["multiply"], [a, b])
    assert flat(applied(TABLE["multiply"], [total, c])[0]) == "(a+b)⊙c"
    assert flat(applied(TABLE["add"], [product, c])[0]) == "a⊙b+c"
    assert flat(applied(TABLE["subtract"], [a, applied(TABLE["subtract"], [b, c])])[0]) == "a−(b−c)"
    assert flat(applied(TABLE["square"], [total])[0]) == "(a+b)2"
    assert flat(applied(TABLE["divide"], [total, c])[0]) == "{a+b|c}"
    assert flat(applied(TABLE["exp"], [total])[0]) == "ea+b"
    assert flat(applied(TABLE["tanh"], [total])[0]) == "tanh(a+b)"
    assert flat(applied(TABLE["affine"], [a, b])[0]) == "abT"
    assert flat(applied(TABLE["multiply"], [number(2), number(-3)])[0]) == "2⊙(−3)"
    assert flat(applied(TABLE["negative"], [applied(TABLE["subtract"], [a, b])])[0]) == "−(a−b)"
    assert flat(applied(TABLE["negative"], [product])[0]) == "−a⊙b"
    assert flat(applied(TABLE["negative"], [number(-3)])[0]) == "−(−3)"
    assert flat(applied(TABLE["tanh"], [product])[0]) == "tanh(a⊙b)"  # and not b times tanh a
    assert flat(applied(TABLE["multiply"], [applied(TABLE["tanh"], [a]), b])[0]) == "tanha⊙b"
    assert flat(applied(TABLE["square"], [applied(TABLE["sin"], [product])])[0]) == "(sin(a⊙b))2"
    summed = applied(TABLE["sum"], [a])
    assert flat(applied(TABLE["multiply"], [summed, b])[0]) == "(∑a)⊙b"  # and not the sum of products
    assert flat(applied(TABLE["add"], [summed, b])[0]) == "∑a+b"


def pulled(y: Any, i: int = 0) -> tuple[str, str, object]:
    g = np.ones(y.shape)
    symbols = {"g": lambda k: name("g"), "y": lambda k: name("y"), "x": lambda k: name("abc"[k])}
    rule, local, value = formula.pulled(y, i, g, lambda what, k: symbols[what](k))
    return flat(rule), flat(local), value


def test_the_rule_is_printed_from_what_runs() -> None:
    x = tl.tensor([0.5, -1.0], requires_grad=True)
    w = tl.tensor([3.0, 4.0], requires_grad=True)
    assert pulled(np.tanh(x))[:2] == ("g⊙(1−y⊙y)", "1−y⊙y")
    assert pulled(tl.relu(x))[:2] == ("g⊙1[a>0]", "1[a>0]")
    assert pulled(x * w)[:2] == ("g⊙b", "b")
    assert pulled(x - w, 1)[:2] == ("−g", "−1")
    assert pulled(x / w, 1)[0] == "g⊙{−y|b}"
    np.testing.assert_array_equal(np.asarray(pulled(tl.relu(x))[2]), [1, 0])
    assert pulled(np.sum(x))[1] == ""


def test_numbers_of_the_rule_are_those_of_the_engine() -> None:
    x = tl.tensor([0.5, -1.0], requires_grad=True)
    y: Any = np.tanh(x)
    _, _, value = formula.pulled(y, 0, np.ones(2), lambda what, k: name("g"))
    np.testing.assert_array_equal(np.asarray(value), 1 - y.numpy() ** 2)


def test_a_row_of_ones_own_with_odd_tex() -> None:
    odd = tl.pointwise(lambda x: x + 0, r"\unknown{<b>#1</b>} \alpha_{12} ^", lambda y, x: 1.0 + 0 * x, name="odd")
    text, _ = applied(odd, [name("<i>")])
    ElementTree.fromstring(f"<math>{text}</math>")
    assert "&lt;i&gt;" in text
    assert isinstance(odd(tl.tensor(1.0, requires_grad=True)), Node)


def test_greek_names_are_letters_and_small_numbers_powers_of_ten() -> None:
    gamma, small = (
        typeset.template("#1 = -#2", [typeset.name("gamma1"), typeset.name("beta")]),
        typeset.template("#1^2", [typeset.number(1e-05)]),
    )
    assert latex(gamma) == r"\gamma_{1} = - \beta"
    assert mathml(gamma) == (
        "<mrow><msub><mi>γ</mi><mn>1</mn></msub></mrow><mo>=</mo>"
        '<mo form="prefix">−</mo><mrow><mi>β</mi></mrow>'  # close to the letter, as no difference
    )
    assert latex(small) == r"\left(10^{-5}\right)^{2}"
    assert "<msup><mn>10</mn><mrow><mo>−</mo><mn>5</mn></mrow></msup>" in mathml(small)
    assert (text(gamma), text(small)) == ("gamma1 = -beta", "1e-05^2")
    assert latex(typeset.number(-2.5e-7)) == r"- 2.5 \cdot 10^{-7}"
