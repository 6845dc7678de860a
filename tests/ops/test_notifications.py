"""Who is told how a job has ended, what they are told, and what happens when they cannot be."""

import asyncio
import hmac
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import pytest
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from connectors import webhooks
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.notifications import place_of
from maestro.settings import Settings
from maestro.vault import MasterKeys, Vault, key_id
from ops.notifications import Notified, notify, send_trial
from ops.sealed_rows import Rewrapped, backup_counts, counts, rewrap
from tests.fixtures.emulators import free_port
from tests.fixtures.hooks import hook_server
from tests.fixtures.mail import mail_server

OLD, NEW = (bytes([n]) * 32 for n in range(2))
JOB = UUID("0199c2f4a7b87c3d9e1f2a3b4c5d6e7f")


def vault(*keys: bytes) -> Vault:
    return Vault(lambda: MasterKeys(keys))


def settings(**given: Any) -> Settings:
    return Settings.model_validate({"webhook_networks": "127.0.0.0/8", **given})


@dataclass
class Told:
    """An organisation with a job and channels."""

    db: Database
    organization: UUID

    async def channel(self, address: str, *, key: str | None = None, by: Vault | None = None, **columns: Any) -> UUID:
        made = uuid7()
        sealed = (by or vault(OLD)).seal((key or "").encode(), belongs_to=place_of(self.organization, made))
        given = {
            "kind": "WEBHOOK",
            "on_failure": True,
            "on_success": True,
            "is_enabled": True,
            "job_kinds": [],
            **columns,
        }
        async with self.db.transaction() as tx:
            await tx.fetch_sql(
                "INSERT INTO notification_channel (id, organization_id, name, kind, address, on_failure, on_success, "
                "is_enabled, job_kinds, key_id, wrapped_key, ciphertext) "
                "VALUES ($1::uuid, $2, $1::uuid::text, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                made,
                self.organization,
                given["kind"],
                address,
                given["on_failure"],
                given["on_success"],
                given["is_enabled"],
                given["job_kinds"],
                sealed.key_id if key else None,
                sealed.wrapped_key if key else None,
                sealed.ciphertext if key else None,
            )
        return made

    async def job(self, state: str = "FAILED", kind: str = "BACKUP") -> Row:
        async with self.db.transaction() as tx:
            (row,) = await tx.fetch_sql(
                "INSERT INTO job (id, organization_id, kind, state, started_at, ended_at, error_code, error_message) "
                "VALUES ($1, $2, $3, $4, '2026-11-29 03:30Z', '2026-11-29 03:34:05Z', $5, $6) "
                "ON CONFLICT (id) DO UPDATE SET state = excluded.state, kind = excluded.kind RETURNING *",
                JOB,
                self.organization,
                kind,
                state,
                "STORE_FAILED" if state == "FAILED" else None,
                "There is no room." if state == "FAILED" else None,
            )
        return row

    async def noted(self, channel: UUID) -> tuple[bool, str | None]:
        (row,) = await self.db.fetch_sql(
            "SELECT last_sent_at, last_error FROM notification_channel WHERE id = $1", channel
        )
        return row.last_sent_at is not None, row.last_error


@pytest.fixture
async def told(db: Database) -> Told:
    organization = uuid7()
    async with db.transaction() as tx:
        await tx.fetch_sql("INSERT INTO organization (id, slug, name) VALUES ($1, 'o', 'O')", organization)
    return Told(db, organization)


