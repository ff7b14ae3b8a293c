"""What is checked by running it: a function that gives gradients, an object that takes a step, a layer."""

from __future__ import annotations

import contextlib
import copy
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Any

import numpy as np

from tinygrad_lite.checking import child
from tinygrad_lite.checking.dicts import mark_dicts
from tinygrad_lite.checking.elsewhere import drawn
from tinygrad_lite.checking.intake import as_array
from tinygrad_lite.checking.judging import judge, trouble
from tinygrad_lite.checking.points import GENERIC, OWN, learnt_by_name, loss_at, parameters
from tinygrad_lite.checking.recognise import Words
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.rows import FIRST, WRONG, Named, Row
from tinygrad_lite.checking.specs import Spec
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import GraphError, Node
from tinygrad_lite.tensor import Tensor, tensor

MOST_CHOICES = 5000  # of arguments that unnamed gradients may be those of
ANOTHER = "another generic point"
STALE = "The gradient of the call before is still in that of the second: begin each call from 0."


def mark_function(
    work: Callable[..., Any], against: Any, at: Any, names: Any, adds: bool, learnt: Iterable[str] | None = None
) -> Report:
    """A function that gives gradients, run at the user's own point and at two that tell more."""
    if not isinstance(at, Mapping) or not callable(against) or isinstance(against, Tensor):
        raise TypeError(
            "check: a function is checked against a function of the same arguments, at given numbers: "
            "tl.check(gradients, against=loss, at={'W': W, 'x': x, ...})"
        )
    own, wrt = numbers(at, learnt)
    _complete(against, own)
    notes: list[str] = []
    first = _returned(work, own, OWN, notes)
    if isinstance(first, Report):
        return first
    if wrt is None:
        wrt = named_by(first, own, names, _order(work, at))
        notes += taken_as_given(own, wrt)
    works, losses, tensors, points = [], [], [], []
    for name, point in _points(against, own, wrt):
        loss, made = loss_at(against, point, wrt)
        returned = first if name == OWN else _returned(work, point, name, notes)
        if isinstance(returned, Report):
            return returned
        works.append(_as_dict(returned, [n for n in _order(work, at) if n in wrt]))
        losses.append(loss)
        tensors.append({k: v for k, v in made.items() if isinstance(v, (Node, np.ndarray))})
        points.append(name)
    return mark_dicts(works, losses, names, adds, points=points, notes=list(dict.fromkeys(notes)), tensors=tensors)


def _returned(work: Callable[..., Any], point: Mapping[str, Any], name: str, notes: list[str]) -> Any:
    """What a student's function returns for copies of the numbers; the report where it raises, whatever that is."""
    handed = {key: _copied(v) for key, v in point.items()}
    try:
        with quiet():
            returned = work(**handed)
            if inspect.isgenerator(returned):
                returned = tuple(returned)
    except (Exception, SystemExit) as error:
        return trouble(f"it raised {child.told(error, '')} (at {name})")
    edited = [key for key, v in handed.items() if not _alike(v, point[key])]
    if edited:
        notes.append(f"it writes into its inputs ({', '.join(edited)}); work on copies")
    return returned


def numbers(at: Mapping[str, Any], learnt: Iterable[str] | None = None) -> tuple[dict[str, Any], set[str] | None]:
    """The numbers of a point as arrays, and which are parameters; None if it is for the gradients to say.

    They are those that are named, or the tensors that require a gradient. Raises: ValueError for an unknown name.
    """
    plain = {key: v.numpy() if isinstance(v, Tensor) else v for key, v in at.items()}
    if learnt is None:
        return plain, {key for key, v in at.items() if isinstance(v, Tensor) and v.requires_grad} or None
    wrt = {learnt} if isinstance(learnt, str) else set(learnt)
    if not wrt or not wrt <= set(at):
        unknown = ", ".join(sorted(wrt - set(at))) or "nothing"
        raise ValueError(f"check: parameters= names {unknown}; at= has {', '.join(at)}")
    return plain, wrt


