"""Curves of a training run, by matplotlib, which is an extra and imported only here.

Figures are made without pyplot: no backend is chosen and no global state of matplotlib's is touched, so it works
without a screen and inside another program.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tinygrad_lite import exercise, training
from tinygrad_lite.cli.ending import CANNOT_START, Ending

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def check_can_plot(path: Path) -> None:
    """End the command now if matplotlib is missing or does not know the format that the file's ending names."""
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError as error:
        raise Ending(
            CANNOT_START, 'error: --plot needs matplotlib, which is not installed: pip install "tinygrad_lite[plot]"'
        ) from error
    formats = sorted(FigureCanvasBase.get_supported_filetypes())
    if _format(path) not in formats:
        raise Ending(CANNOT_START, f"error: --plot {path}: the file's ending has to be one of .{', .'.join(formats)}")


def of_exercise(result: exercise.Result) -> Figure:
    """The cost at each training point against the epoch, and their mean, with the exercise's limit."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    epochs = [result.start, *result.epochs]
    numbers = [epoch.number for epoch in epochs]
    for i, (x, y) in enumerate(exercise.TRAINING):
        axes.plot(numbers, [epoch.costs[i] for epoch in epochs], marker=".", label=f"{x}, target {y}")
    axes.plot(numbers, [epoch.mean for epoch in epochs], color="black", linewidth=2, label="mean")
    axes.axhline(exercise.COST_LIMIT, color="grey", linestyle="--", linewidth=1, label=f"limit {exercise.COST_LIMIT}")
    axes.set_yscale("log")
    _label(axes, "Cost at the training points", "C at the end of the epoch")
    return figure


def of_training(history: Sequence[training.Epoch]) -> Figure:
    """Loss and accuracy against the epoch, side by side, of the training and of the test examples."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    numbers = [epoch.number for epoch in history]
    loss.plot(numbers, [epoch.train_loss for epoch in history], marker=".", label="training")
    loss.plot(numbers, [epoch.test_loss for epoch in history], marker=".", label="test (held out)")
    loss.set_ylim(bottom=0)
    _label(loss, "Loss", "cross-entropy")
    accuracy.plot(numbers, [epoch.train_accuracy for epoch in history], marker=".", label="training")
    accuracy.plot(numbers, [epoch.test_accuracy for epoch in history], marker=".", label="test (held out)")
    accuracy.set_ylim(top=1.02)
    _label(accuracy, "Accuracy", "share of examples")
    return figure


def save(figure: Figure, path: Path, file: BinaryIO) -> None:
    """Write a figure into an open file, in the format that the path's ending names."""
    figure.savefig(file, format=_format(path), dpi=150)


def _format(path: Path) -> str:
    return path.suffix.removeprefix(".").lower()


def _label(axes: Axes, title: str, y: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.set_ylabel(y)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
