"""The commands and their flags: a function for each command, which says what to call.

What a command needs is imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import difflib
import math
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

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
    _derive(commands)
    _check(commands)
    _source(commands)
    for command in commands.choices.values():
        command.set_defaults(parser=command)
    return top


def refuse(command: ArgumentParser, unknown: Sequence[str]) -> NoReturn:
    """End with the usage of `command` itself and the flag that was likely meant; argparse shows that of no command."""
    flags = re.findall(r"--[\w-]+", command.format_help())
    near = [near for word in unknown for near in difflib.get_close_matches(word.partition("=")[0], flags, 1)]
    command.error(f"unrecognized arguments: {' '.join(unknown)}" + f". Did you mean {', '.join(near)}?" * bool(near))


def _train(commands: Any) -> None:
    command = commands.add_parser(
        "train",
        help="train a network: the exercise, or handwritten digits",
        description="""\
Train a network and print what every epoch comes to.

  --data exercise  a 2-3-1 network on four points; nothing in it is random, and the
                   right answer is known (the default)
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
    command.add_argument("--compile", action="store_true", help="compile the training step: the same numbers, sooner")
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


def _check(commands: Any) -> None:
    command = commands.add_parser(
        "check",
        help="mark a solution: find its first wrong line and name the mistake",
        description="""\
Mark a solution of the exercise: a Python file with a class whose objects have
input_to_hidden_weights, hidden_to_output_weights, biases, learning_rate,
train(x1, x2, y) and predict(x1, x2). One step is taken at points that tell, and the
gradients in it are compared with the right ones. The file runs in a process of its own,
within limits of time and memory, which keep accidents in; mark the files of strangers in a
container. It has to come to the right numbers, also at a point that nobody knows beforehand;
whether it has them from a library that differentiates shows when you read it.

With --spec FILE it is a teacher's exercise: a Python file that declares a Spec.
The one for a linear regression:

  import numpy as np
  from tinygrad_lite.checking import Spec

  spec = Spec(
      loss=lambda W, b, x, y: np.mean((x @ W + b - y) ** 2),
      parameters={"W": "weights", "b": "bias"},  # name in loss: attribute
      train=lambda model, at: model.fit_step(at["x"], at["y"]),
      points=[{"W": np.array([[0.5], [-2.0]]), "b": np.array([0.25]),
               "x": np.array([[1.0, 2.0], [3.0, 4.0]]), "y": np.ones((2, 1))}],
      lr=0.1,  # or the attribute that holds it (default: "learning_rate")
  )
""",
        epilog="""\
exit status: 0 right, 1 wrong, 2 could not be run

examples:
  tinygrad-lite check solution.py
  tinygrad-lite check solution.py --hint 2
  tinygrad-lite check solution.py --json --points 6 --spec homework3.py""",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=_run_check)
    command.add_argument("solution", type=Path, metavar="SOLUTION", help="the Python file to mark")
    command.add_argument("--spec", type=Path, metavar="FILE", help="the exercise, declared in Python")
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    command.add_argument("--points", type=_rate, default=1.0, metavar="N", help="points for all of it (default: 1)")
    command.add_argument(
        "--hint", type=int, choices=(1, 2, 3, 4), help="print only a hint: 1 which quantity ... 4 the right line"
    )
    command.add_argument(
        "--timeout", type=_count, default=10, metavar="SECONDS", help="how long it may run (default: 10)"
    )
    command.add_argument("--hide-expected", action="store_true", help="print no number of the solution")
    command.add_argument("--hide-name", action="store_true", help="do not name the mistake")


def _run_check(arguments: Namespace) -> None:
    from tinygrad_lite.cli.check import run

    run(arguments)


def _source(commands: Any) -> None:
    command = commands.add_parser(
        "source",
        help="write out forward and backward pass in NumPy: the exercise's, or your own",
        description="""\
Print a module of plain NumPy that computes a loss and its gradients, as a person would
write it. Without MODULE:FUNCTION it is the exercise at its first point. The function
returns a loss; a loss (a tensor) will do as well.""",
        epilog="""\
examples:
  tinygrad-lite source
  tinygrad-lite source --update 0.001 -o exercise.py
  tinygrad-lite source --exercise -o worksheet.py
  tinygrad-lite source --blank dz --blank dW1
  tinygrad-lite source mynet.py:loss --input-shape 8x784""",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=_run_source)
    command.add_argument(
        "target", nargs="?", metavar="MODULE:FUNCTION", help="a function or a tensor; file.py:FUNCTION will do"
    )
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to (default: the terminal)")
    command.add_argument(
        "--input-shape", type=_shape, action="append", metavar="SHAPE", help="8x784; once for each input"
    )
    command.add_argument("--exercise", action="store_true", help="leave the lines of the backward pass blank")
    command.add_argument(
        "--blank",
        action="append",
        metavar="NAME",
        help="leave this line blank (dW1); once for each, with --exercise or not",
    )
    command.add_argument(
        "--update", type=_rate, nargs="?", const=0.01, metavar="RATE", help="write the step too (rate: 0.01)"
    )
    command.add_argument(
        "--optimizer", metavar="NAME", help="write the step of this optimizer, which MODULE has: an optim.SGD"
    )
    command.add_argument(
        "--rounded", action="store_true", help="shorter lines, where they differ in rounding only: (p - onehot) / N"
    )


