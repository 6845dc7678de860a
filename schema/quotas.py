"""Quotas in the schema: what an organisation may hold at most, set by whoever may."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.quotas
from dataloaders.quotas import Quota, QuotaStanding, QuotaState
from execution.declare import column
from maestro.access import Permission
from maestro.ids import Kind
from schema.connections import given
from schema.enums import described
from schema.guards import mutation
from schema.nodes import RowBacked, node_of
from schema.scalars import BigInt

if TYPE_CHECKING:
    from schema.organizations import Organization

# Names as a client writes them; the quotas of an organisation are kept under those of the fields below.
described(
    Quota,
    "What an organisation may hold at most.",
    {
        "RUNS": "Runs in use; those in the trash do not count.",
        "POINTS_PER_DAY": "Metric points that are logged on one day, UTC.",
        "STORAGE_BYTES": "Bytes of the stored files; the same bytes count once.",
    },
)
described(
    QuotaState,
    "How near a quota is.",
    {
        "OK": "Less than 80 % are used.",
        "WARNING": "80 % or more are used.",
        "EXCEEDED": "All is used: what would take more is refused.",
    },
)


@strawberry.type(description="A quota that is set, and how much of it is used.")
class QuotaUsage(RowBacked):
    """A quota's standing in place of a row."""

    row: strawberry.Private[QuotaStanding]

    name: Quota = column("What is limited.")
    limit: BigInt = column("The most.")
    used: BigInt = column("How much is used now.")
    ratio: float = column("The part that is used: 1 when all of it is.")
    state: QuotaState = column("How near it is.")


@strawberry.input(description="Quotas to set; what is left out stays as it is, and null removes a quota.")
class SetQuotasInput:
    """Quotas by their names."""

    runs: BigInt | None = strawberry.field(default=UNSET, description="The most runs in use.")
    points_per_day: BigInt | None = strawberry.field(
        default=UNSET, description="The most metric points that are logged on one day, UTC."
    )
    storage_bytes: BigInt | None = strawberry.field(
        default=UNSET, description="The most bytes of stored files; the same bytes count once."
    )


@strawberry.type
class QuotaMutations:
    """Root fields."""

    @mutation(
        Permission.QUOTA_MANAGE,
        description="Set what the organisation in which the request acts may hold at most, or lift a limit.",
    )
    async def set_quotas(
        self, info: Info[Any, Any], input: Annotated[SetQuotasInput, strawberry.argument(description="The quotas.")]
    ) -> Annotated["Organization", strawberry.lazy("schema.organizations")]:
        """Set."""
        names = {"runs": Quota.RUNS, "points_per_day": Quota.POINTS_PER_DAY, "storage_bytes": Quota.STORAGE_BYTES}
        changes = {names[field].value: value for field, value in given(input).items()}
        row = await resolvers.quotas.set_quotas(info.context, changes)
        return node_of(Kind.Organization, row)  # type: ignore[return-value] # it is the type of this kind
