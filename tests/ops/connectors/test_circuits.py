"""When a connector is left alone, and when it is tried again."""

from dataclasses import dataclass

import pytest

from maestro.vendor_errors import CircuitOpen
from ops.connectors.circuits import Circuit


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_failures_in_a_row_lets_one_through_and_closes_when_that_succeeds() -> None:
    clock = Clock()
    circuit = Circuit(3, 30, clock=clock)
    circuit.failed()
    circuit.failed()
    circuit.succeeded()
    for _ in range(3):
        circuit.enter()
        circuit.failed()
    clock.now = 10.5
    with pytest.raises(CircuitOpen) as refused:
        circuit.enter()
    assert refused.value.details["retryAfterSeconds"] == 20
    clock.now = 30
    circuit.enter()
    with pytest.raises(CircuitOpen):
        circuit.enter()
    circuit.succeeded()
    circuit.enter()
    circuit.enter()


def test_it_stays_open_when_the_one_that_is_let_through_fails() -> None:
    clock = Clock()
    circuit = Circuit(1, 30, clock=clock)
    circuit.failed()
    clock.now = 31
    circuit.enter()
    circuit.failed()
    clock.now = 60
    with pytest.raises(CircuitOpen):
        circuit.enter()
    clock.now = 61
    circuit.enter()
