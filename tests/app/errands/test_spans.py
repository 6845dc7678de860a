"""Spans of what connectors are asked for a request: they go on in the process that asks, below those of the server."""

from pathlib import Path

from uuid_utils.compat import uuid7

from app.errands import ChildErrands
from maestro import tracing
from maestro.db.engine import Database
from maestro.errands import ErrandKind
from maestro.settings import Settings
from maestro.spans import spanned
from maestro.telemetry.tracing import traced
from tests.fixtures.otlp import Collector

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_an_errand_is_below_what_has_asked_for_it(
    db: Database, server_url: str, *, tmp_path: Path, collector: Collector
) -> None:
    folder = tmp_path / "planted-folder"
    folder.mkdir()
    settings = Settings(
        data_dir=tmp_path / "data",
        local_connector_folders=(tmp_path,),
        otlp_endpoint=collector.url,
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
    )
    settings.data_dir.mkdir()
    organization, key = uuid7(), uuid7()
    async with db.transaction() as tx:
        await tx.fetch_sql("INSERT INTO organization (id, slug, name) VALUES ($1, 'o', 'O')", organization)
        sql = "INSERT INTO connector (id, organization_id, kind, name, config) VALUES ($1, $2, 'LOCAL', 'c', $3)"
        await tx.fetch_sql(sql, key, organization, {"folder": str(folder)})
    asked = {"connector_id": str(key), "organization_id": str(organization), "prefix": "", "first": 1, "after": None}
    errands = ChildErrands(settings, server_url)
    try:
        async with traced(settings, "server"):
            with tracing.traced(TRACE), spanned("asking", {}):
                await errands.run(ErrandKind.OBJECTS, asked, timeout_s=60)
    finally:
        await errands.close()
    (asking,), (errand,) = collector.named("asking"), collector.named("errand OBJECTS")
    (call,) = collector.named("connector LOCAL")
    assert (asking.process, asking.trace_id) == ("server", TRACE)
    assert (errand.process, errand.parent_id, errand.trace_id) == ("errands", asking.span_id, TRACE)
    assert (call.kind, call.parent_id, call.trace_id) == (3, errand.span_id, TRACE)
    assert call.attributes == {
        "maestro.connector.vendor": "LOCAL",
        "maestro.connector.abilities": "OBJECT_STORE",
        "maestro.connector.outcome": "answered",
    }
    assert all(b"planted-folder" not in body for body in collector.bodies)
