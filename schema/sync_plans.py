"""Plans of syncs in the schema, with the objects that are not the same at both ends."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from dataloaders.jobs import JobById
from dataloaders.lists import Listing, PageRequest
from dataloaders.paging import window
from dataloaders.syncs import SYNC_ITEMS, SYNC_PLANS, ConnectorIfSeen, SyncItemsByPlan
from execution.declare import column, computed, one, page
from maestro.db.tables.enums import PlanState, SyncAction, SyncItemState
from maestro.filters import from_input
from maestro.ids import Kind
from maestro.sync_ends import options_of
from maestro.sync_options import SyncCompare, SyncConflictPolicy, refusal
from schema import sync_enums as sync_enums
from schema.connections import After, Before, Connection, First, Last
from schema.filtering import DateTimeCondition, EnumCondition, IdCondition, condition, filter_input, sort_input
from schema.jobs import Job
from schema.list_arguments import list_arguments
from schema.nodes import Owned, RowBacked
from schema.scalars import BigInt

if TYPE_CHECKING:
    from schema.connectors import Connector

SyncPlanId = Annotated[strawberry.ID, strawberry.argument(description="The id of a SyncPlan.")]
ConnectorReference = Annotated["Connector", strawberry.lazy("schema.connectors")]
UNSEEN = "null where the viewer sees nothing."


@strawberry.type(description="How many objects something concerns.")
class SyncShare:
    """A part of a summary."""

    count: BigInt = strawberry.field(description="How many objects.")
    bytes: BigInt = strawberry.field(description="Of how many bytes together.")
    samples: list[str] = strawberry.field(description="The keys of the first ones, ten at most.")


@strawberry.type(description="What a sync would do.")
class SyncSummary:
    """A plan's summary."""

    add: SyncShare = strawberry.field(description="Objects that the target has not.")
    update: SyncShare = strawberry.field(description="Objects that are other ones in the target.")
    remove: SyncShare = strawberry.field(description="Objects of the target that the source has not, and that go.")
    conflict: SyncShare = strawberry.field(
        description="Objects that were changed later in the target, and are left as they are."
    )
    unchanged: SyncShare = strawberry.field(description="Objects that are the same at both ends.")
    left_out: SyncShare = strawberry.field(
        description="Objects of the source whose names the target cannot hold; their bytes are not counted."
    )
    overwrites: BigInt = strawberry.field(
        description="How many of the updates replace what was changed later in the target."
    )
    target_count: BigInt = strawberry.field(description="How many objects the target has that are meant.")
    target_free_bytes: BigInt | None = strawberry.field(
        description="How many bytes the target had room for; null where nobody knows. A sync that needs more ends "
        "before it copies anything."
    )


@strawberry.type(description="What a sync is told to do.")
class SyncOptions:
    """A plan's options."""

    source_prefix: str = strawberry.field(description="The folder of the source; empty for all of the store.")
    target_prefix: str = strawberry.field(description="The folder of the target; empty for all of the store.")
    include: list[str] = strawberry.field(description="Patterns of what is meant; empty for everything.")
    exclude: list[str] = strawberry.field(description="Patterns of what is not meant.")
    compare: SyncCompare = strawberry.field(description="How objects are compared.")
    on_conflict: SyncConflictPolicy = strawberry.field(description="What happens to what was changed in the target.")
    delete: bool = strawberry.field(description="Whether objects of the target go that the source has not.")
    max_delete_fraction: float = strawberry.field(description="Which part of the target may go at most.")
    max_deletes: int | None = strawberry.field(description="How many objects may go at most; null for any number.")
    verify: bool = strawberry.field(description="Whether both ends are compared once more at the end.")
    bytes_per_second: BigInt | None = strawberry.field(description="How much may be moved a second; null for any.")
    concurrency: int = strawberry.field(description="How many objects are on their way at a time.")


@strawberry.type(description="Why something was not done with an object.")
class SyncItemError:
    """An item's error."""

    code: str = strawberry.field(description="The stable code of the error.")
    message: str = strawberry.field(description="What is wrong, for people.")
    hint: str | None = strawberry.field(description="What to do about it.")
    vendor_code: str | None = strawberry.field(description="The vendor's own word for it.")
    request_id: str | None = strawberry.field(description="The vendor's id of the request.")


@strawberry.type(description="An object of a plan, and how far the sync has come with it.")
class SyncItem(RowBacked):
    """An item's row."""

    row: strawberry.Private[Any]
    key: str = column("Its key, below the folders of both ends.")
    action: SyncAction = column("What is done with it.")
    size_bytes: BigInt = column("Its size in bytes; that of what goes, for a removal.")
    state: SyncItemState = column("How far the sync has come with it.")
    attempts: int = column("In how many lives of the sync it was dealt with.")

    @computed("source", description="When it was stored in the source; null where it has none.")
    def source_modified_at(self) -> datetime | None:
        """Return it as it was when the plan was made."""
        return _moment(self.row.source)

    @computed("target", description="When it was stored in the target; null where there was none.")
    def target_modified_at(self) -> datetime | None:
        """Return it as it was when the plan was made."""
        return _moment(self.row.target)

    @computed("error", description="Why it was not done; null when it was, or is still to be.")
    def error(self) -> SyncItemError | None:
        """Return the error."""
        told = self.row.error
        if told is None:
            return None
        return SyncItemError(
            code=told["code"],
            message=told["message"],
            hint=told.get("hint"),
            vendor_code=told.get("vendorCode"),
            request_id=told.get("requestId"),
        )


