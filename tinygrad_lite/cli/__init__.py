"""The command line: `tinygrad-lite COMMAND`, also `python -m tinygrad_lite COMMAND`.

`arguments` says which commands and flags there are; each command is a module of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tinygrad_lite.cli.arguments import parser, refuse
from tinygrad_lite.cli.ending import BROKEN_PIPE, CANNOT_START, FAILED, INTERRUPTED, Ending

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names and return the exit status; whatever happens, no traceback for a user's doing.

    Status: 0 done; 1 failed on the way; 2 could not start (wrong flags, a file that cannot be written); 130 Ctrl-C.
    """
    top = parser()
    arguments, unknown = top.parse_known_args(argv)
    if unknown:
        refuse(getattr(arguments, "parser", top), unknown)
    if arguments.command is None:
        top.print_help(sys.stderr)
        return CANNOT_START
    try:
        arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()  # a closed pipe shows here, not when Python ends
    except Ending as ending:
        return _end(ending.status, str(ending))
    except KeyboardInterrupt:
        return _end(INTERRUPTED, "stopped")
    except MemoryError as error:
        return _end(FAILED, f"error: out of memory: {error}")
    except OSError as error:  # a full disk under the output, or a reader, `head` for one, that has had enough
        _discard_output()
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        return _end(FAILED, f"error: {error}")
    return 0


def _discard_output() -> None:
    """Send what is still in Python's buffer nowhere, for at its end Python would try, and fail, to write it."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _end(status: int, line: str) -> int:
    if status == INTERRUPTED and sys.stderr is not None and sys.stderr.isatty():
        line = "\r" + line  # over the ^C that a terminal shows
    if line:
        print(line, file=sys.stderr)
    return status
