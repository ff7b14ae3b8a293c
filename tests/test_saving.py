"""Saved runs resume bit for bit, files survive a kill, and wrong files are refused whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn, optim
from tinygrad_lite.cli import saving
from tinygrad_lite.saving import write_whole


def network(seed: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(4, 8, rng=seed), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3, rng=seed), nn.Linear(8, 3, rng=seed)
    )


class Run:
    """Everything that a training run is made of."""

    def __init__(self, seed: int, kind: str) -> None:
        self.net = network(seed)
        self.opt = getattr(optim, kind)(self.net.parameters(), lr=0.1)
        self.schedule = optim.lr_scheduler.CosineAnnealingLR(self.opt, 10)
        self.rng = np.random.default_rng(seed)
        self.rest: Any = {"optimizer": self.opt, "scheduler": self.schedule, "rng": self.rng}

    def epochs(self, count: int) -> None:
        for _ in range(count):
            x = self.rng.standard_normal((16, 4))
            self.net.zero_grad()
            nn.CrossEntropyLoss()(self.net(x), self.rng.integers(3, size=16)).backward()
            self.opt.step()
            self.schedule.step()

    def bits(self) -> dict[str, bytes]:
        return {name: array.tobytes() for name, array in self.net.state_dict().items()}


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_a_resumed_run_is_the_whole_run_to_the_last_bit(kind: str, tmp_path: Path) -> None:
    whole, half, rest = Run(1, kind), Run(1, kind), Run(2, kind)
    whole.epochs(6)
    half.epochs(3)
    tl.save(half.net, tmp_path / "run.safetensors", **half.rest, extra={"epoch": 3})
    assert tl.load(rest.net, tmp_path / "run.safetensors", **rest.rest) == {"epoch": 3}
    rest.epochs(3)
    assert rest.bits() == whole.bits()
    assert rest.opt.param_groups[0]["lr"] == whole.opt.param_groups[0]["lr"]


@pytest.mark.parametrize("kind", ["MT19937", "Philox", "SFC64", "PCG64DXSM"])
def test_every_generator_of_numpys_resumes(kind: str, tmp_path: Path) -> None:
    rng, other = (np.random.Generator(getattr(np.random, kind)(seed)) for seed in (1, 2))
    rng.random(3)
    tl.save(nn.Identity(), tmp_path / "f", rng=rng)
    tl.load(nn.Identity(), tmp_path / "f", rng=other)
    assert rng.random() == other.random()


def test_other_readers_find_the_parameters_under_their_names(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    net = nn.Linear(2, 3, dtype=np.float32)
    tl.save(net, tmp_path / "f")
    found = load_file(tmp_path / "f")
    assert {name: (a.shape, str(a.dtype)) for name, a in found.items()} == {
        "weight": ((3, 2), "float32"), "bias": ((3,), "float32"),
    }  # fmt: skip
    save_file({"weight": np.ones((3, 2), np.float32), "bias": np.zeros(3, np.float32)}, tmp_path / "g")
    tl.load(net, tmp_path / "g")
    assert net.weight.data.tolist() == [[1, 1]] * 3


def test_damage_is_said_and_nothing_has_changed(tmp_path: Path) -> None:
    run, path = Run(1, "Adam"), tmp_path / "f"
    run.epochs(1)
    tl.save(run.net, path, **run.rest)
    whole = path.read_bytes()
    other = Run(2, "Adam")
    before = other.bits()
    for damaged in (b"", whole[:20], whole[:-5], b"\xff" * 9 + whole[9:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged, or no safetensors file"):
            tl.load(other.net, path, **other.rest)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        tl.load(other.net, tmp_path / "nowhere")
    assert other.bits() == before


def test_what_does_not_fit_is_refused_whole(tmp_path: Path) -> None:
    run, path = Run(1, "Adam"), tmp_path / "f"
    run.epochs(1)
    tl.save(run.net, path, optimizer=run.opt)
    other = Run(2, "Adam")
    before = other.bits()
    with pytest.raises(ValueError, match="holds no scheduler; it was saved without scheduler="):
        tl.load(other.net, path, optimizer=other.opt, scheduler=other.schedule)
    with pytest.raises(ValueError, match="holds no state of rng"):
        tl.load(other.net, path, rng=other.rng)
    with pytest.raises(ValueError, match="the optimiser is SGD, but the one that was saved is Adam"):
        tl.load(other.net, path, optimizer=optim.SGD(other.net.parameters(), lr=0.1))
    with pytest.raises(ValueError, match=r"groups of \[6\] parameters, but this optimiser has \[2\]"):
        tl.load(other.net, path, optimizer=optim.Adam(list(other.net.parameters())[:2]))
    assert other.bits() == before
    with pytest.raises(ValueError, match=r"missing: weight \(1, 4\)"):
        tl.load(nn.Linear(4, 1), path)
    other.net[3].rng = np.random.Generator(np.random.MT19937())  # type: ignore[index]
    with pytest.raises(ValueError, match=r"module 3\.rng is a MT19937"):
        tl.load(other.net, path)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "f"
    tl.save(nn.Linear(2, 1), path)
    old = path.read_bytes()
    with pytest.raises(TypeError, match="extra holds what JSON cannot"):
        tl.save(nn.Linear(2, 1), path, extra={"x": object()})
    with pytest.raises(TypeError):
        write_whole(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize(
    "write", [write_whole, lambda path, data: saving.write_whole("-o", path, lambda f: f.write(data))]
)
def test_what_a_killed_writer_left_is_removed_by_a_later_one(write: Any, tmp_path: Path) -> None:
    """It is a part of this file that nobody has written to for long; one that is being written, or any other, stays."""
    names = {".f.0a1b2c3d.part": True, ".f.4711.part": True, ".f.00ff00ff.part": False, ".g.0a1b2c3d.part": True,
             ".f.notes.part": True, "f.part": True}  # fmt: skip
    for name, old in names.items():
        (tmp_path / name).write_bytes(b"half")
        if old:
            os.utime(tmp_path / name, (0, 0))
    write(tmp_path / "f", b"whole")
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"f", ".f.00ff00ff.part", ".g.0a1b2c3d.part", ".f.notes.part", "f.part"}


WRITER = """
import sys, numpy as np, tinygrad_lite as tl
net = tl.nn.Linear(400, 400, bias=False)
for n in range(10**9):
    net.weight.data = np.full((400, 400), float(n))
    tl.save(net, sys.argv[1], extra={"n": n})
    if n == 0: print("ready", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a kill that cannot be caught")
def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    last = -1
    for wait in (0.0, 0.003, 0.011, 0.03):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(wait)
            os.kill(child.pid, signal.SIGKILL)
        net = nn.Linear(400, 400, bias=False)
        n = tl.load(net, path)["n"]
        assert (net.weight.data == n).all()
        last = max(last, n)
    assert last > 0, "no child came past its first file, so nothing was tested"


def test_the_header_is_plain_json(tmp_path: Path) -> None:
    run = Run(1, "Adam")
    run.epochs(1)
    tl.save(run.net, tmp_path / "f", **run.rest)
    raw = (tmp_path / "f").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(json.loads(raw[8 : 8 + size])["__metadata__"]["tinygrad_lite"])
    assert header["optimizer"]["kind"] == "Adam"
    assert header["generators"].keys() == {"rng", "module 3.rng"}


def test_what_is_shared_is_saved_under_all_its_names_and_shared_again(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    path, layer, other = tmp_path / "net.safetensors", nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1)
    tl.save(nn.Sequential(layer, nn.ReLU(), layer), path)
    assert sorted(load_file(path)) == ["0.bias", "0.weight", "2.bias", "2.weight"]
    tl.load(nn.Sequential(other, nn.ReLU(), other), path)
    np.testing.assert_array_equal(other.weight.numpy(), layer.weight.numpy())


def test_where_no_file_can_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=r"is a folder\. Give the name of a file"):
        tl.save(nn.Linear(1, 1), tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere\. Make it first"):
        tl.save(nn.Linear(1, 1), tmp_path / "nowhere" / "net")


def test_a_path_in_the_place_of_the_network_is_refused_with_the_right_order(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"save\(net, path\); got str"):
        tl.save(str(tmp_path / "net.safetensors"), tl.nn.Linear(1, 1))  # type: ignore[arg-type]  # the mistake
