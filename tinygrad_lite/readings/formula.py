"""Formulas as MathML, printed from the rows that run: what an operation computes, and what its rule does.

A rule is plain NumPy, so that it runs on Tensors too. Run on stand-ins for g, y and the inputs it leaves a small
graph behind, and that graph, written with each row's own `tex`, is the formula.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

from tinygrad_lite.context import recording
from tinygrad_lite.graph import Node, ancestors, same_bits
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.readings.labels import literal
from tinygrad_lite.readings.numerals import numeral
from tinygrad_lite.tensor import leaf

ATOM, POWER, PRODUCT, SUM, RELATION = 5, 4, 3, 2, 1  # how tightly a formula holds together
Formula = tuple[str, int]

SYMBOLS = {
    "odot": "⊙", "le": "≤", "ge": "≥", "ne": "≠", "wedge": "∧", "vee": "∨", "oplus": "⊕", "neg": "¬", "sum": "∑",
    "prod": "∏", "cdot": "·", "times": "×", "lvert": "|", "rvert": "|", "lVert": "‖", "rVert": "‖", "infty": "∞",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "partial": "∂", "to": "→", "in": "∈", "pm": "±",
}  # fmt: skip
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ", "lambda": "λ", "mu": "μ",
    "sigma": "σ", "phi": "φ", "Phi": "Φ", "Gamma": "Γ", "psi": "ψ", "pi": "π", "rho": "ρ", "tau": "τ",
}  # fmt: skip
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|#\d|\s+|.", re.DOTALL)


def name(text: str) -> Formula:
    """A name as a formula: `z1` gets its number as an index.

    >>> name("z1")[0]
    '<msub><mi>z</mi><mn>1</mn></msub>'
    """
    text = literal(text, 24)
    match = re.fullmatch(r"([A-Za-z])_?(\d+)", text)
    if match:
        return f"<msub><mi>{match[1]}</mi><mn>{match[2]}</mn></msub>", ATOM
    return f"<mi>{escape(text)}</mi>", ATOM


def number(x: Any) -> Formula:
    """A number as a formula."""
    text = numeral(x)
    return (f"<mrow><mo>−</mo><mn>{text[1:]}</mn></mrow>", SUM) if text[0] == "-" else (f"<mn>{text}</mn>", ATOM)


def ratio(above: str, below: str) -> Formula:
    """The derivative of one named thing by another."""
    above, below = (f"<mrow><mo>∂</mo>{name(text)[0]}</mrow>" for text in (above, below))
    return f"<mfrac>{above}{below}</mfrac>", POWER  # a fraction with an exponent needs brackets


def applied(op: Primitive, operands: list[Formula]) -> Formula:
    """A row's `tex` with formulas in place of `#1 #2`, in brackets where they have to be.

    >>> import tinygrad_lite as tl
    >>> from tinygrad_lite.primitives import TABLE
    >>> applied(TABLE["tanh"], [name("x")])[0]
    '<mi>tanh</mi><mspace width="0.2em"/><mrow><mi>x</mi></mrow>'
    """
    if op.variadic:
        operands = [("<mo>,</mo>".join(text for text, _ in operands), RELATION)]
    tex = op.tex
    while (last := max(map(int, re.findall(r"#(\d)", tex)), default=0)) > len(operands):
        shorter = re.sub(rf"\s*[-+,]?\s*#{last}", "", tex)  # an operand that was left out, such as a bias
        tex = shorter
    if tex == "#1":
        return operands[0]
    tokens = TOKEN.findall(tex)
    return _row(tokens, operands)[0], _strength(tex)


def _strength(tex: str) -> int:
    tex = re.sub(r"\\[A-Za-z]+(\{[^{}]*\})?\s*\([^()]*\)", "f", tex)  # a function of what is in brackets
    while (bare := re.sub(r"\{[^{}]*\}|\([^()]*\)|\[[^\[\]]*\]|\\[lr][vV]ert.*\\[lr][vV]ert", "", tex)) != tex:
        tex = bare
    if re.search(r"[=<>]|\\(le|ge|ne|wedge|vee|oplus)\b", tex):
        return RELATION
    if re.search(r"\S\s*[-+]|^-", tex):
        return SUM
    if re.search(r"\\(odot|,|cdot|sum|ln|log|tanh|sin|cos|max|min|neg)|\\math(rm|op)\b", tex):
        return PRODUCT
    return POWER if "^" in tex else ATOM


def _row(tokens: list[str], operands: list[Formula], whole: bool = True) -> tuple[str, int]:
    """MathML of the tokens up to an unopened `}`; how many they are."""
    parts: list[str] = []
    i = 0
    strength = _strength("".join(tokens)) if whole else 0
    alone = sum(1 for token in tokens if not token.isspace()) == 1
    depth = 0
    first = True
    while i < len(tokens) and tokens[i] != "}":
        token = tokens[i]
        i += 1
        if token.isspace():
            continue
        if token in "([":
            depth += 1
        elif token in ")]":
            depth -= 1
        if token in "^_" and parts:
            script, used = _argument(tokens[i:], operands)
            i += used
            tag = "msup" if token == "^" else "msub"
            parts[-1] = f"<{tag}>{_one(parts[-1])}{script}</{tag}>"
            continue
        if token[0] == "#":
            text, holds = operands[int(token[1]) - 1]
            powered = "".join(tokens[i:]).lstrip().startswith("^")
            needed = ATOM if powered else 0 if depth or alone or not whole else strength + (0 if first else 1)
            if strength == ATOM and not powered:
                needed = 0
            if holds < needed:  # a condition among numbers is 1 where it holds: Iverson's bracket
                left, right = ("<mn>1</mn><mo>[</mo>", "]") if holds == RELATION else ("<mo>(</mo>", ")")
                text = f"{left}{text}<mo>{right}</mo>"
            parts.append(f"<mrow>{text}</mrow>")
            first = False
            continue
        if token == "{":
            text, used = _row(tokens[i:], operands, whole=False)
            parts.append(f"<mrow>{text}</mrow>")
            i += used + 1
        elif token in (r"\frac", r"\tfrac", r"\dfrac"):
            above, used = _argument(tokens[i:], operands)
            i += used
            below, used = _argument(tokens[i:], operands)
            i += used
            parts.append(f"<mfrac>{above}{below}</mfrac>")
        elif token == r"\sqrt":
            text, used = _argument(tokens[i:], operands)
            i += used
            parts.append(f"<msqrt>{text}</msqrt>")
        elif token in (r"\mathrm", r"\mathsf", r"\operatorname", r"\mathbf", r"\text"):
            end = tokens.index("}", i) if "}" in tokens[i:] else len(tokens)
            parts.append(f"<mi>{escape(''.join(tokens[i + 1 : end]))}</mi>")
            i = end + 1
        elif token in (r"\,", r"\;", r"\ ", r"\:"):
            parts.append('<mspace width="0.2em"/>')
        elif token in (r"\!", r"\left", r"\right"):
            pass
        else:
            while token.isdigit() and i < len(tokens) and tokens[i].isdigit():
                token += tokens[i]
                i += 1
            parts.append(_symbol(token))
    return "".join(parts), i


def _argument(tokens: list[str], operands: list[Formula]) -> tuple[str, int]:
    """What `^`, `_` or `\\frac` takes: a group in braces or one token."""
    skipped = next((k for k, token in enumerate(tokens) if not token.isspace()), len(tokens))
    if skipped == len(tokens):
        return "<mrow></mrow>", skipped
    if tokens[skipped] == "{":
        text, used = _row(tokens[skipped + 1 :], operands, whole=False)
        return f"<mrow>{text}</mrow>", skipped + used + 2
    text, _ = _row([tokens[skipped]], operands, whole=False)
    return f"<mrow>{text}</mrow>", skipped + 1


def _symbol(token: str) -> str:
    word = token[1:] if token[0] == "\\" else token
    if token[0] == "\\" and word in SYMBOLS:
        return f"<mo>{SYMBOLS[word]}</mo>"
    if token[0] == "\\":
        spaced = '<mspace width="0.2em"/>' if word.isalpha() and word not in GREEK else ""
        return f"<mi>{escape(GREEK.get(word, word))}</mi>{spaced}"
    if token.isdigit():
        return f"<mn>{token}</mn>"
    return f"<mi>{token}</mi>" if token.isalpha() else f"<mo>{escape('−' if token == '-' else token)}</mo>"


def _one(text: str) -> str:
    return f"<mrow>{text}</mrow>"


def computed(node: Node, named: Callable[[int], str]) -> str:
    """The right-hand side of a node: its row, with `named(i)` for operand i."""
    if node.op is None:
        return ""
    operands = [_operand(node, i, name(named(i))) for i in range(len(node.inputs))]
    if node.op.name == "getitem":
        operands = [operands[0], ("<mo>…</mo>", ATOM)]
    return applied(node.op, operands)[0]


def _operand(node: Node, i: int, otherwise: Formula) -> Formula:
    a = node.args[i]
    return number(a) if node.inputs[i] is None and a is not None and np.ndim(a) == 0 else otherwise


def pulled(node: Node, i: int, g: Any, symbols: Callable[[str, int], Formula]) -> tuple[str, str, Any]:
    """How the cotangent of input `i` comes from `g`, that of the node: (formula, local derivative, its value).

    The local derivative is that of a pointwise operation; for others it is empty and None, for their rule makes no
    Jacobian. `symbols("g" | "y" | "x", position)` says how the stand-ins are written.
    """
    op = node.op
    if op is None:
        return "", "", None
    with recording(True):
        g, y = leaf(g, requires_grad=True), leaf(node.value, requires_grad=True)
        xs = tuple(
            a if x is None or np.asarray(a).dtype.kind != "f" else leaf(a, requires_grad=True)
            for x, a in zip(node.inputs, node.args, strict=True)
        )
        known: dict[Any, Formula] = {g: symbols("g", 0), y: symbols("y", 0)}
        known.update({x: symbols("x", k) for k, x in enumerate(xs) if isinstance(x, Node)})
        arrays = [(a, symbols("x", k)) for k, a in enumerate(xs) if isinstance(a, np.ndarray) and a.ndim]
        rule = None if op.variadic or i >= len(op.rules) else op.rules[i]
        local = rule(y, *xs, **node.kwargs) if op.kind == "pointwise" and callable(rule) else None
        if op.kind == "pointwise" and isinstance(rule, int):
            local = rule
        formula = written(op.pull(i, g, y, xs, node.kwargs), known, arrays)
        if local is None:
            return formula, "", None
        value = local.value if isinstance(local, Node) else local
        text = written(local, known, arrays)
        if np.asarray(value).dtype == bool:
            value, text = np.asarray(value).astype(node.value.dtype), f"<mn>1</mn><mo>[</mo>{text}<mo>]</mo>"
        return formula, text, value


def written(result: Any, known: dict[Any, Formula], arrays: list[tuple[Any, Formula]]) -> str:
    """A small graph as a formula, in terms of the nodes that are `known`; arrays are known by their bits."""

    def constant(a: Any) -> Formula:
        if a is None:
            return "<mo>∅</mo>", ATOM
        if np.ndim(a) == 0 or np.size(a) == 1:
            return number(np.asarray(a).reshape(-1)[0])
        found = next((formula for other, formula in arrays if same_bits(np.asarray(a), other)), None)
        return found or ("<mi>c</mi>", ATOM)

    if not isinstance(result, Node):
        return constant(result)[0]
    formulas = dict(known)
    for node in ancestors([result]):
        if node in formulas:
            continue
        if node.op is None:
            formulas[node] = constant(node.value)
            continue
        operands = [constant(a) if x is None else formulas[x] for x, a in zip(node.inputs, node.args, strict=True)]
        if node.op.name in ("getitem", "scatter_add"):
            operands = [operands[0], ("<mo>…</mo>", ATOM)]
        formulas[node] = applied(node.op, operands)
    text: str = formulas[result][0]
    return text
