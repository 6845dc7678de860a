"""`python -m tests.repeating`: run all tests; what fails beside others is repeated alone, once, and told of in the end.

Processes, databases and emulators of four workers share the cores of a small machine: a test may wait in vain there for
what comes at once when nothing else runs. One that fails alone as well has failed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import click

FAILED: Final = 1
"""What pytest ends with when tests have failed, and nothing worse has happened."""
MOST: Final = 8
"""When more have failed than this, it is not for want of time."""
KNOWN: Final = Path(".cache/pytest/v/cache/lastfailed")


def main(arguments: list[str]) -> int:
    """Run pytest with arguments, and repeat what has failed without them; return the exit code."""
    KNOWN.unlink(missing_ok=True)
    code = _pytest(*arguments)
    if code != FAILED or not KNOWN.exists():
        return code
    failed = sorted(plain(one) for one in json.loads(KNOWN.read_text()))
    if not 0 < len(failed) <= MOST:
        return code
    click.echo("\nWhat has failed is repeated alone.")
    code = _pytest(*failed)
    if not code:
        click.echo("\n".join(["\nFailed beside others, and passed alone:", *(f"  {one}" for one in failed)]))
    return code


def plain(nodeid: str) -> str:
    """Return the id of a test without the group that xdist puts behind it."""
    name, _, group = nodeid.rpartition("@")
    return name if name and "]" not in group else nodeid


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
