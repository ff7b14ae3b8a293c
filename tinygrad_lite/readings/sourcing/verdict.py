"""What became of the printed text when it was run: the engine's numbers, here and at another batch size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.program import Program
from tinygrad_lite.readings.sourcing.batch import resized

if TYPE_CHECKING:
    from tinygrad_lite.readings.sourcing.module import Module

FEW = 64  # units that rounding may come to at another size, where a mistake comes to more


@dataclass(frozen=True)
class Verdict:
    """How far the text is from the engine, in units in the last place of each array's largest entry.

    units  at the run's own values
    free   whether it gives the engine's numbers at another batch size as well
    """

    units: int
    free: bool = False

    @classmethod
    def of(cls, module: Module) -> Verdict:
        """Run the text of a module and compare."""
        if module.batch is not None and not module.size:
            return cls(0)  # there is a number N, and no data to read it off
        space: dict[str, Any] = {"__name__": "source"}
        exec(compile(module.text(None), "<source>", "exec"), space)
        run = space["loss_and_gradients"]
        gradients = {module.names[module.new[x]]: x for x in module.steps.gradients}
        wanted = _wanted(module.run.program, module, gradients)
        if module.batch is None:
            return cls(_units(run, module.values, wanted))
        batch = module.batch

        def at(other: int, program: Program, inputs: Mapping[Node, Any]) -> int:
            values = {
                name: inputs[x]
                if x in inputs
                else x.value
                if x.requires_grad
                else resized(x.value, batch.n, other, batch.axis)
                for x, name in module.names.items()
            }
            return _units(run, values, _wanted(program, module, gradients))

        try:
            first = _units(run, module.values, wanted)
            again = at(batch.other, batch.program, batch.inputs)
            far = max((at(*further) for further in batch.further), default=0)
        except (ValueError, TypeError, IndexError, AttributeError):  # a Python number 1 / N where an array has to be
            return cls(0)
        free = again <= max(first, 0 if module.exact else FEW) and far <= max(first, FEW)
        return cls(max(first, again), free)

    def sentences(self, module: Module, dtype: str, fixed: str) -> list[str]:
        """What the docstring says of it."""
        if not self.units:
            lines = [
                "Checked when written: the loss and all gradients are the engine's",
                f"to the last bit, in {dtype}.",
            ]
        else:
            why = (
                "sums are arranged as a person would"
                if not module.exact
                else "NumPy adds in another order where memory differs"
            )
            lines = [
                "Checked when written: the loss and all gradients are the engine's within",
                f"{_counted(self.units)} in the last place of {dtype}: {why}.",
            ]
        if (batch := module.batch) is not None:
            sure = "" if module.run.seen_with_other_data else " if nothing of that went by it"
            lines[-1] += f" N, the batch size, is free{sure}: it was checked with {batch.n} and {batch.other}."
        return [*lines, fixed] if fixed else lines


def _counted(units: int) -> str:
    return f"{units} unit{'s' * (units != 1)}"


def _wanted(program: Program, module: Module, gradients: Mapping[str, Node]) -> tuple[Any, dict[str, Any]]:
    by_place = dict(zip(module.run.program.parameters, program.parameters, strict=True))
    return program.loss.value, {name: program.cotangents[by_place[x]].value for name, x in gradients.items()}


def _units(run: Any, values: Mapping[str, Any], wanted: tuple[Any, dict[str, Any]]) -> int:
    with np.errstate(all="ignore"):
        loss, gradients = run(**values)
    pairs = [(loss, wanted[0]), *((gradients[name], g) for name, g in wanted[1].items())]
    return max(_apart(np.asarray(a), np.asarray(b)) for a, b in pairs)


def _apart(a: Any, b: Any) -> int:
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} for {b.shape}")
    if np.array_equal(a, b) and (a.dtype == b.dtype or not a.ndim):
        return 0
    return int(np.ceil(np.max(np.abs(a - b)) / np.spacing(np.max(np.abs(b)))))
