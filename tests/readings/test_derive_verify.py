"""Every line of every derivation holds, what is printed reads back to its value, and a wrong rule shows as failing."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import tinygrad_lite as tl
from tests.quick import one_in
from tests.readings.derivations import Reader, classifier, exercise_point, residual_block, values_of
from tests.samples import SAMPLES
from tests.sampling import Case, cases
from tests.test_random_programs import Program, away_from_kinks, programs
from tinygrad_lite import Tensor, exercise, nn
from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.intake import Array
from tinygrad_lite.primitives import TABLE
from tinygrad_lite.primitives.linear_algebra import _t
from tinygrad_lite.readings.derivation.derivation import Derivation
from tinygrad_lite.readings.derivation.report import VerificationError
from tinygrad_lite.readings.derive import derive
from tinygrad_lite.readings.dialects import text
from tinygrad_lite.testing import strategies


def reads_back(derivation: Derivation) -> None:
    """Each right-hand side, read from its text by a reader of its own, has the value of its line."""
    read = Reader(values_of(derivation))
    page = derivation.page()
    steps = {step.key: step for step in derivation}
    for entry in itertools.chain.from_iterable(section.entries for section in page.sections):
        for right in entry.right if entry.key else []:
            found, want = read(text(right)), np.asarray(steps[entry.key].value)
            if np.size(found) == want.size:
                found = np.reshape(found, want.shape)
            np.testing.assert_allclose(np.broadcast_to(found, want.shape), want, rtol=1e-9, atol=1e-12,
                                       err_msg=f"{entry.key}: {text(right)}")  # fmt: skip


@given(strategies.networks())
def test_every_line_of_a_random_network_verifies_and_reads_back(case: tuple[nn.Module, Array]) -> None:
    net, x = case
    a = net(x)
    if not a.requires_grad:
        return
    targets = np.random.default_rng(0).normal(size=a.shape)
    loss = nn.SquaredLoss()(a, targets)
    d = derive(np.sum((a - targets) * (a - targets) / 3), names={"x": x, "targets": targets})
    d.verify(raise_on_failure=True)
    reads_back(d)
    derive(loss, names={"x": x}).verify(raise_on_failure=True)


def with_the_mean_at_the_parameters(derivation: Derivation, n: int) -> None:
    """Each right-hand side, on derivatives that are n times too large on the way, gives its line: so, or as it is."""
    builder = derivation._builder
    values = {builder.names[x]: np.asarray(x.value) for x in builder.folding.shown}
    values |= {name: a for name, a in values_of(derivation).items() if "/" not in name}
    large = {s.key: np.asarray(s.value) * (1 if s.node.op is None else n) for s in derivation if s.cotangent}
    read = Reader({**values, **{f"d{key.split('/d')[1]}": a for key, a in large.items()}})
    for entry in itertools.chain.from_iterable(section.entries for section in derivation.page().sections):
        for right in entry.right if entry.key in large else []:
            found, want = read(text(right)), large[entry.key]
            found = np.reshape(found, want.shape) if np.size(found) == want.size else found
            np.testing.assert_allclose(np.broadcast_to(found, want.shape), want, rtol=1e-9, atol=1e-12,
                                       err_msg=f"{entry.key}: {text(right)}")  # fmt: skip


def test_a_mean_that_is_left_to_the_parameters_reads_back() -> None:
    rng = np.random.default_rng(0)
    x, y, labels = rng.normal(size=(5, 3)), rng.normal(size=(5, 2)), np.array([0, 1, 1, 0, 1])
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Sigmoid(), nn.Linear(4, 2, rng=1))
    decay = 0.1 * np.sum(net[0].weight * net[0].weight)
    for loss in (nn.MSELoss()(net(x), y), nn.CrossEntropyLoss()(net(x), labels), nn.MSELoss()(net(x), y) + decay):
        d = derive(loss, names={"x": x, "y": y, "labels": labels}, mean="at_params")
        with_the_mean_at_the_parameters(d, 5)
        assert "every derivative is 5 times that of L" in " ".join(str(d).split())
        assert "dL/d" not in str(d).split("BACKWARD")[1].split("CHECKED")[0]
    with pytest.raises(ValueError, match="no batch of examples"):
        derive(exercise_point().loss, mean="at_params")
    with pytest.raises(ValueError, match="a name of their own"):
        derive(loss, mean="at_params", delta="full")


def test_the_known_pages_read_back() -> None:
    for d in (exercise_point(), exercise_point(1), derive(residual_block()), exercise_point(product="*")):
        reads_back(d)
    net = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Sigmoid(), nn.Linear(2, 2, rng=1))
    reads_back(derive(nn.MSELoss()(net(np.eye(4, 3)), np.ones((4, 2)))))


@given(programs())
def test_every_line_of_a_random_program_verifies(program: Program) -> None:
    away_from_kinks(program, 1e-4)
    loss = program.at(*(Tensor(a, requires_grad=True) for a in program.leaves))
    d = derive(loss)
    d.verify(raise_on_failure=True)
    assert str(d) == str(derive(loss))


FOLDED = ("identity", "squeeze", "expand_dims", "broadcast_to", "astype", "reshape", "transpose", "negative")
ONE_EACH = {case.row: case for case in reversed([c for c in cases(SAMPLES) if not any(0 in s for s in c.shapes)])}


@pytest.mark.parametrize("row", one_in(5, sorted(TABLE)))
def test_every_row_of_the_table_has_a_line_that_holds(row: str) -> None:
    """Its line is printed in every dialect, evaluated again from what is printed, and compared."""
    d = derivation_of(ONE_EACH[row])
    d.verify(raise_on_failure=True)
    assert any(step.operation == row for step in d) or row in FOLDED
    for page in (d.to_text(), d.to_markdown(), d.to_latex(), d.to_html()):
        assert page.count("{") == page.count("}")


def derivation_of(case: Case) -> Derivation:
    """A loss that uses a row: its result, or what it picks where it is a condition, weighted and added up."""
    arrays = case.inputs()
    constant = TABLE[case.row].kind == "constant"
    xs = [
        Tensor(a, requires_grad=a.dtype.kind == "f" and not constant, name="abcdefgh"[k]) for k, a in enumerate(arrays)
    ]
    with recording(EVERYTHING):  # what has no gradient is recorded too
        y = case.sample.call(*xs)
        return derive(_weighted(y, case), names={"y": y} if y.op is not None else {})


def _weighted(y: Any, case: Case) -> Any:
    w = Tensor(case.cotangent(np.asarray(y.value, float)), requires_grad=True, name="w")
    loss: Any = None
    if TABLE[case.row].kind == "constant":
        loss = np.sum(np.where(y if y.dtype.kind == "b" else y > 0, w, w * w))
    else:
        loss = np.sum(w * w * y)
    return loss


# -- wrong rules -------------------------------------------------------------------------------------------------


def _wrong_rows() -> dict[str, tuple[Any, str]]:
    """{what is wrong: (a loss whose graph has the wrong rule, the line that it spoils)}."""
    relu, tanh = TABLE["relu"], TABLE["tanh"]
    x = np.random.default_rng(0).normal(size=(3, 3))

    def loss(row: Any, *args: Any) -> Any:
        leaves = [Tensor(a, requires_grad=True, name="xw"[k]) for k, a in enumerate(args)]
        return np.sum(row(*leaves) * np.arange(9.0).reshape(3, 3))

    more = tl.pointwise(np.tanh, tanh.tex, lambda y, x: (1 - y * y) * (1 + 1e-6), name="tanh")
    unmasked = tl.pointwise(relu.run, relu.tex, 1, name="relu")
    difference = tl.pointwise(np.subtract, "#1 - #2", 1, 1, name="difference")
    untransposed = tl.linear(np.matmul, r"#1\,#2", lambda g, y, a, b: g @ b, lambda g, y, a, b: _t(a) @ g)
    of_input = tl.pointwise(np.tanh, tanh.tex, lambda y, x: 1 - x * x, name="tanh")
    centre = tl.general(lambda x: x - x.mean(), r"c(#1)", lambda g, y, x: g, name="centre")
    return {
        "a factor 1 + 1e-6": (loss(more, x), "x"),
        "the mask is missing": (loss(unmasked, x), "x"),
        "a sign": (loss(difference, x, x + 1), "w"),
        "transposed": (loss(untransposed, x, x + 1), "x"),
        "z for h": (loss(of_input, x), "x"),
        "a sum forgotten": (loss(centre, x), "x"),
    }


@pytest.mark.parametrize("what", _wrong_rows())
def test_a_wrong_rule_shows_as_a_failing_line(what: str) -> None:
    loss, line = _wrong_rows()[what]
    d = derive(loss)
    failing = {key for key, _ in d.verify().failures}
    assert failing == {f"dL/d{line}"}
    kinds = {check.kind for _, check in d.verify().failures}
    assert kinds == {"adjoint", "differences"}
    assert not d.ok
    assert "FAILS" in str(d)
    assert "FAILS" in d.to_html()
    assert "WITH FAILING LINES" in repr(d)
    with pytest.raises(VerificationError, match=f"dL/d{line}: adjoint"):
        d.verify(raise_on_failure=True)


@pytest.mark.parametrize(("row", "position"), [("exp", 0), ("logsumexp", 0), ("affine", 1), ("matmul", 0), ("tanh", 0)])
def test_a_rule_that_is_off_by_a_millionth_is_found_in_every_line_that_it_is_in(
    row: str, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also inside a line that several operations are folded into, and where terms of either sign nearly cancel."""
    op = TABLE[row]
    rule: Any = op.rules[position]

    def wrong(*args: Any, **kwargs: Any) -> Any:
        return rule(*args, **kwargs) * (1 + 1e-6)

    monkeypatch.setattr(op, "rules", (*op.rules[:position], wrong, *op.rules[position + 1 :]))
    layer, w = nn.Linear(3, 4, rng=0), Tensor(np.eye(4, 3), requires_grad=True, name="V")
    x = np.random.default_rng(0).normal(size=(5, 3))
    p = tl.softmax(np.tanh(layer(x)) @ w)
    assert not derive(np.sum(np.sin(p)) + tl.logsumexp(p).sum()).ok


