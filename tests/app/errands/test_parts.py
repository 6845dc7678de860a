"""What a server and the process of its errands tell each other."""

import asyncio
import logging
from datetime import timedelta

import pytest
from pydantic import SecretStr

from app.errands.child import MASKED, _told
from app.errands.framing import LARGEST, TooLargeError, frame, received
from app.errands.handover import handed_over, taken_over
from maestro.errands import NO_DESK, ErrandKind
from maestro.errors import NotFound, Unavailable
from maestro.settings import Settings

GIVEN = {
    "data_dir": "/somewhere",
    "database_url": "postgresql://a:hush@b/c",
    "public_url": "https://ml.example.org",
    "secret_key": "x" * 32,
    "trusted_proxies": "10.0.0.0/8, ::1",
    "connector_denied_networks": "10.0.0.0/8,fe80::/10",
    "local_connector_folders": "/a,/b",
    "browse_timeout": "12.5",
    "query_timeout": "PT1H",
    "oidc_roles": '{"ml-admins": "ADMIN"}',
    "rate_limit_requests": "off",
    "backup_s3_secret_access_key": "hush",
}


def test_settings_are_handed_over_whole_secrets_included() -> None:
    given = Settings(_env_file=None, **GIVEN)  # type: ignore[arg-type,call-arg] # as pydantic reads them
    taken = taken_over(handed_over(given))
    assert taken == given
    assert taken.secret_key == SecretStr("x" * 32)
    assert taken.query_timeout == timedelta(hours=1)
    assert taken_over(handed_over(Settings(_env_file=None))) == Settings(_env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's


def test_what_is_handed_over_is_not_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(_env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's
    plain = handed_over(given)
    monkeypatch.setenv("MAESTRO_QUERY_ROWS", "7")
    assert taken_over(plain).query_rows == given.query_rows != 7


async def test_messages_arrive_one_by_one_and_the_end_is_none() -> None:
    reader = asyncio.StreamReader()
    sent = frame({"a": [1, None]}) + frame("ü") + frame(1)[:-1]
    reader.feed_data(sent)
    reader.feed_eof()
    assert [await received(reader) for _ in range(3)] == [{"a": [1, None]}, "ü", None]


def test_a_message_has_a_largest_size() -> None:
    with pytest.raises(TooLargeError):
        frame("x" * LARGEST)


def test_of_an_unexpected_error_the_message_is_neither_told_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    text = "postgresql://me:hush@db"
    with pytest.raises(ValueError, match="hush") as raised:
        int(text)
    told = _told(raised.value)
    assert str(told) == MASKED
    assert "ValueError" in caplog.text
    assert "test_of_an_unexpected_error" in caplog.text
    assert text not in caplog.text
    known = NotFound("There is no such Connector.")
    assert _told(known) is known


async def test_a_process_without_errands_says_so() -> None:
    with pytest.raises(Unavailable, match="asks no connector"):
        await NO_DESK.errands.run(ErrandKind.TEST, {}, timeout_s=1)
