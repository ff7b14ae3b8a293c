"""Between two compiled steps anything may happen to the network and its optimiser; the next step is eager's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.readings.test_compile import OPTIMISERS, alike, batch, bits, mlp, pair_of_trainings
from tinygrad_lite import nn, optim


def weight(net: Any) -> Any:
    return net[0].weight


EDITS: dict[str, Callable[[Any, Any], Any]] = {
    "an entry of one state": lambda o, n: o.state[n[4].bias].__setitem__(key(o), np.ones(3)),
    "in place": lambda o, n: o.state[weight(n)][key(o)].__setitem__(0, 0.5),
    "one parameter's state gone": lambda o, n: o.state.pop(n[4].weight),
    "all state gone": lambda o, n: o.state.clear(),
    "another dict": lambda o, n: setattr(o, "state", {}),
    "loaded": lambda o, n: o.load_state_dict(o.state_dict()),
    "frozen or free again": lambda o, n: frozen_or_free(o, n),
    "amsgrad or not": lambda o, n: [g.update(amsgrad=not g["amsgrad"]) for g in o.param_groups if "amsgrad" in g],
    "decay or not": lambda o, n: [g.update(weight_decay=0.0 if g["weight_decay"] else 0.1) for g in o.param_groups],
    "another dtype": lambda o, n: n.float() if weight(n).dtype == np.float64 else n.double(),
    "another rate": lambda o, n: o.param_groups[0].update(lr=o.param_groups[0]["lr"] * 0.5),
    "no rate": lambda o, n: o.param_groups[0].update(lr=0.0),
    "a weight in place": lambda o, n: n[2].weight.data.__setitem__(0, 0.25),
    "all weights": lambda o, n: n.load_state_dict({k: v * 0.5 for k, v in n.state_dict().items()}),
    "a step without": lambda o, n: by_hand(o, n),
}  # fmt: skip
STATEFUL = [
    OPTIMISERS[1],
    OPTIMISERS[3],
    OPTIMISERS[4],
    OPTIMISERS[5],
    lambda ps: optim.AdamW(ps, lr=0.01, amsgrad=True),
]


def frozen_or_free(opt: Any, net: Any) -> None:
    weight(net).requires_grad = not weight(net).requires_grad
    opt.zero_grad()


def key(opt: Any) -> str:
    return "exp_avg_sq" if isinstance(opt, optim.Adam) else "momentum_buffer"


def by_hand(opt: Any, net: Any) -> None:
    opt.zero_grad()
    nn.CrossEntropyLoss()(net(batch(99)[0]), batch(99)[1]).backward()
    opt.step()
    opt.zero_grad()


@given(st.sampled_from(STATEFUL), st.lists(st.sampled_from(sorted(EDITS)), min_size=1, max_size=6))
def test_what_is_done_to_the_optimiser_between_steps_is_seen(make: Any, edits: list[str]) -> None:
    nets, optimisers, eagerly, fast = pair_of_trainings(mlp, make)
    for k, edit in enumerate(edits):
        for i in range(2):
            x, y = batch(10 * k + i, 16 if k % 3 else 7)
            alike(eagerly(x, y), fast(x, y))
        for net, opt in zip(nets, optimisers, strict=True):
            if edit not in ("an entry of one state", "in place") or opt.state.get(weight(net)):
                EDITS[edit](opt, net)
    alike(eagerly(*batch(0)), fast(*batch(0)))
    alike(eagerly(*batch(1)), fast(*batch(1)))
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert bits(a.data) == bits(b.data)


def test_a_parameter_that_rested_keeps_its_own_count_of_steps() -> None:
    for make in STATEFUL:
        nets, optimisers, eagerly, fast = pair_of_trainings(mlp, make)
        for k in range(12):
            if k in (3, 9):
                for net, opt in zip(nets, optimisers, strict=True):
                    EDITS["frozen or free again"](opt, net)
            alike(eagerly(*batch(k)), fast(*batch(k)))
        assert len(fast.stats) <= 3
        for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            assert bits(a.data) == bits(b.data)


def test_weights_that_are_shared() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            self.a, self.b, self.c = nn.Linear(6, 6, rng=0), nn.Linear(6, 6, rng=1), nn.Linear(6, 3, rng=2)
            self.b.weight = self.a.weight

        def forward(self, x: Any) -> Any:
            return self.c(np.tanh(self.b(np.tanh(self.a(x)))))

    for make in OPTIMISERS:
        nets, _, eagerly, fast = pair_of_trainings(Tied, make)
        for k in range(4):
            alike(eagerly(*batch(k)), fast(*batch(k)))
        for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            assert bits(a.data) == bits(b.data)


def test_groups_with_options_of_their_own() -> None:
    def make(params: Any) -> Any:
        ps = list(params)
        return optim.SGD([{"params": ps[:2], "lr": 0.1}, {"params": ps[2:], "lr": 0.01, "momentum": 0.9}], lr=0.5)

    nets, optimisers, eagerly, fast = pair_of_trainings(mlp, make)
    for k in range(4):
        alike(eagerly(*batch(k)), fast(*batch(k)))
        for opt in optimisers:
            opt.param_groups[1]["lr"] *= 0.5
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert bits(a.data) == bits(b.data)


def at_most_ten(x: Any) -> Any:
    if np.any(np.asarray(x) > 10):
        raise OverflowError("more than 10")
    return np.array(x)


fragile = tl.pointwise(at_most_ten, r"\mathrm{fragile}(#1)", lambda y, x: 1.0, name="fragile")


class Fragile(nn.Module):
    def forward(self, x: Any) -> Any:
        return fragile(x)


def test_a_step_that_fails_half_way_moves_nothing() -> None:
    nets, _, eagerly, fast = pair_of_trainings(lambda: nn.Sequential(*mlp(), Fragile()), OPTIMISERS[1])
    for k in range(2):
        alike(eagerly(*batch(k)), fast(*batch(k)))
    before, (x, y) = nets[1].state_dict(), batch(2)
    nets[1][4].bias.data[0] += 100
    with pytest.raises(OverflowError, match="more than 10"):
        fast(x, y)
    nets[1][4].bias.data = before["4.bias"]
    for bad in ((x[:, :5], y), (x, y[:3]), (x, y + 7)):
        with pytest.raises(ValueError, match=r"affine|class"):
            fast(*bad)
    assert all(bits(before[k]) == bits(v) for k, v in nets[1].state_dict().items())
    for k in range(3):
        alike(eagerly(*batch(k)), fast(*batch(k)))


class Recurrent(nn.Module):
    def __init__(self, kind: Any) -> None:
        self.cell, self.out = kind(2, 5, rng=0), nn.Linear(5, 3, rng=1)

    def forward(self, x: Any) -> Any:
        y, _ = self.cell(x.reshape(3, -1, 2))
        return self.out(y[-1])


class Attentive(nn.Module):
    def __init__(self) -> None:
        self.attention, self.out = nn.MultiheadAttention(6, 2, rng=0), nn.Linear(6, 3, rng=1)

    def forward(self, x: Any) -> Any:
        q = x.reshape(4, -1, 6)
        return self.out(self.attention(q, q, q)[0].reshape(-1, 6))


@pytest.mark.parametrize(
    "make", [lambda: Recurrent(nn.LSTM), lambda: Recurrent(nn.GRU), Attentive], ids=["lstm", "gru", "mha"]
)
def test_sequences(make: Any) -> None:
    for optimiser in (OPTIMISERS[1], OPTIMISERS[4]):
        nets, _, eagerly, fast = pair_of_trainings(make, optimiser)
        for k in range(4):
            alike(eagerly(*batch(k)), fast(*batch(k)))
        for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            assert bits(a.data) == bits(b.data)
