"""How a command ends when it does not end well."""

FAILED = 1
CANNOT_START = 2  # argparse's own status for wrong flags
INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE


class Ending(Exception):
    """The end of a command: an exit status and the one line that says why."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status
