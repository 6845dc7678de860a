"""The schema is kept as a file, so that a change of the API is a difference that a reviewer reads."""

from pathlib import Path

import schema


def test_the_file_is_the_schema_that_is_served() -> None:
    path = Path(schema.__file__).with_name("schema.graphql")
    assert path.read_text().strip() == schema.schema.as_str().strip(), "run `python -m app schema --write`"