def items_page() -> Callable[..., PageRequest]:
    """Make the function that declares and reads the arguments of a plan's objects."""

    def arguments(
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        *,
        action: Annotated[
            SyncAction | None, strawberry.argument(description="Only those with which this is done.")
        ] = None,
        state: Annotated[
            SyncItemState | None, strawberry.argument(description="Only those with which the sync is so far.")
        ] = None,
    ) -> PageRequest:
        return PageRequest(_items(action=action, state=state), window(first, after, last=last, before=before))

    return arguments


def failures_page() -> Callable[..., PageRequest]:
    """Make the function that declares and reads the arguments of what a sync could not do."""

    def arguments(first: First = None, after: After = None, last: Last = None, before: Before = None) -> PageRequest:
        return PageRequest(_items(state=SyncItemState.FAILED), window(first, after, last=last, before=before))

    return arguments


@strawberry.type(description="What a sync between two stores would do; it can be started for a day.")
class SyncPlan(Owned, kind=Kind.SyncPlan):
    """A plan's row."""

    state: PlanState = column("What has become of it.")
    error_message: str | None = column("Why it could not be made; null when it could.")
    ready_at: datetime | None = column("When it was ready; null before.")
    expires_at: datetime | None = column("Until when it can be started; null before it is ready.")
    source: ConnectorReference | None = one(
        ConnectorIfSeen, key="source_id", description=f"The connector that is read; {UNSEEN}"
    )
    target: ConnectorReference | None = one(
        ConnectorIfSeen,
        key="target_id",
        description="The connector that is filled; null where the viewer sees nothing.",
    )
    job: Job | None = one(JobById, key="job_id", description="The job that compares.")
    items: Connection[SyncItem] = page(
        SyncItemsByPlan, arguments=items_page(), description="The objects that are not the same, by their keys."
    )

    @computed("options", description="What was asked for.")
    def options(self) -> SyncOptions:
        """Return the options."""
        known = options_of(self.row).model_dump()
        known.pop("override_delete_guard")
        return SyncOptions(**{**known, "include": list(known["include"]), "exclude": list(known["exclude"])})

    @computed("summary", description="What it would do; null before it is ready.")
    def summary(self) -> SyncSummary | None:
        """Return the summary."""
        told = self.row.summary
        if told is None:
            return None
        return SyncSummary(
            add=SyncShare(**told["add"]),
            update=SyncShare(**told["update"]),
            remove=SyncShare(**told["remove"]),
            conflict=SyncShare(**told["conflict"]),
            unchanged=SyncShare(**told["unchanged"]),
            left_out=SyncShare(**told["leftOut"]),
            overwrites=told["overwrites"],
            target_count=told["targetCount"],
            target_free_bytes=told.get("targetFreeBytes"),
        )

    @computed(
        "summary",
        "options",
        description="Why startSync refuses it unless that is overridden: it would remove too much. Null otherwise.",
    )
    def refusal(self) -> str | None:
        """Compare what goes with what may go."""
        return None if self.row.summary is None else refusal(self.row.summary, options_of(self.row))


@filter_input("Which plans of syncs; all members that are given must hold.")
class SyncPlanFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    state: EnumCondition[PlanState] | None = condition("By what has become of them.")
    source: IdCondition | None = condition("By the connector that is read.")
    target: IdCondition | None = condition("By the connector that is filled.")
    project: IdCondition | None = condition("By the project that the source serves.")
    created_at: DateTimeCondition | None = condition("By when they were asked for.")
    ready_at: DateTimeCondition | None = condition("By when they were ready.")
    expires_at: DateTimeCondition | None = condition("By until when they can be started.")
    text: str | None = condition("By words of the error; the last may be unfinished.")


sync_plan_page = list_arguments(
    SYNC_PLANS, SyncPlanFilter, sort_input("SyncPlanSort", SYNC_PLANS), noun="plans of syncs"
)


def _items(*, action: SyncAction | None = None, state: SyncItemState | None = None) -> Listing:
    wanted = {name: {"eq": one.value} for name, one in (("action", action), ("state", state)) if one is not None}
    return Listing(from_input(wanted, SYNC_ITEMS.vocabulary) if wanted else None)


def _moment(known: Mapping[str, Any] | None) -> datetime | None:
    return None if known is None or "modifiedAt" not in known else datetime.fromisoformat(known["modifiedAt"])
