"""The vocabulary that these tests filter by: something of every type, and every space."""

import pytest

from maestro.filters import Field, KeySpace, Space, ValueType, Vocabulary


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    fields = [
        Field("name", ValueType.STRING, "The name"),
        Field("text", ValueType.TEXT, "Words anywhere"),
        Field("number", ValueType.INTEGER, "The number within the project"),
        Field("progress", ValueType.NUMBER, "From 0 to 1"),
        Field("startedAt", ValueType.DATETIME, "When it started"),
        Field("durationMs", ValueType.DURATION, "How long it took"),
        Field("starred", ValueType.BOOLEAN, "Whether somebody starred it"),
        Field("status", ValueType.ENUM, "Where it stands", ("RUNNING", "FINISHED", "FAILED")),
        Field("parent", ValueType.ID, "The run it belongs to"),
    ]
    spaces = [
        KeySpace(Space.METRICS, ValueType.NUMBER, "A metric", ("accuracy", "val/loss")),
        KeySpace(Space.PARAMS, ValueType.ANY, "A param"),
        KeySpace(Space.TAGS, ValueType.STRING, "A tag", ("team", "weird key")),
    ]
    return Vocabulary(fields, spaces)
