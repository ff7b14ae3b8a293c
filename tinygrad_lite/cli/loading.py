"""Objects of the user's own that a command is told to work on, as MODULE:OBJECT or file.py:OBJECT."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tinygrad_lite.cli.ending import CANNOT_START, FAILED, Ending
from tinygrad_lite.graph import GraphError
from tinygrad_lite.optim.optimizer import Optimizer


def load(name: str) -> Any:
    """The object that `module:attribute` or `file.py:attribute` names."""
    return load_with_names(name)[0]


def load_with_names(name: str) -> tuple[Any, dict[str, Any]]:
    """The object that `module:attribute` or `file.py:attribute` names, and all names of that module."""
    place, colon, attributes = name.rpartition(":")
    if not colon or not place or not attributes:
        raise Ending(CANNOT_START, f"error: {name}: name an object as MODULE:OBJECT, such as mynet:net or mynet.py:net")
    if place.endswith(".py") and not Path(place).is_file():
        raise Ending(CANNOT_START, f"error: {name}: there is no file {place}. Give the path of the file from here.")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the command itself prints may be a file for somebody
            found = _of_file(place) if place.endswith(".py") else _of_module(place)
    except (Exception, SystemExit) as error:  # whatever the user's file does while it is read, the user is told
        if isinstance(error, ModuleNotFoundError) and error.name == place.partition(".")[0]:
            why = (
                f"Python finds no module {error.name} here. For a file give its name with .py: {place}.py:{attributes}"
            )
        else:
            why = f"{place} cannot be read. It stops with {_said(error)}"
        raise Ending(CANNOT_START, f"error: {name}: {why}") from error
    names = vars(found)
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            there = ", ".join(part for part in dir(found) if not part.startswith("_")) or "nothing"
            raise Ending(CANNOT_START, f"error: {name}: there is no {attribute} in {place}. It has: {there}")
        found = getattr(found, attribute)
    return found, names


def named_optimizer(names: dict[str, Any], arguments: Namespace) -> Any:
    """The optimizer of the user's module that `--optimizer` names; None where it names none."""
    name = arguments.optimizer
    if name is None or name in names:
        return names.get(name)
    there = ", ".join(key for key, value in names.items() if isinstance(value, Optimizer)) or "none"
    raise Ending(
        CANNOT_START,
        f"error: --optimizer {name}: there is no {name} beside {arguments.target}. Optimizers there: {there}",
    )


def _of_file(place: str) -> Any:
    """The module that a file makes; as for a script, files beside it can be imported."""
    path = Path(place).resolve()
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_"
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None:
        raise ImportError(f"{place} is not a Python file")
    found = sys.modules[name] = importlib.util.module_from_spec(spec)  # where dataclasses look their module up
    sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(found)
    return found


def _of_module(place: str) -> Any:
    sys.path.insert(0, "")
    return importlib.import_module(place)


@contextlib.contextmanager
def users_own(name: str) -> Iterator[None]:
    """Run what the user wrote: what it prints goes beside the command's own output, what it raises is said in a line.

    The errors that the library itself answers a mistake with say enough, and go through.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Ending, GraphError, ValueError, TypeError):
        raise
    except (Exception, SystemExit) as error:
        raise Ending(FAILED, f"error: {name} stops with {_said(error)}") from error


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def check_fed(function: Callable[..., Any], inputs: Sequence[Any], name: str) -> None:
    """Say what to do where a function of the user's takes another number of inputs than `--input-shape` gave."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C have none
        return
    try:
        signature.bind(*inputs)
    except TypeError as error:
        raise Ending(
            CANNOT_START,
            f"error: {name} takes {signature}, and --input-shape was given {len(inputs)} times: {error}. Give it once "
            "for each input, such as --input-shape 3x4 --input-shape 3x1",
        ) from error
