"""The rewritings, each a small identity of algebra that holds for all values; a floating zero may change its sign.

A rule looks at one call, whose operands have been rewritten already, and gives something equal and simpler, or None.
It may look at operations, shapes and numbers that stand in the program, never at the values of nodes. Whatever it
gives is evaluated before it is believed: see `simplify`.
"""

from tinygrad_lite.readings.rewriting import algebra, axes, matrices, rounding
from tinygrad_lite.readings.rewriting.call import CLOSE, EXACT, Call

__all__ = ["CLOSE", "EXACT", "Call", "algebra", "axes", "matrices", "rounding"]
