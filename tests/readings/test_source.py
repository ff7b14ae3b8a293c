"""The printed module runs by itself, and its numbers are the engine's to the last bit."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.quick import one_in
from tests.readings.sources import ALL, RNG, X, Y, mlp
from tests.test_random_programs import Program, programs
from tinygrad_lite import nn, optim


@pytest.mark.parametrize("make", ALL)
def test_it_gives_the_engines_numbers_to_the_last_bit(make: Any) -> None:
    source = make()
    assert "to the last bit" in " ".join(source.split())
    loss, gradients = source.exec()["loss_and_gradients"](**source.values)
    assert loss == source.loss
    assert set(gradients) == set(source.gradients)
    for name, g in source.gradients.items():
        np.testing.assert_array_equal(gradients[name], g)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_numbers_are_those_of_backward(dtype: Any) -> None:
    net = mlp(dtype)
    source = tl.source(nn.CrossEntropyLoss()(net(X.astype(dtype)), Y))
    loss, gradients = source.exec()["loss_and_gradients"](**source.values)
    eager = nn.CrossEntropyLoss()(net(X.astype(dtype)), Y)
    eager.backward()
    assert loss == eager.value
    assert np.asarray(loss).dtype == dtype
    for name, p in zip(("W1", "b1", "W2", "b2"), net.parameters(), strict=True):
        np.testing.assert_array_equal(gradients[name], p.grad)
        assert gradients[name].dtype == dtype


@given(programs())
def test_random_programs_come_out_bit_for_bit(program: Program) -> None:
    for dtype in (np.float64, np.float32):
        leaves = [tl.tensor(a.astype(dtype), requires_grad=True, name=f"w{i}") for i, a in enumerate(program.leaves)]
        loss = program.at(*leaves)
        source = tl.source(loss)
        got, gradients = source.exec()["loss_and_gradients"](**source.values)
        loss.backward()
        assert got == loss.value
        for x in leaves:
            np.testing.assert_array_equal(gradients[x.name], x.grad)
            assert gradients[x.name].dtype == dtype


@st.composite
def networks(draw: st.DrawFn) -> tuple[Any, Any, Any, Any]:
    """A network of up to four layers, its loss, and a batch."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    widths = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5))
    layers: list[Any] = []
    for n, m in itertools.pairwise(widths):
        layers.append(nn.Linear(n, m, bias=draw(st.booleans()), rng=rng, dtype=dtype))
        layers.append(draw(st.sampled_from([nn.ReLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.Identity]))())
    x = rng.normal(size=(draw(st.integers(1, 7)), widths[0])).astype(dtype)
    if draw(st.booleans()):
        return nn.Sequential(*layers), nn.CrossEntropyLoss(), x, rng.integers(0, widths[-1], len(x))
    loss = draw(st.sampled_from([nn.MSELoss, nn.SquaredLoss, nn.L1Loss, nn.HuberLoss]))()
    return nn.Sequential(*layers), loss, x, rng.normal(size=(len(x), widths[-1])).astype(dtype)


@given(networks())
def test_random_networks_come_out_bit_for_bit(program: tuple[Any, Any, Any, Any]) -> None:
    net, criterion, x, y = program
    parameters = net.parameters()
    names = {f"p{i}": p for i, p in enumerate(parameters)}
    source = tl.source(criterion(net(x), y), names=names)
    loss, gradients = source.exec()["loss_and_gradients"](**source.values)
    eager = criterion(net(x), y)
    eager.backward()
    assert loss == eager.value
    for name, p in names.items():
        np.testing.assert_array_equal(gradients[name], p.grad)
        assert gradients[name].dtype == p.dtype


def test_it_runs_at_another_batch_size() -> None:
    net = mlp()
    source = tl.source(nn.CrossEntropyLoss()(net(X), Y))
    other, labels = RNG.normal(size=(9, 4)), np.arange(9) % 3
    loss, gradients = source.exec()["loss_and_gradients"](**{**source.values, "x": other, "labels": labels})
    eager = nn.CrossEntropyLoss()(net(other), labels)
    eager.backward()
    assert loss == eager.value
    np.testing.assert_array_equal(gradients["W1"], net[0].weight.grad)


