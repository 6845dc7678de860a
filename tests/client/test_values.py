"""What a training hands over, as the server takes it."""

import enum
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maestro_client import retrying, values
from maestro_client.facts import WITH_SECRET
from maestro_client.points import MOST_POINTS, MOST_SERIES, Logged, gathered
from maestro_client.retrying import delay_s
from maestro_client.wire import Key


class Mode(enum.Enum):
    FAST = "fast"


@dataclass
class Layer:
    width: int = 64
    names: list[str] = field(default_factory=lambda: ["a"])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"a": {"b": {"c": 1}}, "d": None}, {"a.b.c": 1, "d": None}),
        ({"layer": Layer()}, {"layer.width": 64, "layer.names": ["a"]}),
        ({"mode": Mode.FAST, "path": Path("x/y")}, {"mode": "fast", "path": str(Path("x/y"))}),
        ({"nan": float("nan"), "large": 2**80}, {"nan": "nan", "large": str(2**80)}),
        ({"lr": np.float64(0.5), "n": np.int32(3), "data": np.zeros(3), "f": print}, {"lr": 0.5, "n": 3}),
        ({"objects": [object()], "numbers": (1, 2)}, {"numbers": [1, 2]}),
        ({"password": "x", "hub_token": "x", "aws": {"secret": "x"}, "max_tokens": 8}, {"max_tokens": 8}),
        ({"": 1, "k" * 251: 1, "empty": {}}, {}),
        ({"nul": "a\0b"}, {"nul": "ab"}),
    ],
)  # fmt: skip
def test_simple_values_become_params(given: dict[str, Any], found: dict[str, Any]) -> None:
    assert {param["key"]: param["value"] for param in values.params(given)} == found


def test_what_is_too_long_or_too_many_is_cut_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    (long,) = values.params({"text": "x" * 100_001})
    assert len(long["value"]) == 100_000
    assert len(values.params(dict.fromkeys(map(str, range(2_001)), 1))) == 2_000
    assert [record.getMessage() for record in caplog.records] == [
        "The param 'text' is too long: it is cut to 100,000 characters.",
        "A run has at most 2,000 params: 1 are left out.",
    ]


@pytest.mark.parametrize("key", ["", " ", "a{b", "a}", "x" * 251, 3, None, "a\0"])
def test_what_cannot_name_a_metric_is_left_out(key: Any) -> None:
    assert not values.is_metric_key(key)


@pytest.mark.parametrize("step", [-1, 2**53, 1.5, "1", None])
def test_what_is_no_step_is_left_out(step: Any) -> None:
    assert values.step_of(step) is None


def test_steps_and_numbers_of_numpy_are_taken() -> None:
    assert (values.step_of(np.int64(7)), values.number("loss", np.float32(0.5))) == (7, 0.5)


def test_a_batch_is_no_larger_than_the_server_takes() -> None:
    many = Logged(dict.fromkeys(map(str, range(MOST_SERIES)), 1.0), 0, 0, ())
    waiting = deque([many, many, *(Logged({"loss": 1.0}, step, 0, ()) for step in range(MOST_POINTS + 1))])
    sizes = []
    while metrics := gathered(waiting):
        sizes.append((len(metrics), sum(len(metric["steps"]) for metric in metrics)))
    assert sizes == [(MOST_SERIES, MOST_SERIES), (MOST_SERIES, MOST_SERIES), (1, MOST_POINTS), (1, 1)]


def test_delays_grow_to_a_limit_and_are_not_in_step() -> None:
    first, longest = retrying.FIRST_S, retrying.LONGEST_S
    assert all(first / 2 <= delay_s(1) <= first for _ in range(50))
    assert all(longest / 2 <= delay_s(100) <= longest for _ in range(50))
    assert len({delay_s(3) for _ in range(50)}) > 1
    assert delay_s(1, at_least=12.0) == 12.0


def test_secrets_are_not_told() -> None:
    assert repr(Key("mst_secret")) == "Key('…')"
    assert WITH_SECRET.sub("", "https://me:token@git.example.org/x.git") == "https://git.example.org/x.git"
