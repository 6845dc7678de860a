import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from connectors.local import LocalBlobs
from dataloaders.samples import SampledBySeries, SampleRequest
from maestro.access import SignInMethod, Viewer, grants_of
from maestro.db.engine import Database
from maestro.db.tables.enums import Role
from maestro.digests import digest_of
from maestro.errors import Conflict, RecordingError
from maestro.points import PointColumns, decode, pack_bins, summarise
from maestro.series_names import SeriesName
from ops.demo.recording import Recording, Series
from ops.seeding.demo import Demo, load_demo
from ops.seeding.timeline import REST, SPAN
from resolvers.artifact_files import media_type_of
from resolvers.params import checked
from resolvers.setup import ensure_owner
from tests.ops.seeding.conftest import NOW, Loaded

SERIES = """
    SELECT s.*, r.name AS run, e.name AS experiment, r.started_at, k.name AS key FROM metric_series s
    JOIN run r ON r.id = s.run_id JOIN experiment e ON e.id = r.experiment_id JOIN metric_key k ON k.id = s.key_id
"""


async def count(db: Database, table: str) -> int:
    found: int = (await db.fetch_sql(f"SELECT count(*) AS n FROM {table}"))[0].n
    return found


async def state(db: Database) -> list[int]:
    return [await count(db, table) for table in ("project", "run", "metric_series", "metric_block", "blob", "param")]


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def recorded(recording: Recording) -> Iterator[tuple[tuple[str, str, SeriesName], Series]]:
    experiments = {one.id: one.name for one in recording.experiments}
    for run in recording.runs:
        for series in run.series:
            name = SeriesName.of(series.key, series.context)
            yield (experiments[run.experiment], run.name, name), series


async def stored(db: Database) -> dict[tuple[str, str, SeriesName], Any]:
    rows = await db.fetch_sql(SERIES)
    return {(row.experiment, row.run, SeriesName.of(row.key, row.context)): row for row in rows}


async def points_of(db: Database, series: UUID) -> PointColumns:
    rows = await db.fetch_sql("SELECT * FROM metric_block WHERE series_id = $1 ORDER BY step0", series)
    return PointColumns.merged([decode(row.codec, row.data) for row in rows])


async def test_every_object_of_the_recording_is_loaded(loaded: Loaded) -> None:
    recording = loaded.recording
    versions = [version for artifact in recording.artifacts for version in artifact.versions]
    aliases = [alias for model in recording.models for alias in model.aliases]
    expected = {
        # and the playground
        "project": len(recording.projects) + 1,
        "experiment": len(recording.experiments) + 1,
        "run": len(recording.runs) + 1,
        "param": sum(len(run.params) for run in recording.runs),
        "metric_key": len(recording.metric_keys),
        "metric_series": sum(len(run.series) for run in recording.runs),
        "artifact": len(recording.artifacts),
        "artifact_version": len(versions),
        "artifact_entry": sum(len(version.entries) for version in versions),
        "blob": len(recording.blobs),
        "registered_model": len(recording.models),
        "model_version": sum(len(model.versions) for model in recording.models),
        "model_alias": len(aliases),
        "model_alias_move": sum(len(alias.history) for alias in aliases),
    }
    assert {table: await count(loaded.db, table) for table in expected} == expected


async def test_the_statistics_are_what_is_stored(loaded: Loaded) -> None:
    (found,) = await loaded.db.fetch_sql("""
        SELECT (SELECT count(*) FROM project) AS projects, (SELECT count(*) FROM experiment) AS experiments,
            (SELECT count(*) FROM run) AS runs, (SELECT count(*) FROM metric_series) AS series,
            (SELECT sum(n)::bigint FROM metric_block) AS points,
            (SELECT count(*) FROM artifact_version) AS artifact_versions,
            (SELECT count(*) FROM artifact_entry) AS files, (SELECT count(*) FROM model_version) AS model_versions
    """)
    assert asdict(loaded.stats) == dict(found)


async def test_the_summary_of_every_series_is_that_of_its_points(loaded: Loaded) -> None:
    rows = await stored(loaded.db)
    found, expected = {}, {}
    for name, series in recorded(loaded.recording):
        row = rows[name]
        told = summarise(PointColumns(series.steps, series.timestamps_ms, series.values))
        is_finite = np.isfinite(told.v_last)
        found[name] = [row.n, row.nonfinite, row.step_first, row.step_last, row.v_last, row.last_mark is None]
        found[name] += [row.v_min, row.v_max, row.step_min, row.step_max, pytest.approx(row.v_sum), row.context_hash]
        expected[name] = [told.n, told.nonfinite, told.step0, told.step1, told.v_last if is_finite else None, is_finite]
        expected[name] += [told.v_min, told.v_max, told.step_min, told.step_max, told.v_sum, name[2].context_hash]
    assert len(found) == len(rows)
    assert found == expected


