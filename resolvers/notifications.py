"""Use cases of notification channels: who is told how jobs end. Telling is done by jobs."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import delete as delete_from
from uuid_utils.compat import uuid7

from maestro.db.rows import Row
from maestro.db.tables import Job, NotificationChannel
from maestro.db.tables.enums import JobKind, NotificationKind
from maestro.errors import InvalidInput
from maestro.job_inputs import NotifyInput
from maestro.notifications import place_of
from maestro.storable import UNSTORABLE
from resolvers import jobs, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer, refuse_change, writing

LONGEST_URL: Final = 2_000
SECRET_LENGTHS: Final = range(16, 1_001)
"""As many characters a secret may have: one that is shorter can be guessed."""
_UNSEALED: Final = {"key_id": None, "wrapped_key": None, "ciphertext": None}


async def create(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Create a channel from `name`, `kind`, `address` and, if given, `job_kinds`, `on_failure`, `on_success`,
    `is_enabled` and a webhook's `secret`.

    InvalidInput for an address or a secret that cannot be, NameTaken.
    """  # noqa: D205 -- so many members
    validation.not_null(given, "secret")
    kind, key = NotificationKind(given["kind"]), uuid7()
    values = {
        "name": validation.name(given["name"]),
        "kind": kind,
        "address": address(kind, given["address"]),
        "job_kinds": _kinds(given.get("job_kinds", ())),
        **{name: given[name] for name in ("on_failure", "on_success", "is_enabled") if name in given},
        **_sealed(ctx, key, given.get("secret"), kind=kind),
    }
    # A secret is told by no digest either.
    told = {name: value for name, value in given.items() if name != "secret"}

    async def write(writer: Writer) -> Row:
        return await writer.create(NotificationChannel, id=key, **values)

    once = Once("createNotificationChannel", idempotency_key, told)
    return await write_once(ctx, NotificationChannel, once, write=write)


async def change(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change what is given of `name`, `address`, `job_kinds`, `on_failure`, `on_success`, `is_enabled` and `secret`.

    A null secret removes it. So does another host in the address unless the secret is given anew: it would be used
    elsewhere. InvalidInput, NotFound, StaleVersion, NameTaken.
    """
    validation.not_null(changes, "secret")
    async with writing(ctx) as writer:
        current = await writer.row(NotificationChannel, key, lock=Lock.CHANGE)
        values = _changed(ctx, current, changes)
        changed = await writer.change(NotificationChannel, key, expected_version=expected_version, **values)
        if "secret" in changes:
            # The log redacts it by its name.
            writer.adds(secret=True)
        return changed


async def delete(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """Remove a channel for good, its secret too, and return its row; NotFound, StaleVersion."""
    async with writing(ctx) as writer:
        current = await writer.row(NotificationChannel, key, lock=Lock.CHANGE)
        if expected_version not in (None, current.version):
            refuse_change(NotificationChannel, current, expected_version)
        c = NotificationChannel.__table__.c
        here = (c.id == key, c.organization_id == ctx.organization_id)
        await writer.tx.fetch(delete_from(NotificationChannel).where(*here))
        before = {name: current[name] for name in ("name", "kind", "address")}
        writer.changed(NotificationChannel, key, before=before)
        return current


async def test(ctx: Context, key: UUID) -> Row:
    """Start a job that tells a channel that it can be told, and return it; how it went is the job's end. NotFound."""
    async with writing(ctx) as writer:
        await writer.row(NotificationChannel, key, lock=Lock.KEEP)
        job = await jobs.start(writer, NotifyInput(channel_id=key))
        return await writer.row(Job, job.id)


def address(kind: NotificationKind, value: str) -> str:
    """Return an e-mail address, or the URL of a webhook; InvalidInput for what is none."""
    return validation.email(value, field="address") if kind is NotificationKind.EMAIL else url(value)


def url(value: str, *, field: str = "address") -> str:
    """Return an address of the web to which a server sends requests; InvalidInput for what is none."""
    given = value.strip()
    hint = "One looks like https://hooks.example.org/services/T0/B0."
    if len(given) > LONGEST_URL:
        raise InvalidInput(f"{field} is longer than {LONGEST_URL:,} characters.", field=field, limit=LONGEST_URL)
    try:
        parts = urlsplit(given)
        has_place = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_place = False
    if not has_place or not given.isprintable() or any(map(str.isspace, given)):
        raise InvalidInput(f"{given[:80]!r} is no address of the web.", field=field, hint=hint)
    if parts.username is not None or parts.fragment:
        raise InvalidInput(
            f"{field} has a user name, a password or a fragment in it.",
            field=field,
            hint="Requests are signed with the channel's secret instead.",
        )
    return given


def _kinds(given: Any) -> list[str]:
    return sorted({JobKind(kind).value for kind in given})


def _changed(ctx: Context, current: Row, changes: Mapping[str, Any]) -> dict[str, Any]:
    kind = NotificationKind(current.kind)
    values = {name: value for name, value in changes.items() if name != "secret"}
    if "name" in values:
        values["name"] = validation.name(values["name"])
    if "job_kinds" in values:
        values["job_kinds"] = _kinds(values["job_kinds"])
    if "address" in values:
        values["address"] = address(kind, values["address"])
        if kind is NotificationKind.WEBHOOK and urlsplit(values["address"]).netloc != urlsplit(current.address).netloc:
            values |= _UNSEALED
    if "secret" in changes:
        values |= _sealed(ctx, current.id, changes["secret"], kind=kind)
    return values


def _sealed(ctx: Context, key: UUID, secret: SecretStr | None, *, kind: NotificationKind) -> dict[str, Any]:
    """Return the columns of a secret; InvalidInput for one that cannot be, and with an e-mail address."""
    if secret is None:
        return dict(_UNSEALED)
    text = secret.get_secret_value()
    if kind is NotificationKind.EMAIL:
        raise InvalidInput("Mail is not signed.", field="secret", hint="Leave the secret out.")
    if len(text) not in SECRET_LENGTHS or UNSTORABLE.search(text):
        least, most = SECRET_LENGTHS.start, SECRET_LENGTHS.stop - 1
        raise InvalidInput(
            f"A secret has {least} to {most:,} characters.", field="secret", hint="`openssl rand -hex 32` makes one."
        )
    sealed = ctx.runtime.vault.seal(text.encode(), belongs_to=place_of(ctx.organization_id, key))
    return {"key_id": sealed.key_id, "wrapped_key": sealed.wrapped_key, "ciphertext": sealed.ciphertext}
