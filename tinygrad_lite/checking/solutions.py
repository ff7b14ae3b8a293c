"""Solutions of an exercise, marked: a file in a process of its own, or a class that is there already."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lite.checking import child
from tinygrad_lite.checking.dicts import require_finite
from tinygrad_lite.checking.judging import judge, trouble
from tinygrad_lite.checking.points import loss_at
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.specs import EXERCISE, Spec, drawn
from tinygrad_lite.checking.structure import Structure

SECONDS, MEGABYTES = 10, 1024
STARTING = 30  # seconds that Python and NumPy may take to start on a machine that is busy


@dataclass(frozen=True)
class Limits:
    """What a file may take: seconds by the clock and of the processor, megabytes of memory."""

    seconds: int = SECONDS
    megabytes: int = MEGABYTES


def mark_file(path: str | Path, spec: str | Path | None = None, limits: Limits | None = None) -> Report:
    """Run a solution in a process of its own, within limits, and mark it; whatever it does ends in a report."""
    limits = limits or Limits()
    path = Path(path).resolve()
    if not path.is_file():
        return trouble(child.printable(f"{path} is {'a folder, not' if path.is_dir() else 'not'} a file"))
    spec_path = "" if spec is None else str(Path(spec).resolve())
    try:
        declared = drawn(child.load_spec(spec_path), path.read_bytes())
        for at in declared.points:
            require_finite(Structure(loss_at(declared.loss, at, set(declared.parameters))[0]))
    except (Exception, SystemExit) as error:  # whatever is wrong with a teacher's file, it is said
        return trouble(f"the spec could not be read: {child.told(error, spec_path)}")
    with tempfile.TemporaryDirectory(prefix="tinygrad-lite-check-") as folder:
        answer = Path(folder) / "answer.json"
        in_time = _run(path, spec_path, answer, limits)
        text = answer.read_bytes() if answer.exists() else b""
        ending = Path(f"{answer}.ended")
        ended = ending.read_text(encoding="utf-8") if ending.exists() else "killed" if in_time else "time"
    try:
        found = _printable(json.loads(text))
        if "error" in found:
            return trouble(str(found["error"]))
        report = judge(found, declared)
    except Exception as error:
        if ended or not text:
            return trouble(_ending(ended, limits))
        # it has got at the answers before they were sent
        return trouble(f"what it sent back makes no sense ({type(error).__name__})")
    if found.get("raised"):
        report.notes.append(f"the file itself ends with {found['raised']}")
    if found.get("others"):
        report.notes.append(f"of its classes {found['class']} was marked; {', '.join(found['others'])} fits as well")
    if found.get("imports"):
        report.notes.append(f"it imports {', '.join(found['imports'])}, which computes gradients by itself")
    return report


def _printable(value: Any) -> Any:
    """What came as JSON, without what would give orders to a terminal."""
    if isinstance(value, str):
        return child.printable(value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return {key: _printable(item) for key, item in value.items()} if isinstance(value, dict) else value


def _ending(ended: str, limits: Limits) -> str:
    """What to say of a file that sent no answer."""
    if ended == "time":
        return f"it was still running after {limits.seconds} seconds: look for a loop that does not end"
    if ended == "processes":
        return "it started too many processes"
    return f"its process ended by itself ({ended or 'without a word'}) before it was done"


def _run(path: Path, spec: str, answer: Path, limits: Limits) -> bool:
    """Run the file; whether that ended in time.

    Nothing that it starts is left running, and what it writes stays in the folder of the answer.
    """
    command = [
        sys.executable, "-P", "-m", "tinygrad_lite.checking.child", str(path), spec, str(answer), str(limits.megabytes),
        str(limits.seconds),
    ]  # fmt: skip
    home = answer.parent / "home"
    home.mkdir()
    root = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", "")))),
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "MPLCONFIGDIR": str(home),
        "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
        cwd=home, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(timeout=limits.seconds + STARTING)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def mark_class(kind: type, spec: Spec = EXERCISE) -> Report:
    """Mark a class that is there already, in this process and without limits."""
    for at in spec.points if spec is not EXERCISE else ():  # which takes its time, and is known to be sound
        require_finite(Structure(loss_at(spec.loss, at, set(spec.parameters))[0]))
    with np.errstate(all="ignore"), contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        return judge({"points": child.steps(kind, spec, ""), "printed": 0}, spec)