async def test_blocks_decode_to_the_recorded_points(loaded: Loaded) -> None:
    rows = await stored(loaded.db)
    for name, series in recorded(loaded.recording):
        if len(series.steps) > 4096 or not np.isfinite(series.values).all():
            points = await points_of(loaded.db, rows[name].id)
            assert np.array_equal(points.steps, series.steps)
            assert np.array_equal(points.values, series.values, equal_nan=True)
            assert np.array_equal(np.diff(points.timestamps_ms), np.diff(series.timestamps_ms))


async def test_headers_and_bins_are_those_of_the_block(loaded: Loaded) -> None:
    for row in await loaded.db.fetch_sql("SELECT * FROM metric_block WHERE n > 64 LIMIT 200"):
        points = decode(row.codec, row.data)
        told = summarise(points)
        assert {name: row[name] for name in told.__slots__} == pytest.approx(
            {name: getattr(told, name) for name in told.__slots__}, nan_ok=True
        )
        assert bytes(row.bins) == pack_bins(points)


async def test_the_long_series_is_sampled_with_its_extremes(loaded: Loaded) -> None:
    longest = max((series for _, series in recorded(loaded.recording)), key=lambda series: len(series.steps))
    (row,) = await loaded.db.fetch_sql("SELECT id FROM metric_series ORDER BY n DESC LIMIT 1")
    viewer = Viewer(
        loaded.owner.user_id,
        loaded.owner.organization_id,
        "Owner",
        None,
        SignInMethod.SESSION,
        grants_of([(Role.OWNER, None)]),
    )
    sampled = await SampledBySeries(loaded.db, viewer).load((row.id, SampleRequest(buckets=500)))
    assert int(sampled.count.sum()) == len(longest.steps) >= 200_000
    assert np.nanmin(sampled.min) == longest.values.min()
    assert np.nanmax(sampled.max) == longest.values.max()


async def test_runs_are_numbered_in_their_projects_in_the_order_of_their_start(loaded: Loaded) -> None:
    rows = await loaded.db.fetch_sql(
        "SELECT p.slug, p.last_run_number, array_agg(r.number ORDER BY r.started_at, r.number) AS numbers "
        "FROM run r JOIN project p ON p.id = r.project_id GROUP BY p.id"
    )
    assert len(rows) == len(loaded.recording.projects) + 1
    for row in rows:
        assert row.numbers == list(range(1, row.last_run_number + 1))


async def test_ids_sort_by_the_time_of_creation(loaded: Loaded) -> None:
    for table in ("project", "experiment", "run", "artifact", "artifact_version", "model_version", "model_alias"):
        rows = await loaded.db.fetch_sql(f"SELECT id, created_at FROM {table}")
        assert {row.id.int >> 80 for row in rows} == {round(row.created_at.timestamp() * 1000) for row in rows}
        assert all(row.id.int >> 80 == round(row.created_at.timestamp() * 1000) for row in rows)


async def test_the_demo_fills_the_two_weeks_before_an_hour_ago(loaded: Loaded) -> None:
    (found,) = await loaded.db.fetch_sql("SELECT max(ended_at) AS last FROM run")
    (first,) = await loaded.db.fetch_sql("SELECT min(created_at) AS at FROM experiment")
    assert found.last == NOW - REST
    assert timedelta() <= first.at - (NOW - SPAN) < timedelta(minutes=5)


async def test_nothing_comes_before_what_it_came_from(loaded: Loaded) -> None:
    (wrong,) = await loaded.db.fetch_sql("""
        SELECT (SELECT count(*) FROM run r JOIN experiment e ON e.id = r.experiment_id
                WHERE r.started_at < e.created_at) AS runs,
            (SELECT count(*) FROM run c JOIN run p ON p.id = c.parent_id WHERE c.started_at < p.started_at) AS children,
            (SELECT count(*) FROM experiment e JOIN project p ON p.id = e.project_id
                WHERE e.created_at < p.created_at) AS experiments,
            (SELECT count(*) FROM artifact_version v JOIN run r ON r.id = v.run_id
                WHERE v.created_at NOT BETWEEN r.started_at AND r.ended_at) AS files,
            (SELECT count(*) FROM model_version v JOIN artifact_version a ON a.id = v.artifact_version_id
                WHERE v.created_at < a.created_at) AS models,
            (SELECT count(*) FROM model_alias_move m JOIN model_version v ON v.id = m.version_id
                WHERE m.at < v.created_at) AS moves,
            (SELECT count(*) FROM lineage_edge e JOIN artifact_version v ON v.id = e.from_id
                WHERE e.kind = 'USED' AND e.at < v.created_at) AS uses,
            (SELECT count(*) FROM metric_block b JOIN metric_series s ON s.id = b.series_id
                JOIN run r ON r.id = s.run_id
                WHERE b.t_min < extract(epoch FROM r.started_at) * 1000
                OR b.t_max > extract(epoch FROM r.ended_at) * 1000) AS points
    """)
    assert set(dict(wrong).values()) == {0}


