"""`tl.check`: mark a hand-written backward pass, find its first wrong line, and name the mistake."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_lite.checking import identities as identities_module
from tinygrad_lite.checking import mutants, otter, running, solutions
from tinygrad_lite.checking.dicts import mark_dicts
from tinygrad_lite.checking.line import mark_line
from tinygrad_lite.checking.points import loss_at
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.specs import EXERCISE, Spec
from tinygrad_lite.tensor import Tensor


class Check:
    """Mark a hand-written backward pass: `tl.check(work, against=loss)` gives a Report.

    What `work` may be, and what then has to come with it:

    gradients   {"W1": dW1, "b1": db1}                          against=loss, a Tensor
    your work   the same with dz1, delta1, h1...; or locals()   against=loss; names={"mine": "z1"} if need be
    several     a list of dicts                                 against=a list of losses
    a function  gradients(W, x, y), which returns such a dict   against=loss(W, x, y), at={"W": W, "x": x, "y": y}
    a layer     (forward, backward): y, cache = forward(x, W)   against=lambda x, W: ..., or a module; at={"x": x}
                and dx, dW = backward(dy, cache)
    a formula   "dz1.T @ x"                                     of="W1", against=loss
    an object   whose step trains it; copies of it are used     step=lambda model: model.fit(x, y), lr=0.1, names=
                                                                {"weights": "W"}, against=loss(W, x, y), at={"x": x}
    a class     that solves the exercise, or a teacher's        nothing, or a tl.check.Spec

    against     a Tensor; a function of the numbers `at`, in NumPy's functions; (network, criterion) with at=(x, y)
    adds        the update adds what is handed in: it is minus the gradient
    parameters  names of the numbers in `at` that are learnt, all others are data; else tensors that require a gradient,
                or those that the gradients name
    hide_expected, hide_name   for graded work: no number of the solution, no name of the mistake in all that it says

    In a test, end with `assert tl.check(...)` for pytest, `tl.check(...).points(6)` for nbgrader and
    `tl.check(...).assert_ok()` for otter-grader. nbgrader gives all points to a cell that ends in
    `bool(...)`, `.ok` or `.first_wrong`, which show no number.

    For those who teach: `tl.check.mutate` plants a mistake, `tl.check.coverage` says which mistakes given data cannot
    reveal, `tl.check.identities` tries what holds without a reference, `tl.check.to_otter` writes a test file.
    """

    mutate = staticmethod(mutants.mutate)
    coverage = staticmethod(mutants.coverage)
    identities = staticmethod(identities_module.identities)
    to_otter = staticmethod(otter.to_otter)
    Spec = Spec

    def __repr__(self) -> str:
        return "tl.check(work, against=loss): marks a hand-written backward pass; see help(tl.check)"

    def __call__(
        self,
        work: Any,
        against: Any = None,
        *,
        at: Any = None,
        names: Mapping[str, Any] | None = None,
        of: str | None = None,
        step: Callable[..., Any] | None = None,
        lr: float | str | None = None,
        adds: bool = False,
        parameters: Iterable[str] | None = None,
        hide_expected: bool = False,
        hide_name: bool = False,
    ) -> Report:
        """Mark hand-written gradients: `work` is one of the forms that `help(tl.check)` lists, `against` what is right.

        Raises: TypeError and ValueError for what cannot be compared at all.

        >>> import tinygrad_lite as tl
        >>> W = tl.tensor([[2.0, -1.0]], requires_grad=True, name="W")
        >>> loss = np.sum(np.tanh(W * 0.5))
        >>> bool(tl.check({"dW": 0.5 * (1 - np.tanh(W.numpy() * 0.5) ** 2)}, against=loss))
        True
        """
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = self._report(work, against, at, names, of, step, lr, adds, parameters)
        return report.hiding(hide_expected, hide_name)

    def _report(
        self, work: Any, against: Any, at: Any, names: Any, of: Any, step: Any, lr: Any, adds: bool, learnt: Any
    ) -> Report:
        if learnt is not None and (step is not None or not callable(against) or isinstance(against, (Tensor, Spec))):
            raise TypeError(
                "check: parameters= names those of the numbers in at= that are learnt, where against= is a function of "
                "them; here the loss, or names=, says what they are"
            )
        if isinstance(against, Spec) or against is None:
            if isinstance(work, type):
                return solutions.mark_class(work, against or EXERCISE)
            if against is not None:
                raise TypeError(f"check: a Spec marks a class, not {type(work).__name__}: tl.check(Network, spec)")
            raise TypeError("check: say what is right with against=: a loss, or a function that computes it from at=")
        if isinstance(work, str):
            return mark_line(work, of, _loss(against, at, None, None, learnt, []), names)
        if isinstance(work, tuple) and len(work) == 2 and all(map(callable, work)):
            return running.mark_layer(work[0], work[1], against, at)
        if step is not None:
            return running.mark_object(work, against, at, names, step, lr)
        if callable(work) and not isinstance(work, Mapping):
            return running.mark_function(work, against, at, names, adds, learnt)
        works = list(work) if isinstance(work, (list, tuple)) else [work]
        several = isinstance(against, (list, tuple)) and isinstance(work, (list, tuple))
        references = list(against) if several else [against]
        if len(works) != len(references):
            raise ValueError(
                f"check: {len(works)} dicts of gradients against {len(references)} losses; give one for each"
            )
        notes: list[str] = []
        losses = [_loss(a, at, w, names, learnt, notes) for w, a in zip(works, references, strict=True)]
        return mark_dicts(works, losses, names, adds, notes=list(dict.fromkeys(notes)))


def _loss(against: Any, at: Any, work: Any, names: Any, learnt: Any, notes: list[str]) -> Tensor:
    """The reference as a Tensor: as it is, or computed at the numbers `at`, by a function or (network, criterion)."""
    if isinstance(against, Tensor):
        return against
    if isinstance(against, tuple) and len(against) == 2 and all(map(callable, against)) and at is not None:
        x, y = at.values() if isinstance(at, Mapping) else at
        found = against[1](against[0](x), y)
        if isinstance(found, Tensor):
            return found
    if callable(against) and isinstance(at, Mapping):
        own, wrt = running.numbers(at, learnt)
        if wrt is None:
            wrt = running.named_by(work, own, names)
            notes += running.taken_as_given(own, wrt)
        return loss_at(against, own, wrt)[0]
    raise TypeError(
        "check: against= is the loss as a Tensor (compute it first: loss = criterion(net(x), y)), or a function of the "
        f"numbers in at={{...}}, or (net, criterion) with at=(x, y); it is {type(against).__name__}"
    )


check = Check()
