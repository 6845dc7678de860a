"""Families of background jobs, as workers see them."""

from typing import Final

from maestro.telemetry.values import LONG_SECONDS, Counter, Gauge, Histogram

STARTED: Final = Counter("job_attempts_total", "Attempts of jobs that a worker has begun, by kind.", ["kind"])
RUNNING: Final = Gauge("jobs_running", "Jobs that workers run at the moment, by kind.", ["kind"])
ENDED: Final = Counter(
    "job_ends_total", "Attempts of jobs that have ended, by kind and state.", ["kind", "state"], most=300
)
DURATION: Final = Histogram(
    "job_duration_seconds", "Time from the beginning of an attempt to its end, by kind.", ["kind"], bounds=LONG_SECONDS
)
STEPS: Final = Counter(
    "job_steps_total",
    "Tries of steps, `done`, `retried` after a failure or `failed` for good, by kind.",
    ["kind", "outcome"],
    most=300,
)
FAILURES: Final = Counter(
    "job_step_failures_total", "Failures of steps, by the kind of the job and code.", ["kind", "code"], most=300
)
SYNC_OBJECTS: Final = Counter(
    "sync_objects_total", "Objects of syncs by what came of them, in lower case.", ["outcome"]
)
SYNC_BYTES: Final = Counter("sync_bytes_total", "Bytes that syncs have copied.")