async def test_aliases_stand_where_their_last_move_left_them(loaded: Loaded) -> None:
    rows = await loaded.db.fetch_sql("""
        SELECT a.version_id, a.set_at, array_agg(m.version_id ORDER BY m.at, m.id) AS versions, max(m.at) AS at
        FROM model_alias a JOIN model_alias_move m ON m.model_id = a.model_id AND m.name = a.name GROUP BY a.id
    """)
    assert rows
    assert [(row.version_id, row.set_at) for row in rows] == [(row.versions[-1], row["at"]) for row in rows]


async def test_params_are_stored_as_if_they_had_been_logged(loaded: Loaded) -> None:
    rows = await loaded.db.fetch_sql(
        "SELECT e.name AS experiment, r.name AS run, p.key, p.type, p.text, p.number "
        "FROM param p JOIN run r ON r.id = p.run_id JOIN experiment e ON e.id = r.experiment_id"
    )
    experiments = {one.id: one.name for one in loaded.recording.experiments}
    expected = {
        (experiments[run.experiment], run.name, *value)
        for run in loaded.recording.runs
        for value in checked(run.params)
    }
    assert {tuple(row) for row in rows} == expected


async def test_artifact_versions_are_sealed_as_if_they_had_been_committed(loaded: Loaded) -> None:
    rows = await loaded.db.fetch_sql("SELECT * FROM artifact_entry")
    for version in await loaded.db.fetch_sql("SELECT * FROM artifact_version"):
        files = [row for row in rows if row.version_id == version.id]
        assert (version.digest, version.state) == (digest_of(files), "COMMITTED")
        assert (version.file_count, version.size_bytes) == (len(files), sum(row.size_bytes for row in files))
    assert all(row.media_type == media_type_of(row.path, None) for row in rows)


async def test_a_picture_can_be_read_from_the_store(loaded: Loaded) -> None:
    (row,) = await loaded.db.fetch_sql("SELECT * FROM artifact_entry WHERE path = 'confusion_matrix.png' LIMIT 1")
    content = (await loaded.blobs.find(loaded.owner.organization_id, row.sha256)).read_bytes()
    assert content.startswith(b"\x89PNG\r\n")
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (row.sha256, row.size_bytes)


async def test_lineage_is_drawn_as_if_it_had_been_logged(loaded: Loaded) -> None:
    recording = loaded.recording
    inputs = {run.id: len(run.inputs) for run in recording.runs}
    models = [version for model in recording.models for version in model.versions]
    files = sum(len(artifact.versions) for artifact in recording.artifacts)
    expected = {
        ("ArtifactVersion", "USED", "Run"): sum(inputs.values()),
        ("Run", "PRODUCED", "ArtifactVersion"): files,
        ("Run", "PRODUCED", "ModelVersion"): len(models),
        ("ArtifactVersion", "DERIVED_FROM", "ModelVersion"): len(models),
        ("ArtifactVersion", "TRAINED_ON", "ModelVersion"): sum(inputs[version.source_run] for version in models),
    }
    rows = await loaded.db.fetch_sql("SELECT from_type, kind, to_type FROM lineage_edge")
    assert Counter(tuple(row) for row in rows) == expected


async def test_progress_rises_to_its_total(loaded: Loaded) -> None:
    done = [done for done, _, _ in loaded.reports]
    assert done == sorted(done)
    assert loaded.reports[-1][0] == loaded.reports[-1][1]
    assert len({total for _, total, _ in loaded.reports}) == 1


async def test_loading_twice_is_refused_and_changes_nothing(loaded: Loaded, blobs_folder: Path) -> None:
    before = await state(loaded.db)
    blobs = LocalBlobs(blobs_folder)
    with pytest.raises(Conflict, match="already has projects"):
        await load_demo(
            loaded.db,
            Demo(recording=loaded.recording, owner=loaded.owner, blobs=blobs, now=NOW),
            lambda *_: None,
        )
    assert await state(loaded.db) == before
    assert files_in(blobs_folder) == []


async def test_a_damaged_file_leaves_nothing_behind(db: Database, recording: Recording, blobs_folder: Path) -> None:
    owner = await ensure_owner(db)
    first = next(iter(recording.blobs))
    damaged = replace(recording, blobs={**recording.blobs, first: b"something else"})
    with pytest.raises(RecordingError, match=first):
        await load_demo(
            db, Demo(recording=damaged, owner=owner, blobs=LocalBlobs(blobs_folder), now=NOW), lambda *_: None
        )
    assert await state(db) == [0] * 6
    assert files_in(blobs_folder) == []


async def test_a_store_that_cannot_be_written_leaves_no_row(
    db: Database, recording: Recording, blobs_folder: Path
) -> None:
    owner = await ensure_owner(db)
    blobs = LocalBlobs(blobs_folder)
    (blobs_folder / owner.organization_id.hex).write_text("where the folder of the organisation would be")
    with pytest.raises(OSError, match=owner.organization_id.hex):
        await load_demo(db, Demo(recording=recording, owner=owner, blobs=blobs, now=NOW), lambda *_: None)
    assert await state(db) == [0] * 6
