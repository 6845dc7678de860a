"""Families of what is kept of documents, fields and whole answers."""

from typing import Final

from maestro.telemetry.values import Counter, Gauge

OPERATION_HITS: Final = Counter("operation_cache_hits_total", "Documents that had been prepared before.")
OPERATION_MISSES: Final = Counter("operation_cache_misses_total", "Documents that had to be parsed and measured.")
OPERATION_EVICTIONS: Final = Counter("operation_cache_evictions_total", "Good documents that made room for others.")
OPERATION_ENTRIES: Final = Gauge("operation_cache_entries", "Documents that are kept: `good` or `other`.", ["kind"])
OPERATION_CHARACTERS: Final = Gauge("operation_cache_characters", "Length of the good documents that are kept.")

FIELD_HITS: Final = Counter(
    "field_cache_hits_total",
    "Questions for a field that were answered from `memory`, from `redis`, or by a `joined` reading under way.",
    ["field", "level"],
    most=900,
)
FIELD_MISSES: Final = Counter(
    "field_cache_misses_total", "Questions for a field that the database answered.", ["field"]
)
FIELD_OUTDATED: Final = Counter(
    "field_cache_outdated_total", "Answers of a field that were kept and not true any more, or too old.", ["field"]
)
FIELD_EVICTIONS: Final = Counter(
    "field_cache_evictions_total", "Answers of a field that made room for others.", ["field"]
)
FIELD_LOAD: Final = Counter(
    "field_cache_load_seconds_total", "Time that the database took to answer a field anew.", ["field"]
)
FIELD_BYTES: Final = Gauge("field_cache_bytes", "Memory of the answers of a field, about.", ["field"])
FIELD_ENTRIES: Final = Gauge("field_cache_entries", "Answers of fields that are kept in memory.")
FIELD_ROOM: Final = Gauge("field_cache_room_bytes", "Memory that the answers of fields may take.")

ANSWER_HITS: Final = Counter("answer_cache_hits_total", "Operations that were answered as before.")
ANSWER_MISSES: Final = Counter("answer_cache_misses_total", "Operations that could have been kept and were not there.")
ANSWER_OUTDATED: Final = Counter(
    "answer_cache_outdated_total", "Answers that were kept and not true any more, or too old."
)
ANSWER_EVICTIONS: Final = Counter("answer_cache_evictions_total", "Answers that made room for others.")
ANSWER_ENTRIES: Final = Gauge("answer_cache_entries", "Answers that are kept.")
ANSWER_BYTES: Final = Gauge("answer_cache_bytes", "Memory that kept answers take.")
ANSWER_ROOM: Final = Gauge("answer_cache_room_bytes", "Memory that kept answers may take.")

CHECKS: Final = Counter("cache_checks_total", "Questions whether something has changed of what is kept.")
CHECK_STATEMENTS: Final = Counter(
    "cache_check_statements_total", "Statements by which these were answered; those that come together share one."
)
REDIS_FAILURES: Final = Counter("cache_redis_failures_total", "How often Redis has failed, or taken no value.")
REDIS_RUBBISH: Final = Counter("cache_redis_rubbish_total", "What was found in Redis and was none of ours.")
