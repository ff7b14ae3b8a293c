"""`tinygrad-lite train --model`: the networks of a course, on the screen and in files."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict
from typing import Any

from tinygrad_lite import models
from tinygrad_lite.cli import curves
from tinygrad_lite.cli.ending import CANNOT_START, FAILED, INTERRUPTED, Ending
from tinygrad_lite.cli.train import figure
from tinygrad_lite.history import History
from tinygrad_lite.training import Epoch


def train_model(arguments: Namespace, save: Any) -> None:
    """Train the model that the flags name: a row per epoch on the output, a progress bar on the error output."""
    plan = _plan(arguments)
    try:
        data = models.examples(plan)
    except (OSError, ValueError) as error:
        raise Ending(CANNOT_START, f"error: --data {plan.data}: {error}") from error
    total = models.epochs(plan)
    net = models.network(plan)
    count = sum(parameter.size for parameter in net.parameters())
    group = models.optimiser(plan, net).param_groups[0]
    print(
        f"{plan.model} on {plan.data}: {len(data[0][0]):,} images to train on, {len(data[1][0]):,} to test on.\n"
        f"{net}\n"
        f"{count:,} parameters; SGD, learning rate {group['lr']}, momentum {group['momentum']}, batches of "
        f"{plan.batch_size}, epochs: {total}, seed {plan.seed}.\n\n"
        "  epoch   train loss   train accuracy   test loss   test accuracy   seconds",
        flush=True,
    )
    try:
        _, history = models.train(
            plan, data, _show, progress=sys.stderr is not None and sys.stderr.isatty(), compile=arguments.compile
        )
    except ArithmeticError as error:
        raise Ending(FAILED, f"error: the training diverged: {error} Try a smaller --lr.") from error
    if history.interrupted:
        raise Ending(INTERRUPTED, f"stopped at epoch {min(len(history) + 1, total)} of {total}")
    seconds = sum(record["seconds"] for record in history)
    last = history.epochs[-1]
    print(
        f"\nTest accuracy {last['val_accuracy']:.4f} after epoch {len(history)}; {seconds:.1f} s in all, "
        f"{seconds / len(history):.2f} s an epoch."
    )
    settings = asdict(plan) | {"epochs": total, "lr": group["lr"], "momentum": group["momentum"]}
    save(arguments, _record(settings, history), lambda: curves.of_training(_epochs(history)))


def _plan(arguments: Namespace) -> models.Plan:
    if arguments.data == "exercise":
        raise Ending(
            CANNOT_START, "error: the exercise has a network of its own; leave out --model, or --data exercise"
        )
    if arguments.hidden is not None:
        raise Ending(CANNOT_START, "error: --hidden is for --data digits without --model: a model's widths are given")
    names = ("model", "data", "activation", "epochs", "batch_size", "lr", "momentum", "seed")
    return models.Plan(**{n: getattr(arguments, n) for n in names if getattr(arguments, n) is not None})


def _show(record: dict[str, float]) -> None:
    print(
        f"  {record['epoch']:>5}{figure(record['loss'], 13)}{record['accuracy']:>17.4f}"
        f"{figure(record['val_loss'], 12)}{record['val_accuracy']:>16.4f}{record['seconds']:>10.2f}",
        flush=True,
    )


def _epochs(history: History) -> tuple[Epoch, ...]:
    names = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")
    return tuple(Epoch(*(record[n] for n in names)) for record in history)  # type: ignore[arg-type]  # epoch is an int


def _record(settings: dict[str, Any], history: History) -> dict[str, Any]:
    """The history as JSON has it; the times are left out, so that equal settings give equal files."""
    epochs = [{k: v for k, v in record.items() if k != "seconds"} for record in history]
    return {"settings": settings, "epochs": epochs, "test_accuracy": history.epochs[-1]["val_accuracy"]}
