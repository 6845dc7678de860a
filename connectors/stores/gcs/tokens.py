"""Who asks Google Cloud Storage: a service account, this machine, or nobody, each as the library wants it."""

import asyncio
import io
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientResponseError
from gcloud.aio.auth import Token
from gcloud.aio.auth.token import BaseToken
from pydantic import SecretStr

from connectors.retrying import retried
from connectors.stores.gcs.errors import LINE_ERRORS, forget_headers, json_of, said
from maestro.errors import Forbidden, InvalidInput, StoreFailed, Transient

SCOPES: Final = ("https://www.googleapis.com/auth/devstorage.full_control",)
ACCOUNT: Final = "service_account"
_TOKENS_AT: Final = "https://oauth2.googleapis.com/token"
_REFUSED: Final = frozenset({400, 401, 403})
"""The status when it is what was given that has failed, and not the server of the tokens."""


class AccountToken(Token):
    """The token of an account; what is refused is refused at once, and nobody's giving up fails somebody else."""

    async def get(self) -> str | None:
        """Return the token, fetched anew when it is about to end."""
        # The library has all callers wait for one task, which the first of them to be cancelled would end.
        return await asyncio.shield(super().get())

    async def acquire_access_token(  # type: ignore[override] # the library's is wrapped by what tries again
        self,
        timeout: int = 10,  # noqa: ASYNC109 -- the library's
    ) -> None:
        """Fetch a token; Forbidden when the account is refused, Transient when nobody answers."""
        await retried(lambda: self._acquire(timeout))

    async def _acquire(self, timeout: int) -> None:  # noqa: ASYNC109 -- the library's
        try:
            # Without the library's own trying again, which goes on for a minute whatever the answer is.
            await BaseToken.acquire_access_token.__wrapped__(self, timeout)
        except ClientResponseError as error:
            forget_headers(error)
            if error.status not in _REFUSED:
                raise Transient("Google gives no token now.", vendorCode=str(error.status)) from error
            raise Forbidden(
                "Google does not take the key of the service account.",
                hint="Look whether the key was withdrawn, and whether the clock of this machine is right.",
                vendorCode=_oauth_code(error),
            ) from error
        except LINE_ERRORS as error:
            raise Transient(
                "Google cannot be asked for a token.",
                hint="Look whether this server reaches oauth2.googleapis.com, or, for the machine's own account, "
                "whether it has one.",
                vendorCode=type(error).__name__,
            ) from error
        except (ValueError, KeyError) as error:
            raise StoreFailed(
                "What Google is asked for a token with, or what it answers, cannot be read.",
                hint="Store the key file of the service account again, as it was downloaded.",
                vendorCode=type(error).__name__,
            ) from None


class Nobody:
    """The token of somebody who has none, and reads what is public."""

    service_data: Final[dict[str, Any]] = {}

    async def get(self) -> None:
        """Return that there is none."""


def account_token(key_file: SecretStr, session: Any, *, is_anywhere: bool) -> AccountToken:
    """Return the token of a service account; InvalidInput for a key of another kind.

    A key file says itself where tokens are fetched. Other places than Google's are asked only when `is_anywhere`, and
    files of other kinds, which name files and servers to read, are not taken at all.
    """
    content = json_of(key_file.get_secret_value())
    if content.get("type") != ACCOUNT or not content.get("client_email") or not content.get("private_key"):
        raise InvalidInput(
            "This is no key of a service account.", hint="Make a key of type JSON for a service account, and store it."
        )
    place = urlsplit(str(content.get("token_uri") or _TOKENS_AT))
    is_google = place.scheme == "https" and f".{place.hostname}".endswith((".googleapis.com", ".accounts.google.com"))
    if not is_google and not is_anywhere:
        raise InvalidInput("The key of the service account has tokens fetched from a place that is not Google's.")
    return AccountToken(service_file=io.StringIO(key_file.get_secret_value()), session=session, scopes=list(SCOPES))


def ambient_token(session: Any) -> AccountToken:
    """Return the token of whom this machine acts for, as Google's own tools find it; Forbidden."""
    try:
        return AccountToken(session=session, scopes=list(SCOPES))
    except (OSError, ValueError) as error:
        raise Forbidden(
            "The credentials of this machine cannot be read.",
            hint="Look at GOOGLE_APPLICATION_CREDENTIALS.",
            vendorCode=type(error).__name__,
        ) from None


def _oauth_code(error: ClientResponseError) -> str:
    return str(json_of(error.message.partition(": ")[2]).get("error") or said(error)[0])
