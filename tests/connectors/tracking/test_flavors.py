"""Frameworks by the files of models, which are looked at and never loaded."""

import pickle
from collections.abc import Mapping
from typing import Final

import pytest

from connectors.tracking.flavors import flavours_of, framework_of

DESCRIPTION: Final = b"""\
artifact_path: model
flavors:
  python_function:
    env:
      conda: conda.yaml
    loader_module: mlflow.sklearn
  sklearn:
    code: null
    sklearn_version: 1.7.0
mlflow_version: 3.17.2
  xgboost:
"""


class Malicious:
    """Ends the process of whoever unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return __import__("os")._exit, (1,)


def found(files: Mapping[str, bytes]) -> str | None:
    return framework_of(list(files), lambda path, most: files[path][:most])


def test_flavours_are_read_from_the_description() -> None:
    assert flavours_of(DESCRIPTION) == ["python_function", "sklearn"]
    assert flavours_of(b"artifact_path: model\n") == []
    assert flavours_of(b"\xff\x00flavors") == []


@pytest.mark.parametrize(
    ("files", "framework"),
    [
        ({"MLmodel": DESCRIPTION, "model.pkl": b""}, "scikit-learn"),
        ({"MLmodel": b"flavors:\n    tensorflow:\n        a: b\n"}, "TensorFlow"),
        ({"MLmodel": b"flavors:\n  python_function:\n    a: b\n", "m.onnx": b""}, "ONNX"),
        ({"a/saved_model.pb": b"", "a/variables/variables.index": b""}, "TensorFlow"),
        ({"model.keras": b"PK\x03\x04"}, "Keras"),
        ({"model.h5": b"\x89HDF\r\n\x1a\n"}, "Keras"),
        ({"model.cbm": b""}, "CatBoost"),
        ({"model.bin": b"CBM1...."}, "CatBoost"),
        ({"model.txt": b"tree\nversion=v4\nnum_class=1"}, "LightGBM"),
        ({"model.json": b'{"learner":{"attributes":{}},"version":[2,1,0]}'}, "XGBoost"),
        ({"model.ubj": b""}, "XGBoost"),
        ({"m/config.json": b"{}", "m/tokenizer_config.json": b"{}", "m/model.safetensors": b""}, "Transformers"),
        ({"adapter.safetensors": b""}, "safetensors"),
        ({"weights": b"PK\x03\x04" + bytes(26) + b"archive/data.pkl"}, "PyTorch"),
        ({"model.pth": b""}, "PyTorch"),
        ({"model.pkl": b"\x80\x04\x95csklearn.linear_model._base\nLinear"}, "scikit-learn"),
        ({"model.pkl": b"\x80\x04\x95cxgboost.sklearn\nXGBClassifier"}, "XGBoost"),
        ({"model.statsmodels": b"\x80\x04\x95cstatsmodels.regression.linear_model\nOLS"}, "statsmodels"),
        ({"meta.json": b'{"spacy_version": ">=3.7"}', "config.cfg": b""}, "spaCy"),
        ({"metadata/part-00000": b"{}", "stages/0_x/metadata/part-00000": b"{}"}, "Spark MLlib"),
        ({"model.joblib": b""}, "scikit-learn"),
        ({"notes.txt": b"hello"}, None),
        ({"model.pkl": b"\x80\x04\x95cbuiltins\ndict"}, None),
        ({}, None),
    ],
)
def test_a_framework_is_known_by_its_files(files: dict[str, bytes], framework: str | None) -> None:
    assert found(files) == framework


def test_a_pickle_is_never_run() -> None:
    assert found({"model.pkl": pickle.dumps(Malicious())}) is None
