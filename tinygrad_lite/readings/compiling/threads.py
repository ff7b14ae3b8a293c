"""Blocks of large arrays in several threads, where a user has asked for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any


class Threads:
    """So many threads, the calling one among them; the others start when they are first needed."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def share(self, part: Callable[[Any], None], shares: list[Any]) -> None:
        """Call `part` with each share, in as many threads; NumPy's way with errors (`errstate`) is the caller's."""
        if self._pool is None or self._process != os.getpid():  # a forked process has none of its parent's threads
            self._pool, self._process = ThreadPoolExecutor(max(1, self.number - 1)), os.getpid()
        others = [self._pool.submit(copy_context().run, part, one) for one in shares[1:]]
        try:
            part(shares[0])
        finally:
            errors = [other.exception() for other in others]  # waits: the buffers are in use until then
        for error in errors:
            if error is not None:
                raise error
