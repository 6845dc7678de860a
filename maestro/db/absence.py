"""What is said while the database does not answer: that it is away, or that it is being exchanged by a restore."""

from typing import Final

from maestro.db.rows import BeingExchanged
from maestro.errors import Restoring, Unavailable

RESTORING_S: Final = 1
"""An exchange takes less than this, as a rule."""


def absence_of(error: BaseException) -> Unavailable:
    """Return what a client is told instead of an error that is one of CONNECTION_LOST."""
    if isinstance(error, BeingExchanged):
        return Restoring(
            "The database is being exchanged for a restored one.",
            hint="Send the same again after a moment, with the same idempotency key.",
            retryAfterSeconds=RESTORING_S,
        )
    return Unavailable("The database does not answer.", hint="Try again after a pause.")
