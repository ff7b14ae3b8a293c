"""The end of a module with blanks: it marks what was filled in, and says which line is still to be filled in first."""

from __future__ import annotations

from typing import Any

import numpy as np

IMPORTS = ["import linecache", "import re", "import traceback"]
CHECK = '''\
def check() -> None:
    """Compare each gradient with central differences: (loss(w + h) - loss(w - h)) / 2h."""
    values, h = example(), STEP
    try:
        loss, gradients = FUNCTION(**values)
    except Exception as error:
        if not (blank := still_blank(error)):
            raise
        print(blank)
        return
    print("loss =", loss)
    for name, gradient in gradients.items():
        if gradient is ...:
            print(f"d{name}: to do")
            continue
        w = np.asarray(values[name])
        right = np.shape(gradient) == w.shape and np.asarray(gradient).dtype != object
        for i in list(np.ndindex(w.shape))[:: 1 + w.size // 50] if right else []:
            there, back = w.copy(), w.copy()
            there[i] += h
            back[i] -= h
            up, down = (FUNCTION(**{**values, name: x})[0] for x in (there, back))
            right &= bool(np.isclose(np.asarray(gradient)[i], (up - down) / (2 * h), rtol=RTOL, atol=h))
        print(f"d{name}: {'right' if right else 'not right yet'}")'''
STILL_BLANK = '''\
def still_blank(error: Exception) -> str:
    """Which blanks the line that failed stands on; "" if none, and the error is its own."""
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code is FUNCTION.__code__:
            known = frame.f_locals
            line = linecache.getline(frame.f_code.co_filename, number).strip()
            words = [word for word in re.findall(r"\\w+", line) if word in known]
            needed = [word for word in words if known[word] is ...]
            if not needed and any(np.asarray(known[word]).dtype == object for word in words):
                needed = [name for name, value in known.items() if value is ...]  # one is in an array
            if needed:
                return f"line {number}: fill in {', '.join(dict.fromkeys(needed))} first\\n    {line}"
    return ""'''
CHECKED = 'if __name__ == "__main__":\n    check()'


def worksheet(function: str, dtype: Any) -> list[str]:
    """The parts that follow the function of that name: what marks it, and the call that does."""
    h, rtol = (1e-5, 1e-4) if dtype == np.float64 else (1e-2, 1e-1)
    check = CHECK.replace("STEP", repr(h)).replace("RTOL", repr(rtol))
    return [text.replace("FUNCTION", function) for text in (STILL_BLANK, check, CHECKED)]
