"""A program bound to its buffers: text, compiled by Python, and called."""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from time import perf_counter
from typing import Any

import numpy as np

from tinygrad_lite.context import RECORDING
from tinygrad_lite.graph import same_bits
from tinygrad_lite.nn.module import CHANGES
from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.readings.compiling import ending, heading, updates, watching
from tinygrad_lite.readings.compiling.buffers import aligned, plan, roots, takes_out
from tinygrad_lite.readings.compiling.calls import Program, Value, count
from tinygrad_lite.readings.compiling.guards import Arguments
from tinygrad_lite.readings.compiling.printing import Printer
from tinygrad_lite.readings.compiling.results import on_graph
from tinygrad_lite.readings.compiling.threads import Threads
from tinygrad_lite.readings.compiling.tracing import Tracer
from tinygrad_lite.tensor import Tensor

MISS, MISSED = object(), object()  # the program does not fit this call; an assumption of it does not hold
INDENT = "    "
OWN_NAMES = (  # what the text itself means by a name
    "run", "bind", "MISS", "MISSED", "changed", "rebind", "retune", "getrefcount", "held", "arrays", "seen_changes",
    "hooks_was", "states", "k", "cut", "steps", "rate", "beta1", "beta2",
)  # fmt: skip


class Executable:
    """One program, ready to run for calls of one signature.

    run     the printed function: takes the arguments as they come where `simple`, else their arrays
    source  its text
    figures what tracing and the passes came to
    """

    def __init__(
        self, program: Program, form: Any, tracer: Tracer, arguments: Arguments, reach: watching.Reach,
        live: list[Any], copies: list[tuple[Any, Any]], optimizer: Optimizer | None, without: frozenset[str],
        title: str, figures: dict[str, Any], flats: dict[Any, updates.Flat], threads: Threads,
    ) -> None:  # fmt: skip
        self.program, self.form, self.optimizer = program, form, optimizer
        self.arguments = arguments.without_arrays()
        self.watched, self.live, self.copies = reach.watches, live, copies
        self.hooks, self.groups = heading.hooks_now(), optimizer.param_groups if optimizer is not None else None
        self.trained = updates.trained(self.groups or [])
        self._shared = flats
        self.graph = optimizer is None and on_graph(form)
        self.modules, self.unaltered = reach.modules, watching.containers(reach.held)
        self.has_containers = bool(reach.held)
        self.unread = [t for t in reach.tensors if t not in program.leaves]  # but f may ask for their shapes
        self.same_kinds = watching.kinds(self.unread)
        self.structure = updates.structure(optimizer) if optimizer is not None else None
        self.figures = figures
        self._without = without
        self.flats: list[updates.Flat] = []
        self.moves: list[updates.Move] = []
        self.leaf_names: dict[Any, str] = {}  # of the arrays that stay from call to call
        self.watch_names: list[str] = []
        self.generators = [rng for rng, _ in tracer.generators.values()]
        start = perf_counter()
        self._build(title, threads)
        figures["seconds"] = figures.get("seconds", 0.0) + perf_counter() - start

    # -- the text ----------------------------------------------------------------------------------------------

    def _build(self, title: str, threads: Threads) -> None:
        program = self.program
        self._flatten()
        fixed = self._tables()
        whole = {t: fixed.pop(t) for t in program.tables}
        fixed = self._gradient_places(fixed)
        arranged = plan(
            program, reuse="reuse" not in self._without, in_place="in place" not in self._without,
            fixed=frozenset(fixed),
        ) if "buffers" not in self._without else None  # fmt: skip
        kept: dict[Value, Any] = {} if arranged is None else arranged.arrays()
        kept.update(fixed | whole)
        printer = self.printer = Printer(program, kept, threads)
        space = printer.space
        bind = space.bind
        for name in OWN_NAMES:
            space.name(name)
        space.bound.update(
            getrefcount=getrefcount,
            MISS=MISS,
            MISSED=MISSED,
            changed=self.changed,
            rebind=self.rebind,
            retune=self.retune,
        )
        names = [printer.argument(v) for v in program.arguments]
        self.moves = [updates.Move(flat, space, str(i or "")) for i, flat in enumerate(self.flats)]
        self.moving = set(program.writes)
        head: list[str] = []
        if self.graph:
            head.append(f"if {bind('recording', RECORDING.get)}(): return MISS  # the result is to be on a graph")
        if self.arguments.simple:
            head += heading.arguments(self, names)
        heading.watched(self, head)
        heading.leaves(self, head)
        body = [*ending.calls(self), *ending.effects(self)]
        result = ending.result(self, self.form)
        text = ['"""', *heading.about(self, title), '"""']
        if printer.once:
            text += ["", "# views of buffers, made once", *printer.once]
        views = heading.listed([line.split(" = ")[0] for line in printer.binding])
        binding = [*(f"global {line}" for line in views), *printer.binding]
        text += ["", "", "def bind():", f'{INDENT}"""Views of parameters, when one of them holds another array."""']
        text += [INDENT + line for line in binding]
        text += ["", "", f"def run({', '.join(names)}):", f'{INDENT}"""{heading.does(self)}"""']
        if head:
            text += [f"{INDENT}# does it fit? MISS has the function traced anew", *(INDENT + line for line in head), ""]
        text += [INDENT + line for line in body]
        text += [f"{INDENT}return {result}", ""]
        self.source = "\n".join(text)
        self.space = space.bound
        exec(compile(self.source, f"<compiled {title}>", "exec"), self.space)
        self.run: Callable[..., Any] = self.space["run"]
        self.space["bind"]()
        self._recount()
        self.figures |= {
            "operations": count(program.calls), "buffers": len(kept), "bytes": (arranged.size if arranged else 0)
            + sum(m.flat.gradients.nbytes for m in self.moves) + sum(t.nbytes for t in program.tables),
            "bytes without reuse": sum(
                v.nbytes for c in program.calls for v in c.outs() if takes_out(c, v) or c.kind in ("call", "draw")
            ),
        }  # fmt: skip
        program.calls, program.tables = [], {}  # the text has it all; so much for their memory
        del self.printer

    # -- parameters and gradients ------------------------------------------------------------------------------

    def _flatten(self) -> None:
        self.places: dict[Any, Any] = {}
        optimizer, program = self.optimizer, self.program
        if optimizer is None or not updates.known(optimizer) or "flat" in self._without:
            return
        for group in optimizer.param_groups:
            alike: dict[Any, list[Tensor]] = {}
            for p in group["params"]:
                if p in program.gradients:
                    alike.setdefault((p.dtype, updates.age(optimizer, p)), []).append(p)
            for params in alike.values():
                key = (params[0].dtype, *map(id, params))
                flat = self._shared.get(key)
                if flat is None or flat.group is not group:
                    flat = self._shared[key] = updates.Flat(optimizer, group, params)
                flat.take()
                self.places.update(zip(params, flat.split(flat.gradients), strict=True))
                self.flats.append(flat)

    def _tables(self) -> dict[Value, Any]:
        """The tables, and the values that lie in them."""
        found: dict[Value, Any] = {}
        for table, members in self.program.tables.items():
            found[table] = array = aligned(table.size, table.dtype)
            ends = np.cumsum([0, *(v.size for v in members)]).tolist()
            found |= {v: array[a:b].reshape(v.shape) for v, a, b in zip(members, ends[:-1], ends[1:], strict=True)}
        return found

    def _gradient_places(self, fixed: dict[Value, Any]) -> dict[Value, Any]:
        """Gradients that NumPy can write straight into the flat array, beside what is fixed already."""
        made = {call.out: call for call in self.program.calls}
        root = roots(self.program)
        ends = {root.get(v, v) for v in (*self.program.outputs, *self.program.writes.values())}
        self.fixed_for: dict[Any, set[Value]] = {}
        for node, place in self.places.items():
            v = source = self.program.gradients[node]
            while source in made and made[source].kind == "view" and made[source].name == "reshape":
                source = made[source].args[0]  # written in that shape, the same memory is the gradient
            straight = all(s.axes == tuple(range(len(s.shape))) for s in (v, source))
            if source in made and takes_out(made[source]) and source not in fixed and straight and source not in ends:
                fixed[source] = place.reshape(source.shape)
                self.fixed_for[node] = {v}
        return fixed

    def retune(self) -> bool:
        """Take the optimiser's options as they are now; False where another text is wanted for them."""
        if self.optimizer is None or updates.structure(self.optimizer) != self.structure:
            return False
        for move in self.moves:
            move.tune()
        return True

    def rebind(self) -> bool:
        """Take the leaves' arrays as they are now; False where one has another shape or dtype."""
        for node, v in self.program.leaves.items():
            value = node.known()
            if value.shape != v.shape or value.dtype != v.dtype or node.requires_grad != self._grads[node]:
                return False
        for move in self.moves:
            move.flat.take()
            self.space[move.values_name] = move.flat.values
        for node, name in self.leaf_names.items():
            self.space[name] = node.value
        self.space["bind"]()
        self._recount()
        return True

    def _recount(self) -> None:
        self._grads = {node: node.requires_grad for node in self.program.leaves}
        if self.flats:
            views = [view for move in self.moves for view in move.flat.views]
            arrays = self.space["arrays"] = [*views, *(move.flat.values for move in self.moves)]
            del views
            self.space["held"] = sum(map(getrefcount, arrays))

    # -- guards ------------------------------------------------------------------------------------------------

    def changed(self) -> bool:
        """Whether what the program took for granted has changed since it was traced."""
        return not (
            self.groups is (self.optimizer.param_groups if self.optimizer is not None else None)
            and self.hooks == heading.hooks_now()
            and not self.altered()
        )

    def altered(self) -> bool:
        """Whether what the function reads besides its arguments and tensors is other than when it was traced."""
        return not (
            watching.unchanged(self.watched)
            and watching.settled(self.modules)
            and self.unaltered()
            and self.same_kinds()
            and self.same_numbers()
        )

    def renew(self) -> None:
        """Take what is equal to what it was as unchanged: the quick tests in the text compare identities."""
        self.space["seen_changes"] = CHANGES[0]
        for (look, _, _), name in zip(self.watched, self.watch_names, strict=True):
            self.space[name] = look()
        if self.optimizer is not None:
            for move in self.moves:
                move.tune()

    def same_numbers(self) -> bool:
        """Whether the arrays that NumPy alone had computed with during the trace hold what they held."""
        return all(same_bits(now, then) for now, then in self.copies)
