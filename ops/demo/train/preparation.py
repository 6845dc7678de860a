"""The recorded run that prepares a data set, from which all lineage of a project starts."""

from typing import Any

from ops.demo.train.data import PARTS, SPLIT_SEED, Dataset, dataset, split, table
from ops.demo.train.session import ExperimentRecorder


def prepare(experiment: ExperimentRecorder, bunch: Any, *, name: str, title: str, source: str) -> Dataset:
    """Split and keep a bundled data set; `source` is a Markdown sentence on where it comes from."""
    params = {"dataset": name, "seed": SPLIT_SEED, "parts": {"train": 0.6, "val": 0.2, "test": 0.2}}
    with experiment.run(f"prepare {name}", params, kind="DATA_PREP") as run:
        parts = split(bunch)
        counts = {part: int((parts == part).sum()) for part in PARTS}
        for part, count in counts.items():
            run.log(0, {"rows": count}, split=part)
        readme = _readme(f"# {title}\n\n{source}\n\n{len(bunch.feature_names)} features.", counts)
        run.notes = readme
        files = {f"{name}.csv": table(bunch, parts), "README.md": readme.encode("utf-8")}
        version = run.save(name, "dataset", files, description=f"{title}: {sum(counts.values())} rows, split")
    return dataset(bunch, parts, name=name, title=title, version=version.id)


def _readme(head: str, counts: dict[str, int]) -> str:
    rows = "\n".join(f"| {part} | {count} |" for part, count in counts.items())
    return f"{head}\n\n| part | rows |\n|---|---:|\n{rows}\n"
