"""Whether somebody still belongs to an organisation.

Who manages the members of some projects sees no roles in others, and has to know whether they took away the last one.
"""

from alembic import op

revision = "2026_11_28_01"
down_revision: str | None = "2026_11_23_04"

ROLES = "maestro_organization, maestro_projects, maestro_system"
BELONGS = """
    CREATE FUNCTION maestro_belongs(organization uuid, member uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
        SELECT EXISTS (
            SELECT FROM public.membership m WHERE m.organization_id = organization AND m.removed_at IS NULL
                AND (m.user_id = member OR m.service_account_id = member)
        )
    $$
"""


def upgrade() -> None:
    op.execute(BELONGS)
    op.execute("REVOKE ALL ON FUNCTION maestro_belongs(uuid, uuid) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION maestro_belongs(uuid, uuid) TO {ROLES}")


def downgrade() -> None:
    op.execute("DROP FUNCTION maestro_belongs(uuid, uuid)")
