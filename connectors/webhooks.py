"""Webhooks: signed JSON that is sent to an address that a user has given, and to no address that is not theirs to use.

Whoever may enter an address could otherwise have the server ask for what only it can reach: services of its own
machine or network, and a cloud's metadata. So a name is resolved here, every address behind it has to be public or in
MAESTRO_WEBHOOK_NETWORKS, and the connection is made to the very address that was looked at. Redirects are not followed.
"""

import asyncio
import hmac
import ipaddress
import random
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx

from connectors.reaching import TUNNELS, addresses_of
from maestro.access.addresses import Network, is_within, network_of
from maestro.errors import Forbidden, InvalidInput, NotificationFailed, Transient

TRIES: Final = 3
PAUSE_S: Final = 1.0
"""Most of the pause before the second try; it is four times as long before the third."""
PATIENCE_S: Final = 10.0
LONGEST: Final = 2000
PORTS: Final = {"https": 443, "http": 80}
SIGNATURE: Final = "maestro-signature"
DELIVERY: Final = "maestro-delivery"
_OK: Final = range(200, 300)
_BUSY: Final = frozenset({408, 425, 429, *range(500, 600)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What is sent: JSON, the key that signs it, and an id by which a receiver knows it again when it comes twice."""

    id: str
    body: bytes
    key: bytes | None


def signature_of(body: bytes, key: bytes, *, at: int) -> str:
    """Return `t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>", in hexadecimal>`."""
    return f"t={at},v1={hmac.digest(key, str(at).encode() + b'.' + body, 'sha256').hex()}"


def checked_url(text: str, *, field: str = "address") -> str:
    """Return an address for webhooks; InvalidInput for what is none. Where it leads is looked at when it is used."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 -- raises ValueError for what is no port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in PORTS or not parts.hostname or len(text) > LONGEST or not text.isprintable():
        raise InvalidInput("A webhook has an address that begins with https://.", field=field)
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("The address of a webhook holds no password.", field=field, hint="It is shown to others.")
    return text


async def send_webhook(url: str, delivery: Delivery, *, networks: Collection[Network] = ()) -> None:
    """Send JSON, with some tries; NotificationFailed when it is not taken, Transient when it may be taken later.

    Forbidden for an address that is neither public nor in one of the networks, and for http outside of these.
    """
    parts = urlsplit(checked_url(url))
    async with httpx.AsyncClient(timeout=PATIENCE_S, follow_redirects=False, trust_env=False) as http:
        for trial in range(1, TRIES + 1):
            try:
                await _send(http, parts, delivery, networks=networks)
            except Transient:
                if trial == TRIES:
                    raise
                await asyncio.sleep(random.uniform(0.5, 1) * PAUSE_S * 4 ** (trial - 1))  # noqa: S311 -- no secret
            else:
                return


async def _send(
    http: httpx.AsyncClient, parts: SplitResult, delivery: Delivery, *, networks: Collection[Network]
) -> None:
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    address = await _address(host, port, is_https=parts.scheme == "https", networks=networks)
    literal = f"[{address}]" if ":" in address else address
    headers = {
        "host": parts.netloc,
        "content-type": "application/json",
        "user-agent": "maestro-ml",
        DELIVERY: delivery.id,
    }
    if delivery.key is not None:
        headers[SIGNATURE] = signature_of(delivery.body, delivery.key, at=int(time.time()))
    target = parts._replace(netloc=f"{literal}:{port}", fragment="").geturl()
    sending = http.build_request(
        "POST", target, content=delivery.body, headers=headers, extensions={"sni_hostname": host}
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await http.send(sending, stream=True)
            await answer.aclose()
    except (httpx.TransportError, TimeoutError) as error:
        raise Transient(f"The webhook cannot be reached ({type(error).__name__}).") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotificationFailed(f"The webhook cannot be asked ({type(error).__name__}).") from None
    if answer.status_code in _BUSY:
        raise Transient(f"The webhook answers with status {answer.status_code}.")
    if answer.status_code not in _OK:
        raise NotificationFailed(f"The webhook answers with status {answer.status_code}.")


async def _address(host: str, port: int, *, is_https: bool, networks: Collection[Network]) -> str:
    """Return an address of a host to which may be sent; none is used where one of them is not to be."""
    addresses = await addresses_of(host, port)
    for address in addresses:
        if is_within(address, networks):
            continue
        if not is_public(address):
            raise Forbidden(
                "The webhook's server is not a public one.",
                hint="Whoever runs this server can allow its network: MAESTRO_WEBHOOK_NETWORKS.",
            )
        if not is_https:
            raise Forbidden("A webhook outside of networks of our own has to begin with https://.")
    return addresses[0]


def is_public(address: str) -> bool:
    """Say whether an address belongs to the internet at large, and to no machine, network or cloud alone."""
    try:
        found = network_of(address.partition("%")[0]).network_address
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and any(found in tunnel for tunnel in TUNNELS):
        return False
    return found.is_global and not found.is_multicast
