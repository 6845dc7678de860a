"""What keeps a restore from letting anybody in who is out: access is what the backup grants and the present allows.

Access that was given since the backup is not in it, and stays away. Access that was taken since stays taken: whatever
the present database does not hold as good is not good in the coming one either, in the organisations that the present
one knows. A database that knows nothing of an organisation, such as that of a new server, says nothing of its members.

On the way back to a database that was replaced, only what was taken after it was replaced counts: what is missing in
the restored one is missing because the backup is older, and not because somebody has taken it.
"""

from datetime import datetime
from typing import Final

from ops.restores.copying import Passage, columns_of, listed

STAGED: Final = (
    "organization",
    "user",
    "membership",
    "service_account",
    "api_key",
    "identity",
    "invitation",
    "document",
    "session",
)
"""The tables of the present database that say who is in, small enough to be compared as a whole."""
_KNOWN: Final = "organization_id IN (SELECT id FROM present_organization)"
_RANK: Final = "array_position(ARRAY['VIEWER', 'CONTRIBUTOR', 'MAINTAINER', 'ADMIN', 'OWNER'], {role})"
_RANKED: Final = _RANK.format(role="p.role")

_ACCOUNTS: Final = f"""
    UPDATE service_account a SET disabled_at = now(), updated_at = now(), version = version + 1
    WHERE a.disabled_at IS NULL AND a.{_KNOWN} AND CASE WHEN $1::timestamptz IS NULL
        THEN NOT EXISTS (SELECT FROM present_service_account p WHERE p.id = a.id AND p.disabled_at IS NULL)
        ELSE EXISTS (SELECT FROM present_service_account p WHERE p.id = a.id AND p.disabled_at > $1) END
"""  # noqa: S608 -- our own SQL, put together
# What somebody may do in a project by a role in the whole organisation counts there too.
_ROLES: Final = f"""
    WITH allowed AS (
        SELECT m.id, {_RANK.format(role="m.role")} AS granted, (
            SELECT max({_RANKED}) FROM present_membership p
            WHERE p.organization_id = m.organization_id AND p.removed_at IS NULL
                AND p.user_id IS NOT DISTINCT FROM m.user_id
                AND p.service_account_id IS NOT DISTINCT FROM m.service_account_id
                AND (p.project_id IS NULL OR p.project_id = m.project_id)
        ) AS present
        FROM membership m WHERE m.removed_at IS NULL AND m.{_KNOWN} AND ($1::timestamptz IS NULL OR EXISTS (
            SELECT FROM present_membership p
            WHERE p.organization_id = m.organization_id AND p.updated_at > $1
                AND p.user_id IS NOT DISTINCT FROM m.user_id
                AND p.service_account_id IS NOT DISTINCT FROM m.service_account_id
                AND p.project_id IS NOT DISTINCT FROM m.project_id
        ))
    )
    UPDATE membership m SET updated_at = now(), version = version + 1,
        removed_at = CASE WHEN a.present IS NULL THEN now() END,
        role = coalesce((ARRAY['VIEWER', 'CONTRIBUTOR', 'MAINTAINER', 'ADMIN', 'OWNER'])[least(a.granted, a.present)],
            m.role)
    FROM allowed a WHERE a.id = m.id AND a.granted > coalesce(a.present, 0)
"""  # noqa: S608 -- our own SQL, put together
# Nobody who owns an organisation now would be left out of it for good.
_LEADERLESS: Final = """
    CREATE TEMP TABLE IF NOT EXISTS leaderless (organization_id uuid);
    TRUNCATE leaderless;
    INSERT INTO leaderless SELECT o.id FROM organization o JOIN present_organization p ON p.id = o.id
    WHERE NOT EXISTS (SELECT FROM membership m WHERE m.organization_id = o.id AND m.project_id IS NULL
        AND m.role = 'OWNER' AND m.user_id IS NOT NULL AND m.removed_at IS NULL)
"""
_PEOPLE: Final = """
    INSERT INTO "user" ({columns}) SELECT {columns} FROM present_user u WHERE EXISTS (
        SELECT FROM present_membership p JOIN leaderless USING (organization_id)
        WHERE p.user_id = u.id AND p.project_id IS NULL AND p.role = 'OWNER' AND p.removed_at IS NULL
    ) ON CONFLICT (id) DO NOTHING
"""
_OTHER_ROLES: Final = """
    UPDATE membership m SET removed_at = now(), updated_at = now(), version = m.version + 1
    FROM present_membership p JOIN leaderless USING (organization_id)
    WHERE p.user_id IS NOT NULL AND p.project_id IS NULL AND p.role = 'OWNER' AND p.removed_at IS NULL
        AND m.organization_id = p.organization_id AND m.user_id = p.user_id AND m.project_id IS NULL
        AND m.removed_at IS NULL AND m.id <> p.id
"""
_OWNERS: Final = """
    INSERT INTO membership ({columns}) SELECT {columns} FROM present_membership p
    JOIN leaderless USING (organization_id)
    WHERE p.user_id IS NOT NULL AND p.project_id IS NULL AND p.role = 'OWNER' AND p.removed_at IS NULL
    ON CONFLICT (id) DO UPDATE SET role = 'OWNER', removed_at = NULL, updated_at = now(),
        version = membership.version + 1
"""
_KEYS: Final = f"""
    UPDATE api_key k SET revoked_at = now() WHERE k.revoked_at IS NULL AND k.{_KNOWN} AND (
        NOT maestro_belongs(k.organization_id, coalesce(k.user_id, k.service_account_id))
        OR CASE WHEN $1::timestamptz IS NULL
            THEN NOT EXISTS (SELECT FROM present_api_key p WHERE p.id = k.id AND p.revoked_at IS NULL)
            ELSE EXISTS (SELECT FROM present_api_key p WHERE p.id = k.id AND p.revoked_at > $1) END
    )
"""  # noqa: S608 -- our own SQL, put together
_IDENTITIES: Final = """
    DELETE FROM identity i WHERE $1::timestamptz IS NULL AND NOT EXISTS (
        SELECT FROM present_identity p
        WHERE p.issuer = i.issuer AND p.subject = i.subject AND p.user_id = i.user_id
    ) AND (
        EXISTS (SELECT FROM present_user u WHERE u.id = i.user_id)
        OR EXISTS (SELECT FROM present_identity p WHERE p.issuer = i.issuer AND p.subject = i.subject)
    )
"""
_INVITATIONS: Final = f"""
    UPDATE invitation i SET revoked_at = now()
    WHERE i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.{_KNOWN} AND CASE WHEN $1::timestamptz IS NULL
        THEN NOT EXISTS (
            SELECT FROM present_invitation p WHERE p.id = i.id AND p.accepted_at IS NULL AND p.revoked_at IS NULL)
        ELSE EXISTS (
            SELECT FROM present_invitation p WHERE p.id = i.id AND greatest(p.accepted_at, p.revoked_at) > $1) END
"""  # noqa: S608 -- our own SQL, put together
_DOCUMENTS: Final = """
    UPDATE document d SET retired_at = p.retired_at, retired_by_id = p.retired_by_id FROM present_document p
    WHERE p.organization_id = d.organization_id AND p.sha256 = d.sha256 AND d.retired_at IS NULL
        AND p.retired_at IS NOT NULL AND ($1::timestamptz IS NULL OR p.retired_at > $1)
"""
_SESSIONS_END: Final = "UPDATE session SET revoked_at = coalesce(revoked_at, now())"
_LINKS_END: Final = "UPDATE sign_in_link SET expires_at = least(expires_at, now())"
# Who is signed in now stays so, if they are one of those in the backup: they are no less who they are.
_SESSIONS_GO: Final = """
    DELETE FROM session s USING present_session p WHERE s.id = p.id OR s.token_hash IN (p.token_hash, p.previous_hash)
        OR s.previous_hash IN (p.token_hash, p.previous_hash)
"""
_SESSIONS_STAY: Final = """
    INSERT INTO session ({columns}) SELECT {columns} FROM present_session p
    WHERE EXISTS (SELECT FROM "user" u WHERE u.id = p.user_id)
"""
_ELSEWHERE: Final = """
    UPDATE present_session s SET organization_id = NULL WHERE organization_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM organization o WHERE o.id = s.organization_id)
"""


async def keep_revoked(between: Passage, *, since: datetime | None) -> None:
    """Take from everybody in the coming database what they do not have in the present one, in a transaction.

    With `since`, only what was taken after that time. All sessions and links of the coming database end; who is signed
    in now stays so.
    """
    coming = between.coming
    for table in STAGED:
        await between.stage(table)
    await coming.execute(_ACCOUNTS, since)
    await coming.execute(_ROLES, since)
    await coming.execute(_LEADERLESS)
    await coming.execute(_PEOPLE.format(columns=listed(columns_of("user"))))
    await coming.execute(_OTHER_ROLES)
    await coming.execute(_OWNERS.format(columns=listed(columns_of("membership"))))
    await coming.execute(_KEYS, since)
    await coming.execute(_IDENTITIES, since)
    await coming.execute(_INVITATIONS, since)
    await coming.execute(_DOCUMENTS, since)
    await coming.execute(_LINKS_END)
    await coming.execute(_SESSIONS_END)
    await coming.execute(_SESSIONS_GO)
    await coming.execute(_ELSEWHERE)
    await coming.execute(_SESSIONS_STAY.format(columns=listed(columns_of("session"))))