def test_a_program_of_one_batch_size_says_so() -> None:
    w = tl.tensor(RNG.normal(size=(5, 5)), requires_grad=True, name="w")
    source = tl.source(np.sum(w @ X @ w[:4]))  # both axes of the data meet those of w
    assert "The batch size is fixed: 5 rows." in " ".join(source.split())


W2 = tl.tensor([0.3, -0.4], requires_grad=True, name="W")
ROWS = tl.tensor(RNG.normal(size=(4, 2)), name="X")


@pytest.mark.parametrize(
    "loss",
    [
        lambda: np.sum(np.tanh(ROWS @ W2)) / len(ROWS),
        lambda: np.sum(np.tanh(ROWS @ W2)) * (1 / len(ROWS)),
        lambda: 2 / len(ROWS) * np.sum(np.tanh(ROWS @ W2)),
        lambda: np.sum(np.tanh(ROWS @ W2)) / (len(ROWS) - 1),
        lambda: np.sum(np.tanh(ROWS @ W2)) / np.sqrt(len(ROWS)),
        lambda: np.sum((ROWS * W2) ** 2) / np.size(ROWS.numpy()),
        lambda: sum(np.tanh(ROWS * W2)[i].sum() for i in range(4)),
        lambda: np.sum(np.tanh(ROWS @ W2)[:2]),
        lambda: np.take(np.tanh(ROWS @ W2), 3),
        lambda: np.sum(np.tanh(ROWS @ W2)) + np.sum(np.broadcast_to(W2[0] * 1.7, (len(ROWS),))),
    ],
)
def test_a_recorded_loss_whose_numbers_may_be_its_batch_size_is_not_said_to_be_free(loss: Any) -> None:
    text = " ".join(tl.source(loss()).split())
    assert "is free" not in text


def test_a_recorded_loss_without_such_numbers_is_free_and_a_function_says_which_are() -> None:
    longer = np.concatenate([ROWS.numpy(), [[1.0, 2.0]]])
    h = np.tanh(longer @ W2.numpy())
    recorded = tl.source((np.tanh(ROWS @ W2) ** 2).mean())
    called = tl.source(lambda X, W: np.sum(np.tanh(X @ W)) / len(X), ROWS, W2)
    for made, expected in ((recorded, (h**2).mean()), (called, h.mean())):
        assert "N, the batch size, is free" in " ".join(made.split())
        loss, _ = made.exec()["loss_and_gradients"](X=longer, W=W2.numpy())
        np.testing.assert_allclose(loss, expected)


def test_a_recurrent_network_over_time_has_no_free_batch_size() -> None:
    layer = nn.LSTM(2, 3, rng=np.random.default_rng(0))
    y, _ = layer(RNG.normal(size=(3, 2, 2)))
    assert "is free" not in " ".join(tl.source((y**2).mean()).split())


def test_a_batch_size_that_no_data_has_is_fixed() -> None:
    outside = RNG.normal(size=(4, 2))
    made = tl.source(lambda W, X: W[-1] * 0.7 / len(X), W2, outside)
    assert "is free" not in " ".join(made.split())
    _, gradients = made.exec()["loss_and_gradients"](**made.values)
    np.testing.assert_array_equal(gradients["W"], made.gradients["W"])


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    "loss",
    [
        lambda b: b[-1].mean(),
        lambda b: b[..., -1].mean(),
        lambda b: np.take(b, 1).mean(),
        lambda b: b[None, -1].mean().mean(),
        lambda b: (np.piecewise(b[0], [b[0] < 0, b[0] >= 0], [lambda t: -t, lambda t: t**2]) + True).mean(),
    ],
)
def test_a_gradient_of_one_number_goes_to_its_place(loss: Any, exact: bool) -> None:
    for dtype in (np.float64, np.float32):
        b = tl.tensor(np.array([0.5, -1.0, 2.0], dtype), requires_grad=True, name="b")
        made = tl.source(loss(b), exact=exact)
        _, gradients = made.exec()["loss_and_gradients"](**made.values)
        np.testing.assert_array_equal(gradients["b"], made.gradients["b"])
        assert gradients["b"].dtype == dtype


