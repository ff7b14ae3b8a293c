"""A student's file, run in a process of its own: what it does ends here. Its answers go into a file as JSON.

python -m tinygrad_lite.checking.child SOLUTION SPEC ANSWER MEGABYTES SECONDS
"""

from __future__ import annotations

import ast
import base64
import contextlib
import importlib.util
import io
import json
import os
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lite.checking import fence
from tinygrad_lite.checking.specs import EXERCISE, Spec, drawn

MODULE = "solution"
LIBRARIES = tuple(
    os.path.join(os.path.dirname(os.path.abspath(f)), "") for f in (os.path.dirname(__file__), np.__file__)
)
LONGEST, LARGEST = 1_000_000, 4_000_000  # characters of a solution; numbers of a parameter
SELF_DIFFERENTIATING = ("torch", "jax", "tensorflow", "autograd", "mygrad", "micrograd", "tinygrad", "tinygrad_lite")


def main(argv: list[str]) -> None:
    """Run the file at every point of the spec and send what came out, and how it ended."""
    warnings.simplefilter("ignore")
    path, spec_path, answer, megabytes, seconds = argv
    ended = fence.supervised(lambda: _fenced(path, spec_path, answer, int(megabytes), int(seconds)), float(seconds))
    Path(f"{answer}.ended").write_text(ended, encoding="utf-8")
    os._exit(0)


def _fenced(path: str, spec_path: str, answer: str, megabytes: int, seconds: int) -> None:
    report: dict[str, Any] = {}
    with open(answer, "w", encoding="utf-8") as out:  # opened before the fence is up
        sys.stdout, sys.stderr = Nowhere(), Nowhere()
        try:
            _surround(Path(path).parent)
            spec = load_spec(spec_path)
            fence.limit(megabytes, seconds)
            fence.fence(os.getcwd())
            report |= run(Path(path), spec)
        except BaseException as error:  # SystemExit, KeyboardInterrupt and MemoryError of the student's are reports too
            report["error"] = told(error, path)
        out.write(json.dumps(report))
    os._exit(0)  # whatever the file has left running ends with it


class Nowhere(io.TextIOBase):
    """Where printing goes: megabytes of it cost nothing."""

    def writable(self) -> bool:
        """As a file that is open for writing."""
        return True

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


def _surround(folder: Path) -> None:
    """Links to what lies beside the solution, so that it finds its data; what it writes stays in this folder."""
    for beside in sorted(folder.iterdir())[:1000]:
        with contextlib.suppress(OSError):
            os.symlink(beside, beside.name)


def load_spec(path: str) -> Spec:
    """The exercise's own spec, or the Spec of a teacher's file.

    Raises: whatever the file raises; ValueError for a file without a Spec, or with several and none called `spec`.
    """
    if not path:
        return EXERCISE
    found = importlib.util.spec_from_file_location("spec_file", path)
    if found is None or found.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    specs = {id(thing): thing for name, thing in vars(module).items() if isinstance(thing, Spec)}
    if isinstance(vars(module).get("spec"), Spec):
        chosen: Spec = vars(module)["spec"]
        return chosen
    if len(specs) != 1:
        raise ValueError(f"{path} has {f'{len(specs)} Specs' if specs else 'no Spec'}: write `spec = Spec(...)`")
    return next(iter(specs.values()))


def run(path: Path, spec: Spec) -> dict[str, Any]:
    """What the solution gives at each point: parameters before and after a step, and its prediction."""
    source = path.read_bytes()
    if len(source) > LONGEST:
        raise ValueError(f"the file has {len(source):,} bytes; a solution has at most {LONGEST:,}")
    module = types.ModuleType(MODULE)
    module.__file__ = str(path)
    vars(module)["NeuralNetworkBase"] = object  # what the exercise's template inherits from, in a file of its own
    sys.modules[MODULE] = module
    sys.path.insert(0, str(path.parent))
    np.random.seed(0)  # noqa: NPY002 - the student's generator, not ours
    tree = ast.parse(_text(path, source), str(path))
    failure: BaseException | None = None
    try:
        exec(compile(tree, str(path), "exec"), vars(module))
    except BaseException as error:  # a test of the student's own that fails below the class is no reason not to mark it
        failure = error
    try:
        kind, others = _class(module, spec)
    except Unfit as error:
        raise (failure or error) from None
    return {
        "class": kind.__name__, "others": others, "imports": _imports(tree),
        "points": steps(kind, drawn(spec, source), str(path)),
        "raised": "" if failure is None else told(failure, str(path)),
    }  # fmt: skip


