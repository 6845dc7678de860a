"""A provider of OpenID Connect: the way to it and back, and what its tokens say of somebody."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped] # authlib has no types
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped] # authlib has no types
from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped] # authlib has no types
from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from connectors.oidc.asking import OK, Kept, Line, is_safe, patience
from maestro.claims import Claims
from maestro.errors import IdentityProviderFailed

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures that only the provider can make. With HS256 anybody could who knows the client's secret."""
LEEWAY_S: Final = 60
"""How far the provider's clock may differ from ours."""
LONGEST: Final = 255
"""Most characters of a subject (OpenID Connect Core, section 2), and of what we keep of a name or an address."""
_CODE: Final = re.compile(r"[a-z_]{1,60}")


@dataclass(frozen=True, slots=True)
class Client:
    """How this server is registered with a provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str = "openid profile email"
    groups_claim: str = "groups"


@dataclass(frozen=True, slots=True)
class Flow:
    """What one sign-in keeps to itself until the browser comes back from the provider."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What we need of a provider's discovery document (OpenID Connect Discovery, section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    takes_basic: bool


class Provider:
    """A provider of identity. Every failure is an IdentityProviderFailed, whose message holds no secret."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._line = Line()
        self._metadata = Kept(self._fetch_metadata)
        self._keys = Kept(self._fetch_keys)

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()

    async def metadata(self) -> Metadata:
        """Return what the provider says of itself."""
        async with patience():
            return await self._metadata.content()

    async def authorization_url(self, flow: Flow, redirect_uri: str) -> str:
        """Return where a browser goes to sign in."""
        endpoint = (await self.metadata()).authorization_endpoint
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._client.scopes,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": create_s256_code_challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    async def claims(self, code: str, flow: Flow, redirect_uri: str) -> Claims:
        """Return who has signed in, for the code that the browser has brought back."""
        async with patience():
            metadata = await self._metadata.content()
            form = {"code": code, "redirect_uri": redirect_uri, "code_verifier": flow.verifier}
            tokens = await self._exchange(metadata, form)
            said = await self._verified(tokens, flow.nonce)
            access_token, endpoint = tokens.get("access_token"), metadata.userinfo_endpoint
            is_whole = {self._client.groups_claim, "email", "name"} <= said.keys()
            if not is_whole and endpoint is not None and isinstance(access_token, str):
                said = {**await self._userinfo(endpoint, access_token, said["sub"]), **said}
        return self._claims_of(said)

    async def _exchange(self, metadata: Metadata, form: dict[str, str]) -> dict[str, Any]:
        client, auth = self._client, None
        form = {"grant_type": "authorization_code", **form}
        if metadata.takes_basic:
            # Both parts are form-encoded first (RFC 6749, section 2.3.1).
            auth = httpx.BasicAuth(quote_plus(client.client_id), quote_plus(client.client_secret))
        else:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
        status, answer = await self._line.ask("POST", metadata.token_endpoint, data=form, auth=auth)
        if status != OK:
            told = answer.get("error")
            reason = told if isinstance(told, str) and _CODE.fullmatch(told) else f"status {status}"
            raise IdentityProviderFailed(f"The identity provider gives no tokens: {reason}.")
        return answer

    async def _verified(self, tokens: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise IdentityProviderFailed("The identity provider gives no ID token.", hint="Ask for the scope openid.")
        client_id = self._client.client_id
        expected = {
            "iss": {"essential": True, "value": self._client.issuer},
            "aud": {"essential": True, "value": client_id},
        }
        params = {"nonce": nonce, "client_id": client_id, "access_token": tokens.get("access_token")}
        try:
            token = await self._decoded(id_token)
            claims = CodeIDToken(token.claims, token.header, expected, params)
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise IdentityProviderFailed(f"The ID token is not acceptable: {_flaw(error)}.") from error
        return dict(claims)

    async def _decoded(self, id_token: str) -> jwt.Token:
        try:
            return jwt.decode(id_token, await self._keys.content(), ALGORITHMS)
        except InvalidKeyIdError:
            return jwt.decode(id_token, await self._keys.renewed(), ALGORITHMS)

    async def _userinfo(self, endpoint: str, access_token: str, subject: str) -> dict[str, Any]:
        said = await self._line.document(endpoint, headers={"authorization": f"Bearer {access_token}"})
        if said.get("sub") != subject:
            raise IdentityProviderFailed("The identity provider tells of somebody else than it has signed in.")
        return said

    def _claims_of(self, said: Mapping[str, Any]) -> Claims:
        subject = said["sub"]
        if not 0 < len(subject) <= LONGEST or not subject.isprintable():
            raise IdentityProviderFailed("The ID token is not acceptable: invalid_claim (sub).")
        groups = said.get(self._client.groups_claim, [])
        elsewhere = said.get("_claim_names")
        if isinstance(elsewhere, dict) and self._client.groups_claim in elsewhere:
            # To take them for none would take roles away.
            hint = "Let the provider send only those groups that are assigned to the application."
            raise IdentityProviderFailed("The identity provider leaves the groups out: they are too many.", hint=hint)
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        email = None if said.get("email_verified") in (False, "false") else _text(said.get("email"))
        name = _text(said.get("name")) or _text(said.get("preferred_username")) or email or subject
        return Claims(
            issuer=self._client.issuer,
            subject=subject,
            name=name,
            email=email,
            groups=frozenset(group for group in listed if isinstance(group, str)),
        )

    async def _fetch_metadata(self) -> Metadata:
        document = await self._line.document(get_well_known_url(self._client.issuer, external=True))
        if document.get("issuer") != self._client.issuer:
            hint = "Set MAESTRO_OIDC_ISSUER to the issuer as its discovery document writes it, to the last slash."
            raise IdentityProviderFailed("The identity provider calls itself by another issuer.", hint=hint)
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if not {"client_secret_basic", "client_secret_post"} & set(methods):
            raise IdentityProviderFailed("The identity provider takes no client secret.")
        return Metadata(
            authorization_endpoint=_address(document, "authorization_endpoint"),
            token_endpoint=_address(document, "token_endpoint"),
            jwks_uri=_address(document, "jwks_uri"),
            userinfo_endpoint=_address(document, "userinfo_endpoint") if "userinfo_endpoint" in document else None,
            takes_basic="client_secret_basic" in methods,
        )

    async def _fetch_keys(self) -> KeySet:
        document = await self._line.document((await self._metadata.content()).jwks_uri)
        try:
            return KeySet.import_key_set({"keys": document["keys"]})
        except (JoseError, LookupError, ValueError, TypeError) as error:
            raise IdentityProviderFailed("The keys of the identity provider cannot be read.") from error


def _address(document: Mapping[str, Any], name: str) -> str:
    address = document.get(name)
    if not isinstance(address, str) or not is_safe(address):
        raise IdentityProviderFailed(f"The identity provider names no HTTPS address as its {name}.")
    return address


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return "".join(character for character in value if character.isprintable()).strip()[:LONGEST] or None


def _flaw(error: Exception) -> str:
    # What a token holds is not repeated: only what kind of flaw it has, and in which claim.
    if isinstance(error, ClaimError):
        return f"{error.error} ({error.claim})"
    return error.error if isinstance(error, JoseError) else "malformed"
