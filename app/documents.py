"""Which document a request means: the one seam at which every transport asks for the text to run."""

from dataclasses import dataclass
from typing import Final

from execution.stored import checked
from maestro.access import Permission, SignInMethod
from maestro.documents.ids import is_sha256, plain, sha256_of
from maestro.documents.known import KnownDocument
from maestro.errors import (
    BadRequest,
    DocumentBroken,
    DocumentNotTrusted,
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
)
from maestro.requests import OperationRequest
from resolvers.context import Context
from schema import operations
from schema.charging import refuse_spent

MISMATCH: Final = "provided sha does not match query"


@dataclass(frozen=True, slots=True)
class _Named:
    """The id by which a request names its document; clients of automatic persisted queries offer to send the text."""

    id: str
    is_automatic: bool


async def text_of(ctx: Context, request: OperationRequest) -> str:
    """Return the text of the document to run, and note in the context which registered document it is, if it is one.

    BadRequest when the request names none, or one that is not its text; PersistedQueryNotFound,
    PersistedQueryNotSupported; DocumentNotTrusted where only known documents run; DocumentBroken; Unavailable.
    RateLimited for a viewer who has no request left, where that is known before anything is done for it.
    """
    text = await _found(ctx, request)
    refuse_spent(ctx, text, request.operation_name)
    return text


async def _found(ctx: Context, request: OperationRequest) -> str:
    named = _named(request)
    if named is None:
        if not request.text:
            raise BadRequest(
                "No GraphQL query found in the request.", field="query", hint="Send the document as `query`."
            )
        return await _by_text(ctx, request.text)
    known = await ctx.runtime.documents.find(ctx.organization_id, named.id)
    if known is not None:
        if request.text and request.text != known.text:
            raise _mismatch()
        return _run(ctx, known)
    if not _may_send_text(ctx):
        raise _not_trusted()
    if not named.is_automatic:
        raise PersistedQueryNotFound
    return await _automatic(ctx, named.id, request.text)


def _named(request: OperationRequest) -> _Named | None:
    """Return how the request names its document, None where it does not."""
    offered = request.extensions.get("persistedQuery")
    if offered is None:
        return None if request.document_id is None else _Named(request.document_id, is_automatic=False)
    sha256 = offered.get("sha256Hash") if isinstance(offered, dict) else None
    if not isinstance(sha256, str) or offered.get("version") != 1:
        raise PersistedQueryNotSupported
    if request.document_id is not None and plain(request.document_id) != plain(sha256):
        raise BadRequest("documentId and extensions.persistedQuery name different documents.", field="documentId")
    return _Named(sha256, is_automatic=True)


async def _by_text(ctx: Context, text: str) -> str:
    if _may_send_text(ctx):
        return text
    known = await ctx.runtime.documents.find(ctx.organization_id, sha256_of(text))
    if known is None:
        raise _not_trusted()
    return _run(ctx, known)


async def _automatic(ctx: Context, sha256: str, text: str | None) -> str:
    if text:
        if not is_sha256(sha256) or sha256_of(text) != sha256:
            raise _mismatch()
        # It is kept once it is found to be valid.
        ctx.left = sha256
        return text
    found = await ctx.runtime.automatic.find(ctx.organization_id, sha256)
    if found is None:
        raise PersistedQueryNotFound
    return found


def _run(ctx: Context, known: KnownDocument) -> str:
    """Return the text of a registered document, unless the schema has changed and it does not fit any more."""
    if known.schema_sha256 != operations.fingerprint and checked(operations, known.text).problems:
        raise DocumentBroken(
            "This document does not fit the schema any more.", hint="Load the latest version of the client."
        )
    ctx.document = known
    return known.text


def _may_send_text(ctx: Context) -> bool:
    """Say whether the viewer may run any text; in mixed mode programs may, and who could register it as well."""
    match ctx.runtime.settings.documents:
        case "open":
            return True
        case "mixed":
            is_program = ctx.viewer.method is SignInMethod.API_KEY
            return is_program or ctx.viewer.grants.allow(Permission.DOCUMENT_WRITE)
        case _:
            return False


def _mismatch() -> BadRequest:
    return BadRequest(MISMATCH, field="query", hint="Send the hash of exactly the text that is sent.")


def _not_trusted() -> DocumentNotTrusted:
    return DocumentNotTrusted(
        "This server runs known documents only.", hint="Register the document, or send the id of one that is."
    )
