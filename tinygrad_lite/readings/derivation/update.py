"""One step of an optimiser, on copies: where the parameters go, what the gradient promises, what the loss does."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_lite import optim
from tinygrad_lite.graph import Node
from tinygrad_lite.readings.program import Program, replay


@dataclass
class Update:
    """What one step does.

    how        the rule of the optimiser, in short; "" for plain gradient descent
    lr         the learning rate, where the rule is p - lr dL/dp; None for any other
    moved      {parameter: its new value}
    predicted  -<gradient, step>: by how much the loss goes down if it is a straight line; lr |gradient|^2 for SGD
    before, after  the loss
    """

    how: str
    lr: float | None
    moved: dict[Node, Any]
    squares: list[float]
    predicted: float
    before: float
    after: float


def update(program: Program, optimizer: Any = None, lr: float | None = None) -> Update:
    """What a step of `optimizer`, or of plain gradient descent with `lr`, comes to; nothing is changed."""
    parameters = program.parameters
    gradients = {p: np.asarray(program.cotangents[p].value) for p in parameters}
    plain = None
    if optimizer is None:
        assert lr is not None
        moved = {p: p.value - p.value.dtype.type(lr) * gradients[p] for p in parameters}
        how, plain = "", lr
    else:
        trial = copy.deepcopy(optimizer)
        for p, copied in zip(optimizer.params, trial.params, strict=True):
            copied.grad = None if p not in gradients else np.array(gradients[p])
        trial.step()
        moved = {p: copied.value for p, copied in zip(optimizer.params, trial.params, strict=True) if p in gradients}
        options = optimizer.param_groups[0]
        settings = ", ".join(f"{key}={value}" for key, value in options.items() if key != "params" and value)
        how = f"{type(optimizer).__name__}({settings})"
        bare = {key for key, value in options.items() if value} <= {"params", "lr"}
        plain = float(options["lr"]) if isinstance(optimizer, optim.SGD) and bare else None
    after = replay(program.forward, moved).get(program.loss, program.loss.value)
    slope = sum(float(np.sum(gradients[p] * (np.asarray(new) - p.value))) for p, new in moved.items())
    squares = [float(np.sum(gradients[p] ** 2)) for p in moved]
    before, reached = (float(np.reshape(value, ())) for value in (program.loss.value, after))
    return Update(how, plain, moved, squares, -slope, before, reached)
