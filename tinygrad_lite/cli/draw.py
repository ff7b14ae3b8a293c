"""`tinygrad-lite draw`: the exercise's graph, or a network of one's own, into a file."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lite import exercise, optim
from tinygrad_lite.cli import saving
from tinygrad_lite.cli.ending import CANNOT_START, FAILED, Ending
from tinygrad_lite.cli.loading import check_fed, load, users_own
from tinygrad_lite.graph import GraphError
from tinygrad_lite.readings.draw import draw
from tinygrad_lite.readings.drawing.image import Drawing, RenderError
from tinygrad_lite.tensor import Tensor

ENDINGS = ("", ".svg", ".png", ".html", ".htm", ".gv", ".dot", ".pdf", ".jpg", ".jpeg", ".eps", ".ps", ".webp", ".gif")


def shape(text: str) -> tuple[int, ...]:
    """A shape as the command line has it: `1x784`; `scalar` for that of a number.

    >>> shape("1x784"), shape("scalar")
    ((1, 784), ())
    """
    try:
        sizes = () if text == "scalar" else tuple(int(part) for part in text.lower().split("x"))
    except ValueError:
        sizes = (-1,)
    if any(size < 0 for size in sizes):
        raise ArgumentTypeError(f"has to be sizes with an x between them, such as 1x784, not {text}")
    return sizes


def run(arguments: Namespace) -> None:
    """Draw and write; say where."""
    path: Path = arguments.output
    saving.check_writable("--output", path)
    if path.suffix.lower() not in ENDINGS:
        raise Ending(
            CANNOT_START,
            f"error: --output {path}: the ending says what to write: {', '.join(filter(None, ENDINGS))}",
        )
    try:
        picture, optimiser = _picture(arguments)
        data = _bytes(picture, path.suffix.lstrip(".").lower() or "svg", optimiser)
    except (RenderError, GraphError, ValueError, TypeError) as error:
        raise Ending(FAILED, f"error: {error}") from error
    saving.write_whole("--output", path, lambda file: file.write(data))
    print(path)


def _bytes(picture: Drawing, format: str, optimiser: Any) -> bytes:
    if format in ("html", "htm"):
        page: str = picture.to_html(optimizer=optimiser)
        return page.encode()
    if format in ("gv", "dot"):
        source: str = picture.source
        return source.encode()
    image: bytes = picture.pipe(format)
    return image


def _picture(arguments: Namespace) -> tuple[Drawing, Any]:
    """The drawing, and the optimiser whose update a film of it shows."""
    look = {key: getattr(arguments, key) for key in ("values", "grads", "backward", "depth")}
    if arguments.max_nodes is not None:
        look["max_nodes"] = arguments.max_nodes
    if arguments.target is None:
        if arguments.input_shape:
            raise Ending(CANNOT_START, "error: --input-shape is for a network of your own: draw MODULE:OBJECT")
        net = exercise.network()
        names: dict[str, Any] = {"net": net, "W1": net[0].weight, "b": net[0].bias, "W2": net[2].weight}
        node: Any = exercise.cost(net, *exercise.TRAINING[0])
        loss = node
        for name in ("C", "a", "h", "z"):  # from the end of the chain to its beginning
            names[name] = node
            node = node.inputs[0]
        if not arguments.backward:
            look["values"] = look["grads"] = True
        return draw(loss, names=names, **look), optim.SGD(net.parameters(), exercise.LEARNING_RATE)
    target = load(arguments.target)
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(size) for size in arguments.input_shape or ()]
    if isinstance(target, type):
        raise Ending(CANNOT_START, f"error: {arguments.target} is a class; name an object made of it, such as a net")
    if callable(target) and not hasattr(target, "named_parameters") and not isinstance(target, Tensor):
        check_fed(target, inputs, arguments.target)
        if not inputs:  # a function that makes a loss of what it knows
            with users_own(arguments.target):
                target = target()
    with users_own(arguments.target):
        return draw(target, *inputs, **look), None
