"""Families of GraphQL operations, whatever transport they come by."""

from typing import Final

from maestro.telemetry.names import MOST_REGISTERED, MOST_SENT
from maestro.telemetry.values import BYTES, SECONDS, Counter, Gauge, Histogram

_NAMES: Final = MOST_REGISTERED + MOST_SENT + 2

OPERATIONS: Final = Counter(
    "graphql_operations_total",
    "Operations that were answered, by the name of the operation and what came of it: `data`, `partial` for data with "
    "errors, `error`, `cancelled` for those whose client has gone.",
    ["operation", "outcome"],
    most=4 * _NAMES,
)
DURATION: Final = Histogram(
    "graphql_operation_duration_seconds",
    "Time from the reading of a request to its answer, by the name of the operation; of subscriptions that of none.",
    ["operation"],
    bounds=SECONDS,
    most=_NAMES,
)
IN_FLIGHT: Final = Gauge("graphql_operations_in_flight", "Queries and mutations that are being answered.")
ANSWER_BYTES: Final = Histogram(
    "graphql_answer_bytes", "Size of the bodies of answers over HTTP, before compression.", bounds=BYTES
)
COST: Final = Histogram(
    "graphql_operation_cost_objects",
    "What operations were charged: the objects that they could answer with.",
    bounds=(1, 10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000, 100_000),
)
ACTUAL: Final = Counter("graphql_answered_objects_total", "Objects that answers to operations have held.")
PATHS: Final = Counter(
    "graphql_executions_total",
    "Operations by the way on which they were answered: `kept_answer`, `known_document` that was prepared before, or "
    "`new_document`.",
    ["path"],
)
DOCUMENTS: Final = Counter(
    "graphql_documents_total",
    "Operations by how their document was named: `text`, `automatic` by its hash, or `registered`.",
    ["kind"],
)
REFUSALS: Final = Counter(
    "graphql_refusals_total",
    "Operations that were refused before anything of them ran, by the code of the first error and the measure that was "
    "too large, empty where it is about none.",
    ["code", "measure"],
)
ERRORS: Final = Counter("graphql_errors_total", "Errors in answers, by their code.", ["code"])
ROOT_FIELDS: Final = Counter(
    "graphql_root_fields_total",
    "Fields at the root of operations that were charged, by the type and the field; as often as they were asked for.",
    ["type", "field"],
    most=500,
)
ROOT_COST: Final = Counter(
    "graphql_root_field_cost_objects_total",
    "What operations were charged, in objects, shared out evenly between the fields at their root.",
    ["type", "field"],
    most=500,
)
EVENTS: Final = Counter(
    "graphql_subscription_events_total", "Answers that were sent to subscriptions, by transport.", ["transport"]
)
