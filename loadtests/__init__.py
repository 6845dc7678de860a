"""Measurements: benchmarks that print figures beside their goals, and later load tests."""

import sys
from pathlib import Path

# The client is a distribution of its own, which is not installed beside the server.
sys.path.append(str(Path(__file__).parents[1] / "client"))
