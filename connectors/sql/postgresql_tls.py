"""How a connection to PostgreSQL is secured, in the words of its own library.

https://www.postgresql.org/docs/current/libpq-ssl.html: up to `require` nothing is said of who answers; `verify-ca`
wants a certificate of an authority that this machine knows, `verify-full` one for the host as well.
"""

import ssl
from typing import Any


def security(ssl_mode: str) -> Any:
    """Return the driver's argument for a mode."""
    if ssl_mode == "disable":
        return False
    if ssl_mode in {"allow", "prefer"}:
        return ssl_mode
    context = ssl.create_default_context()
    context.check_hostname = ssl_mode == "verify-full"
    if ssl_mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context
