"""What pipelines may hold, at any depth."""

from typing import Any

import pytest

from maestro.errors import Forbidden, InvalidInput
from maestro.pipelines import require_allowed

OUT = {"$out": "copy"}
MERGE = {"$merge": {"into": "copy"}}
SCRIPT = {"$function": {"body": "function() {}", "args": [], "lang": "js"}}


@pytest.mark.parametrize(
    ("pipeline", "place"),
    [
        ([OUT], "pipeline.0.$out"),
        ([{"$match": {}}, MERGE], "pipeline.1.$merge"),
        ([{"$facet": {"a": [{"$match": {}}, OUT]}}], "pipeline.0.$facet.a.1.$out"),
        ([{"$lookup": {"from": "x", "pipeline": [MERGE], "as": "y"}}], "pipeline.0.$lookup.pipeline.0.$merge"),
        ([{"$unionWith": {"coll": "x", "pipeline": [OUT]}}], "pipeline.0.$unionWith.pipeline.0.$out"),
        (
            [{"$unionWith": {"coll": "x", "pipeline": [{"$facet": {"a": [{"$lookup": {"pipeline": [OUT]}}]}}]}}],
            "pipeline.0.$unionWith.pipeline.0.$facet.a.0.$lookup.pipeline.0.$out",
        ),
    ],
)
def test_stages_that_write_are_found_wherever_they_stand(pipeline: list[Any], place: str) -> None:
    with pytest.raises(Forbidden) as refused:
        require_allowed(pipeline, field="pipeline", is_writing=False)
    assert refused.value.details["field"] == place


@pytest.mark.parametrize("is_writing", [False, True])
@pytest.mark.parametrize(
    ("pipeline", "place"),
    [
        ([{"$match": {"$where": "true"}}], "pipeline.0.$match.$where"),
        ([{"$match": {"$or": [{"a": 1}, {"$where": "true"}]}}], "pipeline.0.$match.$or.1.$where"),
        ([{"$project": {"x": SCRIPT}}], "pipeline.0.$project.x.$function"),
        ([{"$group": {"_id": 1, "n": {"$accumulator": {}}}}], "pipeline.0.$group.n.$accumulator"),
        ([{"$facet": {"a": [{"$match": {"$expr": SCRIPT}}]}}], "pipeline.0.$facet.a.0.$match.$expr.$function"),
        ([{"$project": {"x": SCRIPT}}, OUT], "pipeline.0.$project.x.$function"),
    ],
)
def test_scripts_are_never_allowed(pipeline: list[Any], place: str, *, is_writing: bool) -> None:
    with pytest.raises(Forbidden) as refused:
        require_allowed(pipeline, field="pipeline", is_writing=is_writing)
    assert refused.value.details["field"] == place


def test_a_stage_that_writes_is_the_last_one_of_all() -> None:
    require_allowed([{"$match": {}}, OUT], field="pipeline", is_writing=True)
    for pipeline in ([OUT, {"$match": {}}], [{"$facet": {"a": [OUT]}}]):
        with pytest.raises(InvalidInput):
            require_allowed(pipeline, field="pipeline", is_writing=True)


def test_texts_and_names_of_fields_are_not_taken_for_stages() -> None:
    harmless = [{"$match": {"out": "$out", "where": {"$eq": "$where"}}}, {"$project": {"merge": "$merge"}}]
    require_allowed(harmless, field="pipeline", is_writing=False)
    require_allowed([], field="pipeline", is_writing=False)


@pytest.mark.parametrize("stage", [1, "x", [], {}, {"a": 1}, {"$match": {}, "$limit": 1}, None])
def test_what_is_no_stage_is_refused_with_its_place(stage: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_allowed([{"$match": {}}, stage], field="pipeline", is_writing=False)
    assert refused.value.details["field"] == "pipeline.1"


def test_a_pipeline_has_no_more_stages_than_mongodb_takes() -> None:
    with pytest.raises(InvalidInput):
        require_allowed([{"$match": {}}] * 1001, field="pipeline", is_writing=False)
