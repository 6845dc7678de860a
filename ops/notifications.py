"""Telling people how jobs have ended: by e-mail and by webhooks, as the channels of their organisation want it."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from connectors.mail import mail_server_of, send_mail
from connectors.webhooks import Delivery, send_webhook
from maestro import clock, ids
from maestro.access.addresses import network_of
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import JobKind, JobState, NotificationKind
from maestro.errors import MaestroError, NotificationFailed
from maestro.notifications import place_of
from maestro.settings import Settings
from maestro.vault import Sealed, Vault

logger = logging.getLogger(__name__)

FAILURES: Final = frozenset({JobState.FAILED, JobState.PARTIAL})
TOLD: Final = frozenset({*FAILURES, JobState.SUCCEEDED})
"""Who cancels a job knows it, so nobody is told of that."""
ENDINGS: Final = {JobState.SUCCEEDED: "succeeded", JobState.FAILED: "failed", JobState.PARTIAL: "ended in part"}
LONGEST_ERROR: Final = 500
KEY_BYTES: Final = 32

_CHANNELS: Final = """
    SELECT id, organization_id, name, kind, address, key_id, wrapped_key, ciphertext FROM notification_channel
    WHERE organization_id = $1 AND is_enabled AND (job_kinds = '{}' OR $2 = ANY(job_kinds))
        AND CASE WHEN $3 THEN on_failure ELSE on_success END
    ORDER BY id
"""
_CHANNEL: Final = """
    SELECT id, organization_id, name, kind, address, key_id, wrapped_key, ciphertext FROM notification_channel
    WHERE id = $1
"""
_RECORD: Final = """
    UPDATE notification_channel SET last_error = $2,
        last_sent_at = CASE WHEN $2::text IS NULL THEN $3 ELSE last_sent_at END
    WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class Notified:
    """How many channels were told, and how many could not be."""

    sent: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job has ended, as it is told."""

    job_id: UUID
    kind: JobKind
    state: JobState
    attempt: int
    started_at: datetime | None
    ended_at: datetime | None
    error_code: str | None = None
    error_message: str | None = None

    @property
    def subject(self) -> str:
        """What has happened, in a line."""
        return f"[Maestro ML] {self.kind.replace('_', ' ').capitalize()} {ENDINGS[self.state]}"

    @property
    def text(self) -> str:
        """What has happened, for people."""
        lines = [
            f"The job {ids.encode(ids.Kind.Job, self.job_id)} ({self.kind}) has {ENDINGS[self.state]}.",
            "",
            f"Attempt:  {self.attempt + 1}",
            f"Started:  {_moment(self.started_at)}",
            f"Ended:    {_moment(self.ended_at)}",
        ]
        if self.error_code is not None:
            lines += ["", f"Error:    {self.error_code}", f"          {self.error_message or ''}".rstrip()]
        return "\n".join(lines) + "\n"

    def payload(self, delivery_id: str) -> bytes:
        """Return what is sent to a webhook."""
        job = {
            "id": ids.encode(ids.Kind.Job, self.job_id),
            "kind": self.kind,
            "state": self.state,
            "attempt": self.attempt,
            "startedAt": self.started_at,
            "endedAt": self.ended_at,
            "errorCode": self.error_code,
            "errorMessage": self.error_message,
        }
        event = f"job.{'failed' if self.state in FAILURES else 'succeeded'}"
        return orjson.dumps({"event": event, "deliveryId": delivery_id, "sentAt": clock.now(), "job": job})


async def notify(db: Database, vault: Vault, settings: Settings, *, job: Row) -> Notified:
    """Tell the channels of an organisation that want to know how a job has ended, given its row.

    What cannot be sent is noted with its channel and in the log, and raised never: no job fails by it.
    """
    state = JobState(job.state)
    if state not in TOLD:
        return Notified()
    channels = await db.fetch_sql(_CHANNELS, job.organization_id, job.kind, state in FAILURES)
    ending = _ending(job)
    outcomes = await asyncio.gather(*(_told(db, vault, settings, channel=one, ending=ending) for one in channels))
    return Notified(outcomes.count(True), outcomes.count(False))


async def send_trial(db: Database, vault: Vault, settings: Settings, *, channel_id: UUID) -> bool:
    """Send the news of an invented job to a channel, to try it; what goes wrong is noted there, and False returned."""
    (channel,) = await db.fetch_sql(_CHANNEL, channel_id)
    now = clock.now()
    ending = Ending(
        job_id=UUID(int=0),
        kind=JobKind.BACKUP,
        state=JobState.SUCCEEDED,
        attempt=0,
        started_at=now,
        ended_at=now,
    )
    return await _told(db, vault, settings, channel=channel, ending=ending)


async def _told(db: Database, vault: Vault, settings: Settings, *, channel: Row, ending: Ending) -> bool:
    error: str | None = None
    try:
        if channel.kind == NotificationKind.EMAIL:
            await _mail(settings, channel, ending)
        else:
            await _post(vault, settings, channel=channel, ending=ending)
    except MaestroError as failure:
        error = failure.message[:LONGEST_ERROR]
        logger.warning("Channel %s (%s) was not told of job %s: %s", channel.name, channel.id, ending.job_id, error)
    async with db.transaction() as tx:
        await tx.fetch_sql(_RECORD, channel.id, error, clock.now())
    return error is None


async def _mail(settings: Settings, channel: Row, ending: Ending) -> None:
    server = mail_server_of(settings)
    if server is None:
        raise NotificationFailed("No mail server is set up.", hint="Whoever runs the server sets MAESTRO_SMTP_URL.")
    await send_mail(server, channel.address, subject=ending.subject, text=ending.text)


async def _post(vault: Vault, settings: Settings, *, channel: Row, ending: Ending) -> None:
    key = None
    if channel.key_id is not None:
        sealed = Sealed(channel.key_id, channel.wrapped_key, channel.ciphertext)
        key = vault.open(sealed, belongs_to=place_of(channel.organization_id, channel.id))
    delivery_id = str(uuid7())
    delivery = Delivery(id=delivery_id, body=ending.payload(delivery_id), key=key)
    networks = [network_of(str(one)) for one in settings.webhook_networks]
    await send_webhook(channel.address, delivery, networks=networks)


def _ending(job: Any) -> Ending:
    return Ending(
        job_id=job.id,
        kind=JobKind(job.kind),
        state=JobState(job.state),
        attempt=job.attempt,
        started_at=job.started_at,
        ended_at=job.ended_at,
        error_code=job.error_code,
        error_message=job.error_message,
    )


def _moment(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
