"""Use cases of the audit log: verifying it, taking it away, and finding what its entries are about."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

import ops.audit
from dataloaders.audit import AUDIT, AuditStretch
from dataloaders.nodes import load_nodes
from maestro.access import Permission
from maestro.db.rows import Row
from maestro.errors import Forbidden, InvalidInput
from maestro.filters import Filter, parse
from maestro.ids import Kind, encode
from ops.audit import Head, Verdict
from resolvers import auditing
from resolvers.actions import Action, told
from resolvers.context import Context

STRETCH: Final = 1_000
"""So many numbers of entries are looked through at once when the log is taken away."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which entries are wanted; the texts as they were given go into the log."""

    filter_text: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def filter(self) -> Filter | None:
        """The filter; FilterError."""
        return None if self.filter_text is None else parse(self.filter_text, AUDIT.vocabulary)

    @property
    def told(self) -> dict[str, Any]:
        """What the log tells of it."""
        return {"filter": self.filter_text, "since": self.since, "until": self.until}


def moment(text: str | None, *, field: str) -> datetime | None:
    """Read a time with its zone; InvalidInput."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise InvalidInput(
            f"{text[:60]!r} is no time with its zone.", field=field, hint="Write it like 2026-01-31T12:00:00Z."
        )
    return read


async def verify(ctx: Context, expected_head: str | None = None) -> Verdict:
    """Compute the chain of the viewer's organisation anew; InvalidInput for what is no head."""
    expected = None if expected_head is None else Head.parse(expected_head)
    return await ops.audit.verify(ctx.db, ctx.organization_id, expected)


async def target(ctx: Context, entry: Row) -> tuple[Kind, Row] | None:
    """Return what an entry is about, None when it is gone, or not for the viewer; one statement a kind."""
    kind = Kind.__members__.get(entry.target_type or "")
    if kind is None or entry.target_id is None:
        return None
    (found,) = await load_nodes(ctx.loaders, [(kind, entry.target_id)])
    return None if found is None or isinstance(found, Forbidden) else (kind, found)


async def export(ctx: Context, part: Part) -> AsyncIterator[bytes]:
    """Return the log as JSON Lines, the oldest entry first and this very export last; itself recorded.

    Forbidden, FilterError.
    """
    action = Action("exportAuditLog", Permission.AUDIT_EXPORT)
    async with auditing.audited(ctx, action):
        ctx.require(Permission.AUDIT_EXPORT)
        wanted = part.filter
        action.after = told(part.told)
    return lines(AuditStretch(ctx.db, ctx.viewer), part, wanted)


async def lines(log: AuditStretch, part: Part, wanted: Filter | None) -> AsyncIterator[bytes]:
    """Yield the entries up to the one that is the last now, each as a line of JSON, in constant memory."""
    end = await log.end()
    for first in range(1, end + 1, STRETCH):
        last = min(first + STRETCH - 1, end)
        rows = await log.between(first, last, wanted=wanted, moments=(part.since, part.until))
        if rows:
            yield b"".join(map(_line, rows))


def target_id(entry: Row) -> str | None:
    """Return the global id of what an entry is about, None for what has none."""
    kind = Kind.__members__.get(entry.target_type or "")
    return None if kind is None or entry.target_id is None else encode(kind, entry.target_id)


def _line(entry: Row) -> bytes:
    actor = entry.actor_id and encode(
        Kind.ServiceAccount if entry.actor_kind == "SERVICE_ACCOUNT" else Kind.User, entry.actor_id
    )
    content = {
        "seq": entry.seq,
        "id": encode(Kind.AuditEntry, entry.id),
        "at": entry.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "actor": actor,
        "actorName": entry.actor_label,
        "apiKey": entry.api_key_id and encode(Kind.ApiKey, entry.api_key_id),
        "session": entry.session_id and encode(Kind.Session, entry.session_id),
        "address": entry.address,
        "operation": entry.operation,
        "operationName": entry.operation_name,
        "targetType": entry.target_type,
        "target": target_id(entry),
        "isAllowed": entry.is_allowed,
        "code": entry.code,
        "reason": entry.reason,
        "before": entry.before,
        "after": entry.after,
        "prevHash": entry.prev_hash.hex(),
        "hash": entry.hash.hex(),
    }
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)
