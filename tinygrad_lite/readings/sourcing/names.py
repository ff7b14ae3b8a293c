"""Identifiers: the user's names where they can be, otherwise what a person would write."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.labels import STEMS, Names, literal
from tinygrad_lite.readings.program import Program

RESERVED = {
    *keyword.kwlist, "np", "N", "Any", "NDArray", "Array", "lr", "loss_and_gradients", "gradients", "example", "step",
    "len", "print", "slice", "float", "int", "bool", "abs", "tuple", "dict", "range",
}  # fmt: skip  # what the module itself means by a name

# What the result of an operation is called where the pictures have a v; `labels.STEMS` comes first.
OWN_STEMS = {
    "logsumexp": "lse", "exp": "e", "mean": "mean", "var": "var", "std": "std", "sqrt": "root", "pick": "picked",
    "subtract": "diff", "divide": "ratio", "multiply": "product", "add": "total", "reshape": "flat", "getitem": "part",
    "onehot": "onehot", "max": "top", "min": "low", "conv2d": "z", "max_pool2d": "pooled", "sum_pool2d": "pooled",
    "concatenate": "joined", "stack": "stacked", "leaky_relu": "h", "softplus": "h", "elu": "h", "greater": "mask",
    "less": "mask", "less_equal": "mask", "greater_equal": "mask", "equal": "mask", "not_equal": "mask",
    "sum": "total", "einsum": "z", "tensordot": "z", "dot": "z", "norm": "length", "inv": "inverse",
}  # fmt: skip
# What gets a name, and so a line, whoever uses it: the steps of a network.
NAMED = {*STEMS, "conv2d", "max_pool2d", "sum_pool2d", "leaky_relu", "softplus", "elu", "logsumexp"}
LETTERS = {"weight": "W", "bias": "b"}
# Losses of numbers, whose second operand is the target as it came; others make masks and signs of theirs.
PLAIN = re.compile(r"(MSE|Squared|L1|SmoothL1|Huber|BCE|BCEWithLogits|KLDiv)Loss")
NORM_LETTERS = {"weight": "gamma", "bias": "beta"}


def letters_of(module: Any) -> dict[str, str]:
    """What textbooks call the weight and the bias of a layer."""
    kind = type(module).__name__
    return NORM_LETTERS if "Norm" in kind else {**LETTERS, "weight": "E"} if kind == "Embedding" else LETTERS


def stem_of(node: Node) -> str:
    """What a value is called by the operation that made it."""
    name = node.op.name if node.op is not None else "x"
    inputs = node.inputs
    if layer_in(node) is not None:
        return "z"
    if name == "subtract" and inputs[1] is not None and _is(inputs[1], "mean") and inputs[1].inputs[0] is inputs[0]:
        return "centred"
    if name == "divide" and inputs[1] is not None and _is(inputs[1], "sqrt"):
        return "normed"
    if name == "exp" and inputs[0] is not None and _is(inputs[0], "subtract"):
        below = inputs[0].inputs[1]
        while below is not None and below.op is not None and below.op.name in ("expand_dims", "getitem", "reshape"):
            below = below.inputs[0]
        if below is not None and _is(below, "logsumexp"):
            return "p"
    return STEMS.get(name) or OWN_STEMS.get(name, "t")


def layer_in(node: Node) -> Node | None:
    """The W @ x in W @ x + b: with its bias it is one step."""
    if not _is(node, "add") or None in node.inputs:
        return None
    a, b = (x for x in node.inputs if x is not None)
    for product, bias in ((a, b), (b, a)):
        if _is(product, "matmul") and bias.op is None and bias.requires_grad:
            return product
    return None


def _is(node: Node, name: str) -> bool:
    return node.op is not None and node.op.name == name


def identifier(text: str) -> str:
    """A name as an identifier.

    >>> identifier("hs[0]"), identifier("fc.weight"), identifier("class"), identifier("2nd"), identifier("µ")
    ('hs_0', 'fc_weight', 'class_', '_2nd', 'μ')
    """
    text = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", text)).strip("_") or "x"
    text = text[:40]
    if not text.isidentifier():
        text = f"_{text}"
    return f"{text}_" if text in RESERVED else text


def check(names: Mapping[str, Any]) -> None:
    """Refuse names for tensors and arrays that cannot be a variable of the module."""
    for name, thing in names.items():
        if not isinstance(thing, (Node, np.ndarray)):
            continue
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(
                f"source: names= calls a tensor {literal(str(name), 60)!r}, which is no Python identifier. Give it a "
                f"name such as {identifier(str(name))!r}."
            )
        if name in ("np", "N"):
            taken = "NumPy itself" if name == "np" else "the batch size"
            raise ValueError(
                f"source: names= calls a tensor {name!r}, which in the printed module is {taken}. Rename it."
            )


class Identifiers:
    """The names of leaves and of the values of the forward pass; no two are the same."""

    def __init__(self, program: Program, given: Mapping[str, Any], reserved: Iterable[str]) -> None:
        self.taken = {*RESERVED, *reserved}
        self.program = program
        self.labels = Names(program.forward, [program.loss], given)
        self.users: set[Node] = {x for name, x in given.items() if isinstance(x, Node) and not name.startswith("_")}
        arrays = (name for name, x in given.items() if isinstance(x, (Node, np.ndarray)) and not name.startswith("_"))
        self.kept = {identifier(name) for name in arrays}  # for these alone: nothing else is called that
        self._next: dict[str, int] = {}  # where the numbers of a stem go on
        users = Counter(x for node in program.forward for x in node.inputs if x is not None)
        products = (layer_in(node) for node in program.forward)
        self.inside = {x for x in products if x is not None and users[x] == 1}  # a line that is shared with a bias
        self.count: dict[str, int] = {}  # of values that get a name for what they are
        for node in program.forward:
            if node.op is not None and node is not program.loss and self.known(node) and node not in self.users:
                self.count[stem_of(node)] = self.count.get(stem_of(node), 0) + 1
        self._first_user: dict[Node, Node] = {}
        for node in program.forward:
            for x in node.inputs:
                if x is not None:
                    self._first_user.setdefault(x, node)
        self._layers = self._numbered_layers()
        self._alone = self._numbered_alone()

    def known(self, node: Node) -> bool:
        """Whether the user, or a picture, has a name for a computed value that says something."""
        if node in self.users or node.name:
            return True
        if node.op is None or node in self.inside:
            return False
        return node.op.name in NAMED or layer_in(node) is not None

    def of(self, node: Node) -> str:
        """A free identifier for a leaf or a value of the forward pass."""
        name = self.labels[node]
        if node in self.users:
            pass
        elif node is self.program.loss:
            name = "loss"
        elif node.op is None and not node.requires_grad and not node.name and not np.any(node.value):
            name = "state"  # zeros that nobody has named: what a recurrent network starts from
        elif node.op is None and node.requires_grad and node.name:
            name = self._parameter(node)
        elif node.op is not None and not node.name:
            stem = stem_of(node)
            several = self.count[stem] > 1 and self.known(node)
            return self.free(stem, first=1 if several else None)
        return self.free(identifier(name), own=node in self.users)

    def array(self, node: Node, i: int) -> str:
        """A free identifier for an array among the operands of `node`; what a loss compares with is y."""
        name = self.labels.operand(node, i)
        lost = node.scope is not None and PLAIN.fullmatch(type(node.scope.module).__name__)
        if lost and re.fullmatch(r"c\d*", name):
            name = "y"
        return self.free(identifier(name), own=self.labels.of_array(node.args[i]) == name)

    def free(self, name: str, first: int | None = None, own: bool = False) -> str:
        """The name itself, or with a number where it is taken; with `first` numbered in any case. Taken from now on.

        own  whether it is the user's for this
        """
        stem = name
        number = max(self._next.get(stem, 2), 2) if first is None else first
        while first is not None or name in self.taken or (not own and name in self.kept):
            first = None
            name = f"{stem}_{number}" if stem[-1].isdigit() else f"{stem}{number}"
            number += 1
            self._next[stem] = number
        self.taken.add(name)
        return name

    def _parameter(self, node: Node) -> str:
        path, _, last = (node.name or "").rpartition(".")
        module = self._module(node)
        letters = letters_of(module)
        if last not in letters or (not path and module is None):
            return node.name or "w"
        if not path:  # of a layer that is called by itself
            return f"{letters[last]}{self._alone.get(id(module), '')}"
        if path in self._layers:
            return f"{letters[last]}{self._layers[path]}"
        return f"{letters[last]}_{path}"

    def _module(self, node: Node) -> Any:
        """The module that a parameter is first used in, or None."""
        user = self._first_user.get(node)
        return user.scope.module if user is not None and user.scope is not None else None

    def _numbered_alone(self) -> dict[int, int]:
        """{id of a layer that is called by itself: which of those with its letters it is}, if there are several."""
        leaves = [x for x in self.program.forward if x.op is None and x.requires_grad and x not in self.users]
        modules = [self._module(x) for x in sorted(leaves, key=self._when) if x.name in LETTERS]
        alike: dict[str, list[int]] = {}
        for module in {id(module): module for module in modules if module is not None}.values():
            alike.setdefault(letters_of(module)["weight"], []).append(id(module))
        return {i: k + 1 for ids in alike.values() if len(ids) > 1 for k, i in enumerate(ids)}

    def _numbered_layers(self) -> dict[str, int]:
        """{path in a Sequential: which layer with a weight it is}, for layers that have a number and no name."""
        paths = [(node.name or "").rpartition(".")[0] for node in self.program.forward
                 if node.op is None and node.requires_grad and node not in self.users]  # fmt: skip
        paths = [path for path in dict.fromkeys(paths) if path]
        if not all(re.fullmatch(r"\d+(\.\d+)*", path) for path in paths):
            return {}
        order = {path: min(self._when(node) for node in self.program.forward
                           if node.op is None and (node.name or "").rpartition(".")[0] == path)
                 for path in paths}  # fmt: skip
        return {path: k + 1 for k, path in enumerate(sorted(paths, key=order.__getitem__))}

    def _when(self, node: Node) -> int:
        user = self._first_user.get(node)
        return user.order if user is not None else node.order
