"""What a client says it is: a label for the usage of documents, which nobody checks and nothing rests on."""

from collections.abc import Mapping
from typing import Final

from maestro.documents.usage import Client

HEADERS: Final = (
    ("apollographql-client-name", "apollographql-client-version"),
    ("graphql-client-name", "graphql-client-version"),
)
"""Those that Apollo's clients send when they are given a name, and the same without a vendor."""
LONGEST: Final = 200


def client_of(headers: Mapping[str, str]) -> Client | None:
    """Return the client that headers in small letters name, None where they name none."""
    for name, version in HEADERS:
        if given := headers.get(name):
            return Client(given[:LONGEST], headers.get(version, "")[:LONGEST])
    return None
