"""Checks of derivatives: against differences, for any function."""

from tinygrad_lite.check.differences import GradientError, gradcheck

__all__ = ["GradientError", "gradcheck"]
