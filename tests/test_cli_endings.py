"""The command line when it is stopped: Ctrl-C, a reader that goes away, a full disk. No traceback, the right status."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tinygrad_lite import exercise
from tinygrad_lite.cli import main

# A shell may start tests with Ctrl-C ignored, and children inherit that.
START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from tinygrad_lite.cli import main; sys.exit(main())"
)


def start(*argv: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    return subprocess.Popen([sys.executable, "-c", START, *argv], stdout=stdout, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize(
    ("flags", "row"),
    [(["--epochs", "1000000"], r" +3 +0\.1"), (["--data", "digits", "--epochs", "1000000"], r" +3 +\d\.\d{4} ")],
    ids=["exercise", "digits"],
)
def test_ctrl_c_leaves_one_clean_line_and_no_file(flags: list[str], row: str, tmp_path: Path) -> None:
    with start("train", *flags, "--json", str(tmp_path / "h.json")) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not re.match(row, process.stdout.readline()):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        err = process.stderr.read()
    assert process.returncode == 130
    assert re.fullmatch(r"stopped at epoch \d+ of 1000000\n", err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("terminal", "line"), [(False, "stopped at epoch 3 of 10\n"), (True, "\rstopped at")])
def test_the_epoch_at_which_it_stopped_is_the_one_it_was_in(
    terminal: bool, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(net: Any, epochs: int, lr: float, compile: bool) -> Iterator[exercise.Epoch]:
        yield exercise.Epoch(1, (1, 1, 1, 1))
        yield exercise.Epoch(2, (1, 1, 1, 1))
        raise KeyboardInterrupt

    err = io.StringIO()
    monkeypatch.setattr(err, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(exercise, "train", train)
    assert main(["train"]) == 130
    assert err.getvalue().startswith(line)


def test_ctrl_c_outside_the_epochs_is_as_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exercise, "measure", Mock(side_effect=KeyboardInterrupt))
    assert main(["train"]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_reader_that_has_had_enough_ends_it_quietly() -> None:
    with start("train", "--epochs", "100000") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_under_the_output_ends_in_one_line() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with start("train", stdout=full) as process:
        assert process.stderr is not None
        assert process.stderr.read() == "error: [Errno 28] No space left on device\n"
    os.close(full)
    assert process.returncode == 1


def test_it_works_with_its_output_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["train"]) == 0
    assert main(["train", "--data", "digits", "--hidden", "8", "--epochs", "1"]) == 0
    monkeypatch.setattr(exercise, "measure", Mock(side_effect=OSError))
    assert main(["train"]) == 1


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (OSError(28, "No space left on device"), 1, "error: [Errno 28] No space left on device\n"),
    ],
)
def test_what_is_still_unwritten_is_discarded(
    error: OSError,
    status: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def fail(*_: object) -> None:
        print("still in the buffer")
        raise error

    monkeypatch.setattr(exercise, "measure", fail)
    file = tmp_path / "output"
    with file.open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert main(["train"]) == status
    assert file.read_text() == ""
    assert capsys.readouterr().err == line
