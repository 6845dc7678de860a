"""Registered documents in the schema."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.persisted_documents
from dataloaders.persisted_documents import (
    DOCUMENTS,
    ClientsByDocument,
    ClientUsageByDocument,
    PersistedDocumentById,
    PersistedDocuments,
    UsageByDocument,
)
from dataloaders.users import ActorById
from execution.declare import column, computed, many, one, page
from execution.stored import checked
from maestro.access import Permission
from maestro.db.tables.enums import DocumentKind
from maestro.documents.ids import sha256_of
from maestro.documents.latencies import quantile_ms
from maestro.documents.manifests import Entry, Manifest, Refusal, manifest_from, manifest_of
from maestro.errors import InvalidInput
from maestro.ids import Kind, uuid_of
from resolvers.persisted_documents import Candidate, Registering, Registration
from schema.connections import Connection, given
from schema.filtering import (
    BooleanCondition,
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    NumberCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.guarding import OPERATIONS
from schema.guards import mutation
from schema.list_arguments import list_arguments
from schema.nodes import ActorReference, Node, RowBacked, by_id
from schema.scalars import BigInt

DocumentId = Annotated[strawberry.ID, strawberry.argument(description="The id of a PersistedDocument.")]


@strawberry.type(description="A version of a client that has registered a document.")
class DocumentClient(RowBacked):
    """A client's row."""

    row: strawberry.Private[Any]
    name: str = column("The name of the client.")
    version: str = column("Its version.")
    alias: str = column("The id by which its requests name the document.", name="documentId")
    created_at: datetime = column("When it was registered.", name="registeredAt")


@strawberry.type(description="How a document is used.")
class DocumentUsage(RowBacked):
    """Numbers of a row, or of several together."""

    row: strawberry.Private[Any]
    calls: BigInt = column("How often it was run.")
    errors: BigInt = column("How often the answer had errors.")
    last_used_at: datetime | None = column("When it was last run; null for never.")
    cost_max: BigInt = column("The most that it was charged, in objects.", name="maxCost")

    @computed(
        "latencies", description="The time that 95 % of the runs did not exceed, in milliseconds, 9 % off at most."
    )
    def p95_ms(self) -> float | None:
        """Look at the distribution."""
        return quantile_ms(self.row.latencies, 0.95)

    @computed("calls", "cost_sum", description="What it was charged on average, in objects; null for never.")
    def average_cost(self) -> float | None:
        """Divide."""
        return self.row.cost_sum / self.row.calls if self.row.calls else None


@strawberry.type(description="How a client uses a document.")
class ClientUsage(DocumentUsage):
    """A row of usage."""

    @computed("name", description="The client; null for clients that have not registered the document.")
    def client_name(self) -> str | None:
        """Return the name."""
        return self.row.name or None

    @computed("version", description="Its version; null for one that has not registered the document.")
    def client_version(self) -> str | None:
        """Return the version."""
        return self.row.version or None


@strawberry.type(description="A GraphQL document of one operation that clients name by an id instead of sending it.")
class PersistedDocument(Node, kind=Kind.PersistedDocument):
    """A document's row."""

    sha256: str = column("The SHA-256 of the text in hex, by which any client may name it.")
    text: str = column("The document.")
    name: str | None = column("The name of its operation.")
    created_at: datetime = column("When it was registered first.")
    created_by: ActorReference | None = one(ActorById, key="created_by_id", description="Who registered it first.")
    retired_at: datetime | None = column("When it was retired; null while it runs.")
    retired_by: ActorReference | None = one(
        ActorById, key="retired_by_id", description="Who retired it; null while it runs."
    )
    clients: list[DocumentClient] = many(ClientsByDocument, description="The clients that have registered it.")
    usage: DocumentUsage = one(UsageByDocument, key="id", description="How it is used by all clients together.")
    usage_by_client: list[ClientUsage] = many(ClientUsageByDocument, description="How each client uses it.")

    @computed("kind", name="kind", description="What its operation does.")
    def does(self) -> DocumentKind:
        """Return the column; `kind` is the kind of node in Python."""
        return DocumentKind(self.row.kind)

    @strawberry.field(
        description="What does not fit the present schema, so that it does not run; empty for a good one."
    )
    def problems(self) -> list[str]:
        """Compare it with the schema, unless it was when it was registered."""
        is_known = self.row.schema_sha256 == OPERATIONS.fingerprint
        return [] if is_known else list(checked(OPERATIONS, self.row.text).problems)


@filter_input("Which documents; all members that are given must hold.")
class PersistedDocumentFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    sha256: StringCondition | None = condition("By the hash.")
    name: StringCondition | None = condition("By the name of the operation.")
    kind: EnumCondition[DocumentKind] | None = condition("By what the operation does.")
    clients: StringCondition | None = condition("By the clients that registered them, like `dashboard@1.2`.")
    is_retired: BooleanCondition | None = condition("Those that were retired, or the others.")
    calls: NumberCondition | None = condition("By how often they were run.")
    last_used_at: DateTimeCondition | None = condition("By the last use.")
    created_at: DateTimeCondition | None = condition("By the time of the first registration.")
    retired_at: DateTimeCondition | None = condition("By when they were retired.")
    text: str | None = condition("By words of the name; the last may be unfinished.")


document_page = list_arguments(
    DOCUMENTS, PersistedDocumentFilter, sort_input("PersistedDocumentSort", DOCUMENTS), noun="documents"
)


