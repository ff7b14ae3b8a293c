"""Each competitor in a process of its own, taking turns on the clock.

In one process they disturb each other: the spinning threads of several pools share the cores, the allocator is
as the last one left it, and a garbage collection walks through every imported peer. There PyTorch's 784-128-10
step took twice its time, autograd's half. Apart, each one runs as it does for its users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from multiprocessing import get_context
from typing import Any

from .rows import Row, Runner
from .timing import calibrate, turn


def serve(pipe: Any, build: Callable[[Row], Runner], row: Row) -> None:
    """The worker's side: build the step, then answer requests until there is none."""
    runner = build(row)

    def train(steps: int) -> None:
        for _ in range(steps):
            runner.step()

    answers: dict[str, Callable[..., Any]] = {
        "parameters": runner.parameters,
        "train": train,
        "calibrate": lambda: calibrate(runner.step),
        "turn": lambda calls: turn(runner.step, calls),
    }
    while (request := pipe.recv()) is not None:
        name, *arguments = request
        pipe.send(answers[name](*arguments))


class Worker:
    """The parent's side of one competitor; a context manager that ends the process."""

    def __init__(self, build: Callable[[Row], Runner], row: Row) -> None:
        # spawn: a forked child would inherit the parent's heap and dead copies of its threads
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, build, row), daemon=True)
        self.process.start()
        theirs.close()  # the child holds the only other end, so that its death is an EOFError here

    def ask(self, request: str, *arguments: int) -> Any:
        """The worker's answer; EOFError if it died, after its own traceback."""
        self.pipe.send((request, *arguments))
        return self.pipe.recv()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.is_alive():
            self.pipe.send(None)
        self.process.join()


def interleave(workers: Mapping[str, Worker], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds per call of each step, and its share of a core: one turn in each round, in the order A B C A B C."""
    calls = {name: worker.ask("calibrate") for name, worker in workers.items()}
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            turns[name].append(worker.ask("turn", calls[name]))
    return turns
