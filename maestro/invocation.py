"""How people start a command of ours where they are: by the interpreter that runs now."""

import shlex
import shutil
import sys
from pathlib import Path


def command(words: str) -> str:
    """Return a command line that does in the current folder what `python -m app WORDS` stands for.

    In a fresh clone `python` is another interpreter than the one in `.venv`, or none.
    """
    return f"{interpreter()} -m app {words}"


def interpreter() -> str:
    """Return how the interpreter that runs now is started from the current folder."""
    running = Path(sys.executable)
    if running.is_relative_to(Path.cwd()):
        return shlex.quote(str(running.relative_to(Path.cwd())))
    return "python" if shutil.which("python") == sys.executable else shlex.quote(sys.executable)
