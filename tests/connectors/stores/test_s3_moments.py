"""Times as servers of S3 tell them."""

from datetime import UTC, datetime

import pytest

from connectors.stores.s3.moments import moment_of, moment_of_header

MOMENT = datetime(2026, 11, 29, 10, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-29T10:00:05.000Z", MOMENT),
        ("2026-11-29T10:00:05Z", MOMENT),
        ("2026-11-29T10:00:05.123Z", MOMENT.replace(microsecond=123_000)),
        ("2026-11-29T12:00:05+02:00", MOMENT),
        ("Sun, 29 Nov 2026 10:00:05 GMT", MOMENT),
        ("1795946405", MOMENT),
        (1795946405, MOMENT),
    ],
)
def test_a_time_of_a_list_is_read_as_the_library_reads_it(text: str | int, moment: datetime) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sun, 29 Nov 2026 10:00:05 GMT", MOMENT),
        ("Sun, 29 Nov 2026 12:00:05 +0200", MOMENT),
        ("Fri, 01 Jan 2027 00:00:00 GMT", datetime(2027, 1, 1, tzinfo=UTC)),
        ("29 Nov 2026 10:00:05 GMT", MOMENT),
    ],
)
def test_a_time_of_a_header_is_read_as_it_is_written(text: str, moment: datetime) -> None:
    assert moment_of_header(text) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "Sun, 31 Feb 2026 10:00:05 GMT"])
def test_what_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        moment_of_header(text)
