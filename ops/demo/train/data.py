"""The bundled data sets of scikit-learn, prepared once by a recorded run: split, scaled and kept as CSV."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

PARTS = ("train", "val", "test")
SPLIT_SEED = 20


@dataclass(frozen=True, slots=True)
class Part:
    """Rows for one purpose: `x` is rows by features, scaled; `y` holds class numbers or targets."""

    x: NDArray[Any]
    y: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A prepared data set; `classes` is empty for a regression, `version` is its artifact version."""

    name: str
    title: str
    features: tuple[str, ...]
    classes: tuple[str, ...]
    train: Part
    val: Part
    test: Part
    version: str


def split(bunch: Any) -> NDArray[np.str_]:
    """Assign 60 % of the rows to train and 20 % each to val and test, by class where there are classes."""
    rows = np.arange(len(bunch.target))
    strata = bunch.target if "target_names" in bunch else None
    train, rest = train_test_split(rows, test_size=0.4, random_state=SPLIT_SEED, stratify=strata)
    strata = None if strata is None else strata[rest]
    val, _ = train_test_split(rest, test_size=0.5, random_state=SPLIT_SEED, stratify=strata)
    parts = np.full(len(rows), "test", dtype="U5")
    parts[train], parts[val] = "train", "val"
    return parts


def table(bunch: Any, parts: NDArray[np.str_]) -> bytes:
    """Answer the data set as CSV: its features as bundled, the target, and the part each row belongs to."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*map(str, bunch.feature_names), "target", "part"])
    for row, target, part in zip(bunch.data.tolist(), bunch.target.tolist(), parts.tolist(), strict=True):
        writer.writerow([*(f"{value:.6g}" for value in row), f"{target:g}", part])
    return text.getvalue().encode("utf-8")


def dataset(bunch: Any, parts: NDArray[np.str_], *, name: str, title: str, version: str) -> Dataset:
    """Standardise the features by the mean and deviation of the training rows; constant features become 0."""
    known = bunch.data[parts == "train"]
    spread = known.std(axis=0)
    scaled = (bunch.data - known.mean(axis=0)) / np.where(spread > 0, spread, 1)
    cut = {part: Part(scaled[parts == part].astype(np.float32), bunch.target[parts == part]) for part in PARTS}
    classes = tuple(map(str, bunch.target_names)) if "target_names" in bunch else ()
    return Dataset(name, title, tuple(map(str, bunch.feature_names)), classes, **cut, version=version)
