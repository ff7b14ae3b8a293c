"""`tinygrad-lite derive`: the worked derivation of the exercise, or of a network of one's own."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from typing import Any

import numpy as np

from tinygrad_lite import exercise
from tinygrad_lite.cli import saving
from tinygrad_lite.cli.ending import CANNOT_START, FAILED, Ending
from tinygrad_lite.cli.loading import check_fed, load_with_names, named_optimizer, users_own
from tinygrad_lite.graph import GraphError, Node
from tinygrad_lite.readings.derivation.printed import Printed
from tinygrad_lite.readings.derivation.text import WIDTH
from tinygrad_lite.readings.derive import Derivation, derive
from tinygrad_lite.tensor import Tensor

LOOK = ("level", "entry", "symbol", "delta", "product", "layout", "mean", "digits")  # as `tl.derive` has them
ENDINGS = {".tex": "latex", ".md": "markdown", ".html": "html", ".htm": "html", ".txt": "text", "": "text"}


def run(arguments: Namespace) -> None:
    """Derive and write, to the terminal or to a file."""
    path = arguments.output
    if path is not None:
        saving.check_writable("--output", path)
        if arguments.format is None and path.suffix.lower() not in ENDINGS:
            there = ", ".join(filter(None, ENDINGS))
            raise Ending(
                CANNOT_START,
                f"error: --output {path}: the ending says how it is written: {there}. For others give --format",
            )
    form = arguments.format or (ENDINGS[path.suffix.lower()] if path is not None else "text")
    try:
        page = _page(arguments)
        text: str = page.to_text(_width(path is None)) if form == "text" else getattr(page, f"to_{form}")()
    except (GraphError, ValueError, TypeError) as error:
        raise Ending(FAILED, f"error: {error}") from error
    if path is None:
        sys.stdout.write(text)
        return
    saving.write_whole("--output", path, lambda file: file.write(text.encode()))
    print(path)


def _width(shown: bool) -> int:
    """How wide lines of text may be: as the terminal, where there is one."""
    return min(max(shutil.get_terminal_size().columns, 60), WIDTH) if shown and sys.stdout.isatty() else WIDTH


def _page(arguments: Namespace) -> Printed:
    look = {key: getattr(arguments, key) for key in LOOK}
    look["numbers"], look["verify"], look["fuse"] = (
        not arguments.no_numbers,
        not arguments.no_checks,
        not arguments.no_fuse,
    )
    if arguments.target is None:
        if arguments.input_shape:
            raise Ending(CANNOT_START, "error: --input-shape is for a function of your own: derive MODULE:FUNCTION")
        if arguments.optimizer is not None:
            raise Ending(CANNOT_START, "error: --optimizer is for a network of your own: derive MODULE:OBJECT")
        loss, names = _of_exercise(arguments.preset)
        look["lr"] = exercise.LEARNING_RATE if arguments.lr is None else arguments.lr
    else:
        loss, names = _loss(arguments)
        look["lr"], look["optimizer"] = arguments.lr, named_optimizer(names, arguments)
    named: dict[str, Any] = {"names": None if arguments.preset else names, "preset": arguments.preset}
    if arguments.wrt:
        short = derive(loss, level=0, verify=False, symbol=arguments.symbol, **named)
        look["wrt"] = [_quantity(short, name) for name in arguments.wrt]
    derivation = derive(loss, **named, **look)
    if arguments.answers:
        return derivation.quiz().answers()
    return derivation.quiz() if arguments.quiz else derivation


def _quantity(derivation: Derivation, name: str) -> Node:
    """What has this name on the page."""
    found = {step.key.rpartition("/d")[2]: step.node for step in derivation if step.cotangent}
    if name not in found:
        there = ", ".join(found)
        raise Ending(CANNOT_START, f"error: --wrt {name}: there is no derivative by {name} here. There are {there}")
    return found[name]


def _of_exercise(preset: str | None) -> tuple[Tensor, dict[str, Any]]:
    """The exercise's cost at its first point, before any training; and names where no preset has its own."""
    net = exercise.network()
    (x, y), names = exercise.TRAINING[0], {}
    inputs, target = np.array(x, float), np.array([float(y)])
    node: Any = exercise.cost(net, inputs, target)  # type: ignore[arg-type]  # arrays, so that they have names
    loss = node
    if preset is None:
        names = {"x": inputs, "y": target, "W1": net[0].weight, "b": net[0].bias, "W2": net[2].weight}
        for name in ("C", "a", "h", "z"):  # from the end of the chain to its beginning
            names[name] = node
            node = node.inputs[0]
    return loss, names


def _loss(arguments: Namespace) -> tuple[Tensor, dict[str, Any]]:
    """The number that is derived, given or made by a function of inputs; and the names of the module it is from."""
    target, names = load_with_names(arguments.target)
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(size) for size in arguments.input_shape or ()]
    if isinstance(target, type):
        raise Ending(CANNOT_START, f"error: {arguments.target} is a class; name an object made of it, such as a loss")
    if isinstance(target, Tensor):
        return target, names
    if not callable(target):
        raise Ending(
            CANNOT_START, f"error: {arguments.target} is of type {type(target).__name__}; name a loss or a function"
        )
    module = hasattr(target, "named_parameters")
    if module and not inputs:
        raise Ending(CANNOT_START, f"error: {arguments.target} is a module; say what it is fed: --input-shape 3x4")
    check_fed(target, inputs, arguments.target)
    with users_own(arguments.target):
        found = target(*inputs)
    if isinstance(found, Tensor) and found.size != 1 and module:
        raise Ending(
            CANNOT_START,
            f"error: {arguments.target} gives a tensor of shape {found.shape}, and only a number has derivatives by "
            "all parameters. Name a function that returns a loss: def loss(): return nn.SquaredLoss()(net(x), y)",
        )
    if not isinstance(found, Tensor):
        raise Ending(
            CANNOT_START, f"error: {arguments.target} returns something of type {type(found).__name__}, not a Tensor"
        )
    return found, names
