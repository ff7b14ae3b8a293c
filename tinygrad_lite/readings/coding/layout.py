"""Lines of source that are no wider than a page, and the empty lines between them."""

from __future__ import annotations

import re
from collections.abc import Sequence

WIDTH = 88


def mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


def wrapped(head: str, items: Sequence[str], tail: str, indent: str) -> str:
    """Items on one line, or on lines of their own if that would be too long."""
    line = f"{head}{', '.join(items)}{tail}"
    if len(line) <= WIDTH:
        return line
    inner = filled([*items[:-1], f"{items[-1]},"], f"{indent}    ")
    if len(inner) == 1:
        inner[0] = inner[0].rstrip(",")
    return "\n".join([head, *inner, f"{indent}{tail}"])


def filled(words: Sequence[str], indent: str) -> list[str]:
    lines = [indent]
    for k, word in enumerate(words):
        word += ", " if k < len(words) - 1 else ""
        if lines[-1] != indent and len(lines[-1]) + len(word) > WIDTH:
            lines.append(indent)
        lines[-1] += word
    return [line.rstrip() for line in lines]


def items_of(text: str) -> list[str]:
    """What stands between commas, outside brackets.

    >>> items_of("x: Any, *, padding: Any = ((0, 0), (0, 0))")
    ['x: Any', '*', 'padding: Any = ((0, 0), (0, 0))']
    """
    items, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            items.append("")
        else:
            items[-1] += letter
    return [item.strip() for item in items if item.strip()]


def apart(sources: Sequence[str]) -> list[str]:
    """Two empty lines around a function, one between constants."""
    parts: list[str] = []
    long = False
    for source in sources:
        before, long = long, source.startswith(("def ", "if "))
        if before or long:
            parts.append("")
        parts.append(source)
    return parts


def joined(parts: Sequence[str]) -> str:
    """Parts with an empty line between them, and one more where a part is empty."""
    text = "\n\n".join(parts)
    while "\n\n\n\n" in text:
        text = text.replace("\n\n\n\n", "\n\n\n")
    return text.rstrip("\n") + "\n"
