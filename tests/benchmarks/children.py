"""Measurements that need a process of their own: memory, import time, and what may crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 120  # seconds


def run(arguments: list[str], environment: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Run Python on the arguments; the last line it prints, as JSON, or {"error": why there is none}."""
    command, variables = [sys.executable, *arguments], {**os.environ, **environment}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"over {TIMEOUT} s"}
    if done.returncode < 0:
        return {"error": f"crash (signal {-done.returncode})"}
    if done.returncode > 0:
        # the last line of a traceback: "RecursionError: maximum recursion depth exceeded"
        return {"error": (done.stderr.strip().splitlines() or ["failed"])[-1].split(":")[0]}
    return json.loads(done.stdout.strip().splitlines()[-1])
