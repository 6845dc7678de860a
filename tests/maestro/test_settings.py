"""Settings as they are read from the environment."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from maestro.settings import Settings


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(f"MAESTRO_{name}", value)
    return Settings(_env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's


@pytest.mark.parametrize(
    ("written", "meant"), [("30", 30), ("0.5", 0.5), ("PT30S", 30), ("PT15M", 900), ("P14D", 1_209_600)]
)
def test_a_duration_is_a_number_of_seconds_or_iso_8601(
    monkeypatch: pytest.MonkeyPatch, written: str, meant: float
) -> None:
    assert read(monkeypatch, OPERATION_TIMEOUT=written).operation_timeout == timedelta(seconds=meant)


@pytest.mark.parametrize("written", ["0", "-PT30S", "soon"])
def test_a_duration_is_positive(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    with pytest.raises(ValidationError):
        read(monkeypatch, OPERATION_TIMEOUT=written)


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, HOST="", DATA_DIR="", DATABASE_URL="")
    assert (settings.host, settings.data_dir, settings.database_url) == ("127.0.0.1", Path(".maestro"), None)


def test_a_public_address_is_a_web_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError):
        read(monkeypatch, PUBLIC_URL="junk")
    assert read(monkeypatch, PUBLIC_URL="https://ml.example.org").public_url == "https://ml.example.org"


@pytest.mark.parametrize("written", ["3000", "lots/minute", "0/minute"])
def test_a_rate_that_cannot_be_read_is_refused_with_the_way_to_write_one(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    with pytest.raises(ValidationError, match=r"3000/minute, or off|write off for no limit"):
        read(monkeypatch, RATE_LIMIT_COST=written)


def test_a_rate_may_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, RATE_LIMIT_COST="off").rate_limit_cost == "off"
