"""The short form of a derivative through a normalisation, x = (z - mean z) / sqrt(var z + eps), where z has three uses.

With g = dL/dx and s for the root, summed over the N entries that the mean is of:

    dL/dz = (N g - sum g - x sum(g x)) / (N s)

What moves all of z alike changes no x, and neither does what stretches it (but for eps): so g loses its mean, and its
part along x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitives import reductions
from tinygrad_lite.primitives.arithmetic import divide, multiply, subtract
from tinygrad_lite.readings.derivation.expression import Apply, Constant, Expression, Quantity, apply
from tinygrad_lite.readings.derivation.folding import Folding
from tinygrad_lite.readings.program import Program

Users = Mapping[Node, Sequence[Node]]


def normalised_by(z: Node, users: Users) -> tuple[Node, Node, Node] | None:
    """The mean, the root and the quotient where all uses of `z` make one normalisation."""
    found = {user.op.name: user for user in users.get(z, ()) if user.op is not None}
    if found.keys() != {"mean", "var", "subtract"} or len(users[z]) != 3:
        return None
    mean, var, centred = (found[name] for name in ("mean", "var", "subtract"))
    if centred.inputs != (z, mean) or mean.kwargs["axis"] != var.kwargs["axis"] or var.kwargs["ddof"]:
        return None
    root = var
    while root.op is not None and root.op.name != "sqrt":  # past the eps that is added
        if (root is not var and root.op.name != "add") or len(users[root]) != 1:
            return None
        root = users[root][0]
    x = users[centred][0] if len(users[centred]) == 1 else None
    if x is None or x.op is not divide or x.inputs != (centred, root):
        return None
    alone = list(users[mean]) == [centred] and list(users[root]) == [x]
    return (mean, root, x) if alone else None


def short_form(z: Node, program: Program, folding: Folding) -> Expression | None:
    """The derivative by `z` in terms of that by what it is normalised to; None where `z` is used otherwise."""
    found = normalised_by(z, folding.users)
    if found is None or found[2] not in program.cotangents or not set(found[1:]) <= set(folding.shown):
        return None
    mean, root, quotient = found
    n = Constant(np.size(z.value) // np.size(mean.value))
    g = Quantity(quotient, program.cotangents[quotient].value, cotangent=True)
    x, s = Quantity(quotient, quotient.value), Quantity(root, root.value)

    def total(e: Expression) -> Apply:
        return Apply(reductions.sum, (e,), {"axis": mean.kwargs["axis"], "keepdims": True})

    above = apply(
        subtract, apply(subtract, apply(multiply, n, g), total(g)), apply(multiply, x, total(apply(multiply, g, x)))
    )
    return apply(divide, above, apply(multiply, n, s))