def taken_as_given(own: Mapping[str, Any], wrt: set[str]) -> list[str]:
    """What to say of numbers that could be parameters too, of which no gradient was handed in."""
    aside = sorted(parameters(own) - wrt)
    return [] if not aside else [
        f"taken as given, for no gradient by it is handed in: {', '.join(aside)}. If there has to be one, name all "
        "parameters: parameters=[...]"
    ]  # fmt: skip


def named_by(returned: Any, own: Mapping[str, Any], names: Any, order: Sequence[str] = ()) -> set[str]:
    """The parameters as gradients name them, or as many as there are, of their shapes and in their order."""
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping):
        returned = returned[1]
    likely = parameters(own)
    if isinstance(returned, Mapping):  # of locals(), an argument that comes back as it was is no gradient
        keys = [key for key, v in returned.items() if isinstance(key, str) and not _same(v, own.get(key))]
        return parameters(own, [*keys, *(str(name) for name in (names or {}).values())])
    if isinstance(returned, (tuple, list)) and len(returned) != len(likely):
        inputs = [name for name in order if name in likely]
        needed = {name for name in inputs if learnt_by_name(name, own[name])}
        shapes = [np.shape(a) for a in map(as_array, returned)]
        chosen = [c for c in islice(combinations(inputs, len(shapes)), MOST_CHOICES)
                  if needed <= set(c) and [np.shape(own[name]) for name in c] == shapes]  # fmt: skip
        if len(chosen) == 1:
            return set(chosen[0])
    return likely


def _same(a: Any, b: Any) -> bool:
    a, b = as_array(a), as_array(b)
    return a is not None and b is not None and a.shape == b.shape and bool(np.all(a == b))


