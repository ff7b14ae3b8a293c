"""What optimisers share: groups of parameters with their options, the checks before a step, state to save."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from tinygrad_lite.context import tracing
from tinygrad_lite.graph import describe
from tinygrad_lite.tensor import Tensor

Group = dict[str, Any]
NOT_NEGATIVE = frozenset({"lr", "momentum", "weight_decay", "eps", "lr_decay", "initial_accumulator_value", "alpha"})


class Optimizer:
    """Parameters in groups, each with options of its own, and one rule that moves them.

    `param_groups` is a list of dicts: "params" and the options by name; a schedule changes `group["lr"]`. `state`
    holds what the rule keeps for each parameter, under PyTorch's names. A step gives every parameter a new array and
    writes into none, so a graph recorded before the step still differentiates at the old values.
    """

    def __init__(self, params: Iterable[Tensor] | Iterable[Group], options: Group) -> None:
        who = type(self).__name__
        if isinstance(params, Tensor):
            raise TypeError(f"{who} takes a list of parameters; for a single one write {who}([p], ...)")
        self.defaults = options
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        if not isinstance(params, Iterable):
            raise TypeError(f"{who} takes a list of parameters, not {type(params).__name__}; pass net.parameters()")
        given: list[Any] = list(params)
        if not given:
            raise ValueError(
                f"{who} got no parameters: the network has none, or the iterator was used up before. Pass "
                "net.parameters() afresh."
            )
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    @property
    def params(self) -> list[Tensor]:
        """The parameters of all groups, in order."""
        return [p for group in self.param_groups for p in group["params"]]

    def add_param_group(self, group: Group) -> None:
        """Train more parameters: {"params": ..., and options that differ from the optimiser's}."""
        who = type(self).__name__
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f"{who}: a group of parameters is a dict with a list of them under 'params', not {group!r}")
        unknown = group.keys() - self.defaults.keys() - {"params", "initial_lr"}  # a schedule's note for its resuming
        if unknown:
            raise TypeError(f"{who} has no option {', '.join(sorted(unknown))}; it has {', '.join(self.defaults)}")
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        known, seen = {id(p) for p in self.params}, set[int]()
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{who}: parameter {i} is {type(p).__name__}, not a Tensor; pass net.parameters()")
            if p.op is not None:
                raise ValueError(f"{who}: parameter {i}, {describe(p)}, is computed; only a leaf can be trained")
            if id(p) in known | seen:
                raise ValueError(f"{who}: parameter {i}, {_name(p, i)}, is given twice and would be moved twice")
            seen.add(id(p))
        merged = {**self.defaults, **group, "params": params}
        self.check(merged)
        self.param_groups.append(merged)

    def check(self, group: Group) -> None:
        """Refuse options that make no sense; each optimiser adds its own."""
        for what in group.keys() & NOT_NEGATIVE:
            if not isinstance(group[what], Real) or not 0 <= group[what] < math.inf:
                raise ValueError(f"{type(self).__name__}: {what} has to be a number from 0 up, not {group[what]!r}")
        for beta in group.get("betas", ()):
            if not isinstance(beta, Real) or not 0 <= float(beta) < 1:
                raise ValueError(f"{type(self).__name__}: each of betas is from 0 up to below 1, not {beta!r}")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, so that the next `backward` starts afresh; or (with False) let them be zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else np.zeros_like(p.grad)

    def step(self) -> None:
        """Move every parameter once, all from the gradients at the old values; on an error, none has moved.

        Parameters that require no gradient (frozen ones) stay. Raises: ValueError for a gradient that is missing.
        """
        if (trace := tracing()) is not None:
            trace.refuse(
                f"{type(self).__name__}.step() inside a compiled function would move the parameters once, in the trace",
                "Compile the loss and say who moves the parameters: tl.compile(f, optimizer=...)",
            )
        for group in self.param_groups:
            for i, p in enumerate(group["params"]):
                g = p.grad
                if g is None:
                    if p.requires_grad:
                        raise ValueError(
                            f"{type(self).__name__}.step: {_name(p, i)} has no gradient. Call loss.backward() first; "
                            "if the loss does not depend on this parameter, leave it out of the optimiser."
                        )
                elif g.shape != p.value.shape:
                    raise ValueError(
                        f"{type(self).__name__}.step: {_name(p, i)} has shape {p.shape}, but its gradient {g.shape}"
                    )
        for group in self.param_groups:
            for p in group["params"]:
                g = p.grad
                if g is not None:
                    old = p.value if p._handle is None else p.current()
                    new = self.moved(group, p, old, g)
                    # a rate that is a NumPy double would make a double of the parameter
                    p.value = new if new.dtype is old.dtype else new.astype(old.dtype)
                    p._handle = None

    def moved(self, group: Group, p: Tensor, value: Any, g: Any) -> Any:
        """The new value of the parameter `p`, now `value`, with gradient `g`: the optimiser's rule."""
        raise NotImplementedError(f"{type(self).__name__} defines no moved(); it says where a parameter goes")

    # -- state -------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Copies of state and options, in PyTorch's layout: {"state": {0: {...}, ...}, "param_groups": [...]}."""
        number = {p: i for i, p in enumerate(self.params)}
        state = {
            number[p]: {name: v.copy() if isinstance(v, np.ndarray) else v for name, v in kept.items()}
            for p, kept in self.state.items()
        }
        groups = [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": dict(sorted(state.items())), "param_groups": groups}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Continue from the state that `state_dict` gave, for the same parameters in the same order.

        Raises: ValueError where the groups or the shapes are not this optimiser's; then nothing has changed.
        """
        who = type(self).__name__
        sizes = [len(group["params"]) for group in self.param_groups]
        given = [len(group["params"]) for group in saved["param_groups"]]
        if sizes != given:
            raise ValueError(f"{who}.load_state_dict: groups of {given} parameters, but this optimiser has {sizes}")
        params = self.params
        state: dict[Tensor, dict[str, Any]] = {}
        for i, kept in saved["state"].items():
            p = params[int(i)]
            state[p] = {}
            for name, value in kept.items():
                array = None if value is None else np.asarray(value)
                if name == "step" and array is not None:
                    state[p][name] = int(array)
                elif array is not None and array.shape != p.shape:
                    raise ValueError(f"{who}.load_state_dict: {name} of parameter {i} has shape {array.shape}, but "
                                     f"{_name(p, int(i))} has shape {p.shape}")  # fmt: skip
                else:
                    state[p][name] = None if array is None else array.astype(p.dtype)
        groups = [
            {
                **own,
                **{name: _plain(v) for name, v in new.items() if name in own or name == "initial_lr"},
                "params": own["params"],
            }
            for own, new in zip(self.param_groups, saved["param_groups"], strict=True)
        ]
        for group in groups:
            self.check(group)
        self.state, self.param_groups = state, groups

    def __repr__(self) -> str:
        lines = [
            ", ".join(f"{name}={v}" for name, v in group.items() if name != "params")
            + f": {len(group['params'])} parameters"
            for group in self.param_groups
        ]
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


def minus(value: Any, move: Any) -> Any:
    """value - move, into the memory of `move`, which is the caller's own: one new array instead of two."""
    return np.subtract(value, move, move) if move.dtype is value.dtype and move.ndim else value - move


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _name(p: Tensor, i: int) -> str:
    return f"parameter {p.name}" if p.name else f"parameter {i} {p.shape}"
