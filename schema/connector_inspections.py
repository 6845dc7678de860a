"""What only some vendors tell of connectors, in the schema: warehouses, what ran there, buckets and their rules."""

from datetime import datetime
from typing import Annotated, Final

import orjson
import strawberry
from strawberry.scalars import JSON

from dataloaders.connector_finds import LARGEST_PAGE
from dataloaders.connector_inspections import (
    ContainerByConnector,
    EstimateByConnector,
    FoundContainer,
    FoundEstimate,
    FoundGrant,
    FoundJob,
    FoundPolicy,
    FoundRule,
    FoundStep,
    FoundWarehouse,
    JobByConnector,
    JobsAsked,
    JobsByConnector,
    ObjectByConnector,
    PlanByConnector,
    PolicyByConnector,
    ProfileByConnector,
    RulesByConnector,
    StatementAsked,
    WarehousesByConnector,
)
from dataloaders.container_settings import SettingsByConnector
from execution.declare import column, many, one
from maestro.errors import InvalidInput
from maestro.storable import require_storable
from resolvers.connector_queries import LONGEST_STATEMENT
from schema.connector_finds import ConnectorObject
from schema.container_settings import ContainerSettings
from schema.nodes import RowBacked
from schema.scalars import BigInt

JOBS: Final = 100
Statement = Annotated[str, strawberry.argument(description="One statement in the vendor's SQL.")]


@strawberry.type(description="What computes for Snowflake; it costs while it has not been suspended.")
class ConnectorWarehouse(RowBacked):
    """A warehouse."""

    row: strawberry.Private[FoundWarehouse]
    name: str = column("Its name.")
    size: str = column("How much it computes at a time, in the vendor's word, like `X-Small`.")
    state: str = column("STARTED, SUSPENDED, or what leads from one to the other.")
    running_count: int = column("How many statements it runs.")
    queued_count: int = column("How many statements wait for it.")
    auto_suspend_seconds: int | None = column("It is suspended when it was idle for so long; null for never.")
    comment: str | None = column("What the vendor says of it.")


@strawberry.type(description="A statement or another job that the vendor has run or runs, for whoever asked.")
class VendorJob(RowBacked):
    """A job; what the vendor does not tell is null."""

    row: strawberry.Private[FoundJob]
    external_id: str = column("Its id there.")
    job_kind: str = column("SELECT, INSERT, LOAD and so on, in the vendor's words.", name="kind")
    state: str = column("PENDING, RUNNING, SUCCEEDED or FAILED; in the vendor's word where it is another.")
    statement: str | None = column("The statement.")
    user: str | None = column("Whom the vendor has it from.")
    started_at: datetime | None = column("When it began.")
    elapsed_seconds: float | None = column("How long it took.")
    scanned_bytes: BigInt | None = column("How many bytes it has read.")
    billed_bytes: BigInt | None = column("How many bytes are billed for it.")
    slot_seconds: float | None = column("How many seconds of BigQuery's slots it took.")
    row_count: BigInt | None = column("How many rows it has answered or changed.")
    warehouse: str | None = column("The warehouse of Snowflake that ran it.")
    error: str | None = column("By what it has failed.")


@strawberry.type(description="An operator of a plan, or of a statement that has run.")
class PlanStep(RowBacked):
    """An operator."""

    row: strawberry.Private[FoundStep]
    number: int = column("Its number in the plan.")
    operation: str = column("What it does, in the vendor's word.")
    parents: list[int] = column("The numbers of the operators that its rows go to.")
    share: float | None = column("Which part of the whole time it took, from 0 to 1; null for what has not run.")
    rows_in: BigInt | None = column("How many rows came in.")
    rows_out: BigInt | None = column("How many rows went out.")
    attributes: JSON = column("What else the vendor tells: tables, expressions, partitions.")


@strawberry.type(description="What a statement would read, as the vendor reckons; it has not run, and cost nothing.")
class QueryEstimate(RowBacked):
    """An estimate."""

    row: strawberry.Private[FoundEstimate]
    statement_kind: str = column("SELECT, INSERT and so on.", name="kind")
    scanned_bytes: BigInt = column("How many bytes would be read, and are billed where reading is.")


@strawberry.type(description="The bucket, container or folder that a store lies in.")
class ConnectorContainer(RowBacked):
    """A container."""

    row: strawberry.Private[FoundContainer]
    name: str = column("Its name, as the connector's settings have it.")
    exists: bool = column("Whether it is there.")
    is_versioned: bool | None = column(
        "Whether what is replaced or deleted is kept as a version; null where that cannot be told from here."
    )
    tiers: list[str] = column("The storage classes or access tiers that there are, from quick to slow.")


