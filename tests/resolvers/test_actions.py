"""What the audit log keeps of values: plain JSON, without secrets, of a reasonable length."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from maestro.access.secrets import new_key
from resolvers.actions import LONGEST, REDACTED, clean, told


@pytest.mark.parametrize(
    "name",
    ["secret_hash", "password", "apiToken", "wrapped_key", "ciphertext", "private-key", "dsn", "Authorization"],
)
def test_a_value_is_left_out_whose_name_says_that_it_is_secret(name: str) -> None:
    assert told({name: "x", "deep": {"er": [{name: "x"}]}}) == {name: REDACTED, "deep": {"er": [{name: REDACTED}]}}


def test_a_key_is_left_out_wherever_it_stands() -> None:
    key = new_key()
    assert told({"name": f"my {key}!", key: 1}) == {"name": f"my {REDACTED}!", REDACTED: 1}
    assert clean(f"There is no {key!r}.") == f"There is no '{REDACTED}'."


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (datetime(2026, 1, 31, tzinfo=UTC), "2026-01-31T00:00:00+00:00"),
        (UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (b"abc", "[3 bytes]"),
        (("a", 1), ["a", 1]),
        ("a\0b\ud800", "a\ufffdb\ufffd"),
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * 1_001, f"{'x' * LONGEST}… [1,001 characters]"),
        (["x" * LONGEST] * 5, "[5,016 bytes of JSON]"),
    ],
)
def test_a_value_is_kept_as_plain_json(value: Any, kept: Any) -> None:
    assert told({"value": value}) == {"value": kept}
