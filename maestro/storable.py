"""What PostgreSQL can store of what JSON and Python can write."""

import re
from typing import Final

LARGEST_INTEGER: Final = 2**63 - 1
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""The characters that no text may hold: NUL, and halves of a character."""
