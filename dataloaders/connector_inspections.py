"""Loaders of what only some vendors tell, which is asked for whenever it is selected."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import orjson

from dataloaders.connector_browsing import found_object
from dataloaders.connector_finds import FoundObject, checked
from dataloaders.errands import ErrandLoader
from maestro.errands import ErrandKind

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class JobsAsked:
    """The jobs that began last, since a moment if one is given."""

    since: datetime | None
    first: int


@dataclass(frozen=True, slots=True)
class StatementAsked:
    """A statement, with its parameters as a text of JSON."""

    statement: str
    parameters: str = "[]"


@dataclass(frozen=True, slots=True)
class FoundWarehouse:
    """What computes for Snowflake."""

    name: str
    size: str
    state: str
    running_count: int
    queued_count: int
    auto_suspend_seconds: int | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class FoundJob:
    """A statement or another job that a vendor has run or runs."""

    external_id: str
    job_kind: str
    state: str
    statement: str | None
    user: str | None
    started_at: datetime | None
    elapsed_seconds: float | None
    scanned_bytes: int | None
    billed_bytes: int | None
    slot_seconds: float | None
    row_count: int | None
    warehouse: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class FoundStep:
    """An operator of a plan, or of a statement that has run."""

    number: int
    operation: str
    parents: list[int]
    share: float | None
    rows_in: int | None
    rows_out: int | None
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundEstimate:
    """What a statement would read."""

    statement_kind: str
    scanned_bytes: int


@dataclass(frozen=True, slots=True)
class FoundContainer:
    """A bucket, a container or a folder."""

    name: str
    exists: bool
    is_versioned: bool | None
    tiers: list[str]


@dataclass(frozen=True, slots=True)
class FoundRule:
    """What a vendor does by itself with objects by their age."""

    rule_id: str
    prefix: str
    expire_days: int | None
    expire_noncurrent_days: int | None
    abort_uploads_days: int | None
    tier: str | None
    tier_days: int | None
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class FoundGrant:
    """A role that members have."""

    role: str
    members: list[str]
    condition: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class FoundPolicy:
    """Who may do what with a bucket."""

    etag: str | None
    grants: list[FoundGrant]


class InspectionLoader(ErrandLoader[R], Generic[R]):
    """Answers of one kind of inspection."""

    kind = ErrandKind.INSPECT
    what: ClassVar[str]

    def arguments(self, asked: Any) -> Mapping[str, Any]:
        """Return what is asked for."""
        return {"what": self.what, **self.details(asked)}

    def details(self, asked: Any) -> Mapping[str, Any]:  # noqa: ARG002 -- most take nothing
        """Return what else the errand is told; nothing unless a loader says otherwise."""
        return {}


class WarehousesByConnector(InspectionLoader[list[FoundWarehouse]]):
    """The warehouses of an account."""

    what = "warehouses"

    def made(self, answer: Mapping[str, Any]) -> list[FoundWarehouse]:
        """Return warehouses."""
        return [FoundWarehouse(*one.values()) for one in answer["answer"]]


class JobsByConnector(InspectionLoader[list[FoundJob]]):
    """What ran last."""

    what = "jobs"

    def details(self, asked: JobsAsked) -> Mapping[str, Any]:
        """Return since when, and how many."""
        return {"since": None if asked.since is None else asked.since.isoformat(), "first": asked.first}

    def made(self, answer: Mapping[str, Any]) -> list[FoundJob]:
        """Return jobs."""
        return [_job(one) for one in answer["answer"]]


class JobByConnector(InspectionLoader[FoundJob]):
    """One job."""

    what = "job"

    def details(self, asked: str) -> Mapping[str, Any]:
        """Return its id."""
        return {"id": checked(asked, "id")}

    def made(self, answer: Mapping[str, Any]) -> FoundJob:
        """Return the job."""
        return _job(answer["answer"])


class ProfileByConnector(InspectionLoader[list[FoundStep]]):
    """The operators of a statement that has run."""

    what = "profile"

    def details(self, asked: str) -> Mapping[str, Any]:
        """Return its id."""
        return {"id": checked(asked, "queryId")}

    def made(self, answer: Mapping[str, Any]) -> list[FoundStep]:
        """Return operators."""
        return [FoundStep(*one.values()) for one in answer["answer"]]


class PlanByConnector(InspectionLoader[list[FoundStep]]):
    """The operators of a statement that would run."""

    what = "plan"

    def details(self, asked: StatementAsked) -> Mapping[str, Any]:
        """Return the statement."""
        return {"statement": asked.statement, "parameters": orjson.loads(asked.parameters)}

    def made(self, answer: Mapping[str, Any]) -> list[FoundStep]:
        """Return operators."""
        return [FoundStep(*one.values()) for one in answer["answer"]]


class EstimateByConnector(InspectionLoader[FoundEstimate]):
    """What a statement would read."""

    what = "estimate"

    def details(self, asked: StatementAsked) -> Mapping[str, Any]:
        """Return the statement."""
        return {"statement": asked.statement}

    def made(self, answer: Mapping[str, Any]) -> FoundEstimate:
        """Return the estimate."""
        return FoundEstimate(*answer["answer"].values())


class ObjectByConnector(InspectionLoader[FoundObject]):
    """One object."""

    what = "object"

    def details(self, asked: str) -> Mapping[str, Any]:
        """Return its key."""
        return {"key": checked(asked, "key")}

    def made(self, answer: Mapping[str, Any]) -> FoundObject:
        """Return the object."""
        return found_object(answer["answer"])


class ContainerByConnector(InspectionLoader[FoundContainer]):
    """What a store lies in."""

    what = "container"

    def made(self, answer: Mapping[str, Any]) -> FoundContainer:
        """Return the container."""
        return FoundContainer(**answer["answer"])


class RulesByConnector(InspectionLoader[list[FoundRule]]):
    """The lifecycle rules of a bucket."""

    what = "rules"

    def made(self, answer: Mapping[str, Any]) -> list[FoundRule]:
        """Return rules."""
        return [FoundRule(*one.values()) for one in answer["answer"]]


class PolicyByConnector(InspectionLoader[FoundPolicy]):
    """Who may do what with a bucket."""

    what = "policy"

    def made(self, answer: Mapping[str, Any]) -> FoundPolicy:
        """Return the policy."""
        told = answer["answer"]
        return FoundPolicy(told["etag"], [FoundGrant(**one) for one in told["grants"]])


def _job(told: Mapping[str, Any]) -> FoundJob:
    since = told["started_at"]
    started_at = None if since is None else datetime.fromisoformat(since)
    return FoundJob(*{**told, "started_at": started_at}.values())
