"""Why a line looks as it does, in words: a sentence of the table, with names, numbers and formulas put in."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.derivation.page import Inline
from tinygrad_lite.readings.derivation.sentences import SENTENCES
from tinygrad_lite.readings.typeset import SUM, Formula, Layout, name, number, template

POSITIONS = {
    "affine": ("input", "weight", "bias"), "conv2d": ("input", "weight", "bias"), "subtract": ("left", "right"),
    "divide": ("left", "right"),
}  # fmt: skip


def sentence(key: str, **words: Any) -> list[Inline]:
    """A sentence of the table: words, and formulas where `$...$` stands, with #1 for x, #2 for y, #3 for the other."""
    operands = [as_name(words.get(k, "")) for k in ("x", "y", "other", "n")]
    found: list[Inline] = []
    for k, piece in enumerate(re.split(r"\$([^$]*)\$", SENTENCES[key])):
        if k % 2:
            found.append(template(piece, operands).layout)
            continue
        for j, part in enumerate(re.split(r"\{(\w+)\}", piece)):
            if not j % 2:
                found.append(part)
            elif isinstance(words[part], Layout):
                found.append(words[part])
            elif part in ("x", "y", "other"):
                found.append(as_name(words[part]).layout)
            else:
                found.append(str(words[part]))
    return [part for part in found if part != ""]


def phrase(key: str, **words: Any) -> str:
    """A sentence of the table without formulas: a heading, a label."""
    return SENTENCES[key].format(**words)


def as_name(thing: Any) -> Formula:
    """A name, a number, or what is written already."""
    if isinstance(thing, Layout):
        return Formula(thing, SUM)
    return number(thing) if isinstance(thing, int) else name(str(thing) or "·")


def folded(user: Node, i: int, x: str | Layout) -> list[Inline]:
    """What is to be said of arithmetic with a plain number, which has no line and no name of its own."""
    op = user.op.name if user.op is not None else ""
    if op == "divide" and i == 1:
        return sentence("divide.folded", x=x)
    return sentence({"subtract": "subtract.right", "negative": "negative"}.get(op, "multiply.constant"), x=x)


def reasons(user: Node, i: int, x: str | Layout, y: str, others: list[str], direct: bool = True) -> list[list[Inline]]:
    """What is to be said of the cotangent that `user` hands to its operand `i`, called `x`.

    direct  whether its operands stand there by themselves: not transposed, say, or scaled
    """
    op = user.op
    if op is None:
        return []
    args = user.args
    words: dict[str, Any] = {
        "direct": direct,
        "x": x,
        "y": y,
        "op": op.name,
        "other": others[0] if others else "",
        "n": np.size(args[i]),
    }
    found = [sentence(_key(user, i, words), **words)]
    if op.name == "squared_loss" and np.ndim(args[0]) > 1:
        n = args[0].size // max(args[0].shape[-1], 1)
        if n > 1:
            found.append(sentence("squared_loss.batch", **{**words, "n": n}))
    if op.kind == "pointwise" and np.shape(args[i]) != np.shape(user.value):
        found.append(sentence("broadcast", x=x, shape=np.shape(args[i]), wide=np.shape(user.value)))
    return found


def _key(user: Node, i: int, words: dict[str, Any]) -> str:
    op, args = user.op, user.args
    assert op is not None
    key = op.name
    if key == "matmul":
        a, b = (np.ndim(z) for z in args)
        if a == b == 1:
            return "matmul.dot"
        own, other = (_weight(u) for u in (user.inputs[i], user.inputs[1 - i]))
        if a == b == 2 and not words["direct"] and (own if i else other) and not _leaf(user.inputs[0]):
            return f"affine.weight.{_batch(args[0], words)}" if i else "affine.input.batch"  # x W^T, as a layer has it
        vector = (i == 0 and b == 1) or (i == 1 and b == 1)
        return f"matmul.{'right' if i else 'left'}" + (".vector" if vector else "" if words["direct"] else ".folded")
    if key in POSITIONS:
        key = f"{key}.{POSITIONS[key][min(i, len(POSITIONS[key]) - 1)]}"
    if op.name == "affine" and np.ndim(args[0]) > 1:
        key += f".{_batch(args[0], words) if i else 'batch'}"
    if key == "multiply" and user.inputs[1 - i] is None:
        key = "multiply.constant"
    if key == "relu":
        words["on"] = int(np.count_nonzero(np.asarray(args[0]) > 0))
    if key in ("sum", "mean", "var"):
        words["n"] = np.size(args[0]) // max(np.size(user.value), 1)
    if key in SENTENCES:
        return key
    if op.kind == "pointwise":
        return "pointwise.scalar" if np.size(user.value) == 1 else "pointwise"
    return op.kind if op.kind in SENTENCES else "general"


def _batch(x: Any, words: dict[str, Any]) -> str:
    """What the rows of a layer's input are: one example, several, or places such as the steps of examples."""
    words["n"] = n = math.prod(np.shape(x)[:-1])
    return "one" if n == 1 else "places" if np.ndim(x) > 2 else "batch"


def _leaf(node: Node | None) -> bool:
    return node is not None and node.op is None and node.requires_grad


def _weight(node: Node | None) -> bool:
    """Whether it is a parameter transposed."""
    turned = node.inputs[0] if node is not None and node.op is not None and node.op.name == "transpose" else None
    return _leaf(turned)
