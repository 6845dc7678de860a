"""The committed recording keeps what the demo promises, and a bad file is refused with a reason."""

from collections import Counter
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from maestro.errors import RecordingError
from ops.demo.container import FORMAT, VERSION, pack, unpack
from ops.demo.recording import DEFAULT, ArtifactVersion, Recording, Run, load_recording, save_recording

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return load_recording()


def versions(recording: Recording) -> dict[str, ArtifactVersion]:
    return {version.id: version for artifact in recording.artifacts for version in artifact.versions}


def runs(recording: Recording) -> dict[str, Run]:
    return {run.id: run for run in recording.runs}


def test_the_recording_is_small_enough_to_commit() -> None:
    assert DEFAULT.stat().st_size <= 5_000_000


def test_it_holds_three_projects_ten_experiments_and_some_hundred_runs(recording: Recording) -> None:
    assert [project.slug for project in recording.projects] == [
        "handwritten-digits",
        "tabular-classification",
        "diabetes-progression",
    ]
    assert len(recording.experiments) == 10
    assert 250 <= len(recording.runs) <= 400


def test_runs_ended_in_every_way_and_only_the_unfinished_say_why(recording: Recording) -> None:
    endings = Counter(run.status for run in recording.runs)
    assert endings.keys() == {"FINISHED", "FAILED", "KILLED"}
    assert endings["FINISHED"] > 0.9 * len(recording.runs)
    assert all((run.status_reason is None) == (run.status == "FINISHED") for run in recording.runs)
    assert all((run.stop_requested_ms is None) == (run.status != "KILLED") for run in recording.runs)


def test_runs_are_numbered_without_gaps_in_the_order_of_their_start(recording: Recording) -> None:
    for experiment in recording.experiments:
        mine = [run for run in recording.runs if run.experiment == experiment.id]
        assert [run.number for run in mine] == list(range(1, len(mine) + 1))
        assert [run.started_ms for run in mine] == sorted(run.started_ms for run in mine)


def test_params_come_in_all_six_types(recording: Recording) -> None:
    types = {type(value) for run in recording.runs for value in run.params.values()}
    assert types == {int, float, str, bool, type(None), list, dict}


def test_one_series_has_a_point_for_each_of_over_200_000_updates(recording: Recording) -> None:
    longest = max((series for run in recording.runs for series in run.series), key=lambda series: len(series.steps))
    assert longest.context == {"split": "stream"}
    assert len(longest.steps) >= 200_000
    assert (np.diff(longest.steps) == 1).all()


def test_every_series_is_three_equal_columns_in_order_and_within_its_run(recording: Recording) -> None:
    for run in recording.runs:
        for series in run.series:
            assert len(series.steps) == len(series.values) == len(series.timestamps_ms) > 0
            assert (np.diff(series.steps) > 0).all()
            assert (np.diff(series.timestamps_ms) >= 0).all()
            assert run.started_ms <= series.timestamps_ms[0]
            assert series.timestamps_ms[-1] <= run.ended_ms <= 0


def test_no_run_has_a_series_twice(recording: Recording) -> None:
    for run in recording.runs:
        names = [(series.key, *sorted(series.context.items())) for series in run.series]
        assert len(names) == len(set(names))


def test_a_run_that_diverged_kept_its_infinite_and_undefined_values(recording: Recording) -> None:
    failed = [series.values for run in recording.runs if run.status == "FAILED" for series in run.series]
    values = np.concatenate(failed)
    assert np.isinf(values).any()
    assert np.isnan(values).any()


def test_every_metric_that_is_logged_has_its_meaning_described(recording: Recording) -> None:
    project_of = {experiment.id: experiment.project for experiment in recording.experiments}
    logged = {(project_of[run.experiment], series.key) for run in recording.runs for series in run.series}
    described = [(key.project, key.name) for key in recording.metric_keys]
    assert len(described) == len(set(described))
    assert set(described) == logged


def test_every_reference_names_something_recorded(recording: Recording) -> None:
    projects = {project.id for project in recording.projects}
    artifact_versions, known = versions(recording), runs(recording)
    assert {experiment.project for experiment in recording.experiments} == projects
    assert {artifact.project for artifact in recording.artifacts} == projects
    assert {model.project for model in recording.models} == projects
    assert {key.project for key in recording.metric_keys} == projects
    assert {run.experiment for run in recording.runs} == {experiment.id for experiment in recording.experiments}
    assert {name for run in recording.runs for name in run.inputs} <= artifact_versions.keys()
    assert {version.produced_by for version in artifact_versions.values()} <= known.keys()
    for model in recording.models:
        for version in model.versions:
            assert artifact_versions[version.artifact_version].produced_by == version.source_run


def test_parents_precede_their_children_in_the_same_experiment(recording: Recording) -> None:
    seen: dict[str, Run] = {}
    for run in recording.runs:
        assert run.parent is None or seen[run.parent].experiment == run.experiment
        seen[run.id] = run
    assert len(seen) == len(recording.runs)
    assert Counter(seen[run.parent].kind for run in recording.runs if run.parent).keys() == {"TUNING", "EVALUATION"}


def test_lineage_leads_from_a_data_set_through_a_run_to_each_model_version(recording: Recording) -> None:
    type_of = {version.id: artifact.type for artifact in recording.artifacts for version in artifact.versions}
    known = runs(recording)
    for model in recording.models:
        for version in model.versions:
            assert [type_of[name] for name in known[version.source_run].inputs] == ["dataset"]


