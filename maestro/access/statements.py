"""The SQL that resolves credentials, and notes that they were used."""

from typing import Final

_ROLES: Final = """(
    SELECT array_agg(m.role || ' ' || coalesce(m.project_id::text, '')) FROM membership m
    WHERE m.removed_at IS NULL AND m.organization_id = {organization}
        AND (m.user_id = {user} OR m.service_account_id = {account})
)"""
KEY: Final = f"""
    SELECT k.id, k.organization_id, k.user_id, k.service_account_id, k.scopes, k.project_ids, k.addresses,
        k.is_append_only, k.expires_at AS good_until, o.slug, u.name AS user_name, u.email,
        s.name AS account, coalesce(k.last_used_at < now() - $2::interval, true) AS is_to_be_noted,
        {_ROLES.format(organization="k.organization_id", user="k.user_id", account="k.service_account_id")} AS roles
    FROM api_key k JOIN organization o ON o.id = k.organization_id
    LEFT JOIN "user" u ON u.id = k.user_id
    LEFT JOIN service_account s ON s.id = k.service_account_id AND s.disabled_at IS NULL
    WHERE k.secret_hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
"""  # noqa: S608 -- our own SQL, put together
SESSION: Final = f"""
    SELECT s.id, s.user_id, u.name AS user_name, u.email, o.id AS organization_id,
        coalesce(s.token_hash = $1 AND s.rotated_at < now() - $4::interval, false) AS is_due,
        CASE WHEN s.previous_hash = $1 THEN least(s.expires_at, s.rotated_at + $3::interval) ELSE s.expires_at END
            AS good_until,
        o.slug = $2 AND EXISTS (
            SELECT 1 FROM membership m JOIN organization t ON t.id = m.organization_id
            WHERE m.user_id = u.id AND m.removed_at IS NULL AND t.slug = $2 AND t.id <> o.id
        ) AS is_ambiguous,
        s.last_seen_at < now() - $5::interval AS is_to_be_noted,
        {_ROLES.format(organization="o.id", user="u.id", account="NULL")} AS roles
    FROM session s JOIN "user" u ON u.id = s.user_id
    CROSS JOIN LATERAL (
        SELECT o.id, o.slug FROM membership m JOIN organization o ON o.id = m.organization_id
        WHERE m.user_id = u.id AND m.removed_at IS NULL
            AND ($2::text IS NULL OR $2 IN (o.slug, o.id::text, 'organization_' || replace(o.id::text, '-', '')))
        ORDER BY o.slug <> $2 DESC NULLS LAST, o.id = s.organization_id DESC NULLS LAST, m.created_at, m.id LIMIT 1
    ) o
    WHERE (s.token_hash = $1 OR (s.previous_hash = $1 AND s.rotated_at > now() - $3::interval) OR s.id = $6)
        AND s.revoked_at IS NULL AND s.expires_at > now()
"""  # noqa: S608 -- our own SQL, put together
# Requests that come together all want to note themselves: the first does.
KEY_USED: Final = """
    UPDATE api_key SET last_used_at = now()
    WHERE id = $1 AND coalesce(last_used_at < now() - $2::interval, true)
"""
SESSION_SEEN: Final = "UPDATE session SET last_seen_at = now() WHERE id = $1 AND last_seen_at < now() - $2::interval"
