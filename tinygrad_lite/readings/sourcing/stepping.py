"""The function `step` of a module: plain gradient descent, or SGD with all that it can be told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tinygrad_lite.graph import Node
from tinygrad_lite.optim import SGD
from tinygrad_lite.readings.coding.layout import wrapped

MORE = ("momentum", "dampening", "weight_decay", "nesterov", "maximize")  # of SGD, beside lr


@dataclass
class Stepping:
    """A step that is to be written.

    groups  the parameters that move, by name, and the options for them
    plain   whether it is p - lr dp for all parameters
    """

    groups: list[tuple[list[str], dict[str, Any]]] = field(default_factory=list)
    plain: bool = True

    @property
    def rate(self) -> float | None:
        """The learning rate, if all have the same: an argument of the function then."""
        rates = {float(options["lr"]) for _, options in self.groups}
        return rates.pop() if len(rates) == 1 else None

    @property
    def momentum(self) -> bool:
        """Whether something is kept from step to step."""
        return any(options["momentum"] for _, options in self.groups)

    def text(self, function: str, data: Sequence[str], arguments: Mapping[str, str], returns: str) -> str:
        """The function; `arguments` are the names of data and parameters, and what they are annotated with."""
        loss = next(name for name in ("loss", "before", "loss_before_it") if name not in arguments)
        parameters = [name for name in arguments if name not in data]
        passed = [f"{name}: {annotation}" for name, annotation in arguments.items()]
        velocity = self.velocity(arguments)
        if self.momentum:
            passed.append(f"{velocity}: dict[str, Any]")
        if self.rate is not None:
            passed.append(f"lr: float = {self.rate!r}")
        about = "gradient descent" if self.plain else f"SGD{self._said()}"
        lines = [
            wrapped("def step(", passed, f"){returns}:", ""),
            f'    """One step of {about}: the loss before it, and the new parameters."""',
            wrapped(f"    {loss}, gradients = {function}(", list(arguments), ")", "    "),
        ]
        if self.momentum:
            lines[1] = (
                f'{lines[1][:-3]}\n\n    {velocity} is kept from step to step, and is {{}} before the first.\n    """'
            )
        if self.plain:
            lines += [f'    {name} = {name} - lr * gradients["{name}"]' for name in parameters]
            return "\n".join([*lines, _returned(loss, parameters)])
        lines.append(wrapped("    new: dict[str, Any] = {", [f'"{name}": {name}' for name in parameters], "}", "    "))
        for names, options in self.groups:
            lines += self._loop(names if names != parameters else [], options, velocity)
        return "\n".join([*lines, f"    return {loss}, new"])

    def velocity(self, taken: Iterable[str]) -> str:
        """What is kept is called so."""
        return "velocity" if "velocity" not in taken else "velocities"

    def _said(self) -> str:
        """The options in words, where all have the same."""
        if len(self.groups) > 1:
            return ", group by group"
        options = self.groups[0][1]
        parts = [f"{key}={options[key]!r}" for key in MORE if options[key]]
        return f" ({', '.join(parts)})" if parts else ""

    def _loop(self, names: list[str], options: Mapping[str, Any], velocity: str) -> list[str]:
        """The lines for one group; without names for all parameters."""
        before = "new[key]" if names else "value"
        some = f"({', '.join(map(_quoted, names))}{',' * (len(names) == 1)})"
        over = f"key in {some}" if names else "key, value in new.items()"
        g = f"{'-' * bool(options['maximize'])}gradients[key]"
        if options["weight_decay"]:
            g = f"{g} + {options['weight_decay']!r} * {before}"
        rate = "lr" if self.rate is not None else repr(float(options["lr"]))
        lines = [f"    for {over}:", f"        g = {g}"]
        if options["momentum"]:
            share = 1 - options["dampening"]
            momentum = repr(options["momentum"])
            kept = f"{momentum} * {velocity}[key] + {'g' if share == 1 else f'{share!r} * g'}"
            lines.append(f"        {velocity}[key] = {kept} if key in {velocity} else g")
            move = f"(g + {momentum} * {velocity}[key])" if options["nesterov"] else f"{velocity}[key]"
        else:
            move = "g"
        return [*lines, f"        new[key] = {before} - {rate} * {move}"]


def _quoted(name: str) -> str:
    return f'"{name}"'


def _returned(loss: str, parameters: Sequence[str]) -> str:
    return wrapped(f"    return {loss}, {{", [f'"{name}": {name}' for name in parameters], "}", "    ")


def stepping(update: Any, names: Mapping[Node, str]) -> Stepping | None:
    """The step that is asked for; `names` are those of the parameters.

    Raises: TypeError, ValueError for another update than a learning rate or an SGD that has these parameters.
    """
    if update is None or update is False:
        return None
    if update is True or isinstance(update, (int, float)):
        rate = 0.01 if update is True else update
        if not 0 <= rate < math.inf:
            raise ValueError(f"source: update={update!r} is no learning rate: it is a number from 0 up")
        return Stepping([(list(names.values()), {"lr": float(rate), **dict.fromkeys(MORE, 0)})])
    if not isinstance(update, SGD):
        raise TypeError(
            f"source: update= takes a learning rate or an optim.SGD, not {type(update).__name__}: what is written is "
            "gradient descent, with the momentum and the decay of SGD. Give one of these, and write another rule "
            "yourself with loss_and_gradients."
        )
    groups = []
    for group in update.param_groups:
        held = [names[p] for p in names if any(p is q for q in group["params"])]
        if held:
            numbers = {key: float(group[key]) for key in ("lr", "momentum", "dampening", "weight_decay")}
            groups.append((held, {**numbers, "nesterov": bool(group["nesterov"]), "maximize": bool(group["maximize"])}))
    if not groups:
        raise ValueError(
            f"source: update= is an SGD that holds none of {', '.join(names.values())}, which the loss has gradients "
            "by. Give it the parameters of this network: optim.SGD(net.parameters())"
        )
    made = Stepping(groups)
    bare = not any(options[key] for _, options in groups for key in MORE)
    made.plain = bare and made.rate is not None and sum(len(held) for held, _ in groups) == len(names)
    return made
