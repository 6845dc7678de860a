"""JSON lines of the log: what a record tells, and what never stands in one."""

import json
import logging
import sys
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from maestro import log_context
from maestro.db.tables.enums import ActorKind
from maestro.logs import FACTS, JsonLines, TextLines
from maestro.settings import Settings

ORGANIZATION, ACTOR, JOB = (UUID(int=number) for number in (1, 2, 3))


@dataclass(frozen=True)
class Somebody:
    organization_id: UUID = ORGANIZATION
    actor_id: UUID = ACTOR
    actor_kind: ActorKind = ActorKind.SERVICE_ACCOUNT


def record(message: str, *arguments: object, **members: Any) -> logging.LogRecord:
    made = logging.LogRecord("app.made", logging.WARNING, "made.py", 1, message, arguments, None)
    vars(made).update(members)
    return made


def line(made: logging.LogRecord) -> dict[str, Any]:
    written = JsonLines("server").format(made)
    assert "\n" not in written
    read: dict[str, Any] = json.loads(written)
    return read


def test_a_record_is_one_object_with_its_time_in_utc() -> None:
    told = line(record("Two\nlines of %s", "text", created=0.25, trace=" [" + "a" * 32 + "]"))
    assert told.pop("pid") > 0
    assert told == {
        "time": "1970-01-01T00:00:00.250+00:00",
        "level": "WARNING",
        "logger": "app.made",
        "message": "Two\nlines of text",
        "process": "server",
        "traceId": "a" * 32,
    }


async def test_a_record_tells_for_whom_and_within_which_job_something_is_done() -> None:
    log_context.work_on(UUID(int=9), JOB)
    assert line(record("x"))["organizationId"] == f"organization_{9:032x}"
    log_context.act_for(Somebody())
    told = line(record("x"))
    assert told["organizationId"] == f"organization_{ORGANIZATION.hex}"
    assert told["actorId"] == f"service_account_{ACTOR.hex}"
    assert told["actorKind"] == "SERVICE_ACCOUNT"
    assert told["jobId"] == f"job_{JOB.hex}"


def test_an_error_has_its_type_and_its_stack_without_accounts() -> None:
    def refuse() -> None:
        raise ConnectionRefusedError("cannot reach postgresql://someone:planted-secret@db/maestro")

    try:
        refuse()
    except ConnectionRefusedError:
        made = record("No way to https://a:planted-secret@host/", exc_info=sys.exc_info())
    written = JsonLines("worker").format(made)
    told = json.loads(written)
    assert told["error"]["type"] == "builtins.ConnectionRefusedError"
    assert "test_logs.py" in told["error"]["stack"]
    assert told["message"] == "No way to https://***@host/"
    assert "planted-secret" not in written


def test_facts_are_members_and_a_process_of_several_has_its_number() -> None:
    told = line(record("x", name="[2] app.made", logger_name="app.made", process_number=2, **{FACTS: {"seconds": 1.5}}))
    assert (told["logger"], told["processNumber"], told["seconds"]) == ("app.made", 2, 1.5)


def test_facts_stand_behind_the_message_of_a_line_of_text() -> None:
    written = TextLines().format(record("Slow", trace=" [t]", **{FACTS: {"operation": {"seconds": 1.5}}}))
    assert written.endswith('WARNING app.made: [t] Slow {"operation":{"seconds":1.5}}')
    assert TextLines().format(record("Plain", trace="")).endswith("WARNING app.made: Plain")


def test_what_nobody_asked_for_has_no_trace_and_no_actor() -> None:
    assert not line(record("x")).keys() & {"traceId", "organizationId", "actorId", "jobId", "error"}


@pytest.mark.parametrize(("text", "seconds"), [("off", 0), ("OFF", 0), ("0", 0), ("1.5", 1.5), ("PT2S", 2)])
def test_slow_is_a_time_or_nothing(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv("MAESTRO_SLOW_OPERATION", text)
    assert Settings().slow_operation.total_seconds() == seconds


def test_a_negative_time_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_SLOW_OPERATION", "-1")
    with pytest.raises(ValidationError):
        Settings()
