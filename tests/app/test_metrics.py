"""Who is told the metrics of a server, and in which form."""

from typing import Any

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pydantic import SecretStr
from starlette.applications import Starlette

from app.server import create_app
from maestro.db.engine import Database
from maestro.settings import Settings
from maestro.telemetry.values import FAMILIES, PREFIX
from tests.fixtures.graphql import browser, untraced, with_settings
from tests.fixtures.metrics import scrape

TOKEN = "scrapes of tests alone"
HINT = (
    "Set MAESTRO_METRICS_TOKEN, and send it as Authorization: Bearer …; docs/guides/metrics.md tells how Prometheus is "
    "told to."
)
ELSEWHERE = {
    "errors": [
        {
            "message": "Metrics are told to programs on this machine alone.",
            "extensions": {"code": "FORBIDDEN", "hint": HINT},
        }
    ]
}
with_token = with_settings(metrics_token=SecretStr(TOKEN))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_program_on_the_same_machine_is_told_without_a_token(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


async def test_whoever_comes_from_elsewhere_is_told_nothing(app: Starlette) -> None:
    clients: list[Any] = [("10.1.2.3", 50_000), ("::ffff:10.1.2.3", 1), ("testclient", 1), None]
    for client in clients:
        transport = httpx.ASGITransport(app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            answer = await http.get("/metrics")
        assert (answer.status_code, untraced(answer)) == (403, ELSEWHERE)


async def test_what_a_proxy_on_the_same_machine_passes_on_is_told_nothing(anonymous: httpx.AsyncClient) -> None:
    for header in ("x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-host"):
        answer = await anonymous.get("/metrics", headers={header: "127.0.0.1"})
        assert (answer.status_code, untraced(answer)) == (403, ELSEWHERE)


@with_settings(public_url="https://ml.example.org")
async def test_a_server_with_a_public_address_tells_nobody_without_a_token(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/metrics")
    assert (answer.status_code, untraced(answer)) == (403, ELSEWHERE)


@with_settings(public_url="https://ml.example.org", metrics_token=SecretStr(TOKEN))
async def test_who_has_the_token_is_told_from_wherever_they_come(app: Starlette) -> None:
    transport = httpx.ASGITransport(app, client=("10.1.2.3", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
        assert (await http.get("/metrics", headers=bearer(TOKEN))).status_code == 200


@with_token
async def test_a_token_that_is_missing_or_wrong_is_refused_and_counted(anonymous: httpx.AsyncClient) -> None:
    told = {
        "message": "Metrics are told to who sends their token.",
        "extensions": {"code": "UNAUTHENTICATED", "hint": HINT},
    }
    before = await scrape(anonymous, **bearer(TOKEN))
    for shown in ("", "Bearer", "Bearer another", f"Basic {TOKEN}", "Bearer é", f"Bearer {TOKEN}x"):
        answer = await anonymous.get("/metrics", headers=[(b"authorization", shown.encode())])
        assert (answer.status_code, untraced(answer)) == (401, {"errors": [told]})
        assert answer.headers["www-authenticate"] == "Bearer"
    after = await scrape(anonymous, **bearer(TOKEN))
    assert after.since(before, "maestro_metrics_refused_total") == {(): 6.0}


@with_token
async def test_an_api_key_is_no_token(client: httpx.AsyncClient) -> None:
    assert (await client.get("/metrics")).status_code == 401


@with_settings(metrics=False)
async def test_a_server_that_counts_nothing_says_so(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/metrics")
    told = {
        "message": "This server tells no metrics.",
        "extensions": {
            "code": "NOT_FOUND",
            "hint": "MAESTRO_METRICS is off, or the data folder cannot be written to: then the server's log says so.",
        },
    }
    assert (answer.status_code, untraced(answer)) == (404, {"errors": [told]})


async def test_nothing_but_a_get_is_answered(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.post("/metrics")).status_code == 405


async def test_every_name_that_is_told_is_that_of_a_family_with_its_help_and_kind(client: httpx.AsyncClient) -> None:
    await client.post("/graphql", json={"query": "{ viewer { name } }"})
    told = await scrape(client)
    named = {
        name.removesuffix("_total") if family.kind == "counter" else name: family for name, family in FAMILIES.items()
    }
    assert told.kinds.keys() <= named.keys()
    assert {name: (told.kinds[name], told.helps[name]) for name in told.kinds} == {
        name: (named[name].kind, named[name].help) for name in told.kinds
    }
    assert all(name.startswith(PREFIX) for name in told.names())
    assert len(told.kinds) >= 60


async def test_there_are_at_least_sixty_families_with_names_as_prometheus_wants_them() -> None:
    assert len(FAMILIES) >= 60
    assert all((family.kind == "counter") == name.endswith("_total") for name, family in FAMILIES.items())
    assert [family.name for family in FAMILIES.values() if not family.help.endswith(".")] == []
    wrong = ("_ms", "_milliseconds", "_kb", "_mb", "_minutes", "_count", "_sum", "_bucket")
    assert [name for name in FAMILIES if name.removesuffix("_total").endswith(wrong)] == []


async def test_openmetrics_is_told_to_who_asks_for_it(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    parse: Any = text_string_to_metric_families
    names = {family.name for family in parse(answer.text)}
    assert {"maestro_build_info", "maestro_processes", "maestro_metrics_scrapes"} <= names


async def test_a_scrape_is_answered_while_the_database_is_away(db: Database, anonymous: httpx.AsyncClient) -> None:
    here = await scrape(anonymous)
    assert here.value("maestro_database_up") == 1
    assert here.names() >= {"maestro_database_reading_seconds", "maestro_database_reading_age_seconds"}
    app: Any = anonymous._transport.app  # type: ignore[attr-defined]
    app.state.readings._read_at = None
    app.state.readings._reader.close()
    app.state.readings._reader._dsn = "postgresql://nobody@127.0.0.1:1/none"
    away = await scrape(anonymous)
    assert away.value("maestro_database_up") == 0
    assert "maestro_jobs_deferred" not in away.names()
    assert away.value("maestro_data_folder_free_bytes") > 0


async def test_scrapes_share_one_reading_of_the_database(app: Starlette, anonymous: httpx.AsyncClient) -> None:
    first = await scrape(anonymous)
    second = await scrape(anonymous)
    assert second.value("maestro_database_reading_seconds") == first.value("maestro_database_reading_seconds")
    assert second.since(first, "maestro_metrics_scrapes_total") == {(): 1.0}


async def test_a_server_starts_without_metrics_where_their_folder_cannot_be_made(
    settings: Settings, server_url: str
) -> None:
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "metrics").write_text("no folder")
    app = create_app(settings, server_url)
    async with app.router.lifespan_context(app), browser(app) as anybody:
        assert (await anybody.get("/metrics")).status_code == 404
        assert (await anybody.get("/livez")).status_code == 200