def test_versions_and_artifacts_are_numbered_without_gaps(recording: Recording) -> None:
    numbers = [[version.number for version in artifact.versions] for artifact in recording.artifacts]
    numbers += [[version.number for version in model.versions] for model in recording.models]
    assert all(each == list(range(1, len(each) + 1)) for each in numbers)


def test_five_models_have_several_versions_with_card_signature_and_metrics(recording: Recording) -> None:
    assert len(recording.models) == 5
    for model in recording.models:
        assert len(model.versions) > 1
        for version in model.versions:
            assert version.card.startswith(f"# {model.name}\n")
            assert version.signature.keys() == {"inputs", "outputs"}
            assert np.isfinite(list(version.metrics.values())).all()


def test_lifecycles_follow_the_champion(recording: Recording) -> None:
    for model in recording.models:
        champion = next(alias for alias in model.aliases if alias.name == "champion")
        assert [version.number for version in model.versions if version.lifecycle == "READY"] == [champion.version]
    assert {version.lifecycle for model in recording.models for version in model.versions} == {
        "DRAFT",
        "READY",
        "DEPRECATED",
    }


def test_an_alias_stands_where_its_history_ends_and_never_named_a_version_before_it_was_made(
    recording: Recording,
) -> None:
    for model in recording.models:
        assert [alias.name for alias in model.aliases] == ["champion", "challenger"]
        for alias in model.aliases:
            assert (alias.version, alias.set_ms) == (alias.history[-1].version, alias.history[-1].set_ms)
            assert all(before.set_ms <= after.set_ms for before, after in pairwise(alias.history))
            assert all(before.version != after.version for before, after in pairwise(alias.history))
            assert all(model.versions[move.version - 1].created_ms <= move.set_ms <= 0 for move in alias.history)


def test_a_champion_was_dethroned(recording: Recording) -> None:
    assert any(len(alias.history) > 1 for model in recording.models for alias in model.aliases if alias.protected)


def test_every_entry_of_an_artifact_is_a_blob_with_its_size_and_digest(recording: Recording) -> None:
    entries = [entry for version in versions(recording).values() for entry in version.entries]
    assert {entry.sha256 for entry in entries} == recording.blobs.keys()
    for entry in entries:
        data = recording.blob(entry.sha256)
        assert (len(data), sha256(data).hexdigest()) == (entry.size_bytes, entry.sha256)


def test_every_png_is_a_small_png(recording: Recording) -> None:
    entries = [entry for version in versions(recording).values() for entry in version.entries]
    pictures = [entry for entry in entries if entry.path.endswith(".png")]
    assert len(pictures) > 100
    for entry in pictures:
        assert recording.blob(entry.sha256).startswith(PNG_SIGNATURE)
        assert entry.size_bytes <= 15_000


def test_the_recording_tells_nothing_of_the_machine_it_was_made_on(recording: Recording) -> None:
    assert {frozenset(run.environment) for run in recording.runs} == {
        frozenset({"python", "numpy", "scikit-learn", "threads"})
    }
    content = unpack(DEFAULT)["content.json"]
    assert not [place for place in (b"/home/", b"/root/", b"/work/", b"/tmp/", b"/usr/") if place in content]


def test_an_unknown_blob_is_refused(recording: Recording) -> None:
    with pytest.raises(RecordingError, match="no blob 00ff"):
        recording.blob("00ff")


def test_what_was_loaded_is_saved_again_byte_for_byte(recording: Recording, tmp_path: Path) -> None:
    copy = tmp_path / "copy.recording"
    save_recording(recording, copy)
    assert unpack(copy) == unpack(DEFAULT)


@pytest.mark.parametrize("position", [100, 500_000, -1])
def test_a_flipped_byte_anywhere_is_found(tmp_path: Path, position: int) -> None:
    data = bytearray(DEFAULT.read_bytes())
    data[position] ^= 0xFF
    damaged = tmp_path / "damaged.recording"
    damaged.write_bytes(data)
    with pytest.raises(RecordingError, match=r"^damaged\.recording is damaged"):
        load_recording(damaged)


def test_a_truncated_file_is_found(tmp_path: Path) -> None:
    cut = tmp_path / "cut.recording"
    cut.write_bytes(DEFAULT.read_bytes()[:-1000])
    with pytest.raises(RecordingError, match=r"^cut\.recording is damaged"):
        load_recording(cut)


def test_another_version_of_the_format_is_refused_with_the_way_out(tmp_path: Path) -> None:
    newer = tmp_path / "newer.recording"
    ours = f"{FORMAT} {VERSION} ".encode()
    newer.write_bytes(DEFAULT.read_bytes().replace(ours, f"{FORMAT} {VERSION + 1} ".encode(), 1))
    with pytest.raises(
        RecordingError, match=f"format version {VERSION + 1}, this release reads version {VERSION}"
    ) as refusal:
        load_recording(newer)
    assert refusal.value.hint == "record it anew with `python -m ops.demo.record`"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a plain archive", b"\xff\xfe\n", b"one two three\n"])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    foreign = tmp_path / "foreign.recording"
    foreign.write_bytes(content)
    with pytest.raises(RecordingError, match="is not a recording of demo data"):
        load_recording(foreign)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"absent\.recording cannot be read: No such file"):
        load_recording(tmp_path / "absent.recording")


def test_a_whole_file_with_the_wrong_content_is_refused(tmp_path: Path) -> None:
    hollow = tmp_path / "hollow.recording"
    pack({"content.json": b'{"projects": [{"name": "no id"}]}', "points.txt": b""}, hollow)
    with pytest.raises(RecordingError, match="does not have the content its format promises"):
        load_recording(hollow)
