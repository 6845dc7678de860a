"""The addresses at which files are sent and fetched; a download's address carries its own permission."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

from maestro.clock import now
from maestro.db.engine import Scope
from maestro.db.rows import Row
from maestro.db.tables.enums import ArtifactState
from maestro.errors import Forbidden, InvalidInput, NotFound
from maestro.ids import Kind, encode
from maestro.runtime import Runtime
from resolvers.artifact_files import path_of
from resolvers.store_requests import Store

LONGEST_TTL_S: Final = 86_400
SIGNED_S: Final = 300
"""So long a store's own link is good, which is made when ours is followed."""
_OBJECT: Final = """
    SELECT key, size_bytes FROM remote_blob WHERE organization_id = $1 AND connector_id = $2 AND sha256 = $3
"""


@dataclass(frozen=True, slots=True)
class Download:
    """Stored bytes that the bearer of a token may fetch, and how they are to be named."""

    organization_id: UUID
    sha256: str
    filename: str
    media_type: str
    connector_id: UUID | None = None
    """The store that has them; None for the server's own folder."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a store gives bytes to anybody for some minutes, and how many these are."""

    url: str
    size_bytes: int


def upload_address(runtime: Runtime, version: Row, path: str) -> str | None:
    """Return where a file of an open version is sent with PUT, None for another state; InvalidInput for the path."""
    if version.state != ArtifactState.PENDING:
        return None
    return f"{server_of(runtime)}/artifacts/{encode(Kind.ArtifactVersion, version.id)}/{quote(path_of(path))}"


def download_address(runtime: Runtime, entry: Row, *, ttl_s: int | None = None) -> str:
    """Return where a file can be fetched by anybody for some seconds, 1 to 86,400; InvalidInput."""
    good_until = now().timestamp() + lifetime_of(runtime, ttl_s)
    filename = entry.path.rpartition("/")[2]
    content = [entry.organization_id.hex, entry.sha256, filename, entry.media_type, good_until]
    if entry.connector_id is not None:
        content.append(entry.connector_id.hex)
    return f"{server_of(runtime)}/download/{_serializer(runtime).dumps(content)}"


def lifetime_of(runtime: Runtime, ttl_s: int | None) -> float:
    """Return for how many seconds a link is good, unless told what the settings say; InvalidInput."""
    if ttl_s is not None and not 1 <= ttl_s <= LONGEST_TTL_S:
        raise InvalidInput(f"A link is good for 1 to {LONGEST_TTL_S:,} seconds.", field="ttl", limit=LONGEST_TTL_S)
    return runtime.settings.download_ttl.total_seconds() if ttl_s is None else float(ttl_s)


def download_of(runtime: Runtime, token: str) -> Download:
    """Return what a token permits; Forbidden when it is forged, damaged or too old."""
    try:
        organization, sha256, filename, media_type, good_until, *store = _serializer(runtime).loads(token)
    except BadData:
        raise Forbidden("This is no link that the server has made.", hint="Ask for downloadUrl again.") from None
    if now().timestamp() >= good_until:
        raise Forbidden("This link is too old.", hint="Ask for downloadUrl again.")
    connector_id = UUID(hex=store[0]) if store else None
    return Download(UUID(hex=organization), sha256, filename, media_type, connector_id)


async def elsewhere(runtime: Runtime, wanted: Download) -> Elsewhere:
    """Have a GET signed of bytes that are in an artifact store; NotFound, the errors of errands."""
    view = runtime.db.within(Scope(wanted.organization_id))
    found = await view.fetch_sql(_OBJECT, wanted.organization_id, wanted.connector_id, wanted.sha256)
    if not found or wanted.connector_id is None:
        raise NotFound("There is no such file in the store.")
    request = {
        "method": "GET",
        "key": found[0].key,
        "ttl_s": SIGNED_S,
        "filename": wanted.filename,
        "media_type": wanted.media_type,
    }
    (signed,) = await Store(runtime, wanted.organization_id, wanted.connector_id).sign([request])
    return Elsewhere(signed.url, found[0].size_bytes)


def server_of(runtime: Runtime) -> str:
    """Return where the server is reached, as a prefix of addresses; empty where it does not know."""
    return (runtime.settings.public_url or "").rstrip("/")


def _serializer(runtime: Runtime) -> URLSafeSerializer:
    return URLSafeSerializer(runtime.secret, salt="maestro.download")
