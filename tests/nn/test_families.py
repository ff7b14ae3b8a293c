"""What the comparison with PyTorch's numbers does not show: conventions, errors that teach, reprs, higher order."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.nn.cases import CASES
from tinygrad_lite import nn
from tinygrad_lite.nn.familiar import ELSEWHERE

RNG = np.random.default_rng(0)
PUBLIC = {name: getattr(nn, name) for name in nn.__all__}
ANY: Callable[[Any], Any] = lambda wrong: wrong  # noqa: E731  # what a type checker would not let through
TORCH = importlib.util.find_spec("torch") is not None


def test_a_tie_in_a_window_is_shared_equally_as_in_every_maximum() -> None:
    x = tl.tensor(np.array([[[[5.0, 5.0, 1.0], [0.0, 5.0, 1.0], [2.0, 2.0, 2.0]]]]), requires_grad=True)
    nn.MaxPool2d(2, stride=1)(x).sum().backward()
    third, half = 1 / 3, 1 / 2
    wanted = np.array([[[[third, third + half, 0.0], [0, third + half + 2, 0], [0, 0, 0]]]])
    assert x.grad is not None
    np.testing.assert_allclose(x.grad, wanted)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: nn.Conv2d(3, 4, 0), r"kernel_size is a whole number from 1 up, or 2 of them, not 0"),
        (lambda: nn.Conv2d(3, 4, (1, 2, 3)), r"kernel_size is a whole number from 1 up, or 2 of them"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), r"divisible by groups \(2\)"),
        (lambda: nn.Conv2d(3, 4, 3, padding=ANY("full")), "'same' or 'valid', not 'full'"),
        (lambda: nn.Conv2d(3, 4, 3, 2, "same"), "keeps the size only with stride 1"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "padding_mode is one of zeros, reflect"),
        (lambda: nn.Conv2d(3, 4, 3)(np.ones((2, 4, 5, 5))), "has 4 channels, not 3"),
        (lambda: nn.Conv2d(1, 4, 3)(np.ones((7, 5, 5))), r"\(7, 5, 5\), read as one example without N.*x\[:, None\]"),
        (lambda: nn.Conv2d(3, 4, 3)(np.ones((2, 5, 5, 3))), r"\(2, 5, 5, 3\) has 5 channels.*moveaxis\(x, -1, 1\)"),
        (lambda: nn.Conv1d(3, 4, 3)(np.ones((5, 3))), r"has 5 channels, not 3.*np\.moveaxis\(x, -1, 0\)"),
        (lambda: nn.Conv2d(3, 4, 3)(np.ones((5, 5))), r"shape \(N, C, H, W\), or is one example without N"),
        (lambda: nn.Conv2d(1, 4, 3)(np.ones((2, 1, 2, 5))), "the kernel reaches over 3 entries, but the input has 2"),
        (lambda: nn.ConvTranspose2d(1, 1, 2, output_padding=1), "below the stride or the dilation"),
        (lambda: nn.MaxPool2d(2, padding=2), "more than half the kernel"),
        (lambda: nn.AvgPool2d(2, divisor_override=0), "cannot be 0"),
        (lambda: nn.AdaptiveAvgPool2d((0, 1)), "from 1 up"),
        (lambda: nn.BatchNorm1d(3)(np.ones((1, 3))), "one number per channel has no variance"),
        (lambda: nn.BatchNorm1d(3)(np.ones((0, 3))), r"the batch is empty, \(0, 3\): no mean can be taken of it"),
        (lambda: nn.BatchNorm2d(3)(np.ones((2, 3))), r"shape \(N, C, H, W\) with C = 3"),
        (lambda: nn.LayerNorm(3)(np.ones((2, 4))), r"last axes are \(3,\); got \(2, 4\)"),
        (lambda: nn.GroupNorm(2, 3), "3 channels do not divide into 2 groups"),
        (lambda: nn.Dropout(1.5), "a probability, from 0 to 1"),
        (lambda: nn.Embedding(3, 2)([3]), "index 3 has no row; there are 3"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), "padding_idx 3 is not one of the 3 rows"),
        (lambda: nn.LSTM(3, 2)(np.ones((4, 2, 5))), r"shape \(T, N, I\), or \(T, I\) for one sequence, with I = 3"),
        (lambda: nn.GRUCell(3, 2)(np.ones((4, 3)), np.ones((4, 3))), r"the state has shape \(4, 2\)"),
        (lambda: nn.RNN(3, 2, nonlinearity="elu"), "'tanh' or 'relu', not 'elu'"),
        (lambda: nn.MultiheadAttention(5, 2), "is not divisible by num_heads"),
        (lambda: nn.MultiheadAttention(4, 2)(*[np.ones((3, 2, 5))] * 3), "query, key and value have shape"),
        (lambda: nn.GELU(ANY("sigmoid")), "'none' .* or 'tanh', not 'sigmoid'"),
        (lambda: nn.Flatten(1, 5)(np.ones((2, 3))), "has no axes 1 to 5"),
        (lambda: nn.L1Loss(reduction=ANY("avg")), "'mean', 'sum' or 'none'"),
        (lambda: nn.L1Loss()(np.ones((3, 1)), np.ones(3)), r"would broadcast to \(3, 3\)"),
        (lambda: nn.BCELoss()(np.array([1.5]), np.array([1.0])), "For raw outputs .* use BCEWithLogitsLoss"),
        (lambda: nn.HingeEmbeddingLoss()(np.ones(2), np.zeros(2)), "targets are 1 and -1"),
        (lambda: nn.NLLLoss(weight=np.ones(2))(np.zeros((1, 3)), [0]), "2 class weights for 3 classes"),
        (lambda: nn.CrossEntropyLoss()(np.zeros((2, 3)), [0, 3]), "class 3 is not one of the 3 classes"),
        (lambda: nn.CrossEntropyLoss(label_smoothing=2), "label_smoothing is from 0 to 1"),
        (lambda: nn.KLDivLoss()(np.zeros(2), np.array([-0.1, 1.1])), "use log_target=True"),
    ],
)
def test_errors_teach(make: Callable[[], Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        make()


@pytest.mark.skipif(not TORCH, reason="torch is not installed")
def test_reprs_are_pytorchs() -> None:
    import torch

    # newer versions of PyTorch show a bias= of norms; it shows inplace=, and Softplus's numbers as they were given
    others = ("BatchNorm", "LayerNorm", "GroupNorm", "Dropout", "Unflatten", "Softplus(3", "Multihead", "weight=")
    for code in sorted({case.code for case in CASES if not any(part in case.code for part in others)}):
        assert repr(eval(code, PUBLIC)) == repr(eval(code, vars(torch.nn))), code


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Conv2d(2, 3, 2, padding=1, rng=0), (1, 2, 3, 3)),
        (nn.ConvTranspose2d(2, 3, 2, stride=2, rng=0), (1, 2, 2, 2)),
        (nn.BatchNorm1d(2), (4, 2)),
        (nn.LayerNorm(3), (2, 3)),
        (nn.LSTM(2, 2, rng=0), (3, 1, 2)),
        (nn.GELU(), (4,)),
        (nn.Softplus(), (4,)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_the_second_derivative_is_that_of_the_first(module: nn.Module, shape: tuple[int, ...]) -> None:
    weights: dict[str, Any] = {}

    def f(x: Any) -> Any:
        y = module(x)
        y = y[0] if isinstance(y, tuple) else y
        c = weights.setdefault("c", np.random.default_rng(1).standard_normal(y.shape))
        return (np.tanh(y) * c).sum()

    x, v = RNG.standard_normal(shape), RNG.standard_normal(shape)
    step = 1e-6
    ahead, behind = (tl.grad(f)(x + s * v).numpy() for s in (step, -step))
    got = tl.grad(lambda t: (tl.grad(f)(t) * v).sum())(x).numpy()
    np.testing.assert_allclose(got, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-7)


def test_a_number_is_flattened_to_one_entry_as_in_pytorch() -> None:
    assert nn.Flatten(0)(3.0).shape == (1,)


SINGLE = ["Conv2d(3, 4, 3)", "BatchNorm2d(3)", "GroupNorm(3, 3)", "MaxPool2d(2)", "AvgPool2d(3, 2, 1)", "LayerNorm(6)",
          "AdaptiveAvgPool2d(3)", "GELU()", "SELU()", "Dropout(0.5)"]  # fmt: skip


@pytest.mark.parametrize("code", SINGLE)
def test_single_precision_stays_single(code: str) -> None:
    module = eval(code, PUBLIC).float()
    x = tl.tensor(RNG.standard_normal((2, 3, 6, 6)).astype(np.float32), requires_grad=True)
    y = module(x)
    y.sum().backward()
    assert x.grad is not None
    assert {y.dtype, x.grad.dtype, *(b.dtype for b in module.buffers() if b.ndim)} == {np.dtype(np.float32)}


def test_dropout_keeps_the_mean_and_draws_afresh_from_its_generator() -> None:
    drop, again = nn.Dropout(0.25, rng=3), nn.Dropout(0.25, rng=3)
    x = np.ones(20_000)
    first, second = drop(x).numpy(), drop(x).numpy()
    assert first.mean() == pytest.approx(1, abs=0.02)
    assert set(np.unique(first)) == {0.0, 1 / 0.75}
    assert (first != second).any()
    np.testing.assert_array_equal(first, again(x).numpy())
    np.testing.assert_array_equal(drop.eval()(x).numpy(), x)
    assert not nn.Dropout(1.0)(x).numpy().any()


def test_containers_hold_name_and_hand_out() -> None:
    net = nn.ModuleList([nn.Linear(2, 3)]).extend([nn.ReLU()])
    net.insert(1, nn.Tanh())
    net[2] = nn.Linear(3, 1)
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "Linear"]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    del net[1]
    assert (len(net), type(net[:1])) == (2, nn.ModuleList)
    heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
    heads["b"] = nn.Linear(2, 1)
    outer = nn.Sequential(heads)
    assert [p.name for p in outer.parameters()] == ["0.a.weight", "0.a.bias", "0.b.weight", "0.b.bias"]
    assert "a" in heads
    assert dict(heads.items()).keys() == {"a", "b"} == set(heads.keys())
    assert [type(m) for m in heads.values()] == [nn.Linear] * 2
    assert [n for n, _ in nn.Sequential({"fc": nn.Linear(2, 1)}).named_children()] == ["fc"]
    with pytest.raises(TypeError, match="Did you mean to call the class"):
        nn.ModuleList([nn.ReLU])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="is no name and Module"):
        heads["c"] = np.ones(3)  # type: ignore[assignment]


def test_a_network_converts_freezes_and_is_initialised_as_a_whole() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).float()
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float32)} == {b.dtype for b in net.buffers() if b.ndim}
    assert net[1].num_batches_tracked.dtype == np.int64
    assert {p.dtype for p in net.double().parameters()} == {np.dtype(np.float64)}
    for same in (net.to("cpu"), net.cpu(), net.to("cpu:0", np.float32), net.to(dtype="float32", device=None)):
        assert same is net
    assert net[0].weight.dtype == np.float32
    assert net.to(tl.tensor(1.0))[0].weight.dtype == np.float64
    for wrong in (np.int64, "floats", 3):
        with pytest.raises(TypeError, match="give a float dtype"):
            net.to(wrong)
    with pytest.raises(ValueError, match=r"to\('cuda:1'\): NumPy computes on the CPU only"):
        net.to("cuda:1")
    for call, says in ((net.cuda, "on the CPU only"), (net.half, r"Take \.float"), (net.bfloat16, "has no bfloat16")):
        with pytest.raises(NotImplementedError, match=says):
            call()
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())
    net.apply(lambda m: nn.init.zeros_(m.weight) if isinstance(m, nn.Linear) else None)
    assert not net[0].weight.data.any()
    assert net[1].weight.data.all()


def test_the_state_holds_buffers_and_wrong_ones_are_refused_whole() -> None:
    net = nn.BatchNorm1d(2)
    state = net.state_dict()
    assert list(state) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    state["weight"] = np.full(2, 7.0)
    state["running_mean"] = np.zeros(3)
    with pytest.raises(ValueError, match=r"running_mean is \(3,\) in the state and \(2,\) in the module"):
        net.load_state_dict(state)
    assert net.weight is not None
    assert net.weight.data.tolist() == [1, 1]


def _windows(x: Any) -> Any:
    return x.reshape(2, 3, 4, 2)


LINE, IMAGE, (A, P, N) = (
    RNG.standard_normal((2, 3, 8)),
    RNG.standard_normal((2, 3, 4, 4)),
    RNG.standard_normal((3, 5, 3)),
)
TRIPLES = list(zip(A, P, N, strict=True))
SAYS: dict[str, Callable[[], Any]] = {
    "MaxPool1d": lambda: _windows(LINE).max(-1),
    "AvgPool1d": lambda: _windows(LINE).mean(-1),
    "AdaptiveMaxPool2d": lambda: IMAGE.reshape(2, 3, 16).max(-1)[..., None, None],
    "Upsample": lambda: np.kron(IMAGE, np.ones((2, 2))),
    "ZeroPad2d": lambda: np.pad(IMAGE, 1)[1:-1, 1:-1],
    "InstanceNorm2d": lambda: (
        (IMAGE - IMAGE.mean((2, 3), keepdims=True)) / np.sqrt(IMAGE.var((2, 3), keepdims=True) + 1e-5)
    ),
    "RMSNorm": lambda: IMAGE / np.sqrt(np.mean(IMAGE**2, -1)[..., None] + 1e-6),
    "CosineSimilarity": lambda: [np.corrcoef(np.stack([[*a, *-a], [*p, *-p]]))[0, 1] for a, p, _ in TRIPLES],
    "TripletMarginLoss": lambda: np.mean([max(0, math.dist(a, p) - math.dist(a, n) + 1) for a, p, n in TRIPLES]),
    "MarginRankingLoss": lambda: np.mean(np.where(N * (A - P) < 0, np.abs(N * (A - P)), 0)),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_module_that_is_a_line_here_is_answered_with_that_line(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'; write " + re.escape(ELSEWHERE[name])):
        getattr(nn, name)
    if name in SAYS:
        x = LINE if "1d" in name else IMAGE
        here = {"np": np, "nn": nn, "x": x, "k": 2, "eps": 1e-6, "channels": 3, "a": A, "b": P, "p": P, "n": N, "y": N}
        with tl.no_grad():
            got = eval(ELSEWHERE[name], here)
            got = got(x) if isinstance(got, nn.Module) else got
        np.testing.assert_allclose(got.numpy() if isinstance(got, tl.Tensor) else got, SAYS[name](), rtol=1e-9)


def test_the_longer_ones_have_the_shapes_and_drop_whole_channels() -> None:
    transposed = eval(ELSEWHERE["ConvTranspose1d"], {"nn": nn, "x": LINE, "k": 3})
    assert transposed.shape == (2, 4, 10)
    code, _, drop = ELSEWHERE["Dropout2d"].partition(" with drop = ")
    here = {"np": np, "nn": nn, "x": np.ones((20, 3, 2, 2)), "p": 0.5}
    kept = np.asarray(eval(code, here | {"drop": eval(drop, here)}))
    assert set(np.unique(kept)) == {0, 2}
    assert (kept == kept[..., :1, :1]).all()
    with pytest.raises(AttributeError, match=r"has no attribute 'Nothing'$"):
        nn.Nothing  # noqa: B018
