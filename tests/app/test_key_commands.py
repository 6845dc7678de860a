"""`python -m app key`: keys made, listed, rotated and revoked beside a running server."""

import json
import time
from typing import Any

import httpx
import pytest

from tests.app.conftest import Server

TOLD_WITHIN_S = 3
"""For how long a server may not have heard of a change: less than the 5 s for which it trusts a good key."""


def run(server: Server, *arguments: str) -> Any:
    """Run a command that must succeed and return what it printed as JSON."""
    done = server.program.invoke("key", *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def status(server: Server, key: str) -> int:
    headers = {"authorization": f"Bearer {key}"}
    query = {"query": "{ __typename }"}
    return httpx.post(f"{server.url}/graphql", json=query, headers=headers, trust_env=False).status_code


@pytest.fixture(scope="module")
def made(server: Server) -> dict[str, Any]:
    """A key with limits."""
    limits = ("--scope", "run:write", "--scope", "project:read", "--address", "127.0.0.0/8", "--expires-in-days", "9")
    key: dict[str, Any] = run(server, "create", "--name", "limited", *limits)
    return key


def test_a_key_is_made_with_its_limits(server: Server, made: dict[str, Any]) -> None:
    assert made["key"].startswith(made["prefix"])
    assert (made["scopes"], made["addresses"]) == (["PROJECT_READ", "RUN_WRITE"], ["127.0.0.0/8"])
    assert status(server, made["key"]) == 200


def test_keys_are_listed_without_themselves(server: Server, made: dict[str, Any]) -> None:
    listed = run(server, "list")["keys"]
    assert made["id"] in [key["id"] for key in listed]
    shown = server.program.invoke("key", "list").stdout
    assert made["prefix"] in shown
    assert "project:read, run:write, 127.0.0.0/8" in " ".join(shown.split())
    assert made["key"] not in shown + json.dumps(listed)


def test_a_key_is_rotated_and_revoked(server: Server) -> None:
    old = run(server, "create", "--name", "old", "--append-only")
    new = run(server, "rotate", old["prefix"], "--overlap-minutes", "0")
    assert (new["appendOnly"], new["name"]) == (True, "old")
    assert (status(server, old["key"]), status(server, new["key"])) == (401, 200)
    assert run(server, "revoke", new["id"])["isActive"] is False
    deadline = time.monotonic() + TOLD_WITHIN_S
    while status(server, new["key"]) != 401:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["revoke", "mst_no-such"], "There is no API key in use that begins so."),
        (["create", "--name", "x", "--project", "no-such"], "There is no project with the slug 'no-such'."),
        (["create", "--name", "x", "--service-account", "none"], "There is no service account with the name 'none'."),
        (["create", "--name", "x", "--address", "10.0.0.1/8"], "'10.0.0.1/8' is neither an IP address nor a network."),
    ],
)
def test_what_is_wrong_is_told(server: Server, arguments: list[str], message: str) -> None:
    before = run(server, "list", "--all")
    done = server.program.invoke("key", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert run(server, "list", "--all") == before
