"""Files that a command writes: looked at before the work, written whole or not at all after it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from tinygrad_lite.cli.ending import CANNOT_START, FAILED, Ending
from tinygrad_lite.saving import sweep


def check_writable(flag: str, path: Path) -> None:
    """End the command now if `path` cannot be written, before work is done that would be lost."""
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder; name a file in it")
        if not _is_device(path):
            part = _part(path)
            part.open("xb").close()
            part.unlink()
    except OSError as error:
        raise Ending(CANNOT_START, f"error: {flag} {path}: cannot write there: {error.strerror}") from error


def write_whole(flag: str, path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Give `write` a file to fill and put it at `path` when it is done; if it fails, what was there stays.

    The new file grows beside the old one, for a rename is atomic only within one file system.
    """
    try:
        if _is_device(path):  # such as /dev/stdout: there is nothing to keep whole, and it must not be replaced
            with path.open("wb") as file:
                write(file)
        else:
            sweep(path.resolve())
            part = _part(path)
            try:
                with part.open("xb") as file:
                    write(file)
                os.replace(part, path.resolve())
            finally:
                part.unlink(missing_ok=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Ending(FAILED, f"error: {flag} {path}: could not be written: {error.strerror}") from error


def write_json(flag: str, path: Path, record: dict[str, Any]) -> None:
    """Write a record as JSON; equal records give equal files."""
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    write_whole(flag, path, lambda file: file.write(text.encode()))


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _part(path: Path) -> Path:
    """Where the new file grows: hidden, beside the place where it is to be (behind a link, where the link leads)."""
    path = path.resolve()
    return path.with_name(f".{path.name}.{os.getpid()}.part")
