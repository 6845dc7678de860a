"""Loaders of registered documents, of the clients that registered them, and of how they are used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import BigInteger, Select, any_, cast, func, select

from dataloaders.base import KEYS, ORGANIZATION, ById, Grouped, Loader
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import DocumentClient, DocumentUsage, PersistedDocument
from maestro.db.tables.enums import DocumentKind
from maestro.documents.latencies import BUCKETS
from maestro.filters import ValueType
from maestro.ids import Kind


def _of_usage(expression: Any) -> Any:
    return select(expression).where(DocumentUsage.document_id == PersistedDocument.id).scalar_subquery()


CLIENTS = (
    select(func.string_agg(DocumentClient.name + "@" + DocumentClient.version, " "))
    .where(DocumentClient.document_id == PersistedDocument.id)
    .scalar_subquery()
)

DOCUMENTS = Catalogue(
    table=PersistedDocument,
    document=func.to_tsvector("simple", func.coalesce(PersistedDocument.name, "")),
    fields={
        "id": Listed(ValueType.ID, "The document's id.", PersistedDocument.id, kind=Kind.PersistedDocument),
        "sha256": Listed(ValueType.STRING, "The SHA-256 of the text.", PersistedDocument.sha256),
        "name": Listed(ValueType.STRING, "The name of the operation.", PersistedDocument.name, is_nullable=True),
        "kind": Listed(ValueType.ENUM, "What the operation does.", PersistedDocument.kind, values=tuple(DocumentKind)),
        "clients": Listed(
            ValueType.STRING,
            "The clients that registered it, like `dashboard@1.2`, with spaces between.",
            func.coalesce(CLIENTS, ""),
        ),
        "isRetired": Listed(ValueType.BOOLEAN, "Whether it was retired.", PersistedDocument.retired_at.is_not(None)),
        "calls": Listed(
            # A sum of them is numeric in PostgreSQL, which no cursor holds.
            ValueType.INTEGER,
            "How often it was run.",
            func.coalesce(_of_usage(cast(func.sum(DocumentUsage.calls), BigInteger)), 0),
        ),
        "lastUsedAt": Listed(
            ValueType.DATETIME,
            "When it was last run.",
            _of_usage(func.max(DocumentUsage.last_used_at)),
            is_nullable=True,
        ),
        "createdAt": Listed(ValueType.DATETIME, "When it was registered first.", PersistedDocument.created_at),
        "retiredAt": Listed(ValueType.DATETIME, "When it was retired.", PersistedDocument.retired_at, is_nullable=True),
    },
)


class PersistedDocumentById(ById):
    """Documents by their id, retired ones too."""

    needs = Permission.DOCUMENT_READ
    table = PersistedDocument


class PersistedDocuments(ListLoader):
    """The organisation's documents, retired ones too."""

    needs = Permission.DOCUMENT_READ
    catalogue = DOCUMENTS


class ClientsByDocument(Grouped):
    """The versions of clients that have registered a document, each with the id under which it names it."""

    needs = Permission.DOCUMENT_READ
    table = DocumentClient
    key = "document_id"
    order = ("name", "version", "alias")


class ClientUsageByDocument(Grouped):
    """How each client uses a document; whoever has not registered it is one, the last."""

    needs = Permission.DOCUMENT_READ
    table = DocumentUsage
    key = "document_id"
    order = ("name", "version")

    @classmethod
    def query(cls) -> Any:
        """Return the statement: nobody in particular stands behind all that have a name."""
        query: Select[Any] = super().query()
        return query.order_by(None).order_by(DocumentUsage.name == "", DocumentUsage.name, DocumentUsage.version)


@dataclass(slots=True)
class UsageTotal:
    """The usage of a document by all clients together."""

    calls: int
    errors: int
    last_used_at: datetime | None
    latencies: list[int]
    cost_sum: int
    cost_max: int

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """Add rows up."""
        latencies = [sum(counts) for counts in zip([0] * BUCKETS, *(row.latencies for row in rows), strict=True)]
        return cls(
            calls=sum(row.calls for row in rows),
            errors=sum(row.errors for row in rows),
            last_used_at=max((row.last_used_at for row in rows), default=None),
            latencies=latencies,
            cost_sum=sum(row.cost_sum for row in rows),
            cost_max=max((row.cost_max for row in rows), default=0),
        )


class UsageByDocument(Loader[UUID, UsageTotal]):
    """How a document is used by all clients together."""

    needs = Permission.DOCUMENT_READ
    statement = Statement(
        select(*DocumentUsage.__table__.c).where(
            DocumentUsage.document_id == any_(KEYS), DocumentUsage.organization_id == ORGANIZATION
        )
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[UsageTotal | Exception]:
        """Return the total of each document, zeros where nobody has used it."""
        found: dict[UUID, list[Row]] = {key: [] for key in keys}
        for row in await self.rows(self.statement, keys=list(keys)):
            found[row.document_id].append(row)
        return [UsageTotal.of(found[key]) for key in keys]
