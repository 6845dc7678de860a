"""What operations of this schema cost, and which buckets they are charged to; logging has one of its own."""

from collections.abc import Mapping
from typing import Any, Final

from dataloaders.paging import DEFAULT_SIZE, MAX_SIZE
from execution.cost import Price, Sizes
from execution.limits import Excess
from execution.prepared import Prepared
from execution.pricing import priced
from execution.variables import variables_excess
from execution.weight import keys_of, objects_in
from maestro.rate_limits import Bucket

INGEST: Final = frozenset({"logBatch"})
"""A mutation of these fields alone is charged to `ingest` instead of `requests`, so that neither starves the other."""
ANSWER: Final = 10
"""So many objects an ingesting mutation may answer for each of its fields without paying their cost."""

BROWSED: Final = (
    *("objects", "schemas", "tables", "columns", "collections", "fields", "experiments", "preview"),
    *("warehouses", "vendorJobs", "vendorJob", "queryProfile", "queryPlan", "queryEstimate"),
    *("object", "container", "lifecycleRules", "accessPolicy", "containerSettings"),
)
"""Fields of a connector for which its vendor is asked."""

SIZES: Final = Sizes(
    page=DEFAULT_SIZE,
    longest=MAX_SIZE,
    known={
        "ComparedParam.values": 50,
        "Connector.collections": 100,
        "Connector.columns": 100,
        "Connector.experiments": 100,
        "Connector.fields": 100,
        "AccessPolicy.grants": 50,
        "ContainerSettings.storedPolicies": 5,
        "Connector.lifecycleRules": 50,
        "Connector.queryPlan": 50,
        "Connector.queryProfile": 50,
        "Connector.warehouses": 50,
        "ConnectorCheck.steps": 6,
        "Preview.columns": 50,
        "QueryResult.columns": 50,
        "Experiment.aggregates": 1_000,
        "Experiment.metricKeys": 50,
        "FilterVocabulary.fields": 50,
        "JobUpdate.events": 50,
        "LineageGraph.edges": 5_000,
        "LineageGraph.nodes": 500,
        "Project.metricKeys": 50,
        "Query.completeFilter": 20,
        "Run.metricSummaries": 50,
        "Run.params": 50,
        "Run.series": 50,
        "RunComparison.metrics": 200,
        "RunComparison.params": 200,
    },
    # A count goes through the whole list, a verification through the whole log, an explanation through a document;
    # another server is asked for what a connector leads to.
    dear={
        "__schema": 100,
        "__type": 100,
        "totalCount": 50,
        "explainOperation": 50,
        "verifyAuditLog": 1_000,
        **{f"Connector.{name}": 200 for name in BROWSED},
        "testConnector": 500,
        "runQuery": 500,
        "runAggregation": 500,
        "administerConnector": 500,
    },
)
"""How long lists are whose length no argument tells, the most where it is fixed, else what is usual; and what is dear.

Both are in objects, as all costs are.
"""


def price_of(prepared: Prepared, operation_name: str | None) -> Price:
    """Price an operation of a valid document; RecursionError when it is nested too deeply to be run."""
    if prepared.document is None:
        raise ValueError("a document that cannot be parsed has no price")
    document = prepared.document
    return prepared.fact(
        ("price", operation_name), lambda: priced(prepared.schema, document, operation_name, sizes=SIZES)
    )


def weight_of(prepared: Prepared, data: Mapping[str, Any]) -> int:
    """Return what an answer would have cost if that had been known beforehand."""
    if prepared.document is None:
        return 1
    document = prepared.document
    return objects_in(data, prepared.fact("keys", lambda: keys_of(document, SIZES.dear)))


def unreadable(prepared: Prepared, operation_name: str | None, variables: Mapping[str, Any]) -> Excess | None:
    """Return what variables hold too much of to be read; batches that are logged may hold more."""
    operation = prepared.operation(operation_name)
    if operation is None or not variables:
        return None
    is_logging = logged_by(price_of(prepared, operation_name)) > 0
    return variables_excess(prepared.schema, operation, variables, are_counted=not is_logging)


def amounts(price: Price, cost: int) -> dict[Bucket, int]:
    """Return what an operation is charged that costs so many objects with its variables."""
    logged = logged_by(price)
    if not logged:
        return {Bucket.REQUESTS: 1, Bucket.COST: cost}
    if cost <= 1 + ANSWER * logged:
        return {Bucket.INGEST: logged}
    return {Bucket.INGEST: logged, Bucket.COST: cost}


def logged_by(price: Price) -> int:
    """Return how many batches a mutation logs, 0 when it does anything else."""
    names = [name for name in price.fields.values() if not name.startswith("__")]
    return len(names) if INGEST.issuperset(names) else 0
