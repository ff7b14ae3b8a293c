"""What the quantities of a derivation are called, and how a derivative by one of them is written.

The user's own names come first. What has none is named as textbooks do: z before an activation, h after it, W and b
numbered by layer. A preset takes the letters of one text.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, same_bits
from tinygrad_lite.readings.labels import Names, literal
from tinygrad_lite.readings.typeset import Fraction, Layout, Leaf, Script, operator, row

LAYERS = frozenset({"affine", "conv2d"})
ACTIVATIONS = frozenset(
    {"relu", "tanh", "sigmoid", "leaky_relu", "elu", "softplus", "exp", "sin", "erf"}
)  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """The letters of a text: of what is before an activation, after it, of the last layer's output and the loss.

    gradients  names of its own for derivatives, by what they are the derivative by; `delta` writes all others
    """

    before: str = "z"
    after: str = "h"
    output: str = ""
    loss: str = "L"
    weight: str = "W"
    bias: str = "b"
    delta: str = "full"
    gradients: Mapping[str, str] = field(default_factory=dict)


PRESETS = {
    "textbook": Preset(),
    "nielsen": Preset("z", "a", loss="C", weight="w", delta="delta"),
    "bishop": Preset("a", "z", loss="E", weight="w", delta="delta"),
    "goodfellow": Preset("a", "h", loss="J"),
    "cs231n": Preset("hidden_in", "hidden", output="scores", loss="loss", delta="code"),
    "mitx": Preset(
        "hidden_layer_weighted_input", "hidden_layer_activation", output="output", loss="cost",
        weight="input_to_hidden_weights", bias="biases",
        gradients={
            "output": "output_layer_error", "hidden_layer_weighted_input": "hidden_layer_error",
            "biases": "bias_gradients",
            "input_to_hidden_weights": "input_to_hidden_weight_gradients",
            "hidden_to_output_weights": "hidden_to_output_weight_gradients",
        },
    ),
}  # fmt: skip
DELTAS = ("full", "delta", "bar", "code")


def check_names(names: Mapping[str, Any]) -> dict[str, Any]:
    """The names as they may be used: text that Python would take for a name.

    Raises: TypeError for a name that is no text; ValueError for one that is no identifier.
    """
    for given, thing in names.items():
        if not isinstance(given, str):
            raise TypeError(
                f"derive: names maps a name to what it names, {{'W1': net[0].weight}}; {given!r} is no name"
            )
        if not isinstance(thing, (Node, np.ndarray)):
            continue
        plain = re.sub(r"\.|\[[^\[\]]*\]", "_", given)
        if not plain.isidentifier() or keyword.iskeyword(given):
            raise ValueError(
                f"derive: {literal(given)!r} cannot be a name: letters, digits and underscores, such as W1 or "
                "hidden_error, not beginning with a digit"
            )
    return dict(names)


def textbook(forward: Sequence[Node], preset: Preset, taken: Mapping[Node, str]) -> dict[Node, str]:
    """Names for the weights and biases of layers, and for what comes before and after activations."""
    names: dict[Node, str] = {}
    layers = [n for n in forward if n.op is not None and n.op.name in LAYERS]
    weights = list(dict.fromkeys(n.inputs[1] for n in layers if n.inputs[1] is not None and n.inputs[1].op is None))
    biases = {n.inputs[1]: n.inputs[2] for n in layers if len(n.inputs) > 2}
    plain = [w for w in weights if w is not None and _last(w) in ("", "weight")]
    for k, w in enumerate(plain, 1):
        number = str(k) if len(plain) > 1 else ""
        names[w] = f"{preset.weight}{number}"
        bias = biases.get(w)
        if bias is not None and bias.op is None:
            names[bias] = f"{preset.bias}{number}"
    for p in [*weights, *biases.values()]:  # weight_ih as W_ih
        found = re.fullmatch(r"(weight|bias)_(\w+)", _last(p)) if p is not None and p.op is None else None
        if found and p is not None:
            names.setdefault(p, f"{preset.weight if found[1] == 'weight' else preset.bias}_{found[2]}")
    for node in forward:
        scope = node.scope
        module = scope.module if scope is not None else None
        if module is None or "Norm" not in type(module).__name__:
            continue
        for attribute, letter in (("weight", "gamma"), ("bias", "beta")):
            p = getattr(module, attribute, None)
            if isinstance(p, Node):
                names.setdefault(p, letter)
    if preset is PRESETS["mitx"] and len(weights) == 2 and weights[1] is not None:
        names[weights[0]], names[weights[1]] = "input_to_hidden_weights", "hidden_to_output_weights"
        names.update({b: "biases" for w, b in biases.items() if w is weights[0] and b is not None})
    clash: dict[str, list[Node]] = {}
    for node, name in names.items():
        clash.setdefault(name, []).append(node)
    for name, nodes in clash.items():
        if len(nodes) > 1:
            for k, node in enumerate(nodes, 1):
                names[node] = f"{name}{k}"
    return {node: name for node, name in names.items() if node not in taken}


def _alike(a: Node, b: Node) -> bool:
    """Whether two nodes may have one name: they are one, or the same data given twice."""
    data = a.op is None and b.op is None and not a.requires_grad and not b.requires_grad
    return a is b or (data and same_bits(a.value, b.value))


def _last(node: Node) -> str:
    return (node.name or "").rpartition(".")[2]


def named(
    forward: Sequence[Node],
    shown: Sequence[Node],
    loss: Node,
    given: Mapping[str, Any],
    preset: Preset,
    symbol: str | None,
) -> Names:
    """Names for the nodes of a derivation."""
    own = Names((), given=given)
    fixed = {node: own[node] for node in shown if node in own}
    short = textbook(shown, preset, fixed)
    names = Names(forward, [loss], given, short)  # of all, for the sake of the constants among their operands
    taken = {names[n] for n in shown if n.op is None or n in fixed}
    for node, name in short.items():
        if node in names and names[node] != name and name not in taken:
            names.rename(node, name)
            taken.add(name)
    if loss not in fixed and not loss.name:
        names.rename(loss, symbol or preset.loss)
    elif symbol:
        names.rename(loss, symbol)
    taken.add(names[loss])
    seen: dict[str, Node] = {}
    for node in shown:  # two values never go by one name, and no name is more than text
        name, k = literal(names[node], 40).strip() or "unnamed", 2
        names.rename(node, name)
        while not _alike(seen.setdefault(names[node], node), node):
            names.rename(node, f"{name}_{k}")
            k += 1
    _stages(
        [n for n in shown if n.op is not None and n is not loss and n not in fixed and not n.name], names, preset, taken
    )
    return names


def _stages(nodes: list[Node], names: Names, preset: Preset, taken: set[str]) -> None:
    """z1, h1, z2, ...: one number for a layer and its activation; anything else is a v."""
    stages: list[tuple[Node, str, int]] = []
    layer = 0
    of: dict[Node, int] = {}
    for n in nodes:
        assert n.op is not None
        inside = [of[x] for x in n.inputs if x in of]
        if n.op.name in LAYERS or n.op.name == "matmul":
            layer += 1
            of[n] = layer
            stages.append((n, preset.before, layer))
        elif _is_softmax(n):
            stages.append((n, "p", 0))
        elif n.op.name in ACTIVATIONS and inside and (max(inside), preset.after) not in {(k, s) for _, s, k in stages}:
            of[n] = max(inside)
            stages.append((n, preset.after, of[n]))
        else:
            if n.op.name in ("add", "subtract") and inside:
                of[n] = max(inside)
            stages.append((n, "v", 0))
    if preset.output and stages:
        last = max((k for k, (_, stem, _) in enumerate(stages) if stem == preset.before), default=None)
        if last is not None and not any(s == preset.after for _, s, _ in stages[last:]):
            stages[last] = (stages[last][0], preset.output, 0)
    counts: dict[str, int] = {}  # of each stem
    loose_of: dict[str, int] = {}
    for _, stem, _ in stages:
        counts[stem] = counts.get(stem, 0) + 1
    for n, stem, number in stages:
        if counts[stem] == 1 and (preset.output or not (number and layer > 1)):
            name = stem
        elif number:
            name = f"{stem}{number}"
        else:
            name = ""
        while not name or name in taken:
            loose_of[stem] = loose_of.get(stem, 0) + 1
            name = f"{stem}{loose_of[stem]}"
        names.rename(n, name)
        taken.add(name)


def _is_softmax(node: Node) -> bool:
    d = node.inputs[0] if node.op is not None and node.op.name == "exp" else None
    lse = d.inputs[1] if d is not None and d.op is not None and d.op.name == "subtract" else None
    return lse is not None and lse.op is not None and lse.op.name == "logsumexp"


def derivative(
    loss: str, by: str, delta: str, preset: Preset, short: Layout | None = None, index: Layout | None = None
) -> Layout:
    """How the derivative of the loss by a quantity is written; `short` is its δ, where it has one."""
    own = preset.gradients.get(by)
    if own:
        return Leaf("name", own) if index is None else Script(Leaf("name", own), sub=index)
    quantity: Layout = Leaf("name", by)
    if index is not None:
        quantity = Script(quantity, sub=index)
    if delta == "code":
        base: Layout = Leaf("name", f"d{by}")
        return base if index is None else Script(base, sub=index)
    if delta == "bar":
        return Script(Leaf("name", by), sub=index, over="¯")
    if short is not None:
        if index is None:
            return short
        if isinstance(short, Script) and short.sub is not None:
            return Script(short.base, sub=row(short.sub, operator(","), index))
        return Script(short, sub=index)
    return Fraction(row(operator("∂"), Leaf("name", loss)), row(operator("∂"), quantity))


def key(loss: str, by: str) -> str:
    """What a line is asked for by: `dC/dz1`."""
    return f"d{loss}/d{by}"
