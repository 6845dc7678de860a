"""Signatures of version 4 under requests for objects, as the vendor describes them."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

EMPTY: Final = hashlib.sha256().hexdigest()
"""The digest of no bytes."""
_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(slots=True)
class Signer:
    """Signs requests for objects in a region; the key of a day and a secret is made once."""

    region: str
    _made_of: tuple[str, str] = field(default=("", ""), repr=False)
    _key: bytes = field(default=b"", repr=False)

    def signed(
        self, request: "Request", headers: Mapping[str, str], credentials: Any, *, at: float | None = None
    ) -> dict[str, str]:
        """Return the headers of a request with a signature; `credentials` are those that the library has."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        told = {**headers, "host": request.host, "x-amz-content-sha256": request.sha256, "x-amz-date": moment}
        if credentials.token:
            told["x-amz-security-token"] = credentials.token
        names = sorted(told)
        lines = [f"{name}:{' '.join(told[name].split())}" for name in names]
        signed = ";".join(names)
        asked = "\n".join([request.method, request.path, request.query, *lines, "", signed, request.sha256])
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(moment[:8], credentials.secret_key), text.encode(), "sha256").hex()
        told["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )
        return told

    def _key_of(self, day: str, secret: str) -> bytes:
        if self._made_of != (day, secret):
            key = b"AWS4" + secret.encode()
            for part in (day, self.region, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._made_of, self._key = (day, secret), key
        return self._key


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed beside the headers: `path` and `query` as they are sent, and the digest of the body."""

    method: str
    host: str
    path: str
    query: str = ""
    sha256: str = EMPTY
