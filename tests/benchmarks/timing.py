"""One competitor's turn on the clock."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter, thread_time

Step = Callable[[], object]

LAP = 0.001  # seconds; long beside the clock's own cost, short beside whatever interrupts a turn
TURN = 0.08
# Idle BLAS and OpenMP threads spin for some 30 ms before they sleep: those of the competitor before still
# hold a core when a turn begins, and one's own are still waking.
WARM_UP = 0.04


def run_for(step: Step, seconds: float, calls: int = 1) -> list[float]:
    """Seconds per call in each lap of so many calls; the garbage collector runs as it does for users."""
    laps: list[float] = []
    end = perf_counter() + seconds
    while (start := perf_counter()) < end:
        for _ in range(calls):
            step()
        laps.append((perf_counter() - start) / calls)
    return laps


def turn(step: Step, calls: int) -> tuple[float, float]:
    """Seconds per call, the median lap of a turn; and the share of the turn for which this thread had a core.

    The median, not the mean: on few cores the scheduler may set two threads of one product on the same core,
    and then a 0.2 ms step takes 40 ms. It falls on any competitor by chance, and says nothing of it.
    """
    run_for(step, WARM_UP)
    start, worked = perf_counter(), thread_time()
    laps = run_for(step, TURN, calls)
    return median(laps), (thread_time() - worked) / (perf_counter() - start)


def calibrate(step: Step) -> int:
    """How many calls make a lap."""
    return max(1, round(LAP / turn(step, 1)[0]))
