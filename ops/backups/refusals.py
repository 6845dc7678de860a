"""Why a backup is not one to rely on."""

from enum import StrEnum
from typing import Any, Final

from maestro.errors import BackupRefused


class Refusal(StrEnum):
    """The reason of BackupRefused."""

    FOREIGN = "FOREIGN"
    CORRUPT = "CORRUPT"
    TRUNCATED = "TRUNCATED"
    INCOMPLETE = "INCOMPLETE"
    FUTURE_VERSION = "FUTURE_VERSION"
    WRONG_KEY = "WRONG_KEY"
    UNVERIFIED = "UNVERIFIED"


HINTS: Final = {
    Refusal.FOREIGN: "Bring back the master key under which it was made: add it to MAESTRO_MASTER_KEY or to the file "
    "master.key, after the current one.",
    Refusal.CORRUPT: "Take another backup, and look at the disk or the bucket: somebody or something has changed it.",
    Refusal.TRUNCATED: "Take another backup, and look at the disk or the bucket: something of this one is gone.",
    Refusal.INCOMPLETE: "Take another backup: the making of this one was cut off before its end.",
    Refusal.FUTURE_VERSION: "Use the version of the server that made it, or a later one.",
    Refusal.WRONG_KEY: "Bring back the master key under which it was made, or give the identity of a recipient.",
    Refusal.UNVERIFIED: "Have it verified first, by a job of the kind VERIFY.",
}


def refused(reason: Refusal, message: str, **details: Any) -> BackupRefused:
    """Return the error for a backup that is not to be relied on; what to do about it depends on the reason."""
    return BackupRefused(message, hint=HINTS[reason], reason=reason.value, **details)
