"""Why a backward line looks as it does: the rule of each operation between a value and the line that uses it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.derivation import words
from tinygrad_lite.readings.derivation.expression import Expression, of_node
from tinygrad_lite.readings.derivation.folding import arranges
from tinygrad_lite.readings.derivation.lines import Builder, Step
from tinygrad_lite.readings.derivation.notation import rewritten
from tinygrad_lite.readings.derivation.page import Inline
from tinygrad_lite.readings.typeset import Layout

SHARES = 4  # of a value that is used more often the others are like these
Link = tuple[Node, int]  # an operation, and the operand that is followed


def explained(builder: Builder, step: Step, write: Callable[[Expression], Layout]) -> list[list[Inline]]:
    """The rules of a backward line in words, those of the outermost operation first, each once.

    write  how an expression is written, for the operands that have no name
    """
    folding, names = builder.folding, builder.names
    found: list[list[Inline]] = []
    for share in builder.program.shares[step.node][:SHARES]:
        owner = folding.owner[share.user]
        if owner in folding.fused:
            return [*found, words.sentence("fused", y=names.get(owner, "v"))]
        links = _links(builder, share.user, share.position)
        chosen = [k for k, link in enumerate(links) if _says(link, folding.owner)] or [len(links) - 1]
        for k in reversed(chosen):
            user, position = links[k]
            x: str | Layout = names.get(step.node, "v")
            if not all(arranges(before) for before, _ in links[:k]):
                operand = user.inputs[position]
                assert operand is not None
                x = write(rewritten(of_node(operand, builder.known, builder.constant)))
            if arranges(user) or folding.owner[user] is user:
                direct = len(links) == 1 and all(u is None or folding.owner[u] is u for u in user.inputs)
                y = names.get(folding.owner[user], "v")
                rules = words.reasons(user, position, x, y, _others(builder, user, position), direct)
            else:
                rules = [words.folded(user, position, x)]
            found += [rule for rule in rules if rule not in found]
    return found


def _links(builder: Builder, user: Node, position: int) -> list[Link]:
    """The operations from the first use of a value to the one whose line it is folded into."""
    folding, links = builder.folding, [(user, position)]
    while folding.owner[user] is not user and len(folding.users[user]) == 1:
        after = folding.users[user][0]
        user, position = after, next(i for i, x in enumerate(after.inputs) if x is user)
        links.append((user, position))
    return links


def _says(link: Link, owner: dict[Node, Node]) -> bool:
    """Whether there is something to be said of it: not of what only arranges, nor of a number that is added."""
    user, position = link
    if owner[user] is user:
        return not arranges(user)
    added = user.op is not None and (user.op.name == "add" or (user.op.name == "subtract" and position == 0))
    return not (arranges(user) or (added and any(np.ndim(a) == 0 for a in user.args)))


def _others(builder: Builder, user: Node, position: int) -> list[str]:
    """The names of the other operands; none for what is folded into another line."""
    return [
        builder.names.operand(user, i) if u is None else _called(builder, u)
        for i, u in enumerate(user.inputs)
        if i != position and (u is not None or user.args[i] is not None)
    ]


def _called(builder: Builder, node: Node) -> str:
    """The name of a node, or of what it is an arrangement of."""
    owner = builder.folding.owner
    while owner.get(node, node) is not node and arranges(node) and node.inputs[0] is not None:
        node = node.inputs[0]
    return builder.names.get(node, "") if owner.get(node, node) is node else ""
