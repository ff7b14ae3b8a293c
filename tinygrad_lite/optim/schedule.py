"""What every schedule of the learning rate is: a rate as a formula of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinygrad_lite.optim.optimizer import Optimizer


class LRScheduler:
    """A schedule: `rate(base, t)` is the learning rate at time t of a group that started with rate `base`.

    It starts after epoch `last_epoch`: -1 for the beginning; another for an optimiser that was scheduled before, whose
    groups know their 'initial_lr'.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} schedules an optimiser, not {type(optimizer).__name__}")
        self.optimizer = optimizer
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: to go on after epoch {last_epoch} it has to know the first rate of "
                    f"param_groups[{number}], its 'initial_lr'. An optimiser's load_state_dict brings it along."
                )
        self.base_lrs: list[float] = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        self._set()

    def rate(self, base: float, t: int) -> float:
        """The learning rate at time `t` of a group that started with `base`."""
        raise NotImplementedError(f"{type(self).__name__} defines no rate()")

    def step(self) -> None:
        """Go on to the next epoch (or batch)."""
        self.last_epoch += 1
        self._set()

    def _set(self) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.rate(base, self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule is; its settings are the program's."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where another schedule of the same settings was."""
        self.last_epoch = int(state["last_epoch"])
        self.base_lrs = [float(base) for base in state["base_lrs"]]
        self._set()
