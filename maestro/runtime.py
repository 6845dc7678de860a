"""What one process shares among all its requests."""

from dataclasses import dataclass

from maestro.access import Access
from maestro.db.engine import Database
from maestro.events import Events
from maestro.settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """The open database, the stream of changes, the door, and the settings and secret behind them."""

    settings: Settings
    secret: bytes
    db: Database
    events: Events
    access: Access
