"""Spans of jobs: an attempt, its steps and their statements, linked to what has asked for the job."""

from maestro import tracing
from maestro.db.tables.enums import JobKind
from tests.fixtures.otlp import Collector
from tests.fixtures.worker import Queue, Workers


async def test_an_attempt_is_a_trace_of_its_own_linked_to_its_origin(
    queue: Queue, workers: Workers, collector: Collector
) -> None:
    workers.start(queue.url, otlp_endpoint=collector.url)
    with tracing.traced("4bf92f3577b34da6a3ce929d0e0e4736"):
        job = await queue.start(JobKind.IMPORT, steps=2)
    await queue.ended(job.id)
    (attempt,) = await collector.until("job IMPORT")
    assert (attempt.process, attempt.kind, attempt.parent_id) == ("worker", 5, "")
    assert attempt.attributes == {
        "maestro.job.kind": "IMPORT",
        "maestro.job.id": job.id.hex,
        "maestro.job.attempt": 1,
        "maestro.job.state": "SUCCEEDED",
    }
    origin = job.traceparent.split("-")
    assert attempt.links == ((origin[1], origin[2]),)
    assert origin[1] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert attempt.trace_id != origin[1]
    steps = [span for span in collector.below(attempt) if span.name.startswith("step ")]
    assert len(steps) >= 2
    assert {span.trace_id for span in steps} == {attempt.trace_id}
    assert all(span.attributes["maestro.job.try"] == 1 for span in steps)
    assert any(span.name == "UPDATE job" for span in collector.below(attempt))


async def test_a_job_that_fails_is_an_error_by_its_code(queue: Queue, workers: Workers, collector: Collector) -> None:
    workers.start(queue.url, otlp_endpoint=collector.url, job_attempts=2)
    job = await queue.start(JobKind.STORAGE_SYNC, failures=-1, name="planted-input")
    ended = await queue.ended(job.id)
    (attempt,) = await collector.until("job STORAGE_SYNC")
    (step,) = collector.named("step flaky")
    assert ended.state == "FAILED"
    assert (attempt.is_error, step.is_error) == (True, True)
    assert attempt.attributes["error.type"] == step.attributes["error.type"] == ended.error_code
    assert ended.error_message == "It is not one of ours."
    for planted in (b"planted-input", b"not one of ours"):
        assert all(planted not in body for body in collector.bodies)
