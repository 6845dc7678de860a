"""The settings of a provider: whole or refused before the server starts."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.sign_on import sign_on_of
from maestro.db.tables.enums import Role
from maestro.errors import StartupError
from maestro.settings import Settings
from tests.app.conftest import Program
from tests.fixtures.oidc import Idp
from tests.fixtures.oidc_provider import CLIENT_SECRET

WHOLE = {
    "oidc_issuer": "https://provider.example.org/realms/team",
    "oidc_client_id": "maestro",
    "oidc_client_secret": CLIENT_SECRET,
}


def settings_of(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[call-arg] # a keyword of pydantic's


def test_without_any_setting_there_is_no_provider() -> None:
    assert sign_on_of(settings_of()) is None


async def test_three_settings_are_enough() -> None:
    sign_on = sign_on_of(settings_of(**WHOLE))
    assert sign_on is not None
    assert sign_on.name == "single sign-on"
    await sign_on.provider.close()


@pytest.mark.parametrize("missing", WHOLE)
def test_a_part_of_the_settings_is_refused(missing: str) -> None:
    given = {name: value for name, value in WHOLE.items() if name != missing}
    with pytest.raises(StartupError, match="together"):
        sign_on_of(settings_of(**given))


def test_roles_without_a_provider_are_refused() -> None:
    with pytest.raises(StartupError, match="together"):
        sign_on_of(settings_of(oidc_roles='{"ml": "VIEWER"}'))


@pytest.mark.parametrize(
    "issuer",
    [
        "http://provider.example.org",
        "provider.example.org",
        "https://",
        "https://provider.example.org/?a=b",
        "https://provider.example.org/#a",
        "https://[provider",
        "ftp://provider.example.org",
    ],
)
def test_an_issuer_that_others_could_listen_in_on_is_refused(issuer: str) -> None:
    with pytest.raises(StartupError, match="MAESTRO_OIDC_ISSUER"):
        sign_on_of(settings_of(**{**WHOLE, "oidc_issuer": issuer}))


def test_scopes_without_openid_are_refused() -> None:
    with pytest.raises(StartupError, match="MAESTRO_OIDC_SCOPES"):
        sign_on_of(settings_of(**WHOLE, oidc_scopes="profile email"))


def test_roles_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_OIDC_ROLES", '{"ml-admins": "ADMIN"}')
    assert settings_of().oidc_roles == {"ml-admins": Role.ADMIN}


@pytest.mark.parametrize("text", ["{", "[1]", '{"ml": "BOSS"}', "ml=ADMIN"])
def test_roles_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MAESTRO_OIDC_ROLES", text)
    with pytest.raises(ValidationError):
        settings_of()


def test_a_server_does_not_start_with_a_part_of_the_settings(program: Program) -> None:
    started = program.run("serve", "--port", "0", MAESTRO_OIDC_CLIENT_SECRET=CLIENT_SECRET)
    assert started.returncode == 1
    assert "MAESTRO_OIDC_ISSUER" in started.stderr
    assert CLIENT_SECRET not in started.stderr + started.stdout


def checked(program: Program, issuer: str) -> dict[str, Any]:
    """What the check says of a provider."""
    given = {f"MAESTRO_{name.upper()}": value for name, value in WHOLE.items()} | {"MAESTRO_OIDC_ISSUER": issuer}
    done = program.invoke("check", "--json", MAESTRO_PORT="0", **given)
    assert CLIENT_SECRET not in done.stdout + done.stderr
    (found,) = [one for one in json.loads(done.stdout)["checks"] if one["check"] == "Identity provider"]
    return dict(found)


def test_the_check_finds_a_provider(program: Program, idp: Idp) -> None:
    found = checked(program, idp.issuer)
    assert found["isGood"], found
    assert found["message"] == f"people sign in at {idp.issuer}/authorize"


def test_the_check_finds_that_a_provider_is_away(program: Program) -> None:
    found = checked(program, "http://127.0.0.1:1")
    assert not found["isGood"]
    assert found["message"] == "The identity provider cannot be reached (ConnectError)."
