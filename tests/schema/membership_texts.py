"""What tests of memberships and invitations ask, and how they see that nothing has changed."""

from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api

ADD = """
mutation ($actor: ID!, $role: Role!, $project: ID, $once: String) {
  addMember(actor: $actor, role: $role, projectId: $project, idempotencyKey: $once) {
    membership { id role user { id } serviceAccount { id } project { id } source version createdBy { name } }
  }
}"""
UPDATE = """
mutation ($id: ID!, $role: Role!, $version: Int) {
  updateMembership(id: $id, role: $role, expectedVersion: $version) {
    __typename
    ... on MembershipSaved { membership { id role version } }
    ... on StaleVersion { message current { id ... on Membership { role } } }
  }
}"""
REMOVE = """
mutation ($id: ID!, $version: Int) {
  removeMembership(id: $id, expectedVersion: $version) {
    __typename
    ... on MembershipSaved { membership { id removedAt } }
    ... on StaleVersion { message }
  }
}"""
LEAVE = "mutation { leaveOrganization { organizations { slug isCurrent } } }"
MEMBERS = "{ organization { members { nodes { id role } } } }"
INVITE = """
mutation ($input: InviteMemberInput!, $once: String) {
  inviteMember(input: $input, idempotencyKey: $once) {
    path
    invitation { id email name role state expiresAt project { id } createdBy { name } acceptedBy { id } }
  }
}"""
ACCEPT = """
mutation ($token: String!) {
  acceptInvitation(token: $token) { organization { id slug name role isCurrent } }
}"""
REVOKE = "mutation ($id: ID!) { revokeInvitation(id: $id) { id state revokedAt } }"


def user_id(member: Api) -> str:
    return encode(Kind.User, member.viewer.actor_id)


async def roles(api: Api) -> list[str]:
    return sorted(node["role"] for node in (await api(MEMBERS))["organization"]["members"]["nodes"])


async def invite(api: Api, role: str = "VIEWER", **given: object) -> str:
    """Invite somebody and return the token of the link."""
    made = (await api(INVITE, input={"email": "new@example.org", "role": role, **given}))["inviteMember"]
    found: str = made["path"].removeprefix("/join?token=")
    return found


async def assert_refused(
    api: Api, code: str, query: str, *, asking: Api | None = None, **variables: object
) -> dict[str, object]:
    """Assert that an operation is refused with a code and changes nothing, and return the error."""
    before = await api.state()
    (error,) = await (asking or api).errors(query, **variables)
    assert error["extensions"]["code"] == code
    assert await api.state() == before
    found: dict[str, object] = error
    return found
