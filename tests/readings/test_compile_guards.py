"""A compiled function never gives the answer of another call: what changes is seen, or refused with an explanation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.test_compile import OPTIMISERS, alike, batch, bits, mlp, normed, pair_of_trainings
from tinygrad_lite import nn


def loss_of(net: Any) -> Any:
    criterion = nn.CrossEntropyLoss()
    return lambda x, y: criterion(net(x), y)


def test_another_batch_size_dtype_or_structure_is_another_program() -> None:
    with tl.no_grad():
        f = loss_of(mlp())
        fast = tl.compile(f)
        for n, dtype in ((32, np.float64), (64, np.float64), (32, np.float32), (64, np.float64), (1, np.float64)):
            x, y = batch(n, n, dtype)
            alike(fast(x, y), f(x, y))
            alike(fast(tl.tensor(x), y.tolist()), f(tl.tensor(x), y.tolist()))
        alike(fast(y=y, x=x), f(x, y))
        g: Any = lambda p, flip=False: (p["a"] - p["b"][0], {"sum": np.sum(p["a"])}) if flip else (p["a"] + p["b"][1],)  # noqa: E731
        fast = tl.compile(g)
        p = {"a": tl.tensor([1.0, 2.0]), "b": [tl.tensor([3.0, 4.0]), np.array([5.0, 6.0])]}
        for flip in (True, False, True):
            one, two = fast(p, flip), g(p, flip)
            assert bits(one[0]) == bits(two[0])
        assert len(one) == len(two)
        assert fast(p, True)[1]["sum"].item() == 3.0


def test_parameters_that_change_are_seen() -> None:
    with tl.no_grad():
        net = mlp()
        fast, (x, _) = tl.compile(net), batch(0)
        alike(fast(x), net(x))
        net[0].weight.data = net[0].weight.data * 2
        alike(fast(x), net(x))
        net[0].weight.data[0, 0] = 7.0  # in place
        alike(fast(x), net(x))
        net.load_state_dict({k: v + 1 for k, v in net.state_dict().items()})
        alike(fast(x), net(x))
        net[0].weight = nn.Parameter(np.ones((8, 6)))  # another object
        alike(fast(x), net(x))
        net[0] = nn.Linear(6, 8, rng=9)
        alike(fast(x), net(x))
        net.float()
        alike(fast(x), net(x))


def test_closed_over_things_that_change_are_seen() -> None:
    scale, shift, table = 2.0, np.array([1.0, 2.0]), np.array([3.0, 4.0])
    w = tl.tensor([1.0, 1.0])

    def f(x: Any) -> Any:
        return np.sum(x * scale + shift) + np.sum(w * tl.tensor(np.exp(table) * 2))

    fast, x = tl.compile(f), np.array([0.5, 0.25])
    alike(fast(x), f(x))
    scale = 3.0
    alike(fast(x), f(x))
    shift[0] = 10.0
    alike(fast(x), f(x))
    table[1] = -1.0
    alike(fast(x), f(x))
    shift = np.array([7.0, 8.0])
    alike(fast(x), f(x))
    w = tl.tensor([5.0, 5.0])
    alike(fast(x), f(x))


def test_between_the_steps_anything_may_happen_to_the_parameters() -> None:
    for optimiser in OPTIMISERS:
        nets, optimisers, eagerly, fast = pair_of_trainings(mlp, optimiser)
        start = nets[0].state_dict()

        def lr(net: Any, opt: Any) -> None:
            opt.param_groups[0]["lr"] = 0.03

        def by_hand(net: Any, opt: Any) -> None:
            opt.zero_grad()
            loss_of(net)(*batch(99)).backward()
            opt.step()

        def weight(net: Any, opt: Any) -> None:
            net[0].weight.data[...] *= 0.5

        def back(net: Any, opt: Any, start: Any = start) -> None:
            net.load_state_dict(start)

        def resume(net: Any, opt: Any) -> None:
            opt.load_state_dict(opt.state_dict())

        def freeze(net: Any, opt: Any) -> None:
            net[2].weight.requires_grad = False
            opt.zero_grad()

        for k, change in enumerate((lr, by_hand, weight, back, resume, freeze, by_hand, lr)):
            for i in range(2):
                x, y = batch(10 * k + i)
                alike(eagerly(x, y), fast(x, y))
            for net, opt in zip(nets, optimisers, strict=True):
                change(net, opt)
        for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            assert bits(a.data) == bits(b.data)


def test_a_first_step_by_hand_is_taken_up() -> None:
    for optimiser in OPTIMISERS:
        nets, optimisers, eagerly, fast = pair_of_trainings(mlp, optimiser)
        for net, opt in zip(nets, optimisers, strict=True):
            loss_of(net)(*batch(99)).backward()
            opt.step()
        for k in range(3):
            alike(eagerly(*batch(k)), fast(*batch(k)))


def test_a_graph_that_waits_for_its_backward_keeps_its_numbers() -> None:
    nets, _, eagerly, fast = pair_of_trainings(mlp, OPTIMISERS[0])
    for k in range(3):
        eagerly(*batch(k)), fast(*batch(k))
    waiting = [loss_of(net)(*batch(7)) for net in nets]
    for k in range(3):
        eagerly(*batch(k)), fast(*batch(k))
    for net in nets:
        net.zero_grad()
    for c in waiting:
        c.backward()
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert bits(a.grad) == bits(b.grad)


def test_a_short_last_batch_shares_parameters_and_state() -> None:
    for optimiser in OPTIMISERS:
        nets, _, eagerly, fast = pair_of_trainings(mlp, optimiser)
        for k, n in enumerate((16, 16, 5, 16, 5, 5, 16)):
            alike(eagerly(*batch(k, n)), fast(*batch(k, n)))
        for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            assert bits(a.data) == bits(b.data)


def test_training_and_evaluation_are_two_programs() -> None:
    nets, _, eagerly, fast = pair_of_trainings(normed, OPTIMISERS[0])
    for mode in (True, False, True, False):
        for net in nets:
            net.train(mode)
        alike(eagerly(*batch(1)), fast(*batch(1)))
    nets[0][4].p = nets[1][4].p = 0.9
    for net in nets:
        net.train()
    alike(eagerly(*batch(1)), fast(*batch(1)))


def test_modes_in_turn_are_traced_once_each() -> None:
    net = normed()
    fast = tl.compile(net)
    with tl.no_grad():
        for k in range(8):
            net.train(k % 2 == 0)
            fast(batch(k)[0])
    assert len(fast.stats) <= 3  # a network that has never been switched has no attribute that says so


def test_a_hook_that_comes_later_is_seen() -> None:
    nets, _, eagerly, fast = pair_of_trainings(mlp, OPTIMISERS[0])
    eagerly(*batch(0)), fast(*batch(0))
    with nets[0][0].weight.register_hook(lambda g: g * 0.5), nets[1][0].weight.register_hook(lambda g: g * 0.5):
        eagerly(*batch(1)), fast(*batch(1))
        assert bits(nets[0][0].weight.data) == bits(nets[1][0].weight.data)
    eagerly(*batch(2)), fast(*batch(2))
    assert bits(nets[0][0].weight.data) == bits(nets[1][0].weight.data)


class Table(nn.Module):
    power = 1.0

    def __init__(self) -> None:
        self.table, self.scale, self.layers = np.array([1.0, 2.0]), 2.0, [nn.Linear(2, 2, rng=0)]
        self.stages: dict[str, nn.Module] = {"last": nn.Tanh()}

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.stages["last"](x * tl.tensor(np.exp(self.table)) * self.scale) ** self.power


def test_what_a_module_holds_and_what_it_is_in_are_seen() -> None:
    net, x = Table(), np.array([[0.5, 0.25]])
    fast = tl.compile(net)
    with tl.no_grad():
        alike(fast(x), net(x))
        net.table[0] = 5.0
        alike(fast(x), net(x))
        net.scale = 3.0
        alike(fast(x), net(x))
        Table.power = 2.0
        alike(fast(x), net(x))
        net.layers.append(nn.Linear(2, 2, rng=1))
        alike(fast(x), net(x))
        net.stages["last"] = nn.Identity()
        alike(fast(x), net(x))


def test_a_compiled_function_inside_another_is_part_of_it() -> None:
    w = tl.tensor([1.0, 2.0], requires_grad=True)
    inner = tl.compile(lambda x: x * w)
    constant = tl.compile(lambda: w * 2)
    outer = tl.compile(lambda x: np.sum(inner(x) + 1) * np.sum(constant()))
    with tl.no_grad():
        for k in range(3):
            inner(np.ones(2)), constant()
            w.data = np.array([1.0 + k, 2.0])
            alike(outer(np.ones(2)), np.sum(np.ones(2) * w + 1) * np.sum(w * 2))


def test_printing_inside_shows_shapes(capsys: Any) -> None:
    def f(x: Any) -> Any:
        print(x)
        return x

    tl.compile(f)(np.ones(3))
    assert "Tensor(<traced (3,) float64>)" in capsys.readouterr().out


def test_parts_of_an_array_outlive_its_place() -> None:
    def f(x: Any) -> Any:
        h = np.exp(x)
        parts = np.split(h, 2)
        other = np.exp(-x) * np.exp(x * 2) + np.exp(x * 3)
        return sum(np.sum(p * p) for p in parts) + np.sum(other * x) + np.sum(np.concatenate(parts) * other)

    g = tl.value_and_grad(f)
    fast, x = tl.compile(g), np.linspace(0, 1, 6)
    for _ in range(2):
        alike(fast(x), g(x))


def test_a_rate_that_changes_at_each_step_needs_no_second_trace() -> None:
    nets, optimisers, eagerly, fast = pair_of_trainings(mlp, OPTIMISERS[1])
    for k in range(6):
        for opt in optimisers:
            opt.param_groups[0]["lr"] = 0.1 / (k + 1)
        alike(eagerly(*batch(k)), fast(*batch(k)))
    assert len(fast.stats) == 1
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert bits(a.data) == bits(b.data)


# -- the graph around ------------------------------------------------------------------------------------------


def test_a_compiled_function_is_one_node_of_the_graph() -> None:
    nets = mlp(), mlp()
    fast = tl.compile(nets[1])
    x = [tl.tensor(batch(0)[0], requires_grad=True) for _ in range(2)]
    for k in range(2):
        for net, f, t in zip(nets, (nets[0], fast), x, strict=True):
            net.zero_grad()
            t.grad = None
            loss = np.sum(np.tanh(f(t * 2)) * (k + 1)) + np.sum(net[0].weight ** 2)
            loss.backward()
        assert bits(x[0].grad) == bits(x[1].grad)
        for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            assert bits(a.grad) == bits(b.grad)
    node: Any = fast(x[1])
    assert node.op.name == "compiled Sequential"
    with pytest.raises(tl.GraphError, match="differentiated again"):
        tl.grad(lambda t: np.sum(tl.grad(lambda u: np.sum(fast(u)))(t) ** 2))(batch(0)[0])
    y = fast(x[1]).sum()
    nets[1][0].weight.data = nets[1][0].weight.data * 2
    with pytest.raises(tl.GraphError, match="changed before the backward"):
        y.backward()


def test_what_cannot_be_one_node_says_so() -> None:
    fast, (x, _) = tl.compile(normed()), batch(0)
    with pytest.raises(tl.GraphError, match=r"under tl\.no_grad"):
        fast(x)
    with tl.no_grad():
        assert not fast(x).requires_grad


def test_a_hook_that_goes_while_the_function_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = tl.compile(lambda x: x * 2)
    w = tl.tensor([1.0], requires_grad=True)
    other = w.register_hook(lambda g: g)
    compiled = fast._compiled

    def at_an_unlucky_moment(arguments: Any) -> Any:  # such as that of a garbage collection
        found = compiled(arguments)
        other.remove()
        return found

    monkeypatch.setattr(fast, "_compiled", at_an_unlucky_moment)
    alike(fast(np.ones(2)), tl.tensor(np.ones(2)) * 2)
