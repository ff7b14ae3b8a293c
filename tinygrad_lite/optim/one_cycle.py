"""The schedule of one cycle: the rate goes up and then far down, and the momentum the other way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.optim.schedule import LRScheduler


class OneCycleLR(LRScheduler):
    """Up from max_lr / div_factor to max_lr, then down to a final_div_factor-th of the start; step it each batch.

    The rate rises for pct_start of the total_steps (or of epochs * steps_per_epoch), along a cosine or a line.
    Momentum (beta_1 of Adam) goes the other way, from max_momentum to base_momentum and back. With three_phase it first
    comes down to the start, in as many steps as up, and from there to the end.
    Raises: ValueError for a step beyond the last.
    Source: Smith & Topin, Super-convergence, 2018.

    >>> from tinygrad_lite import nn, optim
    >>> opt = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0, momentum=0.9)
    >>> schedule = optim.lr_scheduler.OneCycleLR(opt, max_lr=1.0, total_steps=10)
    >>> schedule.step(); schedule.step(); schedule.get_last_lr(), opt.param_groups[0]["momentum"]
    ([1.0], 0.85)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if total_steps < 2 or not 0 <= pct_start <= 1 or anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: total_steps ({total_steps}) is at least 2, pct_start ({pct_start}) from 0 to 1, and "
                f"anneal_strategy ({anneal_strategy!r}) 'cos' or 'linear'"
            )
        groups = optimizer.param_groups
        peaks = list(max_lr) if isinstance(max_lr, Sequence) else [max_lr] * len(groups)
        if len(peaks) != len(groups):
            raise ValueError(f"OneCycleLR: {len(peaks)} rates max_lr for {len(groups)} groups of parameters")
        self.total_steps = total_steps
        self.top = pct_start * total_steps - 1
        self.foot = 2 * self.top if three_phase else None  # where the way down, as long as that up, is over
        self.anneal_strategy = anneal_strategy
        self.momenta = (max_momentum, base_momentum) if cycle_momentum else None
        if cycle_momentum and not all("momentum" in group or "betas" in group for group in groups):
            raise ValueError(f"OneCycleLR: {type(optimizer).__name__} has no momentum; use cycle_momentum=False")
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        for group, peak in zip(groups, peaks, strict=True) if last_epoch == -1 else ():
            group["initial_lr"] = peak / div_factor
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return self._cycle(base, base * self.div_factor, base / self.final_div_factor, t)

    def _cycle(self, low: float, high: float, end: float, t: int) -> float:
        if t <= self.top:
            return self._between(low, high, t / self.top)
        if self.foot is None:
            return self._between(high, end, (t - self.top) / (self.total_steps - 1 - self.top))
        if t <= self.foot:
            return self._between(high, low, (t - self.top) / (self.foot - self.top))
        return self._between(low, end, (t - self.foot) / (self.total_steps - 1 - self.foot))

    def _between(self, start: float, end: float, way: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * way
        return end + (start - end) * (1 + math.cos(math.pi * way)) / 2

    def _set(self) -> None:
        t = self.last_epoch
        if t >= self.total_steps:
            raise ValueError(f"OneCycleLR: step {t} of {self.total_steps}: the cycle is over")
        super()._set()
        if self.momenta:
            slow, quick = self.momenta
            momentum = self._cycle(slow, quick, slow, t)
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, group["betas"][1])
                else:
                    group["momentum"] = momentum
