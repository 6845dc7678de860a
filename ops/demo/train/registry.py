"""A registered model while its versions are made: the best run so far gives a version, the better version wins."""

import pickle
from dataclasses import dataclass, field, replace
from typing import Any

from ops.demo.recording import AliasMove, JsonValue, Lifecycle, ModelAlias, ModelVersion, RegisteredModel
from ops.demo.train.artifacts import now_ms
from ops.demo.train.data import Dataset
from ops.demo.train.runs import RunRecorder

# A model that does not clear the bar of its metric is not worth a version.
BARS = {"accuracy": 0.85, "f1": 0.85, "r2": 0.3}


@dataclass
class ModelRecorder:
    """A registered model, judged by one validation metric of which more is better.

    Within a round, usually an experiment, a run that beats the bar and all before it becomes a version and the
    `challenger`; `promote` ends the round and makes the challenger `champion` if it beats the champion that is.
    """

    about: RegisteredModel
    data: Dataset
    metric: str
    record: float = field(init=False)
    versions: list[ModelVersion] = field(default_factory=list)
    estimators: dict[int, Any] = field(default_factory=dict)
    moves: dict[str, list[AliasMove]] = field(default_factory=lambda: {"champion": [], "challenger": []})

    def __post_init__(self) -> None:
        self.record = BARS[self.metric]

    def offer(self, run: RunRecorder, model: Any, scores: dict[str, float]) -> None:
        """Register the model of a run that is about to finish, if it is the best of its round."""
        if scores[self.metric] <= self.record:
            return
        self.record = scores[self.metric]
        number = len(self.versions) + 1
        files = {"model.pkl": pickle.dumps(model, protocol=5)}
        title = f"{type(model).__name__} with {self.metric} {self.record:.4f} on validation data"
        artifact = run.save(self.about.name, "model", files, description=title)
        version = ModelVersion(
            number=number,
            description=title,
            lifecycle="DRAFT",
            source_run=run.id,
            artifact_version=artifact.id,
            metrics=scores,
            signature=self._signature(),
            card=self._card(run, scores),
            created_ms=artifact.created_ms,
        )
        self.versions.append(version)
        self.estimators[number] = model
        self._move("challenger", number)
        run.tags["registered"] = f"{self.about.name} v{number}"

    def promote(self) -> None:
        """End the round; the loser of the comparison is the challenger of the next round."""
        self.record = BARS[self.metric]
        champion, challenger = self._at("champion"), self._at("challenger")
        if challenger and (not champion or self._score(challenger) > self._score(champion)):
            self._move("champion", challenger)
            if champion:
                self._move("challenger", champion)

    def row(self) -> RegisteredModel:
        aliases = (
            ModelAlias(name, name == "champion", moves[-1].version, moves[-1].set_ms, tuple(moves))
            for name, moves in self.moves.items()
        )
        versions = (replace(version, lifecycle=self._lifecycle(version.number)) for version in self.versions)
        return replace(self.about, versions=tuple(versions), aliases=tuple(aliases))

    def _lifecycle(self, number: int) -> Lifecycle:
        if number == self._at("champion"):
            return "READY"
        return "DRAFT" if number in (self._at("challenger"), len(self.versions)) else "DEPRECATED"

    def _at(self, alias: str) -> int | None:
        return self.moves[alias][-1].version if self.moves[alias] else None

    def _score(self, number: int) -> float:
        return self.versions[number - 1].metrics[self.metric]

    def _move(self, alias: str, number: int) -> None:
        self.moves[alias].append(AliasMove(number, now_ms()))

    def _signature(self) -> dict[str, JsonValue]:
        rows = {"name": "features", "type": "float32", "shape": [-1, len(self.data.features)]}
        if not self.data.classes:
            return {"inputs": [rows], "outputs": [{"name": "prediction", "type": "float64", "shape": [-1]}]}
        classes = {"name": "probabilities", "type": "float64", "shape": [-1, len(self.data.classes)]}
        return {"inputs": [rows], "outputs": [classes | {"classes": list(self.data.classes)}]}

    def _card(self, run: RunRecorder, scores: dict[str, float]) -> str:
        params = "\n".join(f"| `{key}` | `{value}` |" for key, value in run.params.items())
        metrics = "\n".join(f"| {key} | {value:.4f} |" for key, value in scores.items())
        return (
            f"# {self.about.name}\n\n{self.about.description}\n\n"
            f"## Data\n\nTrained on the {len(self.data.train.y)} training rows of *{self.data.title}*; "
            f"judged on {len(self.data.val.y)} validation rows. The test rows were not used.\n\n"
            f"## Validation\n\n| metric | value |\n|---|---:|\n{metrics}\n\n"
            f"## Training\n\n`{run.config['estimator']}`, run `{run.id}`\n\n"
            f"| parameter | value |\n|---|---|\n{params}\n\n"
            "## Limits\n\nA demonstration on a small public data set; not for decisions about people.\n"
        )
