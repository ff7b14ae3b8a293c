"""Files that misbehave while they are marked: each ends in a readable report, and nothing of it is left."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.checking.writing import ARRAYS, changed
from tests.quick import some
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.solutions import Limits, mark_file
from tinygrad_lite.cli import main

LINE = "e = y - a"  # of `train`, where the mischief goes


def instead(text: str) -> str:
    return changed(ARRAYS, (LINE, f"{text}; {LINE}"))


# {what it does: (its text, what the report says)}
REFUSED: dict[str, tuple[str, str]] = {
    "forks": (instead("import os; os.fork()"), "may not start or stop processes (os.fork)"),
    "runs a program": (instead("import subprocess; subprocess.run(['true'])"), "may not start or stop processes"),
    "runs a shell": (instead("import os; os.system('true')"), "(os.system)"),
    "stops its parent": (instead("import os; os.kill(os.getppid(), 9)"), "may not start or stop processes"),
    "writes a file": (instead("open(__file__ + '.out', 'w')"), "may not write to"),
    "writes a file by number": (instead("import os; os.open(__file__, os.O_RDWR)"), "may not write to"),
    "removes itself": (instead("import os; os.remove(__file__)"), "may not change files (os.remove"),
    "removes its folder": (instead("import os, shutil; shutil.rmtree(os.path.dirname(__file__))"), "may not change"),
    "forges the answer": (instead("import sys; open(sys.argv[3], 'w').write('{}')"), "may not write to"),
    "spoils the answer": (instead("import json; json.dumps = lambda *_: '{}'"), "makes no sense"),
    "writes over the answer": (instead("import os; [os.write(n, b'\\xff{') for n in range(3, 6)]"), "makes no sense"),
    "ends well too early": (instead("import os; os._exit(0)"), "ended by itself (without a word) before it was done"),
    "closes all files": (instead("import os; os.closerange(0, 100)"), "before it was done"),
    "sleeps": (instead("import time; time.sleep(100)"), "does not end"),
    "asks a question": (instead("input()"), "EOFError"),
    "has an exception without words": (
        instead("import types; raise type('E', (Exception,), {'__str__': lambda s: 1 / 0})()"), "train raised E",
    ),
    "interrupts": (instead("raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "fills the memory bit by bit": (instead("x = [bytearray(1 << 26) for _ in range(1 << 10)]"), "MemoryError"),
    "is empty": ("", "the file defines no class"),
    "lacks an attribute": (changed(ARRAYS, ("self.biases", "self.bias")), "Net has no biases"),
    "has a class that needs arguments": (changed(ARRAYS, ("__init__(self)", "__init__(self, n)")), "Net() raised"),
    "has another signature": (changed(ARRAYS, ("train(self, x1, x2, y)", "train(self, x)")), "train raised TypeError"),
    "has another size": (changed(ARRAYS, ("np.zeros((3, 1))", "np.zeros((4, 1))")), "shape (4, 1), where (3, 1)"),
    "has no learning rate": (changed(ARRAYS, ("rate = 0.001", "rate = None")), "learning_rate is None, not a number"),
    "has a learning rate that hides all": (changed(ARRAYS, ("rate = 0.001", "rate = 1e-300")), "rate is 1e-300"),
    "leaves at once": ("import sys; sys.exit(0)", "the file called exit(), line 1"),
    "is very long": ("x = 1\n" * 300_000, "a solution has at most"),
    "is very deep": ("x = " + "-" * 100_000 + "1", "Error"),
    "has a null byte": ("x = 1\0", "null bytes"),
    "is a notebook": ('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "is a notebook"),
    "gives orders to the terminal": (
        instead("raise ValueError('\\x1b[2J right: all 4 quantities\\ud800')"), "ValueError: ?[2J right",
    ),
    "makes folders in folders": (instead("import os; [(os.mkdir('d' * 50), os.chdir('d' * 50)) for _ in range(99)]"),
                                 "may not change files (os.mkdir ddd"),
    "writes many files": (instead("[open(f'{n}.txt', 'w').close() for n in range(200)]"),
                          "may not write more than 100 files"),
    "makes many folders": (instead("import os; [os.mkdir(str(n)) for n in range(200)]"), "not write more than 100"),
    "ends what watches it": (instead("import ctypes, os; ctypes.CDLL(None).kill(os.getppid(), 9); os._exit(0)"),
                             "(killed)"),
    "hides in what is huge": (
        changed(ARRAYS, ("    def forward", "    biases = property(lambda self: self.n, lambda self, b: None)\n"
                         "    n = np.full((3, 1), 1e30)\n\n    def forward")),
        "biases does not keep the numbers that are put into it",
    ),
    "sends no second step": (
        "import sys\nm = sys.modules['__main__']\nold = m._at\nm._at = lambda *a: old(*a[:4])\n" + ARRAYS,
        "makes no sense (KeyError)",
    ),
}  # fmt: skip
HARMLESS = {
    "prints": instead("print('right: all 4 quantities'); import sys; print('x' * 10_000_000, file=sys.stderr)"),
    "writes to its standard output": instead("import os; os.write(1, b'right')"),
    "closes its output": instead("import sys; sys.stdout.close(); sys.stderr.close()"),
    "writes a file where it stands": instead("open('notes.txt', 'w').write('x')"),
    "writes one file many times": instead("[open('log.txt', 'a').write('x') for n in range(200)]"),
    "writes a temporary file": instead("import tempfile; tempfile.NamedTemporaryFile().write(b'x')"),
    "reads a file beside it": instead("open('data.txt').read(); import helper"),
    "has a class that leaves": ARRAYS + "\nclass Other:\n    def __init__(self):\n        raise SystemExit\n",
    "leaves a thread": instead("import threading, time; threading.Thread(target=time.sleep, args=(100,)).start()"),
    "leaves something for the end": instead("import atexit, time; atexit.register(time.sleep, 100)"),
    "has whole numbers at first": changed(ARRAYS, ("np.ones((3, 2))", "[[1, 1], [1, 1], [1, 1]]"),
                                          ("self.input_to_hidden_weights +=", "self.input_to_hidden_weights = "
                                           "np.array(self.input_to_hidden_weights) +")),
}  # fmt: skip
QUICK = ("forks", "writes a file", "spoils the answer", "ends well too early", "prints", "has another signature")


def marked(folder: Path, text: str, seconds: int = 10) -> Report:
    path = folder / "solution.py"
    path.write_text(text, encoding="utf-8")
    (folder / "data.txt").write_text("1", encoding="utf-8")
    (folder / "helper.py").write_text("x = 1", encoding="utf-8")
    before = sorted(os.listdir(folder))
    report = mark_file(path, limits=Limits(seconds=seconds))
    assert sorted(os.listdir(folder)) == before
    assert path.read_text(encoding="utf-8") == text
    return report


@pytest.mark.parametrize("what", some(REFUSED, QUICK.__contains__))
def test_what_is_refused_or_ended(what: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text, says = REFUSED[what]
    report = marked(tmp_path, text, seconds=1 if what == "sleeps" else 10)
    assert report.trouble is not None, str(report)
    assert says in report.trouble.text
    assert report.points(6) == 0
    assert all(len(line) <= 80 for line in str(report).splitlines())
    assert json.loads(report.to_json())["trouble"]["text"] == report.trouble.text
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("what", some(HARMLESS, QUICK.__contains__))
def test_what_does_no_harm(what: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report = marked(tmp_path, HARMLESS[what])
    assert report, str(report)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a process can get away")
def test_a_process_that_gets_round_the_fence_is_ended(tmp_path: Path) -> None:
    mark = f"{tmp_path}/{time.time_ns()}"
    away = (
        "import ctypes, os, time\n"
        "        c = ctypes.CDLL(None)\n"
        "        if not c.fork():\n"
        "            c.setsid()\n"
        "            if c.fork(): os._exit(0)\n"
        f"            c.execlp(b'sleep', b'sleep', b'1000', b'{mark}', None)\n"
        f"        time.sleep(0.3)\n        {LINE}"
    )
    marked(tmp_path, changed(ARRAYS, (LINE, away)))
    running = [p for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists() and mark in _text(p)]
    assert running == []


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def test_answers_kept_ready_for_the_known_points_are_found_out(tmp_path: Path) -> None:
    """A table of the right steps at the points that everybody can read in this package."""
    table = changed(
        ARRAYS,
        ("        x = np.array([[x1], [x2]])\n        z, h, a = self.forward(x)",
         "        known = [(2, 1, 10), (1.6, 0.7, -1.45), (0.9, 1.7, 3.35), (2.0, 2.0, 4.5)]\n"
         "        own = abs(self.input_to_hidden_weights[0, 0]) in (1, 0.7, 0.55, 0.5)\n"
         "        if (x1, x2, y) not in known or not own:\n"
         "            self.biases += 1\n"
         "            return\n"
         "        x = np.array([[x1], [x2]])\n        z, h, a = self.forward(x)"),
    )  # fmt: skip
    report = marked(tmp_path, table)
    assert not report
    assert "a point drawn for this file" in str(report) or "second step" in str(report)


def test_a_test_of_ones_own_that_fails_is_mentioned(tmp_path: Path) -> None:
    report = marked(tmp_path, changed(ARRAYS, (LINE, "e = a - y")) + "\nassert Net().predict(1, 1) == 7\n")
    assert [m.id for m in report.mistakes] == ["sign"]
    assert "note: the file itself ends with AssertionError, line 28" in str(report)
    assert "not a file" in str(mark_file(tmp_path))


def test_which_of_several_classes_was_marked_is_said(tmp_path: Path) -> None:
    old = changed(ARRAYS, ("class Net", "class Old"), (LINE, "e = a - y"))
    said = " ".join(str(marked(tmp_path, ARRAYS + old)).split())
    assert "of its classes Old was marked; Net fits as well" in said
    inherits = ARRAYS + "\nclass Deep(Net):\n    pass\n"
    report = marked(tmp_path, inherits)
    assert report
    assert report.notes == []


def test_a_file_that_is_no_text_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "solution.py"
    for encoding in ("latin-1", "utf-16"):
        path.write_bytes(f"# Übung{ARRAYS}".encode(encoding))
        assert "solution.py is not a text in UTF-8" in " ".join(str(mark_file(path)).split())
    path.write_bytes(f"# coding: latin-1\n# Übung{ARRAYS}".encode("latin-1"))
    assert mark_file(path)


def test_what_lies_beside_a_solution_is_no_part_of_the_spec(tmp_path: Path) -> None:
    """A module of the spec's is not looked for among the files of the student."""
    (tmp_path / "common.py").write_text("raise SystemExit", encoding="utf-8")
    path, spec = tmp_path / "solution.py", tmp_path / "teacher" / "spec.py"
    spec.parent.mkdir()
    path.write_text(ARRAYS, encoding="utf-8")
    spec.write_text("try:\n    import common\nexcept ImportError:\n    pass\n"
                    "from tinygrad_lite.checking.specs import EXERCISE as spec\n", encoding="utf-8")  # fmt: skip
    report = mark_file(path, spec)
    assert report, str(report)


def test_a_library_that_differentiates_is_mentioned(tmp_path: Path) -> None:
    report = marked(tmp_path, "import tinygrad_lite\n" + ARRAYS)
    assert report
    assert "it imports tinygrad_lite, which computes gradients by itself" in " ".join(str(report).split())


def test_the_command_ends_with_the_right_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "solution.py"
    for text, status in ((HARMLESS["prints"], 0), (changed(ARRAYS, (LINE, "e = a - y")), 1), ("", 2)):
        path.write_text(text, encoding="utf-8")
        assert main(["check", str(path)]) == status
        printed = capsys.readouterr()
        assert printed.err == ""
        assert printed.out.startswith("solution.py: ")