@strawberry.type
class PersistedDocumentQueries:
    """Root fields."""

    persisted_document: PersistedDocument | None = one(
        PersistedDocumentById,
        key=None,
        arguments=by_id(Kind.PersistedDocument),
        description="A registered document by its id.",
    )
    persisted_documents: Connection[PersistedDocument] = page(
        PersistedDocuments, key=None, arguments=document_page, description="The organisation's registered documents."
    )


@strawberry.input(description="A version of a client.")
class DocumentClientInput:
    """Whose documents they are."""

    name: str = strawberry.field(description="The name that it sends in `apollographql-client-name`, without an @.")
    version: str = strawberry.field(description="The version that it sends in `apollographql-client-version`.")


@strawberry.input(description="A document to register.")
class DocumentInput:
    """One document."""

    text: str = strawberry.field(description="The document, exactly as the client would send it.")
    id: str | None = strawberry.field(
        default=UNSET, description="The id by which requests name it; the SHA-256 of the text unless given."
    )


@strawberry.input(description="The documents of a client: a manifest, or a list.")
class RegisterDocumentsInput:
    """What is registered together."""

    client: DocumentClientInput = strawberry.field(description="The client.")
    manifest: JSON | None = strawberry.field(
        default=UNSET, description="What GraphQL Code Generator, Apollo's generator or relay-compiler has written."
    )
    documents: list[DocumentInput] | None = strawberry.field(
        default=UNSET, description="Documents in the place of a manifest."
    )
    dry_run: bool = strawberry.field(default=False, description="Whether only to tell what would happen.")


@strawberry.type(description="What has become of a document.")
class RegisteredDocument:
    """One document."""

    id: str = strawberry.field(name="documentId", description="The id by which requests name it.")
    sha256: str = strawberry.field(description="The SHA-256 of the text, by which it can be named as well.")
    name: str | None = strawberry.field(description="The name of its operation.")
    kind: DocumentKind = strawberry.field(description="What its operation does.")
    is_new: bool = strawberry.field(description="Whether it was not known before.")
    document: PersistedDocument | None = strawberry.field(
        description="The document; null in a dry run for one that would be new."
    )


@strawberry.type(description="The documents that were registered.")
class DocumentsRegistered:
    """The good outcome."""

    documents: list[RegisteredDocument] = strawberry.field(description="Each document, in the order of the manifest.")


@strawberry.type
class PersistedDocumentMutations:
    """Root fields."""

    @mutation(
        Permission.DOCUMENT_WRITE,
        description="Register the documents of a version of a client, at most 2,000 at once: all of them, or none when "
        "one is refused. Each is compared with the schema. Registering again changes nothing.",
    )
    async def register_documents(
        self,
        info: Info[Any, Any],
        input: Annotated[RegisterDocumentsInput, strawberry.argument(description="The documents.")],
    ) -> DocumentsRegistered:
        """Register."""
        sent = given(input)
        client = resolvers.persisted_documents.client_of(sent["client"])
        registering = await _compared(_manifest(sent), is_dry_run=sent["dry_run"])
        done = await resolvers.persisted_documents.register(info.context, client, registering)
        return DocumentsRegistered(documents=[_registered(one) for one in done])

    @mutation(
        Permission.DOCUMENT_WRITE,
        description="Retire a document: it runs no more, at once and in every process. It is kept, with its usage.",
    )
    async def retire_document(self, info: Info[Any, Any], id: DocumentId) -> PersistedDocument:
        """Retire."""
        key = uuid_of(Kind.PersistedDocument, id)
        return PersistedDocument(row=await resolvers.persisted_documents.retire(info.context, key))

    @mutation(Permission.DOCUMENT_WRITE, description="Let a retired document run again.")
    async def restore_document(self, info: Info[Any, Any], id: DocumentId) -> PersistedDocument:
        """Restore."""
        key = uuid_of(Kind.PersistedDocument, id)
        return PersistedDocument(row=await resolvers.persisted_documents.restore(info.context, key))


def _manifest(sent: dict[str, Any]) -> Manifest:
    manifest, documents = sent.get("manifest"), sent.get("documents")
    if (manifest is None) is (documents is None):
        raise InvalidInput("Either a manifest or documents are wanted.", field="manifest")
    if documents is None:
        return manifest_of(manifest)
    return manifest_from(
        [(one.get("id") or sha256_of(one["text"]), one["text"]) for one in documents], field="documents"
    )


async def _compared(manifest: Manifest, *, is_dry_run: bool) -> Registering:
    """Compare each document with the schema; others are served meanwhile."""
    refused: list[Refusal] = list(manifest.refused)
    candidates: list[Candidate] = []
    for entry in manifest.entries.values():
        found = checked(OPERATIONS, entry.text)
        if found.problems or found.kind is None:
            refused.append(Refusal(entry.id, found.problems, found.name))
        else:
            candidates.append(Candidate(entry, found.name, found.kind))
        await asyncio.sleep(0)
    return Registering(candidates, refused, OPERATIONS.fingerprint, is_dry_run)


def _registered(done: Registration) -> RegisteredDocument:
    candidate: Candidate = done.candidate
    entry: Entry = candidate.entry
    return RegisteredDocument(
        id=entry.id,
        sha256=entry.sha256,
        name=candidate.name,
        kind=DocumentKind(candidate.kind),
        is_new=done.is_new,
        document=None if done.row is None else PersistedDocument(row=done.row),
    )
