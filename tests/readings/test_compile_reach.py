"""What a compiled function reads besides its arguments is seen to change, wherever it lies."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.test_compile import OPTIMISERS, alike, batch, bits, mlp, pair_of_trainings
from tinygrad_lite import nn, optim

settings: Any = types.ModuleType("settings_of_a_user")
SCALE: Any = 1.0
X = np.array([1.0, 2.0])
Case = tuple[Callable[..., Any], tuple[Any, ...], Callable[[Any], Any]]  # the function, more arguments, how to change


class Plain:
    pass


class Slotted:
    __slots__ = ("scale",)
    scale: Any


class Scaled(nn.Module):
    def __init__(self) -> None:
        self.options = types.SimpleNamespace(scale=1.0, deep={"list": [1.0]})

    def forward(self, x: Any) -> Any:
        return x * self.options.scale * self.options.deep["list"][0] * SCALE


def set_scale(value: Any) -> None:
    global SCALE
    SCALE = value


def in_a_class() -> Case:
    class Options:
        scale = 1.0

        @classmethod
        def used(cls, x: Any) -> Any:
            return x * cls.scale

    return Options.used, (), lambda v: setattr(Options, "scale", v)


def in_a_class_of_an_object() -> Case:
    class Options:
        scale: Any = np.ones(2)

    one = Options()
    return lambda x: x * one.scale, (), lambda v: setattr(Options, "scale", v)


def hidden_by_an_object() -> Case:
    class Options:
        scale = 1.0

    one = Options()
    return lambda x: x * one.scale, (), lambda v: setattr(one, "scale", v)


def in_a_python_module() -> Case:
    settings.scale = 1.0
    return lambda x: x * settings.scale, (), lambda v: setattr(settings, "scale", v)


def in_slots() -> Case:
    one = Slotted()
    one.scale = 1.0
    return lambda x: x * one.scale, (), lambda v: setattr(one, "scale", v)


def in_an_object_that_is_an_argument() -> Case:
    one: Any = Plain()
    one.scale = 1.0
    return lambda x, o: x * o.scale, (one,), lambda v: setattr(one, "scale", v)


def in_a_network_that_is_an_argument() -> Case:
    one = Scaled()
    return lambda x, m: x * m.options.scale, (one,), lambda v: setattr(one.options, "scale", v)


def in_a_function_that_is_an_argument() -> Case:
    scale = 1.0

    def change(v: Any) -> None:
        nonlocal scale
        scale = v

    return lambda x, f: f(x), (lambda t: t * scale,), change


def in_an_attribute_of_a_function() -> Case:
    def f(x: Any) -> Any:
        return x * f.scale  # type: ignore[attr-defined]

    f.scale = 1.0  # type: ignore[attr-defined]
    return f, (), lambda v: setattr(f, "scale", v)


def in_a_set() -> Case:
    numbers = {1.0}
    return lambda x: x * sum(numbers), (), numbers.add


def in_what_forward_reads() -> Case:
    return nn.Sequential(Scaled()), (), set_scale


def in_what_a_module_holds() -> Case:
    net = nn.Sequential(Scaled())
    return net, (), lambda v: setattr(net[0].options, "scale", v)


def deep_in_what_a_module_holds() -> Case:
    net = nn.Sequential(Scaled())
    return net, (), lambda v: net[0].options.deep.update(list=[v])


def in_what_a_module_lists() -> Case:
    class Sum(nn.Module):
        def __init__(self) -> None:
            self.a = nn.Parameter(np.ones(2))

        def forward(self, x: Any) -> Any:
            total = x
            for p in self.parameters():
                total = total * p
            return total

    net = Sum()
    return net, (), lambda v: setattr(net, "b", nn.Parameter(np.array([v, v])))


def in_what_hides_the_class_of_a_module() -> Case:
    class Net(nn.Module):
        scale = 1.0

        def forward(self, x: Any) -> Any:
            return x * self.scale

    net = Net()
    return net, (), lambda v: setattr(net, "scale", v)


def in_a_method() -> Case:
    class Helper:
        def go(self, x: Any) -> Any:
            return x * SCALE

        __call__ = go

    one = Helper()
    return lambda x: one.go(x) + one(x), (), set_scale


def in_a_function_that_is_compiled_itself() -> Case:
    inner = tl.compile(lambda x: x * SCALE)
    return lambda x: inner(x), (), set_scale


def in_an_operation_of_ones_own() -> Case:
    factor = 1.0

    def change(v: Any) -> None:
        nonlocal factor
        factor = v

    scaled = tl.pointwise(lambda x: x * factor, r"s(#1)", lambda y, x: factor, name="scaled")
    return lambda x: scaled(x), (), change


def in_a_decorated_function() -> Case:
    @functools.wraps(np.exp)
    def g(x: Any) -> Any:
        return x * SCALE

    return lambda x: functools.partial(g)(x), (), set_scale


def in_the_options_of_an_optimiser() -> Case:
    sgd = optim.SGD([tl.tensor([1.0], requires_grad=True)], lr=1.0)
    return lambda x: x * sgd.param_groups[0]["lr"], (), lambda v: sgd.param_groups[0].update(lr=v)


def as_a_function_of_numpy() -> Case:
    act: Any = np.tanh

    def change(v: Any) -> None:
        nonlocal act
        act = np.exp

    return lambda x: act(x), (), change


def as_a_name_that_was_not_there() -> Case:
    names = {"__builtins__": __builtins__, "__name__": "of_a_user"}
    exec("def f(x, late=False):\n    return x * LATER if late else x * NOW", names | {}, here := dict[str, Any]())
    f = here["f"]
    f.__globals__["NOW"] = 1.0
    return f, (), lambda v: f.__globals__.update(NOW=v)


def in_an_array_that_numpy_has_computed_with_too() -> Case:
    array = np.ones(2)
    return lambda x: x * array + tl.tensor(array) * np.exp(array), (), lambda v: array.__setitem__(0, v)


def in_a_branch_on_an_array() -> Case:
    array = np.ones(2)
    return lambda x: x * array if np.sum(array) < 4 else x - array, (), lambda v: array.__setitem__(0, v)


def in_the_sign_of_a_zero_of_an_array() -> Case:
    array = np.zeros(2)
    return lambda x: x * np.copysign(1.0, array), (), lambda _: array.__setitem__(0, -0.0)


def in_a_gradient() -> Case:
    w = tl.tensor([1.0, 2.0], requires_grad=True)
    w.grad = np.ones(2)
    return lambda x: x * w.grad, (), lambda v: setattr(w, "grad", np.array([v, 2.0]))


def in_a_gradient_that_numpy_has_added_up() -> Case:
    net = nn.Linear(2, 2, rng=0)
    net.weight.grad = np.ones((2, 2))
    return lambda x: x * np.sum(net.weight.grad), (), lambda v: net.weight.grad.__setitem__(0, v)


def in_the_shape_of_a_tensor() -> Case:
    w = tl.tensor([1.0])
    return lambda x: x * len(w), (), lambda v: setattr(w, "data", np.ones(int(v)))


def in_whether_a_parameter_is_trained() -> Case:
    net = nn.Linear(2, 2, rng=0)
    bias: Any = net.bias
    return lambda x: x * bias.requires_grad, (), lambda _: setattr(bias, "requires_grad", False)


def in_the_sign_of_a_zero() -> Case:
    class Signed(nn.Module):
        zero = 0.0

        def forward(self, x: Any) -> Any:
            return x * np.copysign(1.0, self.zero)

    net = Signed()
    net.zero = 0.0
    return net, (), lambda _: setattr(net, "zero", -0.0)


PLACES = [
    in_a_class, in_a_class_of_an_object, hidden_by_an_object, in_a_python_module, in_slots,
    in_an_object_that_is_an_argument, in_a_network_that_is_an_argument, in_a_function_that_is_an_argument,
    in_an_attribute_of_a_function, in_a_set, in_what_forward_reads, in_what_a_module_holds, deep_in_what_a_module_holds,
    in_an_array_that_numpy_has_computed_with_too, in_a_branch_on_an_array,
    in_the_sign_of_a_zero_of_an_array,
    in_what_a_module_lists, in_what_hides_the_class_of_a_module, in_a_method, in_an_operation_of_ones_own,
    in_a_function_that_is_compiled_itself, in_a_decorated_function,
    in_the_options_of_an_optimiser, in_a_gradient, in_a_gradient_that_numpy_has_added_up, in_the_shape_of_a_tensor,
    in_whether_a_parameter_is_trained,
    as_a_function_of_numpy, as_a_name_that_was_not_there, in_the_sign_of_a_zero,
]  # fmt: skip


@pytest.fixture(autouse=True)
def _scale() -> Iterator[None]:
    set_scale(1.0)
    yield
    set_scale(1.0)


@pytest.mark.parametrize("place", PLACES, ids=lambda f: f.__name__)
def test_it_is_seen_to_change(place: Callable[[], Case]) -> None:
    f, more, change = place()
    fast, x = tl.compile(f), tl.tensor(X)
    alike(fast(x, *more), f(x, *more))
    alike(fast(x, *more), f(x, *more))
    assert len(fast.stats) == 1  # what has not changed is not traced again
    change(np.float64(3.0))
    alike(fast(x, *more), f(x, *more))


@pytest.mark.parametrize("base", [object, nn.Module])
def test_what_a_function_does_not_name_may_change(base: Any) -> None:
    class Trainer(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self.net, self.loss, self.scale = mlp(), nn.CrossEntropyLoss(), 1.0
            self.steps, self.losses, self.data = 0, list[float](), np.zeros(3)
            self.step = tl.compile(self.cost, optimizer=optim.SGD(self.net.parameters(), lr=0.1))

        def cost(self, x: Any, y: Any) -> Any:
            traced.append(self.net)
            return self.loss(self.net(x), y) * self.scale

        def go(self, k: int) -> None:
            self.steps += 1
            self.data = self.data + 1
            self.losses.append(self.step(*batch(k)).item())

    traced: list[Any] = []
    trainer = Trainer()
    for k in range(4):
        trainer.go(k)
    assert len(traced) == 2  # a trace, and another to see that it is the same
    trainer.scale = 2.0
    expected = trainer.cost(*batch(0)).item()
    assert trainer.step(*batch(0)).item() == expected
    assert len(traced) == 5


# -- the parameters that an optimiser has ----------------------------------------------------------------------


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=range(len(OPTIMISERS)))
@pytest.mark.parametrize("change", ["one more group", "one group less", "one less in a group", "another in a group"])
def test_parameters_come_and_go(optimiser: Any, change: str) -> None:
    def make(params: Any) -> Any:
        ps = list(params)
        return optimiser(ps[:2] if change == "one more group" else [{"params": ps[:2]}, {"params": ps[2:]}])

    nets, optimisers, eagerly, fast = pair_of_trainings(mlp, make)
    for k in range(5):
        if k == 3:
            for net, opt in zip(nets, optimisers, strict=True):
                if change == "one more group":
                    opt.add_param_group({"params": list(net.parameters())[2:]})
                elif change == "one group less":
                    opt.param_groups.pop()
                elif change == "one less in a group":
                    opt.param_groups[1]["params"].pop()
                else:
                    net[0].weight = opt.param_groups[0]["params"][0] = nn.Parameter(np.ones((8, 6)))
        alike(eagerly(*batch(k)), fast(*batch(k)))
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert bits(a.data) == bits(b.data)


def test_a_rate_that_is_a_number_of_numpys() -> None:
    for optimiser in OPTIMISERS:
        nets, optimisers, eagerly, fast = pair_of_trainings(mlp, optimiser, np.float32)
        for k in range(6):
            for opt in optimisers:
                opt.param_groups[0]["lr"] = np.float64(0.1) / (k + 1) if k % 3 else 0.07
            x, y = batch(k, dtype=np.float32)
            alike(eagerly(x, y), fast(x, y))
        for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            assert bits(a.data) == bits(b.data)


def test_state_of_another_dtype_than_its_parameter() -> None:
    for optimiser in OPTIMISERS:
        nets, _, eagerly, fast = pair_of_trainings(mlp, optimiser)
        for k in range(6):
            if k == 2:
                for net in nets:
                    net.float()  # and the optimiser's state stays as precise as it was
            x, y = batch(k)
            alike(eagerly(x, y), fast(x, y))
        for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            assert bits(a.data) == bits(b.data)


# -- between the call and its backward sweep -------------------------------------------------------------------


def test_an_array_that_is_used_for_something_else_before_the_backward_sweep() -> None:
    net = mlp()
    fast: Any = tl.compile(net)
    for f in (net, fast):
        x = batch(0)[0]
        net.zero_grad()
        y = np.sum(f(x) ** 2)
        x[...] = 0
        y.backward()
        if f is net:
            expected = [bits(p.grad) for p in net.parameters()]
    assert [bits(p.grad) for p in net.parameters()] == expected
    net[0] = nn.Linear(6, 8, rng=5)  # other leaves, and the gradient is traced anew
    found = []
    for g in (net, fast):
        net.zero_grad()
        np.sum(g(batch(0)[0])).backward()
        found.append([bits(p.grad) for p in net.parameters()])
    assert found[0] == found[1]


def test_what_changes_before_the_backward_sweep_is_refused() -> None:
    scale, array, shift = 2.0, np.ones(2), tl.tensor([1.0, 2.0])
    w = tl.tensor([3.0, 4.0], requires_grad=True)
    fast = tl.compile(lambda x, t: np.sum(np.tanh(w * x * scale) * array * shift * t))
    t = tl.tensor([1.0, 1.0])

    def another_scale() -> None:
        nonlocal scale
        scale = 3.0

    for change in (
        another_scale, lambda: array.__setitem__(0, 5.0), lambda: setattr(shift, "data", np.array([7.0, 8.0])),
        lambda: setattr(t, "data", np.array([7.0, 8.0])),
    ):  # fmt: skip
        y = fast(X, t)
        change()
        with pytest.raises(tl.GraphError, match="changed before the backward sweep"):
            y.backward()
    fast(X, t).backward()


# -- what is asked for wrongly ---------------------------------------------------------------------------------


def test_a_refusal_cannot_be_swallowed() -> None:
    def f(x: Any) -> Any:
        try:
            return x * float(x[0])
        except Exception:
            return x * 0

    with pytest.raises(tl.TracingError, match="float"):
        tl.compile(f)(X)


def test_questions_that_numpy_answers_with_yes_or_no() -> None:
    f: Any = lambda x, y: x * 2 if np.allclose(x, y) else x * (3 if np.array_equal(x, -y) else 4)  # noqa: E731
    fast = tl.compile(f)
    for y in (X, -X, X * 5, X):
        alike(fast(tl.tensor(X), tl.tensor(y)), f(tl.tensor(X), tl.tensor(y)))


def test_a_method_may_be_compiled() -> None:
    class Net(nn.Module):
        def __init__(self, rng: int) -> None:
            self.fc = nn.Linear(6, 3, rng=rng)

        @tl.compile
        def forward(self, x: Any) -> Any:
            return np.tanh(self.fc(x))

    with tl.no_grad():
        for net in (Net(0), Net(1)):
            for k in range(2):
                assert bits(net(batch(k)[0])) == bits(np.tanh(net.fc(batch(k)[0])))
                net.fc.weight.data = net.fc.weight.data * 2


def test_options_that_make_no_sense() -> None:
    for wrong in ({"limit": 0}, {"limit": -1}, {"threads": 0}, {"without": "deed"}):
        with pytest.raises(ValueError, match=r"^compile: "):
            tl.compile(np.exp, **wrong)
    for optimizer in ("sgd", optim.SGD):
        with pytest.raises(TypeError, match="optimizer is an Optimizer"):
            tl.compile(np.exp, optimizer=optimizer)  # type: ignore[arg-type]
    fast = tl.compile(lambda x, n: x * float(x[0] * n))
    for n in range(3):
        with pytest.raises(tl.TracingError):
            fast(X, n)
    assert not fast._programs  # what came to nothing is not kept
