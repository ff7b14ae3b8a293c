"""A backward pass with changes in it: done again in part, it is what it would be from the start."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.checking.planting import planted
from tinygrad_lite.checking.passes import Crash, Goal, Stopped, run_backward


@pytest.mark.parametrize("network", ["relu, squared loss, penalty", "convolution", "recurrent", "attention, gate"])
def test_from_a_base_it_is_the_same_to_the_last_bit(network: str) -> None:
    plant, rng = planted(network), random.Random(0)
    s, table = plant.structures[0], plant.candidates.tables[0]
    for _ in range(60):
        first, second = (tuple(table[key][1].changes) for key in rng.sample(list(table), 2))
        try:
            base = run_backward(s.forward, s.loss, s.seed, first)
            whole = run_backward(s.forward, s.loss, s.seed, first + second)
        except Crash:
            continue
        for start in (s.truth, base):
            part = run_backward(s.forward, s.loss, s.seed, first + second, base=start)
            assert part.computed.keys() == whole.computed.keys()
            for node, g in whole.computed.items():
                np.testing.assert_array_equal(part.computed[node], g)
        again = run_backward(s.forward, s.loss, s.seed, first, base=base).cotangents
        same = [again[node] is g for node, g in base.cotangents.items()]
        assert len(again) == len(same)
        anew = any(c.upstream or c.near or c.kind == "leaves" for c in first)
        assert all(same) or anew  # nothing has changed: nothing was done


def test_a_goal_that_is_missed_stops_the_pass_where_it_is_missed() -> None:
    plant = planted("relu, squared loss, penalty")
    s = plant.structures[0]
    seen = []

    def holds(node: object, g: object) -> bool:
        seen.append(node)
        return len(seen) < 3

    with pytest.raises(Stopped):
        run_backward(s.forward, s.loss, s.seed, goal=Goal(holds, []))
    assert len(seen) == 3
    last = s.quantities[-1]
    with pytest.raises(Stopped):  # what falls short in the base is not reached by what has changed
        run_backward(s.forward, s.loss, s.seed, base=s.truth, goal=Goal(lambda node, g: True, [last]))
