"""Values as parameters of BigQuery, where it does not say which types it expects."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

from connectors.sql.bigquery_types import parameters
from maestro.errors import InvalidInput


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (True, "BOOL"),
        (1, "INT64"),
        (0.5, "FLOAT64"),
        (Decimal("0.5"), "NUMERIC"),
        ("x", "STRING"),
        (b"x", "BYTES"),
        (bytearray(b"x"), "BYTES"),
        (datetime(2024, 2, 29, tzinfo=UTC), "TIMESTAMP"),
        (datetime(2024, 2, 29), "DATETIME"),  # noqa: DTZ001 -- without a zone, on purpose
        (date(2024, 2, 29), "DATE"),
        (time(12, 30), "TIME"),
        ({"a": 1}, "JSON"),
        (None, "STRING"),
    ],
)
def test_a_value_has_a_type_of_its_own(value: Any, wanted: str) -> None:
    (found,) = parameters([value], [])
    assert isinstance(found, ScalarQueryParameter)
    assert found.type_ == wanted


def test_an_array_has_the_type_of_what_is_in_it() -> None:
    (found,) = parameters([[1, 2]], [])
    assert isinstance(found, ArrayQueryParameter)
    assert (found.array_type, found.values) == ("INT64", [1, 2])
    with pytest.raises(InvalidInput, match="Parameter 1 is an array of several types: INT64, STRING"):
        parameters([[1, "a"]], [])


def test_what_has_no_type_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Parameter 2 is of no type of BigQuery: object"):
        parameters([1, object()], [])
    with pytest.raises(InvalidInput, match="Parameter 1 is no JSON"):
        parameters(["{"], [ScalarQueryParameter(None, "JSON", None)])
