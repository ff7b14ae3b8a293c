"""The optimiser's move as a handful of calls: parameters, gradients and state in one flat array each.

Every parameter's value is a view of the flat one, and so is its state: what `parameters()`, `state_dict()` and the
optimiser itself see is what the program works on. An array that somebody else still holds (a graph that waits for its
backward, say) is never written into: the parameters then move to a new flat array first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_lite.optim.adam import Adam, AdamW
from tinygrad_lite.optim.optimizer import Group, Optimizer
from tinygrad_lite.optim.sgd import SGD
from tinygrad_lite.readings.compiling.buffers import aligned
from tinygrad_lite.readings.compiling.calls import Program
from tinygrad_lite.readings.compiling.names import Namespace
from tinygrad_lite.tensor import Tensor

FLAGS = {SGD: ("nesterov", "maximize"), Adam: ("amsgrad", "maximize"), AdamW: ("amsgrad", "maximize")}
NUMBERS = {SGD: ("lr", "momentum", "dampening", "weight_decay"), Adam: ("lr", "weight_decay", "eps")}
NUMBERS[AdamW] = NUMBERS[Adam]


def known(optimizer: Optimizer) -> bool:
    """Whether the move is written out here; any other optimiser makes it itself.

    So does one whose options or state have another dtype than a parameter, for eager computes in the wider one.
    """
    options = ((p, v) for group in optimizer.param_groups for v in group.values() for p in group["params"])
    state = ((p, v) for p, kept in optimizer.state.items() for v in kept.values())
    others = (p.dtype != v.dtype for p, v in (*options, *state) if isinstance(v, (np.generic, np.ndarray)))
    return type(optimizer) in FLAGS and not any(others)


def structure(optimizer: Optimizer) -> tuple[Any, ...]:
    """What of an optimiser's groups decides the text of the move; other options are read anew at each call."""
    kind = type(optimizer)
    if not known(optimizer):
        return tuple(tuple(id(p) for p in group["params"]) for group in optimizer.param_groups)
    return tuple(
        (
            tuple(id(p) for p in group["params"]),
            tuple(bool(group[name]) for name in FLAGS[kind]),
            tuple(group[name] != 0 for name in NUMBERS[kind] if name not in ("lr", "eps")),
            tuple(p.requires_grad for p in group["params"]),
            getattr(optimizer, "decoupled", False),
            _relative([age(optimizer, p) for p in group["params"] if p.requires_grad]),
        )
        for group in optimizer.param_groups
    )


def trained(groups: list[Group]) -> list[list[int]]:
    """The parameters of each group, by identity."""
    return [[*map(id, group["params"])] for group in groups]


def age(optimizer: Optimizer, p: Tensor) -> int:
    """How many steps Adam has made with a parameter; for SGD whether it has a momentum. One move is for equals."""
    state = optimizer.state.get(p, {})
    return int(state.get("step", 0)) if isinstance(optimizer, Adam) else int("momentum_buffer" in state)


def _relative(ages: list[int]) -> tuple[int, ...]:
    """The differences between ages; () where there is none, and they stay so with each step."""
    return tuple(a - min(ages) for a in ages) if len(set(ages)) > 1 else ()


def keep_wanted(name: str, optimizer: Optimizer, program: Program) -> None:
    """Keep the gradients that the optimiser wants; one that is missing is an error, as it is for its own `step`."""
    for i, p in enumerate(optimizer.params):
        if p.requires_grad and p not in program.gradients:
            raise ValueError(
                f"compile({name}): the loss does not depend on parameter {p.name or i} {p.shape}, so it has no "
                f"gradient; leave it out of the {type(optimizer).__name__}, or freeze it"
            )
    program.gradients = {p: program.gradients[p] for p in optimizer.params if p in program.gradients}


