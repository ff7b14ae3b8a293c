"""The commands and their flags: a function for each command, which says what to call.

What a command needs is imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import tinygrad_lite


def parser() -> ArgumentParser:
    """The parser of the whole command line; a new command is one more line at its end."""
    top = ArgumentParser(
        prog="tinygrad-lite",
        description="Automatic differentiation that explains itself, in plain Python on NumPy.",
        epilog="`tinygrad-lite COMMAND --help` explains a command.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"tinygrad-lite {tinygrad_lite.__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _train(commands)
    _draw(commands)
    return top


def _train(commands: Any) -> None:
    command = commands.add_parser(
        "train",
        help="train a network: the exercise, or handwritten digits",
        description="""\
Train a network and print what every epoch comes to.

  --data exercise  a 2-3-1 network on four points; nothing in it is random, and the
                   right answer is known to the last digit (the default)
  --data digits    a ReLU network on 1,797 handwritten digits, a fifth held out

With --model, the networks of a course: mlp is 784-128-10 (two-digits: 1176-64-(10,10)),
cnn is conv 32 - pool - conv 64 - pool - 128 - dropout - 10 (two-digits: two heads).

  --data digits        the same digits, enlarged to 28x28
  --data two-digits    two overlapping digits in an image of 42x28, and both labels
  --data mnist:DIR     the four IDX files of MNIST in the folder DIR, gzipped or not""",
        epilog="""\
examples:
  tinygrad-lite train
  tinygrad-lite train --epochs 100 --json exercise.json
  tinygrad-lite train --data digits
  tinygrad-lite train --data digits --hidden 128 --seed 7 --plot curves.png
  tinygrad-lite train --model cnn --data two-digits --epochs 5

The same flags give the same numbers. Ctrl-C stops. Files are written at the end,
whole or not at all.""",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=_run_train)
    command.add_argument("--data", type=_data, metavar="DATA", help="what to train on: see above (default: exercise)")
    command.add_argument("--model", choices=("mlp", "cnn"), help="a network of the course (default data: digits)")
    command.add_argument(
        "--activation", choices=("relu", "leaky-relu"), help="only with --model: after each layer (default: relu)"
    )
    command.add_argument(
        "--epochs", type=_count, metavar="N", help="passes over the data (default: exercise 10, digits 30)"
    )
    command.add_argument(
        "--lr", type=_rate, metavar="RATE", help="learning rate (default: exercise 0.001, digits 0.05)"
    )
    files = command.add_argument_group("files")
    files.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the curves of loss and accuracy: .png, .svg, .pdf (matplotlib)"
    )
    files.add_argument("--json", type=Path, metavar="FILE", help="write the whole history")
    # The exercise is exact, so it refuses these; that they were given shows in their not being None.
    digits = command.add_argument_group("only with --data digits")
    digits.add_argument(
        "--hidden", type=_width, nargs="+", metavar="N", help="widths of the hidden layers (default: 64 32)"
    )
    digits.add_argument("--batch-size", type=_count, metavar="N", help="examples per step (default: 32)")
    digits.add_argument("--momentum", type=_momentum, metavar="M", help="of SGD, from 0 up to 1 (default: 0.9)")
    digits.add_argument(
        "--seed", type=_seed, metavar="N", help="decides the split, the first parameters and the order (default: 0)"
    )


def _data(text: str) -> str:
    if text not in ("exercise", "digits", "two-digits") and not text.startswith("mnist:"):
        raise ArgumentTypeError(f"invalid choice: {text!r} (choose from exercise, digits, two-digits, mnist:DIR)")
    return text


def _run_train(arguments: Namespace) -> None:
    from tinygrad_lite.cli.train import train

    train(arguments)


def _draw(commands: Any) -> None:
    command = commands.add_parser(
        "draw",
        help="draw a computation graph: the exercise's, or your own network's",
        description="""\
Draw a computation graph to a file; its ending says how: .svg, .png, .html (a page that
steps through forward and backward), .gv (Graphviz text). Without MODULE:OBJECT it is the
exercise's network at its first point, with all values and gradients.""",
        epilog="""\
examples:
  tinygrad-lite draw
  tinygrad-lite draw -o exercise.html
  tinygrad-lite draw mynet:net --input-shape 1x784 --depth 1 -o net.svg
  tinygrad-lite draw mynet.py:loss --grads -o loss.png""",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=_run_draw)
    command.add_argument(
        "target", nargs="?", metavar="MODULE:OBJECT", help="a module, a function or a tensor; file.py:OBJECT will do"
    )
    command.add_argument(
        "-o", "--output", type=Path, default=Path("graph.svg"), metavar="FILE", help="where to (default: graph.svg)"
    )
    command.add_argument(
        "--input-shape", type=_shape, action="append", metavar="SHAPE", help="1x784; once for each input"
    )
    command.add_argument("--values", action="store_true", help="show the numbers")
    command.add_argument("--grads", action="store_true", help="show the cotangent of every node")
    command.add_argument("--backward", action="store_true", help="draw the backward pass too")
    command.add_argument("--depth", type=_depth, metavar="N", help="open so many levels of modules")
    command.add_argument("--max-nodes", type=_count, metavar="N", help="fold what is more (default: 60)")


def _run_draw(arguments: Namespace) -> None:
    from tinygrad_lite.cli.draw import run

    run(arguments)


def _shape(text: str) -> tuple[int, ...]:
    from tinygrad_lite.cli.draw import shape

    return shape(text)


def _depth(text: str) -> int:
    return _whole(text, 0)


def _count(text: str) -> int:
    return _whole(text, 1)


def _width(text: str) -> int:
    return _whole(text, 1, 1_000_000)


def _seed(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, least: int, most: int | None = None) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least or (most is not None and number > most):
        upwards = "up" if most is None else f"to {most:,}"
        raise ArgumentTypeError(f"has to be a whole number from {least} {upwards}, not {text}")
    return number


def _rate(text: str) -> float:
    return _number(text, math.inf, "a number from 0 up")


def _momentum(text: str) -> float:
    return _number(text, 1, "a number from 0 up and under 1")


def _number(text: str, below: float, wanted: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < below:
        raise ArgumentTypeError(f"has to be {wanted}, not {text}")
    return number
