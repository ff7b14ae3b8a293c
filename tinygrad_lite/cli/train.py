"""`tinygrad-lite train`: the exercise or the digits, on the screen and in files."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

import numpy as np
from tqdm import tqdm

import tinygrad_lite
from tinygrad_lite import exercise, training
from tinygrad_lite.cli import curves, saving
from tinygrad_lite.cli.ending import CANNOT_START, FAILED, INTERRUPTED, Ending


class Numbered(Protocol):
    """An epoch of either kind."""

    @property
    def number(self) -> int: ...


E = TypeVar("E", bound=Numbered)


def train(arguments: Namespace) -> None:
    """Check everything that could fail after the training, then train, print and save."""
    check_files(arguments)
    if arguments.model is not None or arguments.data not in (None, "exercise", "digits"):
        from tinygrad_lite.cli.train_model import train_model

        train_model(arguments, save)
    elif arguments.activation is not None:
        raise Ending(CANNOT_START, "error: --activation is for the networks of --model")
    elif arguments.data != "digits":
        train_exercise(arguments)
    else:
        train_digits(arguments)


def check_files(arguments: Namespace) -> None:
    """End the command now if a file that it is to write cannot be written."""
    if arguments.plot is not None:
        curves.check_can_plot(arguments.plot)
        saving.check_writable("--plot", arguments.plot)
    if arguments.json is not None:
        saving.check_writable("--json", arguments.json)
        if arguments.plot is not None and arguments.plot.resolve() == arguments.json.resolve():
            raise Ending(CANNOT_START, f"error: --plot and --json name the same file, {arguments.json}")


def save(arguments: Namespace, record: dict[str, Any], draw: Callable[[], Any]) -> None:
    """Write the files that were asked for, and say so."""
    if arguments.json is not None:
        saving.write_json("--json", arguments.json, {"tinygrad_lite": tinygrad_lite.__version__, **record})
        print(f"saved the history to {arguments.json}")
    if arguments.plot is not None:
        figure = draw()
        saving.write_whole("--plot", arguments.plot, lambda file: curves.save(figure, arguments.plot, file))
        print(f"saved the curves to {arguments.plot}")


def follow(epochs: Iterable[E], total: int, show: Callable[[E], None]) -> tuple[E, ...]:
    """Show each epoch as it comes, and keep it; Ctrl-C or a divergence ends the command in one line."""
    kept: list[E] = []
    try:
        for epoch in epochs:
            kept.append(epoch)
            show(epoch)
    except KeyboardInterrupt:
        raise Ending(INTERRUPTED, f"stopped at epoch {min(len(kept) + 1, total)} of {total}") from None
    except training.Diverged as error:
        raise Ending(FAILED, f"error: the training diverged: {error}. Try a smaller --lr.") from error
    return tuple(kept)


# -- the exercise ----------------------------------------------------------------------------------------------


def train_exercise(arguments: Namespace) -> None:
    """Run the exercise: costs per epoch, then parameters, predictions and verdicts."""
    fixed = ("hidden", "batch_size", "momentum", "seed")
    given = ["--" + name.replace("_", "-") for name in fixed if getattr(arguments, name) is not None]
    if given:
        raise Ending(
            CANNOT_START,
            f"error: the exercise takes no {', '.join(given)}: its network, its first parameters and the order of its "
            "points are given, and only --epochs and --lr can be changed. Did you mean --data digits?",
        )
    epochs = exercise.EPOCHS if arguments.epochs is None else arguments.epochs
    lr = exercise.LEARNING_RATE if arguments.lr is None else arguments.lr
    net = exercise.network()
    start = exercise.measure(net, 0)
    print(
        "The exercise: a 2-3-1 ReLU network, at first all weights 1 and all biases 0;\n"
        f"cost C = 1/2 (y - a)^2; SGD, point by point, learning rate {lr}, epochs: {epochs}.\n\n"
        "Cost C at each training point, with the parameters at the end of the epoch"
    )
    print("  epoch" + "".join(f"{f'({x[0]},{x[1]}) -> {y}':>14}" for x, y in exercise.TRAINING) + f"{'mean':>14}")
    show_costs(start)
    training_run = exercise.train(net, epochs, lr, arguments.compile)
    result = exercise.result(net, lr, start, follow(training_run, epochs, show_costs))
    show_result(result)
    save(arguments, exercise_record(result), lambda: curves.of_exercise(result))


def show_costs(epoch: exercise.Epoch) -> None:
    """A row of the table of costs."""
    costs = "".join(f"{c:14.8f}" if c < 1e5 else f"{c:14.6e}" for c in (*epoch.costs, epoch.mean))
    print(f"  {epoch.number or 'start':>5}{costs}", flush=True)


def show_result(result: exercise.Result) -> None:
    """Parameters, predictions and verdicts."""
    print("\nParameters after the last epoch")
    for name, value in {"W1": result.W1, "b": result.b, "W2": result.W2}.items():
        head = f"  {name:<3}= "
        print(head + np.array2string(value, separator=", ", prefix=head, floatmode="unique", max_line_width=100))
    print("\nPredictions at the testing points (p, p), where the target is 7p")
    print(f"  {'point':<10}{'target':>6}  {'prediction':<20}{'error':>10}")
    for answer in result.answers:
        point = f"({answer.x[0]}, {answer.x[1]})"
        print(f"  {point:<10}{answer.target:>6}  {answer.prediction!r:<20}{answer.error:>10.6f}")
    print("\nCriteria")
    for i, criterion in enumerate(result.criteria, start=1):
        verdict = "holds" if criterion.holds else "DOES NOT HOLD"
        print(f"  {i}. {criterion.demand}: {verdict} (max {criterion.largest:.4f})")
    errors = ", ".join(f"{e:.3f}" for e in result.training_errors)
    also = "holds" if max(result.training_errors) < exercise.COST_LIMIT else "does not hold"
    print(
        f'  The exercise\'s "all errors under {exercise.COST_LIMIT}" means the cost C;\n'
        f"  for |y - a|, here {errors}, it {also}."
    )


def exercise_record(result: exercise.Result) -> dict[str, Any]:
    """The result as JSON has it."""
    return {
        "data": "exercise",
        "settings": {"epochs": len(result.epochs), "lr": result.lr},
        "training_points": [{"x": x, "target": y} for x, y in exercise.TRAINING],
        "start": {"costs": result.start.costs, "mean": result.start.mean},
        "epochs": [{"epoch": e.number, "costs": e.costs, "mean": e.mean} for e in result.epochs],
        "parameters": {"W1": result.W1.tolist(), "b": result.b.tolist(), "W2": result.W2.tolist()},
        "predictions": [asdict(answer) | {"error": answer.error} for answer in result.answers],
        "training_errors": result.training_errors,
        "criteria": [asdict(criterion) | {"holds": criterion.holds} for criterion in result.criteria],
    }


# -- the digits ------------------------------------------------------------------------------------------------


def train_digits(arguments: Namespace) -> None:
    """Train on the digits: a progress bar on the error output, a row per epoch on the output."""
    names = ("hidden", "epochs", "batch_size", "lr", "momentum", "seed")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if "hidden" in given:
        given["hidden"] = tuple(given["hidden"])
    settings = training.Settings(**given)
    print(
        "Handwritten digits: 1,797 images of 8x8, a fifth of them held out as the test.\n"
        f"Network {'-'.join(map(str, (64, *settings.hidden, 10)))} with ReLU; cross-entropy; SGD, momentum "
        f"{settings.momentum}, learning rate {settings.lr},\n"
        f"batches of {settings.batch_size}, epochs: {settings.epochs}, seed {settings.seed}.\n\n"
        "  epoch   train loss   train accuracy   test loss   test accuracy",
        flush=True,
    )
    shown = sys.stderr is not None and sys.stderr.isatty()  # in a file or a pipe a bar is litter
    layout = "{desc} |{bar}| {percentage:3.0f}% [{elapsed}<{remaining}]"
    with tqdm(bar_format=layout, leave=False, dynamic_ncols=True, disable=not shown) as bar:

        def advance(step: training.Step) -> None:
            bar.total = step.total * settings.epochs
            figures = f"loss {step.loss:.4f}  accuracy {step.accuracy:.3f}"
            bar.set_description_str(f"epoch {step.epoch}/{settings.epochs}  {figures}", refresh=False)
            bar.update()

        def show(epoch: training.Epoch) -> None:
            with bar.external_write_mode():
                print(
                    f"  {epoch.number:>5}{figure(epoch.train_loss, 13)}{epoch.train_accuracy:>17.4f}"
                    f"{figure(epoch.test_loss, 12)}{epoch.test_accuracy:>16.4f}",
                    flush=True,
                )

        epochs = training.train_digits(settings, advance if shown else None, arguments.compile)
        history = follow(epochs, settings.epochs, show)
    seconds = sum(epoch.seconds for epoch in history)
    print(f"\nTest accuracy {history[-1].test_accuracy:.4f} after epoch {len(history)}; {seconds:.1f} s in all.")
    save(arguments, digits_record(settings, history), lambda: curves.of_training(history))


def figure(loss: float, width: int) -> str:
    """A loss for its column: with four decimals, or as a power of ten where it would run into its neighbour.

    >>> figure(0.25, 12), figure(14912836383763.8, 12)
    ('      0.2500', '  1.4913e+13')
    """
    return f"{loss:>{width}.4{'f' if abs(loss) < 1e6 else 'e'}}"


def digits_record(settings: training.Settings, history: tuple[training.Epoch, ...]) -> dict[str, Any]:
    """The history as JSON has it; the times are left out, so that equal settings give equal files."""
    epochs = [asdict(epoch) for epoch in history]
    for epoch in epochs:
        epoch["epoch"] = epoch.pop("number")
        del epoch["seconds"]
    return {
        "data": "digits",
        "settings": asdict(settings),
        "epochs": epochs,
        "test_accuracy": epochs[-1]["test_accuracy"],
    }
