"""Loaders of the audit log."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed, Sort
from dataloaders.conditions import Conditions
from dataloaders.lists import Listing, ListLoader, Order, Scope
from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables import AuditEntry
from maestro.filters import Filter, Space, Target, ValueType
from maestro.ids import ACTORS, Kind

NEWEST: Final = (Sort(Target(Space.FIELD, "seq"), is_descending=True),)

AUDIT: Final = Catalogue(
    table=AuditEntry,
    document=literal_column(
        "to_tsvector('simple', audit_entry.actor_label || ' ' || audit_entry.operation || ' ' || "
        "coalesce(audit_entry.operation_name, '') || ' ' || coalesce(audit_entry.reason, ''))"
    ),
    fields={
        "id": Listed(ValueType.ID, "The entry's id.", AuditEntry.id, kind=Kind.AuditEntry),
        "seq": Listed(ValueType.INTEGER, "The entry's number.", AuditEntry.seq),
        "at": Listed(ValueType.DATETIME, "When it happened.", AuditEntry.at),
        "actor": Listed(ValueType.ID, "Who did it.", AuditEntry.actor_id, is_nullable=True, kind=ACTORS),
        "actorName": Listed(ValueType.STRING, "How they were known then.", AuditEntry.actor_label),
        "apiKey": Listed(
            ValueType.ID, "The API key that they used.", AuditEntry.api_key_id, is_nullable=True, kind=Kind.ApiKey
        ),
        "session": Listed(
            ValueType.ID, "The session that they used.", AuditEntry.session_id, is_nullable=True, kind=Kind.Session
        ),
        "address": Listed(
            ValueType.STRING, "The network address that they came from.", AuditEntry.address, is_nullable=True
        ),
        "operation": Listed(ValueType.STRING, "What was asked for, like `updateProject`.", AuditEntry.operation),
        "operationName": Listed(
            ValueType.STRING, "What the client calls the operation.", AuditEntry.operation_name, is_nullable=True
        ),
        "target": Listed(ValueType.ID, "What it was about.", AuditEntry.target_id, is_nullable=True, kind=tuple(Kind)),
        "targetType": Listed(
            ValueType.STRING, "The type of what it was about.", AuditEntry.target_type, is_nullable=True
        ),
        "isAllowed": Listed(ValueType.BOOLEAN, "Whether it was done.", AuditEntry.is_allowed),
        "code": Listed(ValueType.STRING, "The error code of what was refused.", AuditEntry.code, is_nullable=True),
        "reason": Listed(ValueType.STRING, "Why it was refused.", AuditEntry.reason, is_nullable=True),
    },
)


class AuditEntryById(ById):
    """Entries by their id."""

    needs = Permission.AUDIT_READ
    table = AuditEntry


class AuditLog(ListLoader):
    """The entries of an organisation."""

    needs = Permission.AUDIT_READ
    catalogue = AUDIT

    async def prepared(self, listing: Listing, scopes: Sequence[Scope]) -> tuple[Conditions, list[Order]]:
        """Sort by the number unless told: ids are made before the entries get their places."""
        return await super().prepared(listing if listing.sort else replace(listing, sort=NEWEST), scopes)


class AuditLogByOrganization(AuditLog):
    """The entries of each organisation."""

    scope = "organization_id"


class AuditStretch(AuditLog):
    """Parts of the log, the oldest entry first, as they are taken away."""

    needs = Permission.AUDIT_EXPORT

    async def end(self) -> int:
        """Return the number of the last entry, 0 when there is none."""
        heads = await self.db.fetch_sql("SELECT seq FROM audit_head WHERE organization_id = $1", self.organization_id)
        return heads[0].seq if heads else 0

    async def between(
        self, first: int, last: int, *, wanted: Filter | None, moments: tuple[datetime | None, datetime | None]
    ) -> list[Row]:
        """Return the entries with numbers from `first` to `last` that a filter lets through.

        `moments` are the time from which and the time before which they happened.
        """
        listing = Listing(wanted)
        conditions, _ = await self.prepared(listing, [])
        seq, at = AuditEntry.seq, AuditEntry.at
        query = self.base(conditions, listing, *self.catalogue.columns).where(seq.between(first, last))
        since, until = moments
        limits: list[Any] = [at >= since] if since is not None else []
        limits += [at < until] if until is not None else []
        return await self.db.fetch(query.where(*limits).order_by(seq))