@strawberry.type(
    description="What the vendor does by itself, some days after objects whose keys begin with a text were stored."
)
class LifecycleRule(RowBacked):
    """A rule."""

    row: strawberry.Private[FoundRule]
    rule_id: str = column("Its name; of Google Cloud Storage, which has none, a number.", name="name")
    prefix: str = column("What the keys begin with, without the connector's prefix.")
    expire_days: int | None = column("After so many days an object is deleted.")
    expire_noncurrent_days: int | None = column("After so many days an earlier version is deleted.")
    abort_uploads_days: int | None = column("After so many days an upload that was begun is given up.")
    tier: str | None = column("The storage class that objects go to.")
    tier_days: int | None = column("After so many days they go there.")
    is_enabled: bool = column("Whether it is followed.")


@strawberry.type(description="A role that members have, in the vendor's words.")
class AccessGrant(RowBacked):
    """A grant."""

    row: strawberry.Private[FoundGrant]
    role: str = column("The role.")
    members: list[str] = column("Who has it.")
    condition: JSON | None = column("Under which condition; null for none.")


@strawberry.type(description="Who may do what with a bucket, as the vendor keeps it.")
class AccessPolicy:
    """A policy."""

    row: strawberry.Private[FoundPolicy]

    @strawberry.field(description="The vendor's mark of exactly these grants; whoever sets others tells it.")
    def etag(self) -> str | None:
        """Return the mark."""
        return self.row.etag

    @strawberry.field(description="All grants.")
    def grants(self) -> list[AccessGrant]:
        """Return the grants."""
        return [AccessGrant(row=one) for one in self.row.grants]


def _nothing() -> None:
    """Take no arguments."""


def _jobs(
    since: Annotated[datetime | None, strawberry.argument(description="Those that began since then.")] = None,
    first: Annotated[int, strawberry.argument(description="How many; at most 1,000.")] = JOBS,
) -> JobsAsked:
    if not 1 <= first <= LARGEST_PAGE:
        raise InvalidInput(f"first is from 1 to {LARGEST_PAGE:,}.", field="first", limit=LARGEST_PAGE)
    return JobsAsked(since, first)


def _job(id: Annotated[str, strawberry.argument(description="The vendor's id of it.")]) -> str:
    return id


def _profile(query_id: Annotated[str, strawberry.argument(description="The vendor's id of the statement.")]) -> str:
    return query_id


def _explained(
    statement: Statement,
    parameters: Annotated[
        list[JSON | None] | None, strawberry.argument(description="The values of its placeholders.")
    ] = None,
) -> StatementAsked:
    require_storable(parameters or [], field="parameters")
    return StatementAsked(_checked(statement), orjson.dumps(parameters or []).decode())


def _estimated(statement: Statement) -> StatementAsked:
    return StatementAsked(_checked(statement))


def _checked(statement: str) -> str:
    if not statement.strip() or len(statement) > LONGEST_STATEMENT:
        raise InvalidInput(
            f"A statement has from 1 to {LONGEST_STATEMENT:,} characters.", field="statement", limit=LONGEST_STATEMENT
        )
    return statement


def _key(key: Annotated[str, strawberry.argument(description="Its key, without the connector's prefix.")]) -> str:
    return key


@strawberry.type
class Inspectable:
    """Fields of a connector that only some vendors can answer; NOT_SUPPORTED at the field for the others."""

    warehouses: list[ConnectorWarehouse] | None = many(
        WarehousesByConnector, arguments=_nothing, description="The warehouses of Snowflake that can be seen, by name."
    )
    vendor_jobs: list[VendorJob] | None = many(
        JobsByConnector,
        arguments=_jobs,
        description="What began last in Snowflake or BigQuery, the latest first, whoever asked for it there: seven "
        "days of Snowflake, six months of BigQuery.",
    )
    vendor_job: VendorJob | None = one(
        JobByConnector, key="id", arguments=_job, description="A job of BigQuery as it is now."
    )
    query_profile: list[PlanStep] | None = many(
        ProfileByConnector,
        arguments=_profile,
        description="The operators of a statement that has run in Snowflake, with what each of them took.",
    )
    query_plan: list[PlanStep] | None = many(
        PlanByConnector, arguments=_explained, description="How Snowflake would run a statement, which it does not."
    )
    query_estimate: QueryEstimate | None = one(
        EstimateByConnector,
        key="id",
        arguments=_estimated,
        description="What BigQuery would read for a statement, whatever its parameters are.",
    )
    object: ConnectorObject | None = one(
        ObjectByConnector, key="id", arguments=_key, description="An object of the store with its metadata."
    )
    container: ConnectorContainer | None = one(
        ContainerByConnector,
        key="id",
        arguments=_nothing,
        description="The bucket, container or folder of the store.",
    )
    lifecycle_rules: list[LifecycleRule] | None = many(
        RulesByConnector,
        arguments=_nothing,
        description="The rules of S3 or Google Cloud Storage for what lies below the connector's prefix. What such "
        "rules can say besides is left out.",
    )
    access_policy: AccessPolicy | None = one(
        PolicyByConnector,
        key="id",
        arguments=_nothing,
        description="Who may do what with the bucket of Google Cloud Storage.",
    )
    container_settings: ContainerSettings | None = one(
        SettingsByConnector,
        key="id",
        arguments=_nothing,
        description="What is kept with the container of Azure, and how far it is open to others; only the account's "
        "key reads it.",
    )
