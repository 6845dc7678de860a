"""Metrics: keys, one summary a series, recent points as rows and older ones as compressed blocks.

Points and blocks hold no foreign key: checking one for each of 20,000 points of a batch would cost more than storing
them. They are written in the transaction that writes their series and removed with it by the purge.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Tenant, one_of
from maestro.db.tables.enums import MetricDirection


class MetricKey(Identified, Tenant, Base):
    """A metric's name in a project, with its unit and the direction in which it gets better."""

    __tablename__ = "metric_key"
    __table_args__ = (
        one_of("direction", MetricDirection),
        Index("uq_metric_key_project_id_name", "project_id", "name", unique=True),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str]
    unit: Mapped[str | None]
    direction: Mapped[str] = mapped_column(server_default=MetricDirection.NONE)


class MetricSeries(Base):
    """What is known of one metric of one run in one context without reading a point.

    `context_hash` is 0 for the empty context, else 63 bits of the context's digest. Extremes and the sum are over
    finite values; they are null while there is none. When the last value is not finite `v_last` is null and
    `last_mark` tells which it is: PostgreSQL sorts NaN above every number, so a diverged run would lead each list of
    the best. `rewrites` counts how often points came that were not after all the others: between two readings of it,
    the points before the last step are the same.
    """

    __tablename__ = "metric_series"
    __table_args__ = (
        Index("uq_metric_series_run_id_key_id_context_hash", "run_id", "key_id", "context_hash", unique=True),
        # A key belongs to one project, so the project need not stand in the indexes.
        Index("ix_metric_series_last", "key_id", "v_last", "run_id"),
        Index("ix_metric_series_min", "key_id", "v_min", "run_id"),
        Index("ix_metric_series_max", "key_id", "v_max", "run_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID]
    project_id: Mapped[UUID]
    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    key_id: Mapped[UUID] = mapped_column(ForeignKey("metric_key.id", ondelete="CASCADE"))
    context_hash: Mapped[int] = mapped_column(server_default=text("0"))
    context: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    n: Mapped[int]
    nonfinite: Mapped[int]
    step_first: Mapped[int]
    step_last: Mapped[int]
    v_last: Mapped[float | None]
    last_mark: Mapped[str | None]
    v_min: Mapped[float | None]
    v_max: Mapped[float | None]
    step_min: Mapped[int | None]
    step_max: Mapped[int | None]
    v_sum: Mapped[float]
    rewrites: Mapped[int] = mapped_column(server_default=text("0"))


class MetricHot(Base):
    """A recent point, `t_ms` in milliseconds since 1970; a later one at the same step replaces it."""

    __tablename__ = "metric_hot"

    series_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID]
    t_ms: Mapped[int]
    value: Mapped[float]


class MetricBlock(Base):
    """Up to 4,096 points of one series, compressed; the header columns answer most questions without the blobs."""

    __tablename__ = "metric_block"

    series_id: Mapped[UUID] = mapped_column(primary_key=True)
    step0: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID]
    step1: Mapped[int]
    n: Mapped[int]
    t_min: Mapped[int]
    t_max: Mapped[int]
    v_min: Mapped[float | None]
    v_max: Mapped[float | None]
    step_min: Mapped[int | None]
    step_max: Mapped[int | None]
    v_sum: Mapped[float]
    v_first: Mapped[float]
    v_last: Mapped[float]
    nonfinite: Mapped[int]
    codec: Mapped[int] = mapped_column(SmallInteger)
    bins: Mapped[bytes]
    data: Mapped[bytes]


class IngestBatch(Base):
    """A batch of points that has been stored: a writer that sends it again changes nothing."""

    __tablename__ = "ingest_batch"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    writer_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID]
    n: Mapped[int]
    content_hash: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PointsByDay(Base):
    """How many points an organisation has logged on a day (UTC): what its quota is compared with."""

    __tablename__ = "points_by_day"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    n: Mapped[int]