SGDS: dict[str, Any] = {
    "plain": lambda ps: optim.SGD(ps, lr=0.3),
    "momentum": lambda ps: optim.SGD(ps, lr=0.3, momentum=0.9),
    "dampened": lambda ps: optim.SGD(ps, lr=0.3, momentum=0.5, dampening=0.25),
    "nesterov and decay": lambda ps: optim.SGD(ps, lr=0.3, momentum=0.9, nesterov=True, weight_decay=0.01),
    "decay, upwards": lambda ps: optim.SGD(ps, lr=0.3, weight_decay=0.1, maximize=True),
    "two rates": lambda ps: optim.SGD([{"params": ps[:1]}, {"params": ps[1:], "lr": 0.01, "momentum": 0.9}], lr=0.5),
    "of some only": lambda ps: optim.SGD(ps[:2], lr=0.3),
}


@pytest.mark.parametrize("kind", SGDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_steps_are_those_of_sgd(kind: str, dtype: Any) -> None:
    """Three of them, to the last bit, with all that SGD can be told."""
    net = mlp(dtype)
    optimiser = SGDS[kind](list(net.parameters()))
    source = tl.source(nn.CrossEntropyLoss()(net(X.astype(dtype)), Y), update=optimiser)
    module, values = source.exec(), dict(source.values)
    kept: dict[str, Any] = {"velocity": {}} if "velocity:" in source else {}
    for _ in range(3):
        loss, new = module["step"](**values, **kept)
        values.update(new)
        eager = nn.CrossEntropyLoss()(net(X.astype(dtype)), Y)
        optimiser.zero_grad()
        eager.backward()
        optimiser.step()
        assert loss == eager.value
        for name, p in zip(("W1", "b1", "W2", "b2"), net.parameters(), strict=True):
            np.testing.assert_array_equal(new[name], p.data)
            assert new[name].dtype == dtype


# -- as a file -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for make in ALL:
        make().save(folder / f"{make.__name__}.py")
    for k, kind in enumerate(SGDS.values()):
        net = mlp(np.float64)
        loss = nn.CrossEntropyLoss()(net(X), Y)
        tl.source(loss, update=kind(list(net.parameters()))).save(folder / f"step_{k}.py")
    return folder


@pytest.mark.parametrize("make", one_in(4, ALL))
def test_the_file_runs_by_itself_on_numpy_alone(make: Any, files: Path) -> None:
    blocked = (
        "import sys; sys.modules['tinygrad_lite'] = None; import runpy; runpy.run_path(sys.argv[1], None, '__main__')"
    )
    run = subprocess.run(
        [sys.executable, "-c", blocked, str(files / f"{make.__name__}.py")], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("loss = ")
    assert not run.stderr


@pytest.mark.thorough
def test_type_checker_and_linter_find_nothing(files: Path) -> None:
    pytest.importorskip("mypy", reason="the `dev` extra is not installed")
    pytest.importorskip("ruff", reason="the `dev` extra is not installed")
    for command in (
        ["mypy", "--strict", "--config-file=", "--cache-dir", str(files / "cache")],
        ["ruff", "check", "--isolated", "--no-cache"],
    ):
        run = subprocess.run([sys.executable, "-m", *command, str(files)], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


def test_the_text_does_not_depend_on_the_process() -> None:
    code = (
        "from tests.readings.sources import attention, classifier, lstm;"
        "print(attention() + lstm() + classifier(exact=False), end='')"
    )
    texts = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={"PYTHONHASHSEED": seed, "PATH": ""}, cwd=Path(__file__).parents[2]).stdout
        for seed in ("0", "1", "2")
    }  # fmt: skip
    assert len(texts) == 1
