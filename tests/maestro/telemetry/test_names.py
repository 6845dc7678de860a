"""Names of operations as labels: anybody can make them up, so few are told apart."""

from maestro.telemetry.names import ANONYMOUS, LONGEST, Names
from maestro.telemetry.values import OTHER


def test_an_operation_without_a_name_is_anonymous() -> None:
    assert [Names().label(name, is_registered=False) for name in (None, "")] == [ANONYMOUS, ANONYMOUS]


def test_the_first_names_are_told_and_the_others_counted_together() -> None:
    names = Names(registered=1, sent=2)
    told = [names.label(name, is_registered=False) for name in ("A", "B", "C", "A", "D")]
    assert told == ["A", "B", OTHER, "A", OTHER]


def test_names_that_are_only_sent_take_no_room_from_those_of_registered_documents() -> None:
    names = Names(registered=1, sent=1)
    for number in range(100):
        names.label(f"Made{number}", is_registered=False)
    assert names.label("Known", is_registered=True) == "Known"
    assert names.label("Known", is_registered=False) == "Known"


def test_a_long_name_is_not_told() -> None:
    names = Names()
    assert names.label("N" * LONGEST, is_registered=True) == "N" * LONGEST
    assert names.label("N" * (LONGEST + 1), is_registered=True) == OTHER