def _points(f: Callable[..., Any], own: Mapping[str, Any], wrt: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The user's own point, and others with the same data: labels and targets are not made for all numbers."""
    yield OWN, dict(own)
    loss, made = loss_at(f, own, wrt)
    s = Structure(loss, {name: made[name] for name in wrt})
    for seed, name in enumerate((GENERIC, ANOTHER)):
        values = drawn(s, seed)
        point = {key: values.get(made[key], v) if key in wrt else v for key, v in own.items()}
        with contextlib.suppress(ValueError, TypeError, IndexError, ArithmeticError, GraphError):
            if np.all(np.isfinite(loss_at(f, point, wrt)[0].value)):
                yield name, point


def _copied(value: Any) -> Any:
    return np.array(value, copy=True) if isinstance(value, np.ndarray) else copy.copy(value)


def _alike(a: Any, b: Any) -> bool:
    return not isinstance(a, np.ndarray) or np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _order(f: Callable[..., Any], at: Mapping[str, Any]) -> list[str]:
    try:
        return [name for name in inspect.signature(f).parameters if name in at] or list(at)
    except (TypeError, ValueError):
        return list(at)


def _as_dict(returned: Any, order: list[str]) -> Mapping[str, Any]:
    if isinstance(returned, Mapping):
        return returned
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping):
        return returned[1]  # loss and gradients, as tl.source writes it
    if isinstance(returned, (tuple, list)) and len(returned) == len(order):
        return dict(zip((f"d{name}" for name in order), returned, strict=True))
    if len(order) == 1:
        return {f"d{order[0]}": returned}
    count = f" of {len(returned)}" if isinstance(returned, (tuple, list)) else ""
    raise TypeError(
        f"check: the function returned {type(returned).__name__}{count}; it has to return a dict of gradients, or one "
        f"for each of {', '.join(order)}, in this order. If these are not the parameters, name them: parameters=[...]"
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing that runs inside is seen."""
    with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        yield


# -- an object whose step changes its parameters -----------------------------------------------------------------


def mark_object(model: Any, against: Any, at: Any, names: Any, step: Callable[..., Any], lr: Any) -> Report:
    """An object, or a dict of arrays, whose step changes its parameters: the gradient is (before - after) / lr.

    Copies of it take the steps, at the user's own point and at parameters that tell more.
    """
    if not callable(against) or isinstance(against, Tensor):
        raise TypeError(
            "check: an object is checked against a function that computes the loss: "
            "against=lambda W, x, y: ..., names={'weights': 'W'}, at={'x': x, 'y': y}"
        )
    wanted = list(inspect.signature(against).parameters)
    attributes = {argument: attribute for attribute, argument in (names or {}).items()} or {
        name: name for name in wanted if name in _attributes(model)
    }
    unknown = [a for a in attributes.values() if a not in _attributes(model)]
    if not attributes or unknown:
        raise TypeError(
            f"check: {f'the object has no {unknown[0]}.' if unknown else 'which attribute is which argument?'} Say it "
            f"with names={{attribute: argument}}, where the arguments are {', '.join(wanted)}"
        )
    point = dict(at or {})
    for argument, attribute in attributes.items():
        if argument not in point:
            point[argument] = np.array(_attributes(model)[attribute], float)
    _complete(against, point)
    numbers_, _ = numbers(point)
    rate = lr if lr is not None else next((n for n in ("learning_rate", "lr") if n in _attributes(model)), None)
    if rate is None:
        raise TypeError("check: say what the learning rate is: lr=0.1, or the attribute that holds it, lr='eta'")
    found = list(_points(against, numbers_, set(attributes)))
    train = step if _takes_two(step) else lambda model, point: step(model)
    spec = Spec(against, attributes, train, [p for _, p in found], rate, names=[name for name, _ in found])
    with quiet():
        made = child.steps(lambda: copy.deepcopy(model), spec, "")
    return judge({"points": made, "printed": 0}, spec)


def _complete(against: Callable[..., Any], at: Mapping[str, Any]) -> None:
    taken = inspect.signature(against).parameters.values()
    absent = [p.name for p in taken if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD and p.name not in at]
    if absent:
        raise TypeError(f"check: at= has no {', '.join(absent)}, of which against= computes the loss")


def _attributes(model: Any) -> Any:
    """What an object holds, by name: of a dict its entries."""
    return model if isinstance(model, Mapping) else {n: getattr(model, n, None) for n in dir(model) if n[:2] != "__"}


def _takes_two(step: Callable[..., Any]) -> bool:
    try:
        parameters_ = inspect.signature(step).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [p for p in parameters_ if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(needed) > 1


# -- one layer -----------------------------------------------------------------------------------------------------


def mark_layer(forward: Callable[..., Any], backward: Callable[..., Any], against: Any, at: Any) -> Report:
    """One layer: its value, and its gradients for random cotangents of that value."""
    if at is None or not callable(against) or isinstance(against, Tensor):
        raise TypeError(
            "check: a layer is checked against a function, or a module, at given inputs: tl.check((forward, backward), "
            "against=lambda x, W: x @ W, at={'x': x, 'W': W})"
        )
    taken = inspect.signature(getattr(against, "forward", against)).parameters
    inputs = dict(at) if isinstance(at, Mapping) else dict(zip(taken, at, strict=False))
    given = {key: np.array(v.numpy() if isinstance(v, Tensor) else v) for key, v in inputs.items()}
    works, losses, tensors, notes, row = [], [], [], [], None
    for seed in (0, 1):
        right, made = _applied(against, given)
        arrays = {key: t.numpy() for key, t in made.items()}
        rng = np.random.default_rng(seed)
        g = np.asarray(rng.uniform(0.5, 1.5, right.shape) * rng.choice([-1.0, 1.0], right.shape), right.dtype)
        handed, seen = [np.array(a) for a in arrays.values()], g.copy()
        try:
            with quiet():
                returned = forward(*handed)
                y, cache = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, None)
                value = as_array(y)
                found = backward(seen, cache) if cache is not None else backward(seen, *handed)
        except (Exception, SystemExit) as error:  # whatever a student's layer does is a report
            return trouble(f"it raised {child.told(error, '')}")
        edited = [k for k, a in zip(arrays, handed, strict=True) if not _alike(a, arrays[k])]
        edited += [] if _alike(seen, g) else ["the cotangent"]
        if edited:
            notes.append(f"it writes into its inputs ({', '.join(edited)}); work on copies")
        works.append(dict(_as_dict(found, [k for k, t in made.items() if t.requires_grad])))
        losses.append((right * g).sum())
        tensors.append(made)
        if row is None and not _is_value(value, right):
            row = Row("y (forward)", "", FIRST, value, right.value, float("inf"))
    report = mark_dicts(works, losses, notes=list(dict.fromkeys(notes)), tensors=tensors,
                        points=["one cotangent of y", "another cotangent of y"])  # fmt: skip
    _call_inputs(report, losses[0], tensors[0])
    _what_is_kept(report, losses, tensors)
    if row is not None:
        for later in report.rows:
            later.status = WRONG if later.status == FIRST else later.status
        report.rows.insert(0, row)
    return report


def _applied(against: Any, arrays: Mapping[str, Any]) -> tuple[Tensor, dict[str, Any]]:
    """The layer's value in terms of fresh tensors, and these by name; a module's parameters follow its inputs."""
    made: dict[str, Any] = {k: tensor(a, requires_grad=a.dtype.kind == "f", name=k) for k, a in arrays.items()}
    if hasattr(against, "named_parameters"):
        module = copy.deepcopy(against)  # a batch norm would go on counting
        found = module(*map(_come_from_before, made.values()))
        made |= {name.replace(".", "_"): p for name, p in module.named_parameters()}
    else:
        named = set(made) <= set(inspect.signature(against).parameters)
        given = {name: _come_from_before(t) for name, t in made.items()}
        found = against(**given) if named else against(*given.values())
    if not isinstance(found, Tensor):
        raise TypeError(f"check: against= returned {type(found).__name__}; it has to compute the layer's value from "
                        f"{', '.join(arrays)} with NumPy's functions")  # fmt: skip
    return found, made


def _come_from_before(x: Any) -> Any:
    """A layer's input as the outcome of a step before it, which it is in a network; a parameter would be a leaf."""
    return np.reshape(x, x.shape)


def _call_inputs(report: Report, loss: Tensor, made: Mapping[str, Any]) -> None:
    """Say x, in the sentences, of what came from the step before it."""
    s = Structure(loss)
    words = Words(s)
    before = {words[user]: key for key, x in made.items() for user, _ in s.users.get(x, ()) if user.name is None}
    if not before:
        return
    pattern = re.compile(rf"\b(d?)({'|'.join(map(re.escape, before))})\b")

    def renamed(text: str) -> str:
        return pattern.sub(lambda m: m[1] + before[m[2]], text)

    for named in (*report.mistakes, *([report.nearest] if report.nearest else [])):
        named.text, named.line, named.fix = map(renamed, (named.text, named.line, named.fix))
        named.alternatives = [(id, renamed(text)) for id, text in named.alternatives]


def _what_is_kept(report: Report, losses: Sequence[Tensor], tensors: Sequence[Mapping[str, Any]]) -> None:
    """Name it where the second gradient is the sum of both: something is added up from call to call."""
    row = next((row for row in report.rows if row.status == FIRST and row.mistake is None), None)
    if row is None or report.mistakes:
        return
    both = [Structure(loss).truth.computed for loss in losses]
    key = next((key for key in tensors[0] if row.label.endswith(f"/d{key}")), None)
    if key is None:
        return
    added = sum(both[k][tensors[k][key]] for k in (0, 1))
    if np.shape(row.yours) == np.shape(added) and np.allclose(row.yours, added, rtol=1e-6, atol=1e-9):
        row.mistake = Named("stale_grad", "factor", STALE, row.label)
        report.mistakes.append(row.mistake)


def _is_value(value: Any, right: Tensor) -> bool:
    return (
        value is not None
        and value.shape == right.shape
        and np.allclose(value, right.value, rtol=1e-3 if value.dtype == np.float32 else 1e-6, atol=1e-9)
    )