async def test_a_webhook_is_told_of_a_failure_under_its_key(told: Told) -> None:
    key = "a key of this test alone"
    async with hook_server() as hooks:
        channel = await told.channel(hooks.url, key=key)
        assert await notify(told.db, vault(OLD), settings(), job=await told.job()) == Notified(sent=1)
    ((_, headers, body),) = hooks.requests
    content = orjson.loads(body)
    assert content.pop("deliveryId") == headers["maestro-delivery"]
    assert content.pop("sentAt")
    assert content == {
        "event": "job.failed",
        "job": {
            "id": f"job_{JOB.hex}",
            "kind": "BACKUP",
            "state": "FAILED",
            "attempt": 0,
            "startedAt": "2026-11-29T03:30:00+00:00",
            "endedAt": "2026-11-29T03:34:05+00:00",
            "errorCode": "STORE_FAILED",
            "errorMessage": "There is no room.",
        },
    }
    at, _, signature = headers["maestro-signature"].removeprefix("t=").partition(",v1=")
    assert signature == hmac.new(key.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
    assert await told.noted(channel) == (True, None)


async def test_somebody_is_written_a_mail_that_they_can_read(told: Told) -> None:
    with mail_server() as mailbox:
        await told.channel("ada@example.org", kind="EMAIL")
        given = settings(smtp_url=SecretStr(f"smtp://127.0.0.1:{mailbox.port}"), smtp_from="ml@example.org")
        assert await notify(told.db, vault(OLD), given, job=await told.job()) == Notified(sent=1)
    ((_, recipients, message, _),) = mailbox.messages
    assert recipients == ["ada@example.org"]
    assert message["subject"] == "[Maestro ML] Backup failed"
    assert message.get_content().replace("\r\n", "\n") == (
        f"The job job_{JOB.hex} (BACKUP) has failed.\n\n"
        "Attempt:  1\n"
        "Started:  2026-11-29 03:30:00 UTC\n"
        "Ended:    2026-11-29 03:34:05 UTC\n\n"
        "Error:    STORE_FAILED\n"
        "          There is no room.\n"
    )


@pytest.mark.parametrize(
    ("state", "columns", "expected"),
    [
        ("FAILED", {"on_success": False}, 1),
        ("FAILED", {"on_failure": False}, 0),
        ("PARTIAL", {"on_success": False}, 1),
        ("SUCCEEDED", {"on_failure": False}, 1),
        ("SUCCEEDED", {"on_success": False}, 0),
        ("CANCELLED", {}, 0),
        ("RUNNING", {}, 0),
        ("FAILED", {"is_enabled": False}, 0),
        ("FAILED", {"job_kinds": ["RESTORE", "BACKUP"]}, 1),
        ("FAILED", {"job_kinds": ["RESTORE"]}, 0),
    ],
)
async def test_a_channel_is_told_of_what_it_wants_to_know(
    told: Told, state: str, columns: dict[str, Any], *, expected: int
) -> None:
    async with hook_server() as hooks:
        await told.channel(hooks.url, **columns)
        await notify(told.db, vault(OLD), settings(), job=await told.job(state))
    assert len(hooks.requests) == expected


async def test_another_organization_is_not_told(told: Told) -> None:
    other = uuid7()
    async with told.db.transaction() as tx:
        await tx.fetch_sql("INSERT INTO organization (id, slug, name) VALUES ($1, 'p', 'P')", other)
    async with hook_server() as hooks:
        await Told(told.db, other).channel(hooks.url)
        assert await notify(told.db, vault(OLD), settings(), job=await told.job()) == Notified()
    assert hooks.requests == []


async def test_what_cannot_be_sent_is_noted_and_holds_up_nobody(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSE_S", 0.01)
    async with hook_server() as hooks:
        channels = [
            await told.channel(f"http://127.0.0.1:{free_port()}/"),
            await told.channel("https://169.254.169.254/"),
            await told.channel("ada@example.org", kind="EMAIL"),
            await told.channel(hooks.url, key="k", by=vault(b"lost" * 8)),
            await told.channel(hooks.url),
        ]
        assert await notify(told.db, vault(OLD), settings(), job=await told.job()) == Notified(sent=1, failed=4)
    assert [await told.noted(channel) for channel in channels] == [
        (False, "The webhook cannot be reached (ConnectError)."),
        (False, "The webhook's server is not a public one."),
        (False, "No mail server is set up."),
        (False, f"The master key {key_id(b'lost' * 8)}, which opens this secret, is not there."),
        (True, None),
    ]


async def test_an_error_that_is_over_is_noted_no_more(told: Told) -> None:
    async with hook_server() as hooks:
        channel = await told.channel(hooks.url)
        hooks.answers = [404]
        await notify(told.db, vault(OLD), settings(), job=await told.job())
        assert await told.noted(channel) == (False, "The webhook answers with status 404.")
        await notify(told.db, vault(OLD), settings(), job=await told.job())
        assert await told.noted(channel) == (True, None)


async def test_a_channel_can_be_tried(told: Told) -> None:
    async with hook_server() as hooks:
        channel = await told.channel(hooks.url, on_success=False, is_enabled=False)
        assert await send_trial(told.db, vault(OLD), settings(), channel_id=channel)
        hooks.answers = [404]
        assert not await send_trial(told.db, vault(OLD), settings(), channel_id=channel)
    assert orjson.loads(hooks.requests[0][2])["event"] == "job.succeeded"


async def test_keys_of_webhooks_are_wrapped_anew_with_the_other_secrets(told: Told) -> None:
    await asyncio.gather(*(told.channel("https://example.org", key="k") for _ in range(3)))
    await told.channel("https://example.org")
    assert await counts(told.db) == {key_id(OLD): 3}
    assert await rewrap(told.db, vault(NEW, OLD)) == Rewrapped(secrets=3)
    assert await counts(told.db) == {key_id(NEW): 3}
    async with hook_server() as hooks:
        channel = await told.channel(hooks.url, key="k", by=vault(OLD))
        await rewrap(told.db, vault(NEW, OLD))
        assert await send_trial(told.db, vault(NEW), settings(), channel_id=channel)


async def test_backups_that_need_a_master_key_are_counted_until_they_are_removed(told: Told) -> None:
    async with told.db.transaction() as tx:
        for removed_at in (None, None, "2026-11-29 00:00Z"):
            await tx.fetch_sql(
                "INSERT INTO backup (id, organization_id, kind, state, manifest, removed_at) "
                "VALUES ($1, $2, 'FULL', 'SUCCEEDED', $3, $4::text::timestamptz)",
                uuid7(),
                told.organization,
                {"key_id": "abc"},
                removed_at,
            )
    assert await backup_counts(told.db) == {"abc": 2}