class Flat:
    """Some parameters of one group and one dtype, their gradients and state, in flat arrays."""

    def __init__(self, optimizer: Optimizer, group: Group, params: list[Tensor]) -> None:
        self.optimizer, self.group, self.params = optimizer, group, params
        self.dtype = params[0].dtype
        sizes = [p.size for p in params]
        self.ends = np.cumsum([0, *sizes]).tolist()
        self.gradients = aligned(self.ends[-1], self.dtype)
        self.gradients[...] = 0
        self.values = self.gradients
        self.views: list[Any] = []
        self.state: dict[str, Any] = {}
        self.slots: list[dict[str, Any]] = []  # the state of each parameter, as the optimiser has it
        self.kept: list[tuple[dict[str, Any], str, Any]] = []  # and what is in them: views of the flat state
        self.begun = False

    def split(self, flat: Any) -> list[Any]:
        """Views of a flat array in the shapes of the parameters."""
        return [flat[a:b].reshape(p.shape) for p, a, b in zip(self.params, self.ends[:-1], self.ends[1:], strict=True)]

    def take(self) -> None:
        """Move the parameters into a new flat array."""
        values = [p.known() for p in self.params]
        self.values = aligned(self.ends[-1], self.dtype)
        self.views = self.split(self.values)
        for p, view, value in zip(self.params, self.views, values, strict=True):
            view[...] = value
            p.value, p._handle = view, None

    def adopt(self, names: tuple[str, ...]) -> None:
        """Make the optimiser's state that of `names` in flat arrays; `begun` says whether there was any."""
        state = self.optimizer.state
        self.begun = any(names[0] in state.get(p, {}) for p in self.params)
        for name in names:
            if name not in self.state:
                self.state[name] = aligned(self.ends[-1], self.dtype)
            for p, view in zip(self.params, self.split(self.state[name]), strict=True):
                view[...] = state[p][name] if name in state.get(p, {}) else 0
        if self.begun:
            self.begin(names)
        else:
            self.slots, self.kept = [], []

    def begin(self, names: tuple[str, ...], **more: Any) -> None:
        """Give the optimiser the state that has just come to be."""
        self.slots = [self.optimizer.state.setdefault(p, {}) for p in self.params]
        self.kept = []
        for name in names:
            for slot, view in zip(self.slots, self.split(self.state[name]), strict=True):
                slot.update({k: v for k, v in more.items() if k not in slot})
                slot[name] = view
                self.kept.append((slot, name, view))
        self.begun = True

    def intact(self) -> bool:
        """Whether the state of every parameter is still what the flat arrays hold."""
        state = self.optimizer.state
        if not self.begun:
            return not any(p in state for p in self.params)
        same = all(state.get(p) is slot for p, slot in zip(self.params, self.slots, strict=True))
        return same and all(slot.get(name) is view for slot, name, view in self.kept)


