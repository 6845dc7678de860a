"""Who owns the server's first organisation: for whom links and keys are made on its machine."""

from maestro.db.tables.enums import Role
from resolvers.setup import ensure_owner
from tests.fixtures.graphql import Api
from tests.fixtures.members import membership_of, new_member, new_membership

UPDATE = "mutation ($id: ID!) { updateMembership(id: $id, role: OWNER) { __typename } }"
LEAVE = "mutation { leaveOrganization { __typename } }"


async def test_the_owner_is_one_of_the_first_organisation_when_whoever_was_first_has_left(
    api: Api, foreign: Api
) -> None:
    await new_membership(foreign, Role.OWNER, user=api.viewer.actor_id)
    successor = await new_member(api, Role.ADMIN)
    await api(UPDATE, id=await membership_of(api, successor))
    await api(LEAVE)
    owner = await ensure_owner(api.runtime.db)
    assert owner.user_id == successor.viewer.actor_id
    assert owner.organization_id == api.viewer.organization_id
