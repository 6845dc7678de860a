"""Dashboards and alert rules name what the server tells, and lead to what is to be done."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # a part of other tools, which bring no types

from app.metrics_page import families
from maestro.telemetry.values import FAMILIES, Histogram
from tests.fixtures.promql import names_in

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
RULES: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text())
OF_PROMETHEUS = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate"}}
OF_TARGETS = {"job", "instance"}
FUNCTIONS = {
    *("sum", "max", "min", "count", "topk", "rate", "increase", "histogram_quantile", "vector", "absent", "time"),
    "predict_linear",
}


@dataclass(frozen=True)
class Expression:
    place: str
    text: str


def rules(kind: str) -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"] if kind in rule]


def recorded() -> dict[str, set[str]]:
    """The labels of each recorded series."""
    return {rule["record"]: names_in(rule["expr"]).grouped for rule in rules("record")}


def series() -> dict[str, set[str]]:
    """The labels of every series that there may be, by its name."""
    known = {name: set(labels) for name, labels in (OF_PROMETHEUS | recorded()).items()}
    for name, family in FAMILIES.items():
        labels = {*family.labels, *OF_TARGETS}
        if isinstance(family, Histogram):
            known |= {f"{name}_bucket": {*labels, "le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            known[name] = labels
    return known


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            if panel["type"] != "row":
                yield f"{path.name}: {panel['title']}", panel


def expressions() -> Iterator[Expression]:
    for rule in (*rules("record"), *rules("alert")):
        yield Expression(rule.get("record") or rule["alert"], rule["expr"])
    for place, panel in panels():
        for target in panel["targets"]:
            yield Expression(place, target["expr"])


ALL = list(expressions())


@pytest.fixture(scope="module", autouse=True)
def declared() -> None:
    assert sum(map(len, families().values())) == len(FAMILIES)


def test_every_series_that_is_named_is_told_with_those_labels() -> None:
    known, wrong = series(), []
    for one in ALL:
        named = names_in(one.text)
        for metric, labels in named.metrics:
            if metric not in known or not labels <= known[metric]:
                wrong.append((one.place, metric, labels - known.get(metric, set())))
        there = set().union(*(known.get(metric, set()) for metric, _ in named.metrics))
        if not named.grouped <= there:
            wrong.append((one.place, "grouped by", named.grouped - there))
    assert wrong == []
    assert len(ALL) > 200


def test_every_function_is_one_of_prometheus() -> None:
    assert {name for one in ALL for name in names_in(one.text).functions} <= FUNCTIONS


def test_every_family_is_on_a_dashboard() -> None:
    shown = {metric for one in ALL for metric, _ in names_in(one.text).metrics}
    kinds = ("", "_bucket", "_sum", "_count")
    assert [name for name in FAMILIES if not shown & {name + kind for kind in kinds}] == []


@pytest.mark.parametrize("text", ["sum(a", "a)", 'a{b="c}', "a ? b"])
def test_what_is_no_promql_is_found(text: str) -> None:
    with pytest.raises(ValueError, match=r"bracket|no PromQL"):
        names_in(text)


def test_names_are_found_beside_functions_labels_and_texts() -> None:
    named = names_in('sum by (le, x) (rate(a_total{b="c(d{", e=~"f"}[5m])) / on (g) max(h offset 5m) > bool 0.1')
    assert named.metrics == [("a_total", {"b", "e"}), ("h", set())]
    assert (named.grouped, named.functions) == ({"le", "x", "g"}, {"sum", "rate", "max"})


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules("alert"):
        told = rule["annotations"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["alert"].startswith("Maestro")
        assert told["summary"].endswith(".")
        assert told["description"].endswith(".")
    names = [rule["alert"] for rule in rules("alert")]
    assert len(names) == len(set(names)) >= 25


def test_every_alert_leads_to_a_part_of_the_runbook() -> None:
    missing = []
    for rule in rules("alert"):
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        titles = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
        if anchor not in anchors:
            missing.append((rule["alert"], anchor))
    assert missing == []


def test_labels_in_the_words_of_an_alert_are_those_of_its_expression() -> None:
    known = series()
    for rule in rules("alert"):
        named = names_in(rule["expr"])
        labels = named.grouped.union(*(known[metric] for metric, _ in named.metrics))
        words = " ".join(rule["annotations"].values())
        assert set(re.findall(r"\$labels\.(\w+)", words)) <= labels, rule["alert"]


def test_the_dashboards_are_complete_and_their_ids_their_own() -> None:
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert [path.stem for path in DASHBOARDS] == ["connectors", "database", "graphql", "jobs", "overview", "process"]
    assert len({board["uid"] for board in boards}) == len(boards)
    for board in boards:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(ids) == len(set(ids))
        assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource", "instance"}


def test_no_two_panels_of_a_dashboard_lie_on_each_other() -> None:
    for path in DASHBOARDS:
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(path.read_text())["panels"]:
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= 24
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            assert not cells & taken, (path.name, panel["title"])
            taken |= cells


def test_the_configuration_of_prometheus_loads_the_rules_and_scrapes_the_address_of_metrics() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    assert config["rule_files"] == ["rules.yml"]
    assert [job["metrics_path"] for job in config["scrape_configs"]] == ["/metrics"]
    assert [job["job_name"] for job in config["scrape_configs"]] == ["maestro"]
