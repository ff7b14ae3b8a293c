"""Names: what a graph's quantities are called, and which of them a student's `dz1`, `delta_2` or `grad_W` means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import numpy as np

from tinygrad_lite.checking.parts import Activation
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node

# What stands before or after a quantity's name to say that the derivative by it is meant.
MARK = re.compile(
    r"^(?:[d∂][A-Za-z]{1,4}[_/]+[d∂]_?|[d∂][CLJE][d∂]|(?:grads?|gradients?|nabla|∇)(?:_of)?_?|[d∂]_?)(?=.)"
    r"|(?:_?(?:grads?|gradients?|bar|dot|deriv|derivative)|\.grad)$"
)
DELTA = re.compile(r"^(?:delta|δ|Δ|err|error)_?(\d*)$", re.IGNORECASE)
# Names that mean the error of an activation to some and that of what went into it to others: both are tried.
EITHER = {
    "hidden_layer_error": "hidden", "hidden_error": "hidden", "hidden_delta": "hidden", "delta_hidden": "hidden",
    "error_hidden": "hidden", "hidden_errors": "hidden", "dhidden": "hidden", "d_hidden": "hidden",
    "output_layer_error": "output", "output_error": "output", "output_delta": "output", "delta_output": "output",
    "delta_out": "output", "error": "output", "err": "output", "error_output": "output", "output_errors": "output",
    "dout": "output", "d_out": "output", "delta": "output", "e": "output",
}  # fmt: skip

NORM_LETTERS = {"weight": "gamma", "bias": "beta"}  # of a normalisation, as in all books


class Words:
    """What the quantities of a graph are called: the user's names, and a course's where there are none."""

    def __init__(self, structure: Structure, given: Mapping[str, Any] | None = None) -> None:
        self.structure = structure
        own = {id(thing): key for key, thing in (given or {}).items() if isinstance(thing, Node)}
        self.arrays = {key: thing for key, thing in (given or {}).items() if isinstance(thing, np.ndarray)}
        self._names: dict[Node, str] = {}
        layers = structure.layers
        last = structure.end.at if structure.end is not None else None
        self.aliases: dict[Node, list[str]] = {}
        by_input = {act.x: act for act in structure.activations}
        weights: list[Node] = []
        biases: list[Node] = []
        for k, layer in enumerate(layers, start=1):
            w = structure.leaf_of(layer.product.inputs[layer.w])
            b = structure.leaf_of(layer.bias[0].inputs[layer.bias[1]]) if layer.bias is not None else None
            if w is not None and w not in self.aliases:
                weights.append(w)
                self._call(w, own, f"W{k}", f"w{k}", f"weight{k}", f"weights{k}", f"theta{k}", f"K{k}")
            if b is not None and b not in self.aliases:
                biases.append(b)
                self._call(b, own, f"b{k}", f"bias{k}", f"biases{k}")
            self._call(layer.out, own, f"z{k}", f"s{k}", f"net{k}", f"pre{k}", f"u{k}")
            act = by_input.get(layer.out)
            if act is not None and act.y is not structure.loss:
                self._call(act.y, own, f"h{k}", f"a{k}", f"o{k}", f"act{k}", f"out{k}")
        if last is not None:
            more = ["a", "yhat", "y_hat", "y_pred", "pred", "prediction", "predictions", "output", "out", "o"]
            more += ["logits", "scores", "z"] if structure.end is not None and structure.end.kind != "squared" else []
            self._call(last, own, *([f"a{len(layers)}"] if layers else []), *more)
        if layers and weights and layers[-1].out in self.aliases:
            self.aliases[weights[-1]] += ["W_out", "Wo", "hidden_to_output_weights", "hidden_to_output_weight"]
            self.aliases[weights[0]] += ["W_in", "input_to_hidden_weights", "input_to_hidden_weight"]
        if len(weights) == 1:
            self.aliases[weights[0]] += ["W", "w", "weight", "weights"]
        if len(biases) == 1:
            self.aliases[biases[0]] += ["b", "bias", "biases"]
        self.hidden = [
            by_input[layer.out] for layer in layers if layer.out in by_input and by_input[layer.out].y is not last
        ]
        if len(self.hidden) == 1:
            self.aliases[self.hidden[0].y] += ["h", "hidden", "a_hidden", "hidden_layer_activation"]
            self.aliases[self.hidden[0].x] += [
                "hidden_layer_weighted_input",
                "z_hidden",
                *(["z"] if len(layers) <= 2 else []),
            ]
        for k, norm in enumerate(structure.normed, start=1):
            alone = ["xhat", "x_hat", "x_norm", "xn", "zhat", "z_hat"] if len(structure.normed) == 1 else []
            if norm.y not in self._names:
                self._call(norm.y, own, f"xhat{k}", f"x_hat{k}", *alone)
        called = set(self._names.values())
        for act in self.hidden_activations(last):  # numbered as the layer that it follows, where that number is free
            k = max(sum(layer.out.order <= act.x.order for layer in layers), 1)
            for node, stem, letter in ((act.y, "h", "a"), (act.x, "z", "s")):
                n = next(n for n in count(k) if f"{stem}{n}" not in called)
                if n == k or node is act.y:
                    self._call(node, own, f"{stem}{n}", f"{letter}{n}")
                    called.add(f"{stem}{n}")
        taken, numbers = {alias for names in self.aliases.values() for alias in names}, count(1)
        for node in structure.forward:
            if node is structure.loss:  # its derivative by itself is nobody's line, and its name is free for others
                self._names[node] = structure.names.get(node, "C")
                self.aliases[node] = [self._names[node]] if id(node) in own else []
            elif node not in self._names:
                name = structure.names.get(node, "?")
                attribute = name.rpartition(".")[2]
                if attribute != name and attribute in NORM_LETTERS and node.op is None:  # layers have theirs by now
                    letter = NORM_LETTERS[attribute]
                    name = next(f"{letter}{k}" for k in count(1) if f"{letter}{k}" not in taken)
                while name in taken:  # x @ W1 is no z1 where x @ W1 + b1 is
                    name = f"v{next(numbers)}"
                taken.add(name)
                self._call(node, own, name)
        symbol = structure.names.get(structure.loss, "C")
        self.symbol = symbol if len(symbol) == 1 else "C"

    def hidden_activations(self, last: Node | None) -> list[Activation]:
        """The activations inside the network that no layer gave a name yet."""
        found = [a for a in self.structure.activations if a.kind != "square" and a.y not in self._names]
        return [a for a in found if last is None or a.y.order < last.order]

    def _call(self, node: Node, own: Mapping[int, str], *names: str) -> None:
        plain = own.get(id(node)) or (node.name if node.name and node.name.isidentifier() else None)
        if node in self._names:
            self.aliases[node] += names
            return
        generated = self.structure.names.get(node, names[0])
        self._names[node] = plain or names[0]
        self.aliases[node] = list(dict.fromkeys((self._names[node], generated, *names)))

    def __getitem__(self, node: Node) -> str:
        return self._names.get(node, "?")

    def derivative(self, node: Node) -> str:
        """How the cotangent of a node is written: dC/dW1."""
        return f"d{self.symbol}/d{self[node]}"

    def meant(self, key: str) -> list[Node]:
        """The quantities that a name for a derivative can mean, the likeliest first."""
        structure = self.structure
        got = structure.truth.cotangents
        if self.ambiguous(key):
            return self._either(EITHER[key.lower()])
        if (match := DELTA.match(key)) and match[1]:
            k = int(match[1])
            return [structure.layers[k - 1].out] if 0 < k <= len(structure.layers) else []
        stripped = key
        while (shorter := MARK.sub("", stripped)) not in ("", stripped):
            stripped = shorter
            if found := self._called(stripped):
                return [node for node in found if node in got]
        return [node for node in self._called(key) if node in got]

    def ambiguous(self, key: str) -> bool:
        """Whether a name means the error of an activation to some, and that of its input to others."""
        low = key.lower()
        return low in EITHER and low not in {a.lower() for names in self.aliases.values() for a in names}

    def _called(self, name: str) -> list[Node]:
        for fold in (str, _loosely):
            found = [node for node, names in self.aliases.items() if fold(name) in {fold(n) for n in names}]
            own = [node for node in found if fold(self._names[node]) == fold(name)]
            if found:
                return own or found
        return []

    def _either(self, which: str) -> list[Node]:
        structure = self.structure
        if which == "hidden":
            acts = self.hidden[-1:]
        else:
            last = (
                structure.end.at
                if structure.end is not None
                else structure.layers[-1].out
                if structure.layers
                else None
            )
            if last is None:
                return []
            act = next((a for a in structure.activations if a.y is last), None)
            return [last] if act is None else [act.x, last]
        return [node for act in acts for node in (act.x, act.y)]

    def value_named(self, key: str) -> bool:
        """Whether a name is that of a parameter or of data, as it stands."""
        return key in self._names.values() or key in self.arrays

    def value_meant(self, key: str) -> Node | None:
        """The node of the forward pass that a name means."""
        found = [node for node in self._called(key) if node.op is not None and node.requires_grad]
        return found[0] if len(found) == 1 else None


def _loosely(name: str) -> str:
    return name.lower().replace("_", "")


def marked(key: str) -> bool:
    """Whether a name says that it is a derivative."""
    return bool(MARK.search(key) or DELTA.match(key) or key.lower() in EITHER)


def stem(key: str) -> str:
    """What a name for a derivative is the derivative by: z1 of `dz1`."""
    while (shorter := MARK.sub("", key)) not in ("", key):
        key = shorter
    return key


def spread(work: Mapping[Any, Any]) -> Iterable[tuple[str, Any]]:
    """The entries of a dict, and of the lists in it: `dW` with two arrays is dW1 and dW2."""
    for key, value in work.items():
        if not isinstance(key, str) or key.startswith("__"):
            continue
        if isinstance(value, (list, tuple)) and value and all(isinstance(v, np.ndarray) for v in value):
            yield from ((f"{key}{k}", v) for k, v in enumerate(value, start=1))
        else:
            yield key, value
