"""What every tracking server has to do, run against each kind of them."""

import math
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import numpy as np
import pytest

from connectors.tracking.capability import History, TrackedModel, TrackedRun, TrackedVersion, TrackingSource
from maestro.errors import NotFound
from tests.fixtures.tracked_models import put_model

T = TypeVar("T")

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
NOON_MS = 1_767_355_200_000


async def gathered(pages: AsyncIterator[Sequence[T]]) -> list[T]:
    return [one async for page in pages for one in page]


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def new_run(experiment_id: str, **given: object) -> TrackedRun:
    values = {
        "id": uuid4().hex,
        "experiment_id": experiment_id,
        "name": "first",
        "status": "FINISHED",
        "started_at": NOON,
        "ended_at": NOON + timedelta(minutes=5),
        **given,
    }
    return TrackedRun(**values)  # type: ignore[arg-type] # each test gives what fits


def history(key: str, values: Sequence[float], *, first: int = 0) -> History:
    steps = np.arange(first, first + len(values), dtype=np.int64)
    return History(key, steps, NOON_MS + steps * 1000, np.array(values, np.float64))


class TrackingContract:
    """The contract; `source` is a server that other tests use too."""

    async def make(self, source: TrackingSource, **tags: str) -> str:
        return await source.ensure_experiment(f"experiment {uuid4()}", tags)

    async def only_run(self, source: TrackingSource, experiment_id: str) -> TrackedRun:
        (run,) = await gathered(source.runs(experiment_id))
        return run

    async def test_it_says_what_it_is(self, source: TrackingSource) -> None:
        assert (await source.identify()).split()[0].isalpha()

    async def test_an_experiment_is_made_once_and_found_by_its_name(self, source: TrackingSource) -> None:
        name = f"vision/{uuid4()} 'quoted'"
        made = await source.ensure_experiment(name, {"team": "a"})
        assert await source.ensure_experiment(name, {"team": "b", "more": "c"}) == made
        (found,) = await gathered(source.experiments(names=[name]))
        assert (found.id, found.name, dict(found.tags), found.is_deleted) == (
            made,
            name,
            {"team": "b", "more": "c"},
            False,
        )
        assert found.created_at is not None
        assert abs(found.created_at - datetime.now(UTC)) < timedelta(minutes=5)

    async def test_a_run_comes_back_as_it_was_stored(self, source: TrackingSource) -> None:
        experiment_id = await self.make(source)
        run = new_run(experiment_id, params={"lr": "0.1", "layers": "[1, 2]"}, tags={"kind": "ä"}, user="ada")
        made = await source.put_run(run, [history("loss", [3, 2, 1])])
        found = await self.only_run(source, experiment_id)
        assert (found.id, found.name, found.status, found.user) == (made, "first", "FINISHED", "ada")
        assert (found.started_at, found.ended_at) == (run.started_at, run.ended_at)
        assert dict(found.params) == {"lr": "0.1", "layers": "[1, 2]"}
        assert found.tags["kind"] == "ä"
        assert dict(found.metrics) == {"loss": 1.0}

    @pytest.mark.parametrize("status", ["SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"])
    async def test_a_status_is_kept(self, source: TrackingSource, status: str) -> None:
        experiment_id = await self.make(source)
        await source.put_run(new_run(experiment_id, status=status, ended_at=None), [])
        assert (await self.only_run(source, experiment_id)).status == status

    async def test_a_history_is_whole_and_in_order(self, source: TrackingSource) -> None:
        experiment_id = await self.make(source)
        values = [math.nan, math.inf, -math.inf, 0.1 + 0.2, -0.0, 5e-324]
        await source.put_run(new_run(experiment_id), [history("a/b c", values), history("other", [1])])
        run = await self.only_run(source, experiment_id)
        found = (await source.histories(run.id, ["other", "a/b c"]))[1]
        assert found.steps.tolist() == [0, 1, 2, 3, 4, 5]
        assert found.times_ms.tolist() == [NOON_MS + 1000 * step for step in range(6)]
        assert np.array_equal(found.values, np.array(values), equal_nan=True)
        everything = await source.all_histories([run])
        assert sorted(one.key for one in everything[run.id]) == ["a/b c", "other"]
        (same,) = [one for one in everything[run.id] if one.key == "a/b c"]
        assert np.array_equal(same.values, found.values, equal_nan=True)

    async def test_runs_are_filled_up_and_never_doubled(self, source: TrackingSource) -> None:
        experiment_id = await self.make(source)
        run = new_run(experiment_id, params={"lr": "0.1"}, status="RUNNING", ended_at=None)
        made = await source.put_run(run, [history("loss", [3, 2])])
        later = new_run(experiment_id, id=run.id, params={"lr": "0.1", "depth": "3"}, tags={"new": "x"})
        again = await source.put_run(later, [history("loss", [3, 2, 1]), history("acc", [1])])
        found = await self.only_run(source, experiment_id)
        assert again == made == found.id
        assert (dict(found.params), found.status, found.tags["new"]) == ({"lr": "0.1", "depth": "3"}, "FINISHED", "x")
        loss, accuracy = await source.histories(found.id, ["loss", "acc"])
        assert (loss.values.tolist(), accuracy.values.tolist()) == ([3, 2, 1], [1])

    async def test_runs_come_page_by_page_the_oldest_first(self, source: TrackingSource) -> None:
        experiment_id = await self.make(source)
        for minute in (2, 0, 1):
            await source.put_run(
                new_run(experiment_id, name=str(minute), started_at=NOON + timedelta(minutes=minute)), []
            )
        pages = [[run.name for run in page] async for page in source.runs(experiment_id, page=2)]
        assert pages == [["0", "1"], ["2"]]
        since = await gathered(source.runs(experiment_id, since=NOON + timedelta(minutes=1)))
        assert [run.name for run in since] == ["1", "2"]

    async def test_files_of_all_folders_are_listed_and_fetched(self, source: TrackingSource, tmp_path: Path) -> None:
        run_id = await source.put_run(new_run(await self.make(source)), [])
        assert await gathered(source.files(run_id)) == []
        contents = {"a.txt": b"a", "model/MLmodel": b"flavors:\n", "model/data/ä b+c.bin": bytes(3_000_000)}
        for number, (path, content) in enumerate(contents.items()):
            file = tmp_path / str(number)
            file.write_bytes(content)
            await source.put_file(run_id, path, file)
        found = {file.path: file.size for file in await gathered(source.files(run_id))}
        assert found == {path: len(content) for path, content in contents.items()}
        for path, content in contents.items():
            assert await source.download(run_id, path, tmp_path / "copy") == len(content)
            assert (tmp_path / "copy").read_bytes() == content

    async def test_a_file_that_is_not_there_leaves_nothing_behind(self, source: TrackingSource, tmp_path: Path) -> None:
        run_id = await source.put_run(new_run(await self.make(source)), [])
        with pytest.raises(NotFound):
            await source.download(run_id, "missing.bin", tmp_path / "copy")
        assert files_in(tmp_path) == []

    async def test_a_run_that_is_not_there_is_not_found(self, source: TrackingSource, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            await source.histories(uuid4().hex, ["loss"])
        with pytest.raises(NotFound):
            await gathered(source.files(uuid4().hex))
        with pytest.raises(NotFound):
            await source.download(uuid4().hex, "a", tmp_path / "copy")

    async def test_a_model_comes_back_with_versions_and_aliases(self, source: TrackingSource, tmp_path: Path) -> None:
        run_id = await source.put_run(new_run(await self.make(source)), [])
        (tmp_path / "MLmodel").write_bytes(b"flavors:\n  sklearn:\n")
        await source.put_file(run_id, "model/MLmodel", tmp_path / "MLmodel")
        versions = [
            TrackedVersion(number, run_id, f"runs:/{run_id}/model", "good", {"n": str(number)}, aliases)
            for number, aliases in ((1, ("old",)), (2, ("champion", "best")))
        ]
        model = TrackedModel(f"Classifier {uuid4()}", "tells cats", {"task": "vision"}, tuple(versions))
        await put_model(source, model)
        await put_model(source, model)
        (found,) = [one for one in await gathered(source.models()) if one.name == model.name]
        assert (found.description, dict(found.tags)) == ("tells cats", {"task": "vision"})
        assert [one.number for one in found.versions] == [1, 2]
        assert [one.aliases for one in found.versions] == [("old",), ("best", "champion")]
        assert [(one.run_id, one.description, one.tags["n"]) for one in found.versions] == [
            (run_id, "good", "1"),
            (run_id, "good", "2"),
        ]
        (file,) = await gathered(source.version_files(model.name, 2))
        assert (file.path, file.size) == ("MLmodel", 20)
        await source.download_version_file(model.name, 2, path="MLmodel", to=tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == b"flavors:\n  sklearn:\n"
