"""Families of the outside world: what vendors are asked, and how they answer. No family names a connector."""

from typing import Final

from maestro.telemetry.values import Counter, Gauge, Histogram

CALLS: Final = Counter(
    "connector_calls_total",
    "What vendors were asked by errands of requests, by the vendor and what came of it: `answered`, or `failed`.",
    ["vendor", "outcome"],
)
CALL_TIME: Final = Histogram(
    "connector_call_duration_seconds",
    "Time of such a call, by vendor.",
    ["vendor"],
    bounds=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
ERRORS: Final = Counter(
    "connector_errors_total", "Errors of vendors, by vendor and code.", ["vendor", "code"], most=300
)
RETRIES: Final = Counter("connector_retries_total", "Tries after an error that passes.")
CIRCUITS: Final = Gauge(
    "connector_circuits", "Circuits of connectors by vendor and state: `open` ones ask nothing.", ["vendor", "state"]
)
OPENED: Final = Counter("connectors_opened_total", "Connectors that were opened for jobs and errands.", ["vendor"])
ERRANDS: Final = Counter("errands_total", "Errands of requests, by kind and what came of them.", ["kind", "outcome"])
ERRAND_TIME: Final = Histogram(
    "errand_duration_seconds",
    "Time that requests waited for an errand, by kind.",
    ["kind"],
    bounds=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
