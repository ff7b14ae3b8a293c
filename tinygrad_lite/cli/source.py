"""`tinygrad-lite source`: a program's forward and backward pass as NumPy, to the terminal or into a file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lite import exercise
from tinygrad_lite.cli import saving
from tinygrad_lite.cli.ending import CANNOT_START, FAILED, Ending
from tinygrad_lite.cli.loading import check_fed, load_with_names, named_optimizer, users_own
from tinygrad_lite.graph import GraphError
from tinygrad_lite.readings.source import Source, source
from tinygrad_lite.tensor import Tensor


def run(arguments: Namespace) -> None:
    """Write it down; to a file if one is named."""
    path: Path | None = arguments.output
    if path is not None:
        saving.check_writable("--output", path)
    try:
        found = _source(arguments)
    except (GraphError, ValueError, TypeError) as error:
        raise Ending(FAILED, f"error: {error}") from error
    if path is None:
        print(found.text, end="")
        return
    saving.write_whole("--output", path, lambda file: file.write(found.text.encode()))
    print(path)


def _source(arguments: Namespace) -> Source:
    how: dict[str, Any] = {"exact": not arguments.rounded, "exercise": arguments.blank or arguments.exercise}
    if arguments.update is not None and arguments.optimizer is not None:
        raise Ending(CANNOT_START, "error: give --update, a learning rate, or --optimizer, which has its own; not both")
    how["update"] = arguments.update
    if arguments.target is None:
        if arguments.input_shape:
            raise Ending(CANNOT_START, "error: --input-shape is for a function of your own: source MODULE:FUNCTION")
        if arguments.optimizer is not None:
            raise Ending(CANNOT_START, "error: --optimizer is for a network of your own: source MODULE:FUNCTION")
        loss, given = _exercise()
        return source(loss, names=given, **how)
    target, names = load_with_names(arguments.target)
    if arguments.optimizer is not None:
        how["update"] = named_optimizer(names, arguments)
    if isinstance(target, type):
        raise Ending(
            CANNOT_START, f"error: {arguments.target} is a class; name a function that returns a loss, or a loss"
        )
    if hasattr(target, "named_parameters"):
        raise Ending(
            CANNOT_START,
            f"error: {arguments.target} is a network, which has no loss; name a function that returns the loss of one",
        )
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(size) for size in arguments.input_shape or ()]
    if isinstance(target, Tensor) and inputs:
        raise Ending(CANNOT_START, f"error: {arguments.target} is a Tensor; --input-shape is for a function")
    if not callable(target) and not isinstance(target, Tensor):
        kind = type(target).__name__
        raise Ending(CANNOT_START, f"error: {arguments.target} is of type {kind}; name a function or a loss")
    if callable(target):
        check_fed(target, inputs, arguments.target)
    with users_own(arguments.target):
        return source(target, *inputs, names=names, **how)


def _exercise() -> tuple[Tensor, dict[str, Any]]:
    """The exercise's cost at its first point, and what its values are called."""
    net = exercise.network()
    (x, y), (W1, b, W2) = exercise.TRAINING[0], net.parameters()
    names: dict[str, Any] = {"x": np.array(x, float), "y": np.array([float(y)]), "W1": W1, "b": b, "W2": W2}
    node: Any = exercise.cost(net, names["x"], names["y"])
    loss: Tensor = node
    for name in ("C", "a", "h", "z"):  # from the end of the chain to its beginning
        names[name] = node
        node = node.inputs[0]
    return loss, names
