"""The audit log in the schema."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.audit
from dataloaders.audit import AUDIT, AuditEntryById, AuditLog
from dataloaders.organizations import ApiKeyNameById
from dataloaders.users import ActorById
from execution.declare import column, computed, one, page, value
from maestro.access import Permission
from maestro.ids import Kind, encode
from ops.audit import Flaw, Verdict
from schema.connections import Connection
from schema.enums import described
from schema.filtering import (
    BooleanCondition,
    DateTimeCondition,
    IdCondition,
    NumberCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.guards import query
from schema.list_arguments import list_arguments
from schema.nodes import ActorReference, Node, RowBacked, by_id, node_of
from schema.scalars import BigInt

described(
    Flaw,
    "What has been done to an audit log.",
    {
        "CHANGED": "An entry does not fit its hash.",
        "REMOVED": "An entry is missing, or what stands in its place does not follow the one before.",
        "REORDERED": "Another entry stands in the place of one.",
        "TRUNCATED": "The log does not end where its head, or the one that was expected, says.",
        "REWRITTEN": "The log fits itself, and is not the one whose head was expected.",
    },
)


@strawberry.type(description="Something that was done or refused; an entry of the audit log is never changed.")
class AuditEntry(Node, kind=Kind.AuditEntry):
    """An entry's row."""

    seq: BigInt = column("Its number in the organisation's log, from 1 on without a gap.")
    at: datetime = column("When it happened.")
    actor: ActorReference | None = one(
        ActorById, key="actor_id", description="Who did it; null where nobody was known, or they are gone."
    )
    api_key_name: str | None = value(
        ApiKeyNameById, key="api_key_id", description="The name of the API key that they used; null without one."
    )
    address: str | None = column("The network address that they came from.")
    operation: str = column("What was asked for: a mutation like `updateProject`, a sign-in, an export.")
    operation_name: str | None = column("What the client calls the operation that it was part of.")
    target_type: str | None = column("The type of what it was about, like `Project`.")
    is_allowed: bool = column("Whether it was done; what was refused has changed nothing.")
    code: str | None = column("The error code of what was refused; null for what was done.")
    reason: str | None = column("Why it was refused, or what there is to say of it.")
    before: JSON | None = column("What was changed as it was before, secrets left out.")
    after: JSON | None = column("What was changed as it was afterwards, secrets left out.")

    @computed("actor_label", description="How they were known then: an e-mail address, or a name.")
    def actor_name(self) -> str:
        """Return the label."""
        return str(self.row.actor_label)

    @computed("api_key_id", description="The id of the API key that they used; null without one.")
    def api_key_id(self) -> strawberry.ID | None:
        """Return the global id of the key."""
        return _id(Kind.ApiKey, self.row.api_key_id)

    @computed("session_id", description="The id of the session that they used; null without one.")
    def session_id(self) -> strawberry.ID | None:
        """Return the global id of the session."""
        return _id(Kind.Session, self.row.session_id)

    @computed("target_type", "target_id", description="The id of what it was about, be it there or gone.")
    def target_id(self) -> strawberry.ID | None:
        """Return the global id of the target."""
        found = resolvers.audit.target_id(self.row)
        return None if found is None else strawberry.ID(found)

    @computed("hash", description="Its SHA-256 over its content and the hash before it, in hexadecimal.")
    def hash(self) -> str:
        """Return the hash as text."""
        return str(self.row.hash.hex())

    @computed("prev_hash", description="The hash of the entry before it; empty for the first one.")
    def prev_hash(self) -> str:
        """Return the hash as text."""
        return str(self.row.prev_hash.hex())

    # Two columns say what it is about, and of which kind: hence no edge.
    @strawberry.field(description="What it was about; null when that is gone, or not for the viewer.")
    async def target(self, info: Info[Any, Any]) -> Node | None:
        """Look it up; the targets of a page cost one statement a kind."""
        found = await resolvers.audit.target(info.context, self.row)
        return None if found is None else node_of(*found)


@strawberry.type(description="What the verification of an audit log has found.")
class AuditVerdict(RowBacked):
    """A verdict."""

    row: strawberry.Private[Verdict]
    is_intact: bool = column("Whether every entry is as it was written.")
    flaw: Flaw | None = column("What has been done to the log; null when it is intact.")
    message: str = column("The verdict as a sentence.")
    seq: BigInt | None = column("The number of the first entry that is not in order; null when all are.")

    @computed("entry_id", description="The id of the row that gave it away, if there is one.")
    def entry_id(self) -> strawberry.ID | None:
        """Return the global id of the entry."""
        return _id(Kind.AuditEntry, self.row.entry_id)

    @computed("head", description="The last entry that is proved good, as `number:hash`. Keep it outside the database.")
    def head(self) -> str:
        """Return the head as text."""
        return str(self.row.head)

    @computed("head", description="How many entries are proved good.")
    def entries(self) -> BigInt:
        """Return the number of the last good entry."""
        return BigInt(self.row.head.seq)


@filter_input("Which entries; all members that are given must hold.")
class AuditFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    seq: NumberCondition | None = condition("By number.")
    at: DateTimeCondition | None = condition("By when it happened.")
    actor: IdCondition | None = condition("By the person or service account.")
    actor_name: StringCondition | None = condition("By how they were known then.")
    api_key: IdCondition | None = condition("By the API key.")
    session: IdCondition | None = condition("By the session.")
    address: StringCondition | None = condition("By the network address.")
    operation: StringCondition | None = condition("By what was asked for, like `updateProject`.")
    operation_name: StringCondition | None = condition("By what the client calls the operation.")
    target: IdCondition | None = condition("By what it was about.")
    target_type: StringCondition | None = condition("By the type of what it was about.")
    is_allowed: BooleanCondition | None = condition("By whether it was done.")
    code: StringCondition | None = condition("By the error code of what was refused.")
    reason: StringCondition | None = condition("By why it was refused.")
    text: str | None = condition("By words of the actor, the operation and the reason; the last may be unfinished.")


audit_page = list_arguments(AUDIT, AuditFilter, sort_input("AuditSort", AUDIT), noun="entries")


@strawberry.type
class AuditQueries:
    """Root fields."""

    audit_entry: AuditEntry | None = one(
        AuditEntryById, key=None, arguments=by_id(Kind.AuditEntry), description="An entry of the audit log by its id."
    )
    audit_log: Connection[AuditEntry] = page(
        AuditLog,
        key=None,
        arguments=audit_page,
        description="What was done in the organisation, and what was refused; the newest first unless told.",
    )

    @query(
        Permission.AUDIT_READ,
        description="Compute the hashes of the whole audit log anew and compare them with those that are stored.",
    )
    async def verify_audit_log(
        self,
        info: Info[Any, Any],
        expected_head: Annotated[
            str | None,
            strawberry.argument(
                description="The head of an earlier verification: finds a log that was cut off or written anew since."
            ),
        ] = None,
    ) -> AuditVerdict:
        """Verify."""
        return AuditVerdict(row=await resolvers.audit.verify(info.context, expected_head))


def _id(kind: Kind, key: Any) -> strawberry.ID | None:
    return None if key is None else strawberry.ID(encode(kind, key))
