"""Files on their way: copies that a training cannot change any more, and models written into files."""

import hashlib
import importlib
import pickle
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from maestro_client.courier import Entry

Save = str | Callable[[Any, Path], object]
"""`pickle`, `joblib`, or a function that writes a model into a folder."""
CHUNK_BYTES: Final = 1024 * 1024


def staged(spool: Path, artifact: str, files: Mapping[str, Path]) -> Entry:
    """Copy files into a folder of their own, and return the entry that sends them; OSError."""
    folder = spool / uuid.uuid4().hex
    folder.mkdir(parents=True)
    for position, source in enumerate(files.values()):
        shutil.copyfile(source, folder / str(position))
    return _entry(folder, artifact, {path: folder / str(position) for position, path in enumerate(files)})


def written(spool: Path, artifact: str, model: Any, *, save: Save) -> Entry:
    """Write a model into files, and return the entry that sends them; whatever saving raises."""
    folder = spool / uuid.uuid4().hex
    folder.mkdir(parents=True)
    if callable(save):
        save(model, folder)
    elif save == "pickle":
        (folder / "model.pkl").write_bytes(pickle.dumps(model))
    elif save == "joblib":
        importlib.import_module("joblib").dump(model, folder / "model.joblib")
    else:
        raise ValueError(f"save_model is 'pickle', 'joblib' or a function of a model and a folder, not {save!r}")
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    if not found:
        raise ValueError("no file was written into the folder")
    return {**_entry(folder, artifact, found), "type": "model"}


def _entry(folder: Path, artifact: str, files: Mapping[str, Path]) -> Entry:
    return {
        "kind": "files",
        "key": uuid.uuid4().hex,
        "artifact": artifact,
        "type": "file",
        "register": None,
        "staged": str(folder),
        "files": [
            {"path": path, "source": str(source.resolve()), "sha256": _sha256(source)} for path, source in files.items()
        ],
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
