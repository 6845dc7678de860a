"""Which framework has made a model, by the names of its files and their first bytes; nothing of it is ever loaded.

A model may run any code when it is opened by its own library (pickle), so files are only looked at: the description
that MLflow puts beside a model, well-known names, and the marks with which formats begin.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

HEAD_BYTES: Final = 4096
"""So many bytes of a file are looked at, from its beginning."""
LONGEST_DESCRIPTION: Final = 256 * 1024
DESCRIPTION: Final = "MLmodel"
Peek = Callable[[str, int], bytes]
"""Returns the first bytes of a file, by its path and the most that are wanted."""

FRAMEWORKS: Final[Mapping[str, str]] = {
    "sklearn": "scikit-learn",
    "pytorch": "PyTorch",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "onnx": "ONNX",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "catboost": "CatBoost",
    "spacy": "spaCy",
    "transformers": "Transformers",
    "sentence_transformers": "Sentence Transformers",
    "statsmodels": "statsmodels",
    "spark": "Spark MLlib",
    "prophet": "Prophet",
    "pmdarima": "pmdarima",
    "h2o": "H2O",
    "paddle": "PaddlePaddle",
    "langchain": "LangChain",
    "llama_index": "LlamaIndex",
    "openai": "OpenAI",
    "dspy": "DSPy",
    "johnsnowlabs": "John Snow Labs",
    "promptflow": "Prompt flow",
}
"""By the names of MLflow's flavours; `python_function`, which nearly all models have, tells nothing."""
_NAMES: Final[Mapping[str, str]] = {
    "saved_model.pb": "TensorFlow",
    "saved_model.pbtxt": "TensorFlow",
    "keras_metadata.pb": "Keras",
    "model.safetensors.index.json": "Transformers",
    "pytorch_model.bin": "Transformers",
    "pytorch_model.bin.index.json": "Transformers",
    "tokenizer_config.json": "Transformers",
    "config_sentence_transformers.json": "Sentence Transformers",
}
_ENDINGS: Final[Mapping[str, str]] = {
    ".onnx": "ONNX",
    ".keras": "Keras",
    ".cbm": "CatBoost",
    ".ubj": "XGBoost",
    ".xgb": "XGBoost",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".safetensors": "safetensors",
    ".tflite": "TensorFlow",
    ".joblib": "scikit-learn",
}
_MARKS: Final[Sequence[tuple[bytes, str]]] = (
    (b"CBM1", "CatBoost"),
    (b"tree\nversion=v", "LightGBM"),
    (b"\x1c\x00\x00\x00TFL3", "TensorFlow"),
    (b"binf", "XGBoost"),
)
_KERAS_ENDINGS: Final = frozenset({".h5", ".hdf5"})
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_ZIP: Final = b"PK\x03\x04"
_PICKLE: Final = re.compile(rb"\x80[\x02-\x05]")
_IN_PICKLE: Final[Sequence[tuple[bytes, str]]] = (
    (b"xgboost.", "XGBoost"),
    (b"lightgbm.", "LightGBM"),
    (b"catboost.", "CatBoost"),
    (b"statsmodels.", "statsmodels"),
    (b"torch.", "PyTorch"),
    (b"torch\n", "PyTorch"),
    (b"spacy.", "spaCy"),
    (b"sklearn.", "scikit-learn"),
)
"""Names of packages as they stand in the text of a pickle, which is searched and not run."""
_FLAVOUR: Final = re.compile(r"^(?P<indent> +)(?P<name>[A-Za-z_][\w.]*):", re.ASCII)


def framework_of(paths: Sequence[str], peek: Peek) -> str | None:
    """Return the framework that has made some files, None where nothing tells; `peek` may be called for any of them."""
    by_name = {PurePosixPath(path).name: path for path in sorted(paths, reverse=True)}
    if DESCRIPTION in by_name:
        told = _described(peek(by_name[DESCRIPTION], LONGEST_DESCRIPTION))
        if told is not None:
            return told
    known = [name for name in _NAMES if name in by_name]
    if known:
        return _NAMES[known[0]]
    spark, spacy = _by_folder(paths), _is_spacy(by_name, peek)
    if spark or spacy:
        return "Spark MLlib" if spark else "spaCy"
    for path in sorted(paths):
        found = _by_bytes(path, peek)
        if found is not None:
            return found
    return None


def flavours_of(description: bytes) -> list[str]:
    """Return the flavours that a description names, in its order; it is YAML, of which nothing else is read."""
    lines = description.decode("utf-8", "replace").splitlines()
    try:
        start = lines.index("flavors:") + 1
    except ValueError:
        return []
    found, indent = [], None
    for line in lines[start:]:
        if line.strip() and not line.startswith(" "):
            break
        flavour = _FLAVOUR.match(line)
        if flavour is not None:
            indent = indent or flavour["indent"]
            if flavour["indent"] == indent:
                found.append(flavour["name"])
    return found


def _described(description: bytes) -> str | None:
    named = [name for name in flavours_of(description) if name in FRAMEWORKS]
    # A model of Keras may be told as one of TensorFlow besides, and one of ONNX as what it was made from.
    return FRAMEWORKS[named[0]] if named else None


def _by_folder(paths: Sequence[str]) -> bool:
    """Say whether there is a folder `metadata` with the parts that Spark writes, and one of its stages or data."""
    folders = {part for path in paths for part in PurePosixPath(path).parts[:-1]}
    has_metadata = any(re.search(r"(^|/)metadata/part-\d{5}", path) for path in paths)
    return has_metadata and bool(folders & {"stages", "data", "sparkml"} or "metadata" in folders)


def _is_spacy(by_name: Mapping[str, str], peek: Peek) -> bool:
    return {"meta.json", "config.cfg"} <= by_name.keys() and b"spacy_version" in peek(by_name["meta.json"], HEAD_BYTES)


def _by_bytes(path: str, peek: Peek) -> str | None:
    ending = PurePosixPath(path).suffix.lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    head = peek(path, HEAD_BYTES)
    marked = next((framework for mark, framework in _MARKS if head.startswith(mark)), None)
    return marked or _by_container(head, ending)


def _by_container(head: bytes, ending: str) -> str | None:
    """Return what is told by a format that several frameworks use."""
    if head.startswith(_HDF5) and ending in _KERAS_ENDINGS:
        return "Keras"
    if head.startswith(_ZIP) and b"/data.pkl" in head:
        return "PyTorch"
    if head.lstrip().startswith(b"{") and b'"learner"' in head:
        return "XGBoost"
    if _PICKLE.match(head):
        return next((framework for mark, framework in _IN_PICKLE if mark in head), None)
    return None