def test_an_error_that_is_shown_is_one_that_was_measured() -> None:
    counts = derive(classifier()).verify().counts()
    assert [kind for kind, *_ in counts] == ["value", "adjoint", "differences"]
    assert all(0 < worst < 1e-7 for kind, _, _, worst in counts if kind != "value")


def test_a_wrong_expression_shows_as_a_failing_line() -> None:
    d = exercise_point(verify=False)
    z, h = d["dC/dz"].step, d["dC/dh"].step
    assert z.expression.args[1] is not h.expression.args[1]  # type: ignore[attr-defined]  # both are operations
    h.expression, z.expression = z.expression, h.expression
    h.value = np.asarray(h.value) * 2
    assert {key for key, check in d.verify().failures if check.kind == "value"} >= {"dC/dh"}


def test_at_a_kink_the_convention_is_named() -> None:
    net = exercise.network()
    net.load_state_dict({"0.weight": np.zeros((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))})
    d = derive(exercise.cost(net, (2, 1), 10))
    assert d.ok
    assert "relu'(0) = 0" in str(d).split("CHECKED")[1]


def test_a_convention_that_is_none_fails_at_the_kink() -> None:
    relu = TABLE["relu"]
    wrong = tl.pointwise(relu.run, relu.tex, lambda y, x: (x > 0) + 2.0 * (x == 0), name="relu")
    x = Tensor([0.0, 1.0], requires_grad=True, name="x")
    assert not derive(np.sum(wrong(x) * np.array([2.0, 3.0]))).ok


