"""The door: credentials are resolved to viewers here, and nowhere else. There is no anonymous access."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from maestro.access import keys, sessions
from maestro.access.addresses import Network, is_within, networks_of
from maestro.access.grants import Limits, grants_of
from maestro.access.keys import KeySpec, NewApiKey
from maestro.access.once import Once
from maestro.access.permissions import Permission
from maestro.access.secrets import KEY_PREFIX, hash_of
from maestro.access.sessions import GRACE, ROTATE_AFTER
from maestro.access.statements import KEY, KEY_USED, SESSION, SESSION_SEEN
from maestro.access.viewer import SignInMethod, Viewer
from maestro.clock import now
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import ActorKind, Role
from maestro.errors import NotFound
from maestro.events import Event, publish
from maestro.ids import Kind, encode
from maestro.storable import UNSTORABLE

KNOWN_FOR_S: Final = 5.0
MOST_KNOWN: Final = 10_000
NOTED_EVERY: Final = timedelta(minutes=1)
"""So exact is what is told of the last use of a key or a session: a write for each use would cost more than the use."""
TOPIC: Final = "access"
"""Where it is told that roles, keys or sessions have changed."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows: a key, else a session, from an address; perhaps the organisation that it is about."""

    key: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    organization: str | None = None
    """The slug, the id or the UUID of one of the viewer's organisations."""
    address: str | None = None
    session_id: UUID | None = None
    """A session whose token was shown before."""

    def lasting(self, viewer: Viewer) -> "Credentials":
        """Return by what to look again at a viewer who has shown this: a session outlives its tokens."""
        return self if viewer.session_id is None else replace(self, session=None, session_id=viewer.session_id)


@dataclass(frozen=True, slots=True)
class _Known:
    """A credential that was good, and until when it need not be looked up again."""

    viewer: Viewer
    is_due: bool
    networks: tuple[Network, ...] | None
    good_until: datetime | None
    looked_up: float = field(default_factory=time.monotonic)
    from_addresses: dict[str | None, Viewer] = field(default_factory=dict)
    """The viewer as they come from each address."""

    @property
    def is_fresh(self) -> bool:
        is_recent = time.monotonic() - self.looked_up < KNOWN_FOR_S
        return is_recent and (self.good_until is None or now() < self.good_until)

    def admits(self, address: str | None) -> bool:
        return self.networks is None or is_within(address, self.networks)

    def viewer_from(self, address: str | None) -> Viewer:
        known = self.from_addresses.get(address)
        if known is None:
            known = self.from_addresses[address] = replace(self.viewer, address=address)
        return known


_Place = tuple[bool, bytes | UUID, str | None]
"""Under what a credential is known: whether it is a key, which one, and the organisation that is named."""


