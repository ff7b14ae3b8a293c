"""Module: parts found by assignment, dotted names, state in and out, and names that reach tensors and errors."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.leaves import leaf
from tests.oracles import Array
from tinygrad_lite import Tensor, nn


class Block(nn.Module):
    """One of everything: a parameter, a module, containers of both, and what is neither."""

    def __init__(self) -> None:
        self.scale = nn.Parameter(2.0)
        self.first = nn.Linear(2, 3)
        self.rest = [nn.Linear(3, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1, bias=False))]
        self.heads = {"left": nn.Parameter([1.0]), "right": (nn.Parameter([2.0, 3.0]), "text")}
        self.plain = Tensor([5.0])
        self.number = 3

    def forward(self, x: Any) -> Any:
        x = self.first(x) * self.scale
        for module in self.rest:
            x = module(x)
        return x


NAMES = [
    "scale", "heads.left", "heads.right.0", "first.weight", "first.bias", "rest.0.weight", "rest.0.bias",
    "rest.1.1.weight",
]  # fmt: skip


# -- finding -----------------------------------------------------------------------------------------------------


def test_parameters_are_found_in_attributes_and_containers() -> None:
    block = Block()
    assert [name for name, _ in block.named_parameters()] == NAMES
    assert [p.name for p in block.parameters()] == NAMES
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in block.parameters())
    assert [name for name, _ in block.named_parameters("net")] == [f"net.{name}" for name in NAMES]


def test_modules_are_found_depth_first() -> None:
    block = Block()
    assert [name for name, _ in block.named_modules()] == ["", "first", "rest.0", "rest.1", "rest.1.0", "rest.1.1"]
    assert next(block.modules()) is block
    assert [name for name, _ in block.named_children()] == ["first", "rest.0", "rest.1"]
    assert len(list(block.children())) == 3


def test_a_shared_part_is_found_once_and_gets_all_its_gradients() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            self.a = nn.Linear(2, 2, bias=False)
            self.b = self.a
            self.c = nn.Linear(2, 2, bias=False)
            self.c.weight = self.a.weight

        def forward(self, x: Any) -> Any:
            return self.c(self.b(self.a(x)))

    tied = Tied()
    assert [name for name, _ in tied.named_parameters()] == ["a.weight"]
    assert [name for name, _ in tied.named_modules()] == ["", "a", "c"]
    w = tied.a.weight.numpy()
    x = np.array([1.0, 2.0])
    np.sum(tied(x)).backward()
    one = leaf(w)
    np.sum(((x @ one.T) @ one.T) @ one.T).backward()
    assert tied.a.weight.grad is not None
    np.testing.assert_allclose(tied.a.weight.grad, one.grad, rtol=1e-14)


def test_a_module_that_knows_its_parent_is_walked_once() -> None:
    class Child(nn.Module):
        parent: nn.Module

    block, child = Block(), Child()
    block.child = child
    child.parent = block
    assert len(list(block.named_parameters())) == len(NAMES)
    assert len(list(child.named_modules())) == 7


def test_assignment_replaces_and_deletion_forgets() -> None:
    layer = nn.Linear(2, 2)
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    del layer.weight
    assert list(layer.parameters()) == []


def test_a_module_with_nothing_in_it() -> None:
    empty = nn.Module()
    assert list(empty.parameters()) == list(empty.children()) == []
    assert empty.state_dict() == {}
    with pytest.raises(NotImplementedError, match=r"Module defines no forward\(\)"):
        empty(1)


def test_names_that_were_given_are_kept_and_others_grow_with_the_nesting() -> None:
    mine = nn.Parameter([1.0], name="mine")
    inner, outer = nn.Module(), nn.Module()
    inner.p, inner.q = mine, nn.Parameter([2.0])
    outer.inner = inner
    assert [p.name for p in outer.parameters()] == ["mine", "inner.q"]


def test_a_frozen_parameter_is_a_parameter_without_gradient() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.requires_grad = False
    layer(np.ones(2)).sum().backward()
    assert layer.weight.grad is None
    assert layer.bias is not None
    assert layer.bias.grad is not None


def test_what_is_registered_by_name_is_what_is_assigned() -> None:
    class Scaled(nn.Module):
        mean: Any
        scratch: Any
        none: Any
        factor: Any
        shift: Any

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", np.ones(2))
            self.register_buffer("scratch", [1.0, 2.0], persistent=False)
            self.register_buffer("none", None)
            self.register_parameter("factor", nn.Parameter([2.0, 3.0]))
            self.register_parameter("shift", None)

        def forward(self, x: Any) -> Any:
            return (x - self.mean) * self.factor + self.scratch

    net = Scaled()
    assert sorted(net.state_dict()) == ["factor", "mean"]
    assert [name for name, _ in net.named_buffers()] == ["mean"]
    assert (net.none, net.shift) == (None, None)
    net(np.ones(2) * 2).sum().backward()
    np.testing.assert_array_equal(net.factor.grad, [1, 1])
    assert [p.requires_grad_(False).requires_grad for p in net.parameters()] == [False]


# -- modes and gradients -----------------------------------------------------------------------------------------


def test_train_and_eval_reach_everything_below_and_return_the_module() -> None:
    block = Block()
    assert all(module.training for module in block.modules())
    assert block.eval() is block
    assert not any(module.training for module in block.modules())
    block.rest[0].train()
    assert [module.training for module in block.modules()] == [False, False, True, False, False, False]
    assert block.train() is block
    assert all(module.training for module in block.modules())
    block.train(False)
    assert not block.training


def test_zero_grad_forgets_all_gradients() -> None:
    block = Block()
    block(np.ones((4, 2))).sum().backward()
    assert block.scale.grad is not None
    block.zero_grad(set_to_none=False)
    for p in block.rest[0].parameters():
        np.testing.assert_array_equal(p.grad, np.zeros(p.shape))
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())


# -- state -------------------------------------------------------------------------------------------------------


def test_state_goes_out_as_copies_and_comes_back() -> None:
    a, b = Block(), Block()
    state = a.state_dict()
    assert list(state) == NAMES
    b.load_state_dict(state)
    x = np.ones((4, 2))
    np.testing.assert_array_equal(a(x).numpy(), b(x).numpy())
    for value in state.values():
        value[...] = 9
    np.testing.assert_array_equal(a(x).numpy(), b(x).numpy())


def test_state_may_be_lists_tensors_and_other_dtypes_and_the_parameters_keep_theirs() -> None:
    layer = nn.Linear(2, 1, dtype=np.float32)
    layer.load_state_dict({"weight": [[1, 2]], "bias": Tensor([3.0])})
    assert layer.weight.dtype == np.float32
    assert layer(np.ones(2, np.float32)).numpy().tolist() == [6]


def test_every_problem_is_listed_and_nothing_has_changed() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = net.state_dict()
    state: dict[str, Any] = {**before, "0.weight": np.ones((3, 3)), "2.weight": np.ones(1), "1.bias": np.array([1j])}
    del state["0.bias"]
    with pytest.raises(ValueError, match="does not fit Sequential") as error:
        net.load_state_dict(state)
    for line in (
        "missing: 0.bias (3,)", "unexpected: 2.weight (1,)", "wrong dtype: 1.bias is complex128",
        "wrong shape: 0.weight is (3, 3) in the state and (3, 2) in the module",
    ):  # fmt: skip
        assert line in str(error.value)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_not_strict_takes_what_fits_by_name_but_never_another_shape() -> None:
    layer = nn.Linear(2, 1)
    keys = layer.load_state_dict({"weight": np.ones((1, 2)), "unknown": np.ones(7)}, strict=False)
    assert keys == (["bias"], ["unknown"])
    assert (keys.missing_keys, keys.unexpected_keys) == keys
    assert layer.load_state_dict(layer.state_dict()) == ([], [])
    np.testing.assert_array_equal(layer.weight.numpy(), 1)
    with pytest.raises(ValueError, match="wrong shape: bias"):
        layer.load_state_dict({"bias": np.ones(2)}, strict=False)


def test_what_is_shared_goes_out_under_all_its_names_and_comes_back_by_any() -> None:
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias"]
    for i in (0, 2):
        one = {"weight": np.full((2, 2), float(i)), "bias": np.zeros(2)}
        assert net.load_state_dict({f"{i}.{name}": value for name, value in one.items()}) == ([], [])
        assert np.all(layer.weight.numpy() == i)
    assert net.load_state_dict({"2.bias": np.ones(2)}, strict=False) == (["0.weight", "2.weight"], [])
    with pytest.raises(ValueError, match=r"wrong shape: 2\.weight"):
        net.load_state_dict(state | {"2.weight": np.ones((3, 3))})


def test_a_module_that_knows_its_parent_has_a_state_and_a_repr() -> None:
    class Child(nn.Module):
        parent: nn.Module

    net, child = nn.Sequential(nn.Linear(2, 1)), Child()
    net.child = child
    child.parent = net
    assert list(net.state_dict()) == ["0.weight", "0.bias"]
    assert repr(net).endswith("  (child): Child(\n    (parent): Sequential(...)\n  )\n)")


def test_modules_nested_deeper_than_python_recurses() -> None:
    net: nn.Module = nn.Linear(1, 1)
    for _ in range(2000):
        outer = nn.Module()
        vars(outer)["0"] = net  # not by assignment, which would name the parameter anew at each level
        net = outer
    assert repr(net).count("Module(") == 2000
    assert len(list(net.named_modules())) == 2001
    assert len(net.state_dict()) == len(list(net.parameters())) == 2
    assert net.load_state_dict(net.state_dict()) == ([], [])


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copied_module_is_its_own(clone: Any) -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    other = clone(net)
    other[0].weight.data[...] = 0
    assert np.all(net[0].weight.numpy() != 0)
    assert [p.name for p in other.parameters()] == [p.name for p in net.parameters()]


# -- names in graphs, errors and reprs ---------------------------------------------------------------------------


def test_a_tensor_knows_the_call_of_the_module_that_made_it() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1)))
    y = net(np.ones(2))
    assert y.scope is not None
    assert (y.scope.path, y.scope.module) == ("net.1.1", net[1][1])
    assert y.inputs[0].scope.path == "net.1.0"
    assert repr(y.scope) == "net.1.1 (Linear(in_features=3, out_features=1, bias=True))"
    assert "module='net.1.1'" in repr(y)
    assert nn.Linear(2, 2)(np.ones(2)).scope.path == "Linear"
    assert (y * 2).scope is None


def test_two_calls_of_one_module_are_two_scopes() -> None:
    layer = nn.Linear(2, 2)
    a = layer(np.ones(2))
    b = layer(a)
    assert a.scope is not b.scope
    assert a.scope != b.scope
    assert a.scope == (a * 1).inputs[0].scope
    assert a.scope.module is b.scope.module
    assert len({a.scope, b.scope, a.scope}) == 2


def test_a_module_called_from_outside_its_parent_goes_by_its_class() -> None:
    class Borrows(nn.Module):
        def forward(self, x: Any) -> Any:
            return layer(x)

    layer = nn.Linear(2, 2)
    assert Borrows()(np.ones(2)).scope.path == "Borrows.Linear"


def test_an_error_says_in_which_module_it_happened_and_the_scope_ends_with_it() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 1))
    with pytest.raises(ValueError, match=r"affine: .*maps 4 features.*\(3,\).*In net\.2 \(Linear\(in_features=4"):
        net(np.ones(2))
    assert (Tensor(1.0, requires_grad=True) * 2).scope is None


def test_reprs_look_like_pytorchs() -> None:
    assert repr(nn.Linear(2, 3)) == "Linear(in_features=2, out_features=3, bias=True)"
    assert repr(nn.Sequential(nn.Linear(2, 3, bias=False), nn.Sequential(nn.ReLU()))) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=False)\n"
        "  (1): Sequential(\n    (0): ReLU()\n  )\n)"
    )
    assert repr(nn.Module()) == "Module()"


# -- Sequential --------------------------------------------------------------------------------------------------


def test_a_sequential_is_a_list_of_its_modules() -> None:
    parts = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)]
    net = nn.Sequential(*parts)
    assert len(net) == 3
    assert list(net) == parts
    assert (net[0], net[-1]) == (parts[0], parts[2])
    assert isinstance(net[:2], nn.Sequential)
    assert list(net[::-1]) == parts[::-1]
    with pytest.raises(IndexError):
        net[3]


def test_a_sequential_applies_its_modules_in_order_and_one_twice_if_given_twice() -> None:
    relu = nn.ReLU()
    net = nn.Sequential(nn.Linear(2, 2), relu, nn.Linear(2, 2), relu)
    x: Array = np.array([1.0, -1.0])
    by_hand: Any = x
    for part in net:
        by_hand = part(by_hand)
    np.testing.assert_array_equal(net(x).numpy(), by_hand.numpy())
    assert len(net) == 4


@pytest.mark.parametrize("part", [nn.ReLU, tl.relu, None, 3])
def test_what_is_no_module_is_refused_by_place(part: Any) -> None:
    with pytest.raises(TypeError, match=r"part 1 is .*, not a Module. Did you mean to call the class"):
        nn.Sequential(nn.ReLU(), part)


# -- PyTorch's names of arguments --------------------------------------------------------------------------------


def test_arguments_go_by_pytorchs_names_too() -> None:
    """input= is the first operand of forward(), target= and hx= the second; where it has these names they stand."""
    x, y, h = np.ones((2, 3)), np.zeros((2, 4)), np.ones((2, 4))
    net, cell, attend = nn.Linear(3, 4, rng=0), nn.GRUCell(3, 4, rng=0), nn.MultiheadAttention(4, 2, rng=0)
    z = net(x)
    pairs = [
        (net(input=x), z),
        (nn.Sequential(net, nn.ReLU())(input=x), nn.ReLU()(z)),
        (nn.MSELoss()(input=z, target=y), nn.MSELoss()(z, y)),
        (nn.MSELoss()(z, target=y), nn.MSELoss()(z, y)),
        (nn.CrossEntropyLoss()(target=[1, 2], input=z), nn.CrossEntropyLoss()(z, [1, 2])),
        (cell(input=x, hx=h), cell(x, h)),
        (attend(query=h, key=h, value=y)[0], attend(h, h, y)[0]),
        (net(x=x), z),
    ]
    for named, placed in pairs:
        np.testing.assert_array_equal(named.numpy(), placed.numpy())

    class Own(nn.Module):
        def forward(self, target: Any, input: Any) -> Any:
            return target - input

    assert Own()(input=1.0, target=3.0) == 2.0
    for wrong in ({"inputs": x}, {"input": x, "x": x}):
        with pytest.raises(TypeError, match="unexpected keyword argument 'input"):
            net(**wrong)
    with pytest.raises(TypeError, match="multiple values for argument 'x'"):
        net(x, input=x)
