"""Members by the command line: listed, invited, signed in."""

import json
import re

import httpx
import pytest

from tests.app.conftest import Server


def signed_in_as(server: Server, link: str) -> str:
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        found = re.search(r"Signed in as (\w+)", client.get(link).text)
        assert found is not None
        return found[1]


def press(server: Server, link: str) -> int:
    token = link.partition("token=")[2]
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        return client.post("/join", data={"token": token}, headers={"origin": server.url}).status_code


def test_an_invited_person_joins_is_listed_and_signs_in(server: Server) -> None:
    invited = server.program.invoke(
        "member", "invite", "--email", "a@example.org", "--role", "viewer", "--name", "Ann", "--json"
    )
    assert invited.exit_code == 0, invited.stderr
    made = json.loads(invited.stdout)
    assert made["link"].startswith(f"{server.url}/join?token=")
    assert (made["name"], made["email"], made["role"]) == ("Ann", "a@example.org", "VIEWER")
    assert press(server, made["link"]) == 303
    listed = server.program.invoke("member", "list", "--json")
    members = {one["user"]["name"]: one for one in json.loads(listed.stdout)["members"]}
    assert (members["Ann"]["role"], members["Owner"]["role"]) == ("VIEWER", "OWNER")
    by_address = server.program.invoke("link", "--user", "A@example.org")
    assert signed_in_as(server, by_address.stdout.strip()) == "Ann"
    by_id = json.loads(server.program.invoke("link", "--user", members["Ann"]["user"]["id"], "--json").stdout)
    assert by_id["user"] == members["Ann"]["user"]["id"]
    assert signed_in_as(server, by_id["link"]) == "Ann"


def test_members_are_shown_as_a_table(server: Server) -> None:
    shown = server.program.invoke("member", "list")
    assert shown.exit_code == 0, shown.stderr
    first, *rows = shown.stdout.splitlines()
    assert first.split() == ["name", "e-mail", "role", "where", "since"]
    assert any(row.split()[:4] == ["Owner", "owner@localhost", "OWNER", "everywhere"] for row in rows)


def test_an_invitation_is_printed_as_a_link_alone(server: Server) -> None:
    made = server.program.invoke("member", "invite", "--email", "b@example.org", "--role", "ADMIN")
    assert re.fullmatch(rf"{server.url}/join\?token=[\w-]+\n", made.stdout)
    assert "Give it to b, who becomes ADMIN. It works once." in made.stderr


def test_what_cannot_be_is_refused(server: Server) -> None:
    made = server.program.invoke("member", "invite", "--email", "nobody", "--role", "VIEWER")
    assert (made.exit_code, made.stdout) == (1, "")
    assert "'nobody' is no e-mail address." in made.stderr


@pytest.mark.parametrize("named", ["nobody@example.org", "user_00000000000000000000000000000000"])
def test_a_link_for_nobody_is_refused(server: Server, named: str) -> None:
    made = server.program.invoke("link", "--user", named)
    assert (made.exit_code, made.stdout) == (1, "")
    assert f"Nobody has the e-mail address or id '{named}'." in made.stderr


def test_several_people_with_one_address_are_told_apart_by_their_ids(server: Server) -> None:
    for _ in range(2):
        made = server.program.invoke("member", "invite", "--email", "same@example.org", "--role", "VIEWER", "--json")
        assert press(server, json.loads(made.stdout)["link"]) == 303
    refused = server.program.invoke("link", "--user", "same@example.org")
    assert refused.exit_code == 1
    assert "Several people have the e-mail address 'same@example.org'." in refused.stderr
    ids = re.findall(r"user_[0-9a-f]{32}", refused.stderr.replace("\n", ""))
    assert len(ids) == 2
    assert server.program.invoke("link", "--user", ids[0]).exit_code == 0
