"""The log as JSON, from every process of a server: each line can be read, and names what it is about."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import httpx

from tests.app.conftest import Program
from tests.fixtures.otlp import Collector, Received

TRACE = "5bf92f3577b34da6a3ce929d0e0e4737"
OF_GUIDE = "4bf92f3577b34da6a3ce929d0e0e4736"
GUIDE = (Path(__file__).parents[2] / "docs/guides/tracing.md").read_text(encoding="utf-8")
(CURL,) = re.findall(r"^```sh\n(curl .*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
(TREE,) = re.findall(r"^```text\n(POST .*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def tree_of(collector: Collector, trace_id: str) -> list[str]:
    """The lines of a trace, each span's below its parent's."""
    spans = [span for span in collector.spans if span.trace_id == trace_id]
    ids = {span.span_id for span in spans}

    def lines(span: Received, depth: int) -> list[str]:
        below = [line for one in collector.below(span) for line in lines(one, depth + 1)]
        return ["  " * depth + span.name, *below]

    return [line for span in spans if span.parent_id not in ids for line in lines(span, 0)]


def test_every_process_of_a_server_logs_json_and_sends_spans_and_no_text_of_a_request(
    program: Program, collector: Collector
) -> None:
    settings = {
        "MAESTRO_LOG_FORMAT": "json",
        "MAESTRO_PROCESSES": "2",
        "MAESTRO_WORKERS": "1",
        "MAESTRO_CACHE": "false",
        "MAESTRO_OTLP_ENDPOINT": f"{collector.url}/v1/traces",
        "MAESTRO_OTLP_HEADERS": "authorization=Bearer%20secret-token, x-team=ml",
    }
    with program.serving(**settings) as server:
        made = program.invoke("key", "create", "--name", "tests")
        environment = {**os.environ, "SERVER": server.url, "KEY": made.stdout.strip()}
        answered = subprocess.run(
            ["sh", "-c", CURL], env=environment, capture_output=True, text=True, check=True, timeout=20
        )
        assert json.loads(answered.stdout)["data"] == {"projects": {"nodes": []}}
        program.run("psql", "-c", "ALTER TABLE project RENAME TO gone")
        headers = {
            "authorization": f"Bearer {made.stdout.strip()}",
            "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
        }
        query = 'query Listing { projects(first: 1) { nodes { id } } node(id: "secret-argument") { id } }'
        httpx.post(f"{server.url}/graphql", json={"query": query}, headers=headers, trust_env=False)
        assert server.stop(signal.SIGTERM) == 0
        log = server.log()
    lines = [json.loads(line) for line in log.splitlines()]
    (failed,) = [line for line in lines if line["logger"] == "app.answers"]
    assert failed["traceId"] == TRACE
    assert failed["process"] == "server"
    assert failed["processNumber"] in (1, 2)
    assert failed["organizationId"].startswith("organization_")
    assert failed["actorKind"] == "USER"
    assert failed["error"]["type"] == "asyncpg.exceptions.UndefinedTableError"
    assert "Traceback" in failed["error"]["stack"]
    assert "secret" not in log.lower()
    # The last ones are sent when processes end, each of which was forked before it had a thread.
    (request,) = [span for span in collector.named("POST /graphql") if span.trace_id == TRACE]
    assert request.process == "server"
    assert [line for line in tree_of(collector, OF_GUIDE) if line in TREE.splitlines()] == TREE.splitlines()
    assert collector.headers[0]["authorization"] == "Bearer secret-token"
    assert collector.headers[0]["x-team"] == "ml"
    assert all(b"secret" not in body.lower() for body in collector.bodies)