def _run_source(arguments: Namespace) -> None:
    from tinygrad_lite.cli.source import run

    run(arguments)


def _derive(commands: Any) -> None:
    command = commands.add_parser(
        "derive",
        help="print the worked derivation of the gradients, each line checked",
        description="""\
Derive the gradients of a loss line by line: the rule in words, the matrix form with its
shapes, the numbers, and the checks of each line. Without MODULE:OBJECT it is the
exercise's cost at its first point, with the update. An object is a loss (a tensor) or a
function that returns one.""",
        epilog="""\
examples:
  tinygrad-lite derive
  tinygrad-lite derive --level 4 --entry "W1[2,0]"
  tinygrad-lite derive -o exercise.html
  tinygrad-lite derive --quiz -o sheet.tex
  tinygrad-lite derive mynet.py:loss --preset nielsen --format latex
  tinygrad-lite derive mynet.py:loss_of --input-shape 8x784 --level 2""",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=_run_derive)
    command.add_argument(
        "target",
        nargs="?",
        metavar="MODULE:OBJECT",
        help="a loss, or a function that returns one; file.py:OBJECT will do",
    )
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where to, instead of the terminal: .txt, .md, .tex, .html"
    )
    command.add_argument(
        "--input-shape", type=_shape, action="append", metavar="SHAPE", help="8x784; once for each input of a function"
    )
    command.add_argument(
        "--level", type=int, choices=range(5), default=3, help="from 0, one line for each parameter, to 4 (default: 3)"
    )
    command.add_argument("--entry", metavar="W1[2,0]", help="one entry: every path from it to the loss")
    command.add_argument(
        "--wrt", action="append", metavar="NAME", help="only the derivatives by this (W1); once for each"
    )
    command.add_argument(
        "--format", choices=("text", "markdown", "latex", "html"), help="default: as FILE ends, or text"
    )
    command.add_argument(
        "--preset", choices=("textbook", "nielsen", "bishop", "goodfellow", "cs231n", "mitx"), help="a text's names"
    )
    look = command.add_argument_group("how it is written")
    look.add_argument("--symbol", metavar="NAME", help="what the loss is called: C, L, J, E")
    look.add_argument("--delta", choices=("full", "delta", "bar", "code"), help="how derivatives are written")
    look.add_argument(
        "--product", choices=("⊙", "∘", "*", "diag"), default="⊙", help="of two arrays, entry by entry (default: ⊙)"
    )
    look.add_argument(
        "--layout",
        choices=("shape", "numerator", "denominator"),
        default="shape",
        help="a derivative has the shape of what it is by, or is laid out as a Jacobian (default: shape)",
    )
    look.add_argument(
        "--mean",
        choices=("in_loss", "at_params"),
        default="in_loss",
        help="where the 1/N of a batch comes in: with the loss, or with each parameter (default: in_loss)",
    )
    look.add_argument("--no-fuse", action="store_true", help="the long way: the inside of a loss line by line")
    look.add_argument("--digits", type=_count, default=4, metavar="N", help="significant digits (default: 4)")
    look.add_argument("--no-numbers", action="store_true", help="formulas only")
    command.add_argument("--lr", type=_rate, metavar="RATE", help="show an update with this learning rate")
    command.add_argument("--optimizer", metavar="NAME", help="show an update of this optimizer, which MODULE has")
    command.add_argument("--no-checks", action="store_true", help="do not check the lines")
    command.add_argument("--quiz", action="store_true", help="a work-sheet, with holes for the backward lines")
    command.add_argument("--answers", action="store_true", help="the key of the work-sheet")


def _run_derive(arguments: Namespace) -> None:
    from tinygrad_lite.cli.derive import run

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
