"""Files over HTTP: sent into an open artifact version, fetched by a signed link; streamed both ways."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from app.answers import refusal_of
from app.limiting import limited
from connectors.local import CHUNK, LocalBlobs
from dataloaders.quotas import Quota
from maestro.access import Permission
from maestro.errors import (
    Conflict,
    DigestMismatch,
    Forbidden,
    InvalidInput,
    MaestroError,
    NotFound,
    PayloadTooLarge,
    QuotaExceeded,
    Unauthenticated,
    Unavailable,
)
from maestro.ids import Kind, uuid_of
from maestro.rate_limits import Bucket
from maestro.runtime import Runtime
from resolvers import artifact_files, auditing, quotas, transfers
from resolvers.actions import Action
from resolvers.artifact_files import File
from resolvers.context import Context
from resolvers.transfers import Download

Handler = Callable[[Request], Awaitable[Response]]

STATUSES: Final[dict[type[MaestroError], int]] = {
    InvalidInput: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    QuotaExceeded: 403,
    NotFound: 404,
    Conflict: 409,
    PayloadTooLarge: 413,
    DigestMismatch: 422,
    Unavailable: 503,
}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_DIGEST: Final = re.compile(r"(?:^|,)\s*sha-256=([^,]*)", re.IGNORECASE)


def coded(handler: Handler) -> Handler:
    """Answer the errors that we can explain in GraphQL's form, under the status that fits them."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except MaestroError as error:
            return _refusal(error)
        except ClientDisconnect:
            return _refusal(InvalidInput("The body was cut off.", hint="Send the file again."))

    return answer


def _refusal(error: MaestroError) -> JSONResponse:
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)
    return refusal_of(error, status)


@limited(Bucket.INGEST)
@coded
async def upload(request: Request) -> Response:
    """Store the body as a file of an open version; what will be refused is refused before the body is read."""
    viewer = request.state.viewer
    ctx = Context(request.app.state.runtime, viewer, credentials=request.state.credentials.lasting(viewer))
    async with auditing.audited(ctx, Action("uploadArtifactFile", Permission.ARTIFACT_WRITE)):
        ctx.require_somewhere(Permission.ARTIFACT_WRITE)
        return await _stored(request, ctx)


async def _stored(request: Request, ctx: Context) -> Response:
    runtime: Runtime = request.app.state.runtime
    blobs: LocalBlobs = request.app.state.blobs
    version_id = uuid_of(Kind.ArtifactVersion, request.path_params["version_id"], field="versionId")
    _require_utf8(request)
    path = artifact_files.path_of(request.path_params["path"])
    media_type = artifact_files.media_type_of(path, request.headers.get("content-type"))
    expected = promised_sha256(request.headers)
    limit = runtime.settings.max_upload_bytes
    announced = int(request.headers.get("content-length", "0"))
    if announced > limit:
        raise PayloadTooLarge(f"A file has at most {limit:,} bytes.", limit=limit)
    room = await artifact_files.expect(ctx, version_id, path, size_bytes=announced)
    most = limit if room is None else min(limit, room)
    try:
        blob = await blobs.write(ctx.organization_id, request.stream(), limit=most, expected=expected)
    except PayloadTooLarge:
        # Of a body that comes in parts nobody has said how long it is.
        quotas.require(ctx, Quota.STORAGE_BYTES, most + 1)
        raise
    # The bytes may have taken hours to come.
    await ctx.still_permitted_here()
    entry = await artifact_files.record(ctx, version_id, File(path, blob.sha256, blob.size, media_type))
    stored = {"path": entry.path, "sha256": entry.sha256, "sizeBytes": entry.size_bytes}
    return JSONResponse({**stored, "warnings": ctx.warnings} if ctx.warnings else stored)


def _require_utf8(request: Request) -> None:
    # The server replaces what it cannot decode, and two files would become one.
    try:
        unquote_to_bytes(request.scope.get("raw_path", b"")).decode()
    except UnicodeDecodeError:
        raise InvalidInput("A path is text in UTF-8.", field="path", hint="Ask for uploadUrl.") from None


def promised_sha256(headers: Headers) -> str | None:
    """Return the SHA-256 that the sender promises in hexadecimal, None where none is; InvalidInput.

    `X-Content-SHA256` holds it in hexadecimal, `Digest` (RFC 3230) as `sha-256=` with base64.
    """
    if plain := headers.get("x-content-sha256"):
        if not _SHA256.fullmatch(plain.lower()):
            raise InvalidInput("X-Content-SHA256 takes 64 hexadecimal digits.", field="X-Content-SHA256")
        return plain.lower()
    named = _DIGEST.search(headers.get("digest", ""))
    if named is None:
        return None
    try:
        digest = base64.b64decode(named[1].strip(), validate=True).hex()
    except binascii.Error:
        digest = ""
    if not _SHA256.fullmatch(digest):
        raise InvalidInput("Digest takes sha-256= and a SHA-256 in base64.", field="Digest")
    return digest


class Streamed(FileResponse):
    """A file in parts of a size that suits a disk."""

    chunk_size = CHUNK


@coded
async def download(request: Request) -> Response:
    """Send the file that a link permits, whole or in ranges, or lead to the store that has it.

    Browsers save it and never run what is in it.
    """
    blobs: LocalBlobs = request.app.state.blobs
    wanted = transfers.download_of(request.app.state.runtime, request.path_params["token"])
    etag = f'"{wanted.sha256}"'
    headers = {
        "cache-control": "private",
        "content-security-policy": "default-src 'none'; sandbox",
        "content-type": wanted.media_type,
        "etag": etag,
        "x-content-type-options": "nosniff",
    }
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    is_known = bool(known & {etag, "*"})
    if wanted.connector_id is not None:
        return await _led_elsewhere(request, wanted, headers, is_known=is_known)
    place = await blobs.find(wanted.organization_id, wanted.sha256)
    if is_known:
        return Response(status_code=304, headers=headers)
    return Streamed(place, headers=headers, filename=wanted.filename)


async def _led_elsewhere(request: Request, wanted: Download, headers: dict[str, str], *, is_known: bool) -> Response:
    """Lead to the artifact store that has the bytes; a HEAD is answered here, as the store's link is good for GET."""
    place = await transfers.elsewhere(request.app.state.runtime, wanted)
    if is_known:
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return Response(headers={**headers, "content-length": str(place.size_bytes), "accept-ranges": "bytes"})
    # The link is good for minutes, and holds a signature.
    return Response(status_code=307, headers={"location": place.url, "cache-control": "no-store"})


routes: list[Route] = [
    Route("/artifacts/{version_id}/{path:path}", upload, methods=["PUT"]),
    Route("/download/{token}", download),
]