def test_single_precision_verifies_with_its_own_tolerance() -> None:
    net = nn.Sequential(nn.Linear(3, 4, rng=0, dtype=np.float32), nn.ReLU(), nn.Linear(4, 2, rng=0, dtype=np.float32))
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    assert derive(nn.CrossEntropyLoss()(net(x), np.array([0, 1, 1, 0]))).ok


# -- what a course derives ---------------------------------------------------------------------------------------


def modules() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    n = rng.normal

    def x(shape: tuple[int, ...]) -> Tensor:
        return tl.tensor(n(size=shape), requires_grad=True, name="x")

    def attention() -> Any:
        layer = nn.MultiheadAttention(4, 2, rng=0, batch_first=True)
        t = n(size=(1, 3, 4))
        return nn.SquaredLoss()(layer(t, t, t)[0], n(size=(1, 3, 4)))

    def penalty() -> Any:
        w = tl.tensor(n(size=(2, 3)), requires_grad=True, name="W")
        g = tl.grad(lambda v: np.sum(np.tanh(w @ v)))(x((3,)))
        return np.sum(g * g)

    def convolution() -> Any:
        net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                            nn.Linear(8, 3, rng=0))  # fmt: skip
        return nn.CrossEntropyLoss()(net(n(size=(2, 1, 4, 4))), np.array([0, 2]))

    def shared() -> Any:
        w = tl.tensor(n(size=(3, 3)), requires_grad=True, name="W")
        return np.sum(np.tanh(w @ np.tanh(w @ n(size=3))))

    return {
        "batch norm": lambda: nn.SquaredLoss()(nn.BatchNorm1d(3)(x((5, 3))), n(size=(5, 3))),
        "layer norm": lambda: nn.MSELoss()(nn.LayerNorm(3)(x((5, 3))), n(size=(5, 3))),
        "convolution": convolution,
        "attention": attention,
        "gradient penalty": penalty,
        "weight sharing": shared,
        "embedding": lambda: nn.CrossEntropyLoss()(nn.Embedding(5, 3, rng=0)([0, 1, 1, 4]), np.array([0, 1, 1, 0])),
        "dropout": lambda: np.sum(nn.Dropout(0.5, rng=0)(x((2, 3))) ** 2),
        "recurrent": lambda: np.mean(nn.GRU(2, 3, rng=0, batch_first=True)(n(size=(2, 3, 2)))[0] ** 2),
        "binary cross-entropy": lambda: nn.BCEWithLogitsLoss()(nn.Linear(3, 1, rng=0)(n(size=(4, 3))), np.ones((4, 1))),
    }  # fmt: skip