class Unfit(Exception):
    """What is wrong with a file as it is handed in, in words of ours."""


def _text(path: Path, source: bytes) -> str:
    """The text of the file. Raises Unfit for a notebook, and for bytes that are no text in the encoding it declares."""
    if path.suffix == ".ipynb" or (source.lstrip()[:1] == b"{" and b'"cells"' in source):
        raise Unfit(
            f"{path.name} is a notebook: hand in its code as a Python file (File > Save and Export Notebook As > "
            f"Executable Script, or jupyter nbconvert --to script {path.name})"
        )
    try:
        return importlib.util.decode_source(source)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise Unfit(f"{path.name} is not a text in UTF-8, which Python expects: save it in that encoding") from error


def _imports(tree: ast.Module) -> list[str]:
    """Libraries that compute gradients by themselves, where the file imports them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return sorted(found & set(SELF_DIFFERENTIATING))


def steps(kind: Callable[[], Any], spec: Spec, path: str) -> list[dict[str, Any]]:
    """A step at each point, from a new object; at the first one a second step follows, on the next point's data."""
    found: list[dict[str, Any]] = []
    for at in spec.points:
        if found and "MemoryError" in found[-1].get("error", ""):  # to fill the memory again would only take its time
            found.append(found[-1])
        else:
            found.append(_at(kind, spec, at, path, spec.points[1] if not found and len(spec.points) > 1 else None))
    return found


def _class(module: types.ModuleType, spec: Spec) -> tuple[type, list[str]]:
    """The last class of the file that fits, and the names of the others that do and are none of its bases."""
    own = [thing for thing in vars(module).values() if isinstance(thing, type) and thing.__module__ == module.__name__]
    fitting, failures = [], []
    for kind in dict.fromkeys(reversed(own)):
        try:
            made = kind()
            missing = [name for name in spec.parameters.values() if not _has(made, name)]
        except (Exception, SystemExit) as error:  # a class that needs arguments is not the one
            failures.append(f"{kind.__name__}() raised {type(error).__name__}: {error}")
            continue
        if missing:
            failures.append(f"{kind.__name__} has no {', '.join(missing)}")
        else:
            fitting.append(kind)
    if not fitting:
        wanted = ", ".join(spec.parameters.values())
        raise Unfit(f"no class whose objects have {wanted}: {'; '.join(failures) or 'the file defines no class'}")
    chosen = fitting[0]
    return chosen, [kind.__name__ for kind in fitting[1:] if not issubclass(chosen, kind)]


def _has(made: Any, name: str) -> bool:
    return name in made if isinstance(made, dict) else hasattr(made, name)


def get(made: Any, name: str) -> Any:
    """What an object holds under a name; of a dict its entry."""
    return made[name] if isinstance(made, dict) else getattr(made, name)


def _set(made: Any, name: str, value: Any) -> None:
    if isinstance(made, dict):
        made[name] = value
    else:
        setattr(made, name, value)


