"""Checks of derivatives: against differences, for any function; and of hand-written ones, with a name for the mistake.

differences  gradcheck: is a gradient what the values of a function say?
face         tl.check: the marking of hand-written work, and what belongs to it
asserting    for pytest: the report as the message of a plain assertion
mistakes     what people do wrong, as wrong rules that run
"""

from typing import TYPE_CHECKING

from tinygrad_lite.later import later

if TYPE_CHECKING:
    from tinygrad_lite.checking.differences import GradientError, gradcheck
    from tinygrad_lite.checking.face import check
    from tinygrad_lite.checking.report import CheckFailed, Report
    from tinygrad_lite.checking.specs import Spec

__all__ = ["CheckFailed", "GradientError", "Report", "Spec", "check", "gradcheck"]

# gradcheck needs none of the marking, which brings a catalogue along.
__getattr__ = later(
    __name__,
    dict.fromkeys(("GradientError", "gradcheck"), "tinygrad_lite.checking.differences")
    | {
        "check": "tinygrad_lite.checking.face",
        "CheckFailed": "tinygrad_lite.checking.report",
        "Report": "tinygrad_lite.checking.report",
        "Spec": "tinygrad_lite.checking.specs",
    },
)
