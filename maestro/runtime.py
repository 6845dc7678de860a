"""What one process shares among all its requests."""

from dataclasses import dataclass, field

from maestro.access import Access
from maestro.db.engine import Database
from maestro.events import Events
from maestro.rate_limits import RateLimiter
from maestro.settings import Settings
from maestro.vault import Vault


@dataclass(frozen=True, slots=True)
class Runtime:
    """The open database, the stream of changes, the door, the vault, the limits, the settings and the secret."""

    settings: Settings
    secret: bytes = field(repr=False)
    db: Database
    events: Events
    access: Access
    vault: Vault
    limiter: RateLimiter = field(default_factory=RateLimiter)
