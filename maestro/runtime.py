"""What one process shares among all its requests."""

from dataclasses import dataclass, field

from maestro.access import Access
from maestro.cache import Cache
from maestro.db.engine import Database
from maestro.documents.automatic import AutomaticDocuments
from maestro.documents.known import KnownDocuments
from maestro.documents.usage import Usage
from maestro.errands import Errands, NoErrands
from maestro.events import Events
from maestro.fanout import Channels
from maestro.profiles import Questions
from maestro.rate_limits import RateLimiter
from maestro.settings import Settings
from maestro.vault import Vault


@dataclass(frozen=True, slots=True)
class Runtime:
    """The open database, the stream of changes, the door, the vault, the limits, the settings and the secret.

    And what is known of documents: those that are registered, those that clients have left, and how they are used.
    `cache` is what is kept of what was read; None where that is switched off. `errands` asks connectors.
    `questions` holds the operations that are to be profiled here.
    `channels` read for all who follow the same.
    """

    settings: Settings
    secret: bytes = field(repr=False)
    db: Database
    events: Events
    access: Access
    vault: Vault
    documents: KnownDocuments
    limiter: RateLimiter = field(default_factory=RateLimiter)
    automatic: AutomaticDocuments = field(default_factory=AutomaticDocuments)
    usage: Usage = field(default_factory=Usage)
    cache: Cache | None = None
    errands: Errands = field(default_factory=NoErrands)
    questions: Questions = field(default_factory=Questions)
    channels: Channels = field(default_factory=Channels)
