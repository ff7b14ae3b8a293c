"""Schedules of the learning rate: call `scheduler.step()` after each epoch (OneCycleLR: after each batch).

Each says what the rate is at time t as a formula of t and of the group's first rate, so a schedule can be resumed
anywhere. Two schedules of one optimiser do not multiply; SequentialLR runs one after the other.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Sequence

from tinygrad_lite.optim.one_cycle import OneCycleLR
from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.optim.plateau import ReduceLROnPlateau
from tinygrad_lite.optim.schedule import LRScheduler

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


class LambdaLR(LRScheduler):
    """base * lr_lambda(t), for a function of your own.

    >>> from tinygrad_lite import nn, optim
    >>> opt = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    >>> schedule = optim.lr_scheduler.LambdaLR(opt, lambda t: 1 / (1 + t))
    >>> schedule.step(); schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float], last_epoch: int = -1) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return base * self.lr_lambda(t)


class StepLR(LRScheduler):
    """base * gamma^(t // step_size): a factor every few epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR: step_size has to be at least 1, not {step_size}")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return float(base * self.gamma ** (t // self.step_size))


class MultiStepLR(LRScheduler):
    """base * gamma^(number of milestones reached): a factor at given epochs."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return float(base * self.gamma ** bisect.bisect_right(self.milestones, t))


class ExponentialLR(LRScheduler):
    """base * gamma^t."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return float(base * self.gamma**t)


class LinearLR(LRScheduler):
    """A warm-up: the factor goes in a line from start_factor to end_factor in total_iters steps, and stays.

    >>> from tinygrad_lite import nn, optim
    >>> opt = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    >>> schedule = optim.lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=2)
    >>> [(schedule.get_last_lr()[0], schedule.step())[0] for _ in range(4)]
    [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if total_iters < 1:
            raise ValueError(f"LinearLR: total_iters has to be at least 1, not {total_iters}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        way = min(t, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * way)


class CosineAnnealingLR(LRScheduler):
    """eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2: half a cosine from base down to eta_min.

    Source: Loshchilov & Hutter, SGDR, ICLR 2017 (without its restarts).
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max has to be at least 1, not {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class SequentialLR(LRScheduler):
    """Several schedules one after the other, each starting at 0 at its milestone: a warm-up, then a cosine.

    >>> from tinygrad_lite import nn, optim
    >>> opt = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    >>> warm = optim.lr_scheduler.LinearLR(opt, 0.5, total_iters=2)
    >>> cool = optim.lr_scheduler.CosineAnnealingLR(opt, 2)
    >>> schedule = optim.lr_scheduler.SequentialLR(opt, [warm, cool], [2])
    >>> [(round(schedule.get_last_lr()[0], 6), schedule.step())[0] for _ in range(5)]
    [0.5, 0.75, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedules have {len(schedulers) - 1} milestones between them, not "
                f"{len(milestones)}"
            )
        self.schedulers = list(schedulers)
        self.milestones = list(milestones)
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        i = bisect.bisect_right(self.milestones, t)
        return self.schedulers[i].rate(base, t - self.milestones[i - 1] if i else t)