class Access:
    """Resolves credentials to viewers, and opens and ends sessions.

    A credential that was good is trusted for a few seconds without asking the database again: a client that logs
    sends many requests a second, and none of them should pay for who it is. `forget` ends that trust when roles,
    keys or sessions change, in every process.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[_Place, _Known] = {}
        self._looking: Once[_Known | None] = Once()

    async def viewer(self, shown: Credentials) -> Viewer | None:
        """Return who is asking; None for a credential that is not good, or not from that address.

        NotFound for an organisation that is named and is not one of the viewer's.
        """
        known = await self._of(shown)
        if known is None or not known.admits(shown.address):
            return None
        return known.viewer_from(shown.address)

    async def rotated(self, shown: Credentials) -> str | None:
        """Return the next token of a session whose token has been used for an hour, None while it may stay."""
        known = None if shown.key else await self._of(shown)
        if known is None or not known.is_due or not shown.session or known.viewer.session_id is None:
            return None
        async with self._db.transaction() as tx:
            fresh = await sessions.rotate(tx, known.viewer.session_id, shown.session)
        self.forget()
        return fresh

    async def create_key(self, spec: KeySpec) -> NewApiKey:
        """Make an API key for whoever runs commands on the server's machine."""
        async with self._db.transaction() as tx:
            return await keys.create_key(tx, spec)

    async def create_link_token(self, user_id: UUID) -> str:
        """Make a token that signs its bearer in once, within a day."""
        async with self._db.transaction() as tx:
            return (await sessions.create_link(tx, user_id)).token

    async def end_session(self, viewer: Viewer) -> None:
        """Sign a browser out."""
        if viewer.session_id is None:
            return
        async with self._db.transaction() as tx:
            await sessions.revoke(tx, viewer.actor_id, [viewer.session_id])
            await publish(tx, [Event(TOPIC)])
        self.forget()

    def forget(self) -> None:
        """Look every credential up again when it comes next."""
        # A new one: what is being looked up right now, and may be out of date, goes into the old one.
        self._known = {}
        self._looking = Once()

    def is_known(self, shown: Credentials) -> bool:
        """Say whether `viewer` can tell without asking the database."""
        place = _place(shown)
        known = None if place is None else self._known.get(place)
        return known is not None and known.is_fresh

    async def _of(self, shown: Credentials) -> _Known | None:
        place = _place(shown)
        if place is None:
            return None
        if shown.organization is not None and UNSTORABLE.search(shown.organization):
            raise unknown_organization()
        known = self._known.get(place)
        return known if known is not None and known.is_fresh else await self._found(shown, place)

    async def _found(self, shown: Credentials, place: _Place) -> _Known | None:
        """Look a credential up, once for all who show it at a time, unless something has changed meanwhile."""
        # What is told of a key depends on where it is shown.
        return await self._looking.get((place, shown.address), partial(self._look_up, shown, place))

    async def _look_up(self, shown: Credentials, place: _Place) -> _Known | None:
        at_start = self._known
        at_start.pop(place, None)
        known = await (self._of_key(shown) if shown.key else self._of_session(shown))
        if known is not None:
            if len(at_start) >= MOST_KNOWN:
                at_start.clear()
            # Where everything was forgotten meanwhile, what was looked up before goes with it.
            at_start[place] = known
        return known

    async def _of_key(self, shown: Credentials) -> _Known | None:
        key = shown.key or ""
        rows = await self._db.fetch_sql(KEY, hash_of(key), NOTED_EVERY) if key.startswith(KEY_PREFIX) else []
        if not rows or not rows[0].roles or (rows[0].user_id is None and rows[0].account is None):
            return None
        row = rows[0]
        names = (row.slug, str(row.organization_id), encode(Kind.Organization, row.organization_id))
        networks = networks_of(row.addresses)
        if shown.organization is not None and shown.organization not in names:
            if networks is not None and not is_within(shown.address, networks):
                # Who asks from elsewhere does not learn that the key is good.
                return None
            raise unknown_organization()
        is_person = row.user_id is not None
        viewer = Viewer(
            actor_id=row.user_id or row.service_account_id,
            actor_kind=ActorKind.USER if is_person else ActorKind.SERVICE_ACCOUNT,
            organization_id=row.organization_id,
            name=row.user_name if is_person else row.account,
            email=row.email,
            method=SignInMethod.API_KEY,
            grants=grants_of(roles_of(row.roles), limits_of(row)),
            api_key_id=row.id,
        )
        known = _Known(viewer, is_due=False, networks=networks, good_until=row.good_until)
        if row.is_to_be_noted and known.admits(shown.address):
            await self._db.fetch_sql(KEY_USED, row.id, NOTED_EVERY)
        return known

    async def _of_session(self, shown: Credentials) -> _Known | None:
        token_hash = hash_of(shown.session) if shown.session else None
        session_id = None if shown.session else shown.session_id

        async def found(organization: str | None) -> list[Row]:
            times = (GRACE, ROTATE_AFTER, NOTED_EVERY)
            return await self._db.fetch_sql(SESSION, token_hash, organization, *times, session_id)

        rows = await found(shown.organization)
        if not rows and shown.organization is not None and await found(None):
            raise unknown_organization()
        if not rows:
            return None
        row = rows[0]
        if row.is_ambiguous:
            # Whoever owns one of them has chosen its slug, and must not get what is meant for the other.
            raise NotFound(
                "Several of your organizations have this slug.",
                hint="Name the one that you mean by its id.",
                field="X-Maestro-Organization",
            )
        viewer = Viewer(
            actor_id=row.user_id,
            organization_id=row.organization_id,
            name=row.user_name,
            email=row.email,
            method=SignInMethod.SESSION,
            grants=grants_of(roles_of(row.roles)),
            session_id=row.id,
        )
        if row.is_to_be_noted:
            await self._db.fetch_sql(SESSION_SEEN, row.id, NOTED_EVERY)
        return _Known(viewer, is_due=row.is_due, networks=None, good_until=row.good_until)


def _place(shown: Credentials) -> _Place | None:
    secret = shown.key or shown.session
    named = hash_of(secret) if secret else shown.session_id
    # A token of a session is no key, though it was just good as what it is.
    return None if named is None else (bool(shown.key), named, shown.organization)


def unknown_organization() -> NotFound:
    """Return the error for an organisation that the viewer does not belong to, whether there is one or not."""
    return NotFound(
        "You do not belong to such an organization.",
        hint="Name one of yours by its slug or id, or leave the header out.",
        field="X-Maestro-Organization",
    )


def roles_of(texts: Iterable[str]) -> list[tuple[Role, UUID | None]]:
    """Return the roles that a query has put into texts like `VIEWER` and a project's UUID, perhaps empty."""
    pairs = (text.split(" ", 1) for text in texts)
    return [(Role(role), UUID(project) if project else None) for role, project in pairs]


def limits_of(row: Row | Any) -> Limits:
    """Return how far the key of a row is narrower than its bearer; a scope that is no longer known allows nothing."""
    known = frozenset(Permission)
    scopes = None if row.scopes is None else frozenset(one for one in known if one.value in row.scopes)
    projects = None if row.project_ids is None else frozenset(row.project_ids)
    return Limits(scopes, projects, row.is_append_only)
