"""Servers beside each other: their answers in one form, what turns come to, the tables, and a small comparison."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
import strawberry
from click.testing import CliRunner
from graphql import parse, validate

from loadtests.peers.__main__ import main
from loadtests.peers.comparing import Orders, measured
from loadtests.peers.ground import Ground, lay
from loadtests.peers.measuring import Answered, Turn
from loadtests.peers.operations import OURS, PLAIN, POSTGRAPHILE, STRAWBERRY, TITLES, leaves
from loadtests.peers.processors import between, postmaster_of
from loadtests.peers.results import Results
from loadtests.peers.servers import MODULES, SERVERS, SETUP
from loadtests.peers.strawberry_app import Query
from loadtests.peers.summary import Cost
from loadtests.peers.tables import processor_rows, size_rows, spread_rows, written
from loadtests.peers.writing import report
from maestro.db import roles
from maestro.postgres import Address
from maestro.settings import Settings
from schema import schema
from tests.fixtures.databases import SERVER_PASSWORD, Databases

KEY, HEX = "0199c2f4-a7b8-7c3d-9e1f-2a3b4c5d6e7f", "0199c2f4a7b87c3d9e1f2a3b4c5d6e7f"
METRICS = [{"name": "a", "last": 0.5}, {"name": "b", "last": None}]
NEUTRAL = {"runs": [{"id": HEX, "startedAt": 1.5, "number": 7, "metrics": METRICS}]}


def turn(server: str, number: int, server_ms: float, *, operation: str = "Q1") -> Turn:
    return Turn(
        server=server,
        operation=operation,
        round=number,
        requests=10,
        server_ms=server_ms,
        postgres_ms=1.0,
        wall_ms=2 * server_ms,
        others=0.25,
    )


def results() -> Results:
    turns = [
        turn(server, number, milliseconds, operation=operation)
        for operation in TITLES
        for server, times in {"ours": (1, 3, 2), "mercurius": (5, 5, 2)}.items()
        for number, milliseconds in enumerate(times)
    ]
    answered = {server: {name: Answered(1234, 5) for name in TITLES} for server in ("ours", "mercurius")}
    facts = {
        "at": "2026-11-29T17:00+00:00",
        "cores": 2,
        "rounds": 3,
        "seconds": 0.5,
        "command": "python",
        "projects": 1,
    }
    facts |= {"runs": 1000, "params": 2, "series": 3, "points": 4, "versions": {"Python": "3.11"}}
    titles = {"ours": "Maestro, executed", "mercurius": "Mercurius, JIT"}
    return Results(turns=turns, answered=answered, rates={}, titles=titles, facts=facts)


@pytest.mark.parametrize(
    ("dialect", "told"),
    [
        (OURS, {"runs": {"nodes": [{
            "id": f"run_{HEX}", "startedAt": "1970-01-01T00:00:01.500000Z", "number": 7,
            "metricSummaries": [{"name": "b", "last": None}, {"name": "a", "last": 0.5}]}]}}),
        (PLAIN, {"runs": [{
            "id": KEY, "startedAt": "1970-01-01T00:00:01.500Z", "number": 7,
            "metrics": [{"name": "a", "last": 0.5}, {"name": "b", "last": None}]}]}),
        (POSTGRAPHILE, {"allRuns": {"nodes": [{
            "rowId": KEY, "startedAt": "1970-01-01T01:00:01.500000+01:00", "number": "7",
            "metricSeriesByRunId": {"nodes": [
                {"metricKeyByKeyId": {"name": "a"}, "vLast": 0.5},
                {"metricKeyByKeyId": {"name": "b"}, "vLast": None}]}}]}}),
    ],
    ids=["ours", "plain", "postgraphile"],
)  # fmt: skip
def test_answers_of_every_schema_have_one_form(dialect: Any, told: Any) -> None:
    assert dialect.neutral(told) == NEUTRAL


def test_columns_are_compared_as_rows_and_another_order_is_another_answer() -> None:
    columns = {"node": {"id": f"metric_series_{HEX}", "points": {"step": [0, 1], "value": [2.5, 3.5]}}}
    rows = [{"step": "0", "value": 2.5}, {"step": "1", "value": 3.5}]
    told = {"metricSeryByRowId": {"rowId": KEY, "metricHotsBySeriesId": {"nodes": rows}}}
    assert OURS.neutral(columns) == POSTGRAPHILE.neutral(told)
    assert leaves(OURS.neutral(columns)) == 5
    rows.reverse()
    assert OURS.neutral(columns) != POSTGRAPHILE.neutral(told)


@pytest.mark.parametrize("name", TITLES)
def test_the_operations_fit_the_schemas(name: str) -> None:
    assert validate(schema._schema, parse(OURS.texts[name])) == []
    assert validate(strawberry.Schema(Query)._schema, parse(STRAWBERRY.texts[name])) == []


def test_a_cost_is_the_median_of_rounds_and_its_ratio_that_of_the_ratios_within_them() -> None:
    assert results().costs["mercurius"]["Q3"] == Cost(
        cpu_ms=6.0, postgres_ms=1.0, least=3.0, most=6.0, wall_ms=10.0, ratio=1.5, requests=30
    )
    assert results().costs["ours"]["Q3"].ratio == 1.0


def test_a_connection_that_ends_in_a_turn_takes_nothing_away_from_it() -> None:
    assert between({"1": 5.0, "2": 7.0}, {"1": 5.5, "3": 0.25}) == 0.75


def test_without_ours_there_is_no_ratio() -> None:
    alone = Results(**{**vars(results()), "turns": [turn("mercurius", 0, 5.0, operation=name) for name in TITLES]})
    assert processor_rows(alone) == [("Mercurius, JIT", *["6 (–)"] * 5)]  # noqa: RUF001 -- the dash of tables


def test_the_tables_of_recorded_rounds() -> None:
    assert processor_rows(results()) == [
        ("Maestro, executed", *["3 (1.00x)"] * 5),
        ("Mercurius, JIT", *["6 (1.50x)"] * 5),
    ]
    assert spread_rows(results())[1] == ("Mercurius, JIT", *["3 to 6, 1 PostgreSQL"] * 5)
    assert size_rows(results())[0] == ("Maestro, executed", *["1,234"] * 5)
    assert written(size_rows(results()))[1:3] == [
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| Maestro, executed | 1,234 | 1,234 | 1,234 | 1,234 | 1,234 |",
    ]


def test_a_report_tells_of_a_busy_machine_and_keeps_what_it_was_made_of(tmp_path: Path) -> None:
    report(results(), tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "Other programs used 25% of the machine meanwhile: **times are too bad" in text
    assert "| Mercurius, JIT | 6 (1.50x) |" in text
    assert Results.read(tmp_path / "results.json").turns == results().turns
    assert (tmp_path / "plot.svg").read_text().count(">Mercurius, JIT<") == 3  # once a row of panels
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_not_installed_is_left_out_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtests.peers.servers.MODULES", Path("nowhere"))
    done = CliRunner().invoke(main, ["--only", "mercurius,postgraphile"])
    assert done.exit_code == 1
    assert done.output.splitlines()[0] == f"Left out: mercurius, postgraphile. This installs what they need: {SETUP}"
    assert "There is no server 'apollo'" in CliRunner().invoke(main, ["--only", "apollo"]).output


@pytest.fixture(scope="module")
async def laid(postgres: Address, databases: Databases, reachable_folder: Path) -> AsyncIterator[Ground]:
    """A database of a hundred generated runs."""
    folder = reachable_folder / "peers"
    settings = Settings(data_dir=folder, database_url=None)
    async with databases.new(postgres.database) as url:
        yield await lay(
            settings,
            url,
            runs=100,
            server_url=roles.as_server(url, SERVER_PASSWORD),
            postmaster=postmaster_of(reachable_folder / "postgres"),
        )


def measured_shortly(names: list[str], laid: Ground, folder: Path) -> Results:
    before = {one.pid for one in psutil.Process().children()}
    orders = Orders(names=names, runs=100, rounds=2, seconds=0.01, command="test", warm_s=0)
    found = measured(orders, laid, folder, say=lambda _: None)
    assert {one.pid for one in psutil.Process().children()} - before == set()
    return found


def test_ours_and_a_peer_answer_the_same_and_are_measured_in_turns(laid: Ground, tmp_path: Path) -> None:
    found = measured_shortly(["ours", "strawberry"], laid, tmp_path)
    assert [(one.round, one.operation, one.server) for one in found.turns[:2]] == [
        (0, "Q1", "ours"),
        (0, "Q1", "strawberry"),
    ]
    assert [(one.round, one.server) for one in found.turns[10:12]] == [(1, "strawberry"), (1, "ours")]
    assert len(found.turns) == 2 * 2 * len(TITLES)
    assert all(one.server_ms > 0 and one.postgres_ms > 0 for one in found.turns)
    values = {name: told["Q5"].values for name, told in found.answered.items()}
    assert values == {"ours": 20_001, "strawberry": 20_001}
    assert orjson.dumps(dict(found.facts))


@pytest.mark.skipif(not MODULES.is_dir(), reason=f"The servers of Node are not installed; this does it: {SETUP}")
def test_the_servers_of_node_answer_the_same(laid: Ground, tmp_path: Path) -> None:
    found = measured_shortly([name for name, server in SERVERS.items() if server.package], laid, tmp_path)
    assert {name: told["Q5"].values for name, told in found.answered.items()} == {
        "mercurius": 20_001,
        "postgraphile": 20_001,
    }