class Move:
    """How one optimiser moves the parameters of a Flat: the lines of text, and what they need."""

    def __init__(self, flat: Flat, space: Namespace, number: str) -> None:
        self.flat, self.space, self.number = flat, space, number
        self.adam = isinstance(flat.optimizer, Adam)
        group = flat.group
        self.options: dict[str, Any] = {}
        self.at: dict[str, Any] = {name: np.zeros((), flat.dtype) for name in NUMBERS[type(flat.optimizer)]}
        names = ["exp_avg", "exp_avg_sq"] if self.adam else ["momentum_buffer"] if group["momentum"] else []
        if self.adam and group["amsgrad"]:
            names.append("max_exp_avg_sq")
        self.state_names = tuple(names)
        self.spare = (
            np.empty_like(flat.gradients) if self.adam or group["weight_decay"] or group.get("nesterov") else None
        )
        self.values_name = space.bind(f"parameters{number}", flat.values)
        self.tune()

    def tune(self) -> None:
        """Read the options and the state of the optimiser."""
        flat, group = self.flat, self.flat.group
        self.options.clear()
        self.options.update(group)
        for name, at in self.at.items():
            at[...] = group[name]
        missing = any(name not in flat.state for name in self.state_names)
        if missing or (self.state_names and not flat.intact()):
            flat.adopt(self.state_names)

    def count(self) -> int:
        """The number of the step that is being made; the optimiser's own count goes with it."""
        if not self.flat.begun:
            self.flat.begin(self.state_names, step=0)
        t = int(self.flat.slots[0]["step"]) + 1
        for slot in self.flat.slots:
            slot["step"] = t
        return t

    def fits(self) -> bool:
        """Whether the optimiser's state is the one that the move works on, and of one age."""
        return self.flat.intact() and (not self.adam or len({slot["step"] for slot in self.flat.slots}) < 2)

    def lines(self) -> list[str]:
        """The move as text."""
        flat, bind, n = self.flat, self.space.bind, self.number
        P, G = self.values_name, bind(f"gradients{n}", flat.gradients)
        T = bind(f"spare{n}", self.spare) if self.spare is not None else ""
        lr, decay = (bind(f"{name}{n}", self.at[name]) for name in ("lr", "weight_decay"))
        add, subtract, multiply = bind("add", np.add), bind("subtract", np.subtract), bind("multiply", np.multiply)
        lines: list[str] = []
        if flat.group["maximize"]:
            lines.append(f"{bind('negative', np.negative)}({G}, {G})")
        if flat.group["weight_decay"] and not getattr(flat.optimizer, "decoupled", False):
            lines += [f"{multiply}({P}, {decay}, {T})", f"{add}({G}, {T}, {G})"]
        if self.adam:
            return lines + self._adam(P, G, T, lr)
        if not self.state_names:
            return [*lines, f"{multiply}({G}, {lr}, {G})", f"{subtract}({P}, {G}, {P})"]
        V, flat_name = bind(f"momentum_buffer{n}", flat.state["momentum_buffer"]), bind(f"flat{n}", flat)
        momentum = bind(f"momentum{n}", self.at["momentum"])
        begin = f"{flat_name}.begin({self.state_names})"
        lines += [f"if {flat_name}.begun:", f"    {multiply}({V}, {momentum}, {V})"]
        step = G
        if flat.group["dampening"]:
            options = bind(f"options{n}", self.options)
            T = bind(f"spare{n}", np.empty_like(flat.gradients))
            lines += [f"    {multiply}({G}, 1 - {options}['dampening'], {T})"]
            step = T
        lines += [f"    {add}({V}, {step}, {V})", "else:", f"    {V}[...] = {G}; {begin}"]
        if flat.group["nesterov"]:
            lines += [f"{multiply}({V}, {momentum}, {T})", f"{add}({G}, {T}, {G})", f"{multiply}({G}, {lr}, {G})"]
        else:
            lines += [f"{multiply}({V}, {lr}, {G})"]
        return [*lines, f"{subtract}({P}, {G}, {P})"]

    def _adam(self, P: str, G: str, T: str, lr: str) -> list[str]:
        flat, bind, n = self.flat, self.space.bind, self.number
        M, V = (bind(f"{name}{n}", flat.state[name]) for name in ("exp_avg", "exp_avg_sq"))
        add, subtract, multiply = bind("add", np.add), bind("subtract", np.subtract), bind("multiply", np.multiply)
        divide, sqrt = bind("divide", np.divide), bind("sqrt", np.sqrt)
        root, options, move = bind("root", math.sqrt), bind(f"options{n}", self.options), bind(f"move{n}", self)
        lines = [f"steps, rate, (beta1, beta2) = {move}.count(), {options}['lr'], {options}['betas']"]
        if getattr(flat.optimizer, "decoupled", False) and flat.group["weight_decay"]:
            lines.append(f"{multiply}({P}, 1 - rate * {options}['weight_decay'], {P})")
        lines += [
            f"{multiply}({M}, beta1, {M})", f"{multiply}({G}, 1 - beta1, {T})", f"{add}({M}, {T}, {M})",
            f"{multiply}({V}, beta2, {V})", f"{multiply}({G}, 1 - beta2, {T})", f"{multiply}({T}, {G}, {T})",
            f"{add}({V}, {T}, {V})",
        ]  # fmt: skip
        largest = V
        if flat.group["amsgrad"]:
            largest = bind(f"max_exp_avg_sq{n}", flat.state["max_exp_avg_sq"])
            lines.append(f"{bind('maximum', np.maximum)}({largest}, {V}, out={largest})")
        eps = bind(f"eps{n}", self.at["eps"])
        return [
            *lines,
            f"{sqrt}({largest}, {T})", f"{divide}({T}, {root}(1 - beta2**steps), {T})", f"{add}({T}, {eps}, {T})",
            f"{divide}({M}, {T}, {T})", f"{multiply}({T}, rate / (1 - beta1**steps), {T})",
            f"{subtract}({P}, {T}, {P})",
        ]  # fmt: skip
