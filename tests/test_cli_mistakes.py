"""The command line when something is wrong: said in one line, before any work where that can be."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tinygrad_lite import training
from tinygrad_lite.cli import main, saving
from tinygrad_lite.cli.ending import Ending

DIGITS = ["train", "--data", "digits", "--hidden", "16", "--epochs", "2"]


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What `argv` is refused with; nothing is trained first."""
    try:
        status: object = main(argv)
    except SystemExit as end:  # argparse's way
        status = end.code
    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    return printed.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--epochs 0", "--epochs: has to be a whole number from 1 up, not 0"),
        ("--epochs -2", "--epochs: has to be a whole number from 1 up, not -2"),
        ("--epochs ten", "--epochs: has to be a whole number from 1 up, not ten"),
        ("--lr -0.1", "--lr: has to be a number from 0 up, not -0.1"),
        ("--lr nan", "--lr: has to be a number from 0 up, not nan"),
        ("--lr inf", "--lr: has to be a number from 0 up, not inf"),
        ("--lr fast", "--lr: has to be a number from 0 up, not fast"),
        ("--data digits --hidden 64 0", "--hidden: has to be a whole number from 1 to 1,000,000, not 0"),
        ("--data digits --hidden 9999999", "--hidden: has to be a whole number from 1 to 1,000,000, not 9999999"),
        ("--data digits --batch-size 0", "--batch-size: has to be a whole number from 1 up, not 0"),
        ("--data digits --momentum 1", "--momentum: has to be a number from 0 up and under 1, not 1"),
        ("--data digits --seed -1", "--seed: has to be a whole number from 0 up, not -1"),
        ("--data mnist", "choose from"),
        ("--epoch 3", "train: error: unrecognized arguments: --epoch 3. Did you mean --epochs?"),
        ("now", "train: error: unrecognized arguments: now\n"),
        ("--hidden 3", "the exercise takes no --hidden"),
        ("--batch-size 3 --momentum 0 --seed 0", "the exercise takes no --batch-size, --momentum, --seed"),
    ],
)
def test_wrong_flags_are_explained(flags: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refused(["train", *flags.split()], capsys)


@pytest.mark.parametrize("command", ["derive", "draw"])
def test_an_ending_that_no_form_has_is_refused_and_nothing_is_written(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "the ending says" in refused([command, "-o", str(tmp_path / "page.doc")], capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["derive", "source"])
def test_a_function_that_takes_more_inputs_than_were_given_says_which_flag_gives_them(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text("def loss(x, y):\n    return ((x - y) ** 2).sum()\n")
    said = refused([command, f"{tmp_path}/mine.py:loss", "--input-shape", "3"], capsys)
    assert "takes (x, y), and --input-shape was given 1 times" in said


def test_files_that_cannot_be_written_are_named_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing" / "h.json"
    assert f"--json {missing}: cannot write there: No such file" in refused(["train", "--json", str(missing)], capsys)
    assert f"--json {tmp_path}: cannot write there: it is a folder" in refused(
        ["train", "--json", str(tmp_path)], capsys
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["curves.xyz", "curves"])
def test_a_picture_format_that_matplotlib_does_not_know_is_named_before_any_work(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    assert "the file's ending has to be one of" in refused(["train", "--plot", str(tmp_path / name)], capsys)


def test_one_file_for_both_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    file = str(tmp_path / "both.png")
    assert "name the same file" in refused(["train", "--plot", file, "--json", file], capsys)


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert "train a network" in refused([], capsys)


@pytest.mark.parametrize("argv", [["train", "--lr", "1e200"], [*DIGITS, "--lr", "1e38"]])
def test_a_divergence_ends_in_one_line_and_no_file(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*argv, "--json", str(tmp_path / "h.json")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: the training diverged: the ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_too_large_a_network_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_large(settings: training.Settings, on_step: Any, compile: bool) -> None:
        raise MemoryError("Unable to allocate 7.28 TiB")

    monkeypatch.setattr(training, "train_digits", too_large)
    assert main(DIGITS) == 1
    assert capsys.readouterr().err == "error: out of memory: Unable to allocate 7.28 TiB\n"


def test_without_matplotlib_the_extra_is_named_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
    assert 'pip install "tinygrad_lite[plot]"' in refused(["train", "--plot", str(tmp_path / "c.png")], capsys)


# -- files, whole or not at all --------------------------------------------------------------------------------


def test_a_write_that_fails_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    file = tmp_path / "h.json"
    file.write_text("old")

    def fail(out: Any) -> None:
        out.write(b"half of the ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(Ending, match=r"could not be written: No space left"):
        saving.write_whole("--json", file, fail)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_a_link_and_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    target, link, usual = tmp_path / "target.json", tmp_path / "link.json", tmp_path / "usual"
    target.write_text("old")
    link.symlink_to(target)
    usual.touch()
    saving.check_writable("--json", link)
    saving.write_json("--json", link, {"new": 1})
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"new": 1}
    assert target.stat().st_mode == usual.stat().st_mode


def test_a_device_is_written_to_and_not_replaced() -> None:
    null = Path(os.devnull)
    saving.check_writable("--json", null)
    saving.write_json("--json", null, {})
    assert not null.is_file()


def test_a_reader_of_the_json_that_goes_away_is_no_failed_write(tmp_path: Path) -> None:
    def gone(out: Any) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        saving.write_whole("--json", tmp_path / "h.json", gone)
    assert list(tmp_path.iterdir()) == []