@pytest.mark.parametrize("name", modules())
def test_what_a_course_derives_verifies(name: str) -> None:
    d = derive(modules()[name]())
    d.verify(raise_on_failure=True)
    assert not d.verify().unchecked


def test_a_pixel_and_a_kernel_entry_have_their_sums() -> None:
    page = str(derive(modules()["convolution"]()))
    assert "z1_ncij = ∑_pq W1_cpq x_(n,i + p - 1,j + q - 1) + b1_c" in page
    assert "dL/dW1_opq = ∑_nij (dL/dz1_noij) x_(n,i + p - 1,j + q - 1)" in page


# -- cost --------------------------------------------------------------------------------------------------------


def test_networks_of_a_course_verify() -> None:
    net = nn.Sequential(nn.Linear(784, 128, rng=0), nn.ReLU(), nn.Linear(128, 10, rng=0))
    x = np.random.default_rng(0).normal(size=(8, 784))
    assert derive(nn.CrossEntropyLoss()(net(x), np.arange(8))).ok
    assert derive(classifier()).ok


@pytest.mark.parametrize("length", [1_500, pytest.param(20_000, marks=pytest.mark.thorough)])
@pytest.mark.parametrize(
    "step",
    one_in(3, [np.sin, lambda v: v * 1.00001, lambda v: -v]),
    ids=["sin", "times", "negative"],
)
def test_a_long_chain_is_elided_without_recursion(step: Any, length: int) -> None:
    v: Any = Tensor(0.5, requires_grad=True, name="x")
    for _ in range(length):
        v = step(v)
    d = derive(v)
    assert d.ok
    assert len(d) <= 240
    for page in (d.to_text(), d.to_html(), d.to_latex()):
        assert "are left out" in page
        assert len(page) < 600_000


def test_a_loss_whose_terms_cancel_is_rounded_as_they_are() -> None:
    """Each column of x sums to 0, so the derivative by what it is multiplied by is 0 but for rounding: 0 is right."""
    rng = np.random.default_rng(0)
    z = tl.tensor(rng.normal(size=(5, 3)), requires_grad=True, name="z")
    scale = tl.tensor(rng.normal(size=3), requires_grad=True, name="scale")
    assert derive(np.sum((z - np.mean(z, 0)) / np.std(z, 0) * scale)).ok
    assert derive(np.mean((z - np.mean(z, 0)) * scale) - np.mean(z) + np.mean(z.T)).ok


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(tl.relu(x) ** 2),
        lambda x: np.sum(np.abs(x) * np.maximum(x, 0)) + 1e6,
        lambda x: np.sum(np.where(x > 0, x * x, x**3)),
        lambda x: np.sum(np.abs(x) ** 1.5),  # whose power ends at 0: nothing runs on the other side
    ],
)
def test_a_right_line_holds_at_a_kink_of_the_slope(f: Any) -> None:
    x = tl.tensor([0.0, -0.7, 1.2], requires_grad=True, name="x")
    assert not derive(f(x)).verify().failures


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6, 1e9])
def test_a_right_line_holds_among_large_numbers(scale: float) -> None:
    rng = np.random.default_rng(0)
    W = tl.tensor(rng.normal(size=(2, 3)), requires_grad=True, name="W")
    x, y = scale * rng.normal(size=(4, 3)), scale * (3 + rng.normal(size=(4, 2)))
    a: Any = x @ W.T
    for loss in (np.mean((a - y) ** 2), np.mean(np.abs(a - y)), np.sum(tl.relu(a) + scale)):
        assert not derive(loss).verify().failures


@pytest.mark.parametrize("name", modules())
def test_the_paths_of_an_entry_lead_over_values_with_lines_and_add_up_to_its_gradient(name: str) -> None:
    d = derive(modules()[name](), level=4)
    assert d.paths is not None
    assert d.paths.complete
    assert {node for path in d.paths.paths for node, _ in path.places[1:]} <= d._builder.folding.lines
    gradient = np.asarray(d.program.cotangents[d.paths.node].value)[d.paths.index]
    np.testing.assert_allclose(d.paths.total, gradient, rtol=1e-12, atol=1e-15)
