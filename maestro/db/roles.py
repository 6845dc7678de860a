"""The roles of the database under which the server works, and what only a superuser can prepare for them."""

import hmac
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, make_url, text

from maestro.db.engine import ORGANIZATION_ROLE, PROJECTS_ROLE, SYSTEM_ROLE
from maestro.db.migrate import run_on
from maestro.db.scram import verifier
from maestro.errors import StartupError

ROLES: Final = (ORGANIZATION_ROLE, PROJECTS_ROLE, SYSTEM_ROLE)
LOGIN: Final = "maestro_server"
"""The account that owns nothing, and may become what a request or the upkeep needs."""

JOBS_SUFFIX: Final = "_jobs"
"""How the name of the jobs database ends, which begins as that of the application's does."""

LEAKPROOF: Final = (
    "ts_match_vq(tsvector, tsquery)",
    "to_tsvector(regconfig, text)",
    "textcat(text, text)",
    "jsonb_contains(jsonb, jsonb)",
    "jsonb_exists(jsonb, text)",
)
"""What the conditions of the indexes on words and tags are made of. PostgreSQL uses an index below a row policy only
for functions that are known to tell nothing of a row which the policy hides: of a hidden one, these could tell at most
that a text is too long, to somebody who writes SQL, and no client does."""

# Since PostgreSQL 16 a member may be one that cannot take on the role.
_STANDING: Final = """
    SELECT current_user::text AS account, r.rolsuper AS is_superuser, r.rolsuper OR r.rolbypassrls AS bypasses,
        r.rolcreaterole AS creates_roles, current_database() || :suffix AS jobs_database,
        r.rolcreatedb OR r.rolsuper OR EXISTS (
            SELECT FROM pg_database d WHERE d.datname = current_database() || :suffix
        ) AS has_jobs_database,
        coalesce((SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c
            WHERE c.oid = to_regclass('public.organization')), false) AS owns_tables,
        ARRAY(SELECT name FROM unnest(CAST(:names AS text[])) name WHERE to_regrole(name) IS NULL) AS missing,
        ARRAY(SELECT name FROM unnest(CAST(:names AS text[])) name WHERE name <> :login AND NOT coalesce(
            pg_has_role(to_regrole(name), CASE WHEN current_setting('server_version_num')::int >= 160000
                THEN 'SET' ELSE 'MEMBER' END)
            OR pg_has_role(to_regrole(name), 'MEMBER WITH ADMIN OPTION'), true)) AS denied
    FROM pg_roles r WHERE r.rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the account of a URL is in its database."""

    account: str
    is_superuser: bool
    bypasses: bool
    """Whether row-level security does not hold for it, whatever role it takes on or not."""
    creates_roles: bool
    jobs_database: str
    has_jobs_database: bool
    """Whether that is there, or this account can make it."""
    owns_tables: bool
    missing: list[str]
    """The server's roles that do not exist."""
    denied: list[str]
    """Those that it can neither take on nor give to itself."""

    @property
    def remedy(self) -> str:
        """What a superuser runs so that this account can migrate and serve."""
        made = [f"CREATE ROLE {name} {'LOGIN NOINHERIT' if name == LOGIN else 'NOLOGIN'};" for name in self.missing]
        account = self.account.replace('"', '""')
        if not self.has_jobs_database:
            made.append(f'CREATE DATABASE "{self.jobs_database}" OWNER "{account}";')
        return " ".join([*made, f'GRANT {", ".join(ROLES)} TO {LOGIN}, "{account}";'])


def standing(url: str) -> Standing:
    """Look at the account of a URL."""

    def run(connection: Connection) -> Standing:
        parameters = {"names": [*ROLES, LOGIN], "login": LOGIN, "suffix": JOBS_SUFFIX}
        found = connection.execute(text(_STANDING), parameters).one()
        return Standing(**found._mapping)  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping

    return run_on(url, run)


def require(url: str) -> None:
    """Raise StartupError, with the SQL that helps, unless the account has the server's roles or can make them."""
    found = standing(url)
    if found.denied or (found.missing and not (found.is_superuser or found.creates_roles)):
        raise StartupError(
            f"The account {found.account} lacks roles of the database, and the right to make them.",
            hint=f"Let a superuser run this once, then try again: {found.remedy}",
        )


def prepare(url: str, *, password: str | None = None) -> bool:
    """Let word and tag searches use their indexes, and give the server's account a password; after every migration.

    Return whether it could be done: it takes a superuser, and without one such searches read more rows than they need.
    """

    def run(connection: Connection) -> bool:
        if not connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
            return False
        for function in LEAKPROOF:
            connection.execute(text(f"ALTER FUNCTION pg_catalog.{function} LEAKPROOF"))
        if password is not None:
            # A statement takes no parameter in this place; the verifier is made of Base64 and signs.
            connection.exec_driver_sql(f"ALTER ROLE {LOGIN} PASSWORD '{verifier(password)}'")
        connection.commit()
        return True

    return run_on(url, run, exclusive=True)


def server_password(url: str) -> str:
    """Return the password of the server's account where we set it, by the URL of the owner.

    Derived: whoever reads the file with the owner's password needs no other, and there is none to be lost.
    """
    owners = make_url(url).password or ""
    return hmac.digest(str(owners).encode(), LOGIN.encode(), "sha256").hex()


def as_server(url: str, password: str) -> str:
    """Return the URL by which the server's account reaches the same database."""
    changed = make_url(url).set(username=LOGIN, password=password)
    return changed.render_as_string(hide_password=False)
