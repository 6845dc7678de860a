"""What is known of a training without being told: its code, its machine, its libraries."""

import os
import platform
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

GIT_S: Final = 2.0
FRAMEWORKS: Final = (
    "numpy", "pandas", "sklearn", "scipy", "torch", "lightning", "tensorflow", "keras", "jax", "flax", "transformers",
    "xgboost", "lightgbm", "catboost",
)  # fmt: skip
WITH_SECRET: Final = re.compile(r"(?<=//)[^/@]+@")
"""A name and a password in an address."""


def source(folder: Path) -> dict[str, Any]:
    """Return the commit that is checked out in a folder, and what was started; git is asked for two seconds at most."""
    known: dict[str, Any] = {"entrypoint": sys.argv[0] if sys.argv else ""}
    commit = _git(folder, "rev-parse", "HEAD")
    if commit:
        known["commit"] = commit
        status = _git(folder, "status", "--porcelain", "--untracked-files=no")
        if status is not None:
            known["dirty"] = bool(status)
        if address := _git(folder, "config", "--get", "remote.origin.url"):
            known["repo"] = WITH_SECRET.sub("", address)
    return known


def environment() -> dict[str, Any]:
    """Return the versions of Python and of the frameworks that are loaded, and what machine it is."""
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in FRAMEWORKS}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "cpus": os.cpu_count(),
        "packages": {name: str(version) for name, version in loaded.items() if version is not None},
    }


def _git(folder: Path, *arguments: str) -> str | None:
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=quiet, capture_output=True, text=True, check=True, timeout=GIT_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