def _at(
    kind: Callable[[], Any], spec: Spec, at: Mapping[str, Any], path: str, following: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    parameters, raised = spec.parameters.items(), ""
    try:
        made: Any = kind()
        for name, attribute in parameters:
            _set(made, attribute, _like(get(made, attribute), at[name], attribute))
        found["lr"] = _rate(get(made, spec.lr), spec.lr) if isinstance(spec.lr, str) else float(spec.lr)
        before = {name: np.array(get(made, attribute), copy=True) for name, attribute in parameters}
        data = {key: np.array(value) if isinstance(value, np.ndarray) else value for key, value in at.items()}
        if spec.predict is not None:
            try:
                found["predicted"] = _sent(spec.predict(made, data))
            except (Exception, SystemExit) as error:  # what it predicts is a line of its own in the report
                found["predict_error"] = told(error, path)
            held = {name: np.asarray(get(made, attribute)) for name, attribute in parameters}
            found["predict_writes"] = [
                n for n in before if held[n].shape != before[n].shape or not np.array_equal(held[n], before[n])
            ]
        raised = "train raised "
        spec.train(made, data)
        raised = ""
        found["after"] = {name: _sent(get(made, attribute)) for name, attribute in parameters}
        found["before"] = {name: _sent(value) for name, value in before.items()}
        found["edited"] = [
            key for key in data if isinstance(data[key], np.ndarray) and not np.array_equal(data[key], at[key])
        ]
        if following is not None:
            now = {name: _sent(get(made, attribute)) for name, attribute in parameters}
            raised = "a second step raised "
            spec.train(made, {k: np.array(v) if isinstance(v, np.ndarray) else v for k, v in following.items()})
            found["second"] = {"before": now, "after": {n: _sent(get(made, a)) for n, a in parameters}}
    except (Exception, SystemExit) as error:
        found["error"] = raised + told(error, path)
    return found


def _rate(value: Any, name: str) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise TypeError(f"{name} is {value!r:.40}, not a number")
    return float(array.item())


def _like(theirs: Any, value: Any, name: str) -> Any:
    """The numbers in the kind of array that the solution uses itself: its class, its arrangement, its whole numbers."""
    array, shape = np.array(value, float), np.shape(theirs)
    kind = np.asarray(theirs).dtype.kind if theirs is not None else "f"
    if kind not in "fiub":
        raise TypeError(f"{name} is {type(theirs).__name__}, not numbers")
    if np.size(theirs) not in (array.size, 0, 1):
        raise ValueError(f"{name} has the shape {shape}, where {array.shape} is wanted")
    if isinstance(theirs, np.matrix):
        array = np.matrix(array.reshape(shape) if shape != array.shape[::-1] else array)
    if np.size(theirs) == array.size and shape != array.shape:
        array = array.T if shape == array.shape[::-1] else array.reshape(shape)
    if kind in "iu" and np.array_equal(array, np.rint(array)):  # so that `-=` fails as it does for the student
        array = array.astype(np.asarray(theirs).dtype)
    if isinstance(theirs, (list, tuple)):
        return type(theirs)(array.tolist())
    return array


def _sent(value: Any) -> dict[str, Any]:
    """An array as JSON, to the last bit."""
    if value is None:
        return {"kind": "NoneType"}
    try:
        array = np.asarray(value)
        if array.dtype == object:
            array = array.astype(float)
    except (TypeError, ValueError):
        return {"kind": type(value).__name__}
    if array.dtype.kind not in "fiub":
        return {"kind": "text" if array.dtype.kind in "US" else str(array.dtype)}
    if array.size > LARGEST:
        return {"kind": f"an array of {array.size:,} numbers"}
    numbers = base64.b64encode(np.ascontiguousarray(array, "<f8").tobytes()).decode()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "numbers": numbers}


def told(error: BaseException, path: str) -> str:
    """An exception as one line, with the line of the student's file, or of a function, in which it was raised."""
    every = traceback.extract_tb(error.__traceback__)
    frames = [
        frame for frame in every if (frame.filename == path if path else not frame.filename.startswith(LIBRARIES))
    ]
    where = f", line {frames[-1].lineno}: {(frames[-1].line or '')[:70]}".removesuffix(": ") if frames else ""
    if isinstance(error, SyntaxError) and error.filename == path:
        where = f", line {error.lineno}: {(error.text or '').strip()}"
        error = SyntaxError(error.msg)
    if isinstance(error, SystemExit):
        return printable(f"SystemExit: the file called exit(){where}")[:400]
    name = type(error).__name__
    try:
        said = " ".join(str(error).split())
    except Exception:  # an exception of the student's own that cannot even be printed
        said = ""
    if isinstance(error, Unfit):
        return printable(said)
    said = said if len(said) <= 300 else f"{said[:297]}..."
    return printable(f"{name}{f': {said}' if said else ''}{where}")


def printable(text: str) -> str:
    """Text for a terminal, to which it gives no orders: control characters and what is no character are `?`."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    main(sys.argv[1:])
