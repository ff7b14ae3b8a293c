"""What a student's file may not do while it is marked: start processes, or write files anywhere but in its own folder,
and there not too many.

Nor does it outlive its marking: a process of its own above it ends whatever it has started, at the latest when its
time is up. It is a fence against accidents and idle mischief, and not a prison: ctypes gets over it. Whoever marks the
files of strangers does so in a container.

What the file sends back is judged outside, so that it has to come to the right numbers; but nothing can tell by what
means: a file that lets a library differentiate, or changes the marking that runs beside it, is found by reading it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MANY = 64  # processes at a time, of one file
FILES = 16 << 20  # bytes in one file
MANY_FILES = 100  # files and folders that one solution writes
DEEP = 500  # characters of a path in its folder, so that this can be removed again
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux: what loses its parent becomes ours, and not the system's
STARTS = (
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.exec",
    "os.system",
    "subprocess.Popen",
    "pty.spawn",
)
# {event: how many of its arguments are paths}
CHANGES = {
    "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.chmod": 1, "os.chown": 1, "os.truncate": 1, "os.utime": 1,
    "os.rename": 2, "os.link": 2, "os.symlink": 2, "shutil.rmtree": 1,
}  # fmt: skip
MAKES = ("os.mkdir", "os.rename", "os.link", "os.symlink")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def limit(megabytes: int, seconds: int) -> None:
    """Memory, processor time and the size of files, for this process and those that it starts."""
    try:
        import resource
    except ImportError:  # no such limits on Windows; the clock is there still
        return
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILES, FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def fence(folder: str) -> None:
    """Refuse, from here on, to start processes and to change files outside `folder`. It cannot be taken back."""
    inside = os.path.realpath(folder) + os.sep
    me = os.getpid()
    written: set[str] = set()

    def count(path: Any, base: Any = -1) -> None:
        if isinstance(path, int):
            return
        written.add(_real(path, base))
        if len(written) > MANY_FILES:
            raise PermissionError(f"while it is marked, a solution may not write more than {MANY_FILES} files")

    def at_home(path: Any, base: Any = -1) -> bool:
        if isinstance(path, int):
            return True  # a file that is open already
        real = _real(path, base)
        return real == os.devnull or (f"{real}{os.sep}".startswith(inside) and len(real) <= len(inside) + DEEP)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = set(mode) & set("wax+") if isinstance(mode, str) else isinstance(flags, int) and flags & WRITING
            if writes and not at_home(path):
                raise PermissionError(f"while it is marked, a solution may not write to {path}")
            if writes:
                count(path)
        elif event in CHANGES:
            many = CHANGES[event]
            paths, bases = arguments[:many], arguments[-many:]
            if not all(at_home(path, base) for path, base in zip(paths, bases, strict=True)):
                raise PermissionError(f"while it is marked, a solution may not change files ({event} {paths[0]})")
            if event in MAKES:
                count(paths[-1], bases[-1])
        elif event in STARTS or (event in ("os.kill", "os.killpg") and arguments[0] != me):
            raise PermissionError(f"while it is marked, a solution may not start or stop processes ({event})")

    sys.addaudithook(hook)


def _real(path: Any, base: Any) -> str:
    """Where a path leads, from the folder that is open as `base` if it is one."""
    if isinstance(base, int) and base >= 0:
        path = os.path.join(os.readlink(f"/proc/self/fd/{base}"), os.fsdecode(path))
    return os.path.realpath(os.fsdecode(path))


def supervised(run: Callable[[], None], seconds: float) -> str:
    """Run in a process of its own; how it ended, in words, "" if well. Nothing that it started is left."""
    if not hasattr(os, "fork"):
        run()
        return ""
    with contextlib.suppress(OSError, AttributeError):  # on other systems than Linux the group of processes is ended
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if not child:
        try:
            os.setpgid(0, 0)
            run()
        finally:
            os._exit(0)
    until = time.monotonic() + seconds
    said, pause = "", 0.001
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            said = said or _ending(status)
            break
        if time.monotonic() > until:
            said = "time"
            _end_group(child)
        elif len(_offspring(os.getpid())) > MANY:
            said = "processes"
            _end_group(child)
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    _end_group(child)
    _end_all()
    return said


def _end_group(child: int) -> None:
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(child, signal.SIGKILL)


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGXCPU, -signal.SIGKILL):  # the limit of processor time
        return "time"
    return "" if code == 0 else f"exit status {code}" if code > 0 else signal.Signals(-code).name


def _offspring(pid: int) -> list[int]:
    """The processes below one, nearest first; none where the system does not tell."""
    found, waiting = [], [pid]
    while waiting:
        try:
            lists = [p.read_text() for p in Path(f"/proc/{waiting.pop()}/task").glob("*/children")]
        except OSError:
            continue
        below = [int(word) for text in lists for word in text.split()]
        found += below
        waiting += below
    return found


def _end_all() -> None:
    """Stop first and end then, so that nothing gets away by starting another; what ends is waited for."""
    for _ in range(1000):
        below = _offspring(os.getpid())
        if not below:
            break
        for order in (signal.SIGSTOP, signal.SIGKILL):
            for pid in below:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, order)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.001)
