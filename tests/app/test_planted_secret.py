"""A planted secret is found nowhere: not in the database, the logs, the files, the processes or any answer.

A control word, planted beside it where it may be seen, shows that the search would find it.
"""

import asyncio
import base64
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
from graphql import GraphQLObjectType, get_introspection_query, get_named_type, is_leaf_type, is_required_argument

from maestro.postgres import Address, attached
from schema import schema
from tests.app.conftest import migrated
from tests.app.traces import dump, files_in, forms_of, occurrences, processes

PLANTED: Final = "Pl4ntedS3cretOfTheConnectorXq7ZkW"
CONTROL: Final = "C0ntrolWordInTheDescriptionVt5RmB"
KEY_FILE: Final = json.dumps({"type": "service_account", "client_email": "a@b.example", "private_key": PLANTED})

CREATE = """
mutation Create($name: String!, $config: ConnectorConfigInput!, $description: String!) {
  createConnector(input: {name: $name, config: $config, description: $description}) {
    ... on ConnectorSaved { connector { id } }
  }
}
"""
SET = "mutation Set($id: ID!, $secret: ConnectorSecretInput!) { setConnectorSecret(id: $id, secret: $secret) { id } }"
UPDATE = """
mutation Update($id: ID!, $input: UpdateConnectorInput!) { updateConnector(id: $id, input: $input) { __typename } }
"""
S3: Final[dict[str, Any]] = {"s3": {"accessKeyId": "AKIA", "secretAccessKey": PLANTED, "sessionToken": PLANTED}}
SETTING_UP: Final = {"s3": {"bucket": "models"}}
SECRETS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "S3": (SETTING_UP, S3),
    "GCS": ({"gcs": {"bucket": "models"}}, {"gcs": {"serviceAccount": KEY_FILE}}),
    "PostgreSQL": (
        {"postgresql": {"host": "db", "database": "d", "user": "u"}},
        {"postgresql": {"password": PLANTED}},
    ),
}
"""Connectors with their credentials."""

UNFIT: Final[list[Any]] = [
    PLANTED,
    [PLANTED],
    {"s3": PLANTED},
    {"s3": {"secretAccessKey": PLANTED}},
    {"s3": {**S3["s3"], "unknown": PLANTED}},
    {"s3": {**S3["s3"], "accessKeyId": [PLANTED]}},
    {"s3": {**S3["s3"], "accessKeyId": ""}},
    {"s3": {**S3["s3"], "accessKeyId": f"{PLANTED}\0"}},
    {"s3": {**S3["s3"], "accessKeyId": PLANTED * 1000}},
    {"gcs": {"serviceAccount": PLANTED}},
    {"snowflake": {"privateKey": PLANTED}},
    {"snowflake": {"password": PLANTED, "token": PLANTED}},
    {"mlflow": {"password": PLANTED}},
    {"mlflow": {"tokn": PLANTED}},
    {"postgresql": {"password": PLANTED}, "mysql": {"password": PLANTED}},
    {"postgresql": {"password": PLANTED}},
]
"""What does not fit the connector of kind S3 that it is sent for."""

DOCUMENTS: Final = [
    f'mutation {{ setConnectorSecret(id: "x", secret: {{postgresql: {{password: "{PLANTED}"}}}}) {{ id }} }}',
    f'mutation {{ setConnectorSecret(id: "x", secret: {{postgresql: {{pasword: "{PLANTED}"}}}}) {{ id }} }}',
    f'mutation {{ setConnectorSecret(id: "x", secret: "{PLANTED}") {{ id }} }}',
    f'mutation {{ createConnector(input: {{name: "x", password: "{PLANTED}"}}) {{ __typename }} }}',
    f'mutation ($p: Secret! = "{PLANTED}") {{ a(p: $p) }}',
    f'mutation {{ setConnectorSecret("{PLANTED}") }}',
    f'{{ connectors(first: "{PLANTED}") {{ totalCount }} }}',
]
"""Documents with the secret written into them, where it is of no use."""

MISTAKES: Final = {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"}


@dataclass
class Spy:
    """Talks to a server and keeps all that it answers, headers too."""

    http: httpx.Client
    heard: list[bytes] = field(default_factory=list)

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        answer = self.http.request(method, path, **request)
        self.heard += [answer.content, repr(answer.headers).encode()]
        return answer

    def ask(self, query: str, **variables: Any) -> Any:
        return self.send("POST", "/graphql", json={"query": query, "variables": variables}).json()

    def data(self, query: str, **variables: Any) -> Any:
        answer = self.ask(query, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    def refused(self, query: str, **variables: Any) -> list[str]:
        """The codes of an operation that fails."""
        return [error["extensions"]["code"] for error in self.ask(query, **variables)["errors"]]


def everything_of(type_name: str) -> str:
    """A selection of every field without required arguments, and of the leaves of what is behind it."""
    type_: Any = schema._schema.type_map[type_name]
    fields = {name: one for name, one in type_.fields.items() if not any(map(is_required_argument, one.args.values()))}
    parts = []
    for name, one in fields.items():
        behind = get_named_type(one.type)
        if is_leaf_type(behind):
            parts.append(name)
        elif isinstance(behind, GraphQLObjectType):
            leaves = [
                leaf for leaf, it in behind.fields.items() if is_leaf_type(get_named_type(it.type)) and not it.args
            ]
            parts.append(f"{name} {{ {' '.join(leaves or ['__typename'])} }}")
        else:
            parts.append(f"{name} {{ __typename }}")
    return " ".join(parts)


def plant(spy: Spy) -> list[str]:
    """Create connectors and set their credentials; return their ids."""
    made = []
    for name, (config, secret) in SECRETS.items():
        saved = spy.data(CREATE, name=name, config=config, description=CONTROL)["createConnector"]
        made.append(saved["connector"]["id"])
        spy.data(SET, id=made[-1], secret=secret)
    return made


def read_all(spy: Spy) -> None:
    """Ask for all there is about the connectors, and for the schema."""
    # Connectors lead to nothing here, and none has all of what is asked.
    listed = spy.ask(f"{{ connectors {{ nodes {{ {everything_of('Connector')} }} }} }}")["data"]["connectors"]["nodes"]
    assert [node["hasSecret"] for node in listed] == [True] * len(SECRETS)
    spy.data(f"{{ connectors(filterText: \"text MATCHES '{PLANTED}'\") {{ totalCount }} }}")
    spy.data(get_introspection_query())
    for path in ("/", "/livez", "/readyz", "/graphiql/examples.json"):
        spy.send("GET", path)


def make_mistakes(spy: Spy, connector: str) -> None:
    """Send the secret in every wrong way."""
    nobody = f"connector_{'0' * 32}"
    assert spy.refused(SET, id=nobody, secret=S3) == ["NOT_FOUND"]
    for unfit in UNFIT:
        assert set(spy.refused(SET, id=connector, secret=unfit)) <= MISTAKES, unfit
    for document in DOCUMENTS:
        assert set(spy.refused(document)) <= MISTAKES, document
    assert spy.refused(UPDATE, id=connector, input={"name": "x", "password": PLANTED}) == ["BAD_USER_INPUT"]
    uri = {"mlflow": {"trackingUri": f"https://ann:{PLANTED}@example.org"}}
    assert spy.refused(UPDATE, id=connector, input={"config": uri}) == ["BAD_USER_INPUT"]
    assert spy.refused("query ($n: Int!) { connectors(first: $n) { totalCount } }", n=PLANTED) == ["BAD_USER_INPUT"]
    variables = json.dumps({"id": connector, "secret": S3})
    assert spy.send("GET", "/graphql", params={"query": SET, "variables": variables}).status_code == 405
    broken = f'{{"query": "{{ a }}", "variables": {{"secret": "{PLANTED}"'
    assert spy.send("POST", "/graphql", content=broken, headers={"content-type": "application/json"}).is_error


def knock(url: str, spy: Spy) -> None:
    """Show the secret as a credential at the door."""
    with httpx.Client(base_url=url, timeout=30) as http:
        stranger = Spy(http, spy.heard)
        basic = base64.b64encode(f"ann:{PLANTED}".encode()).decode()
        for authorization in (f"Bearer {PLANTED}", f"Bearer mst_{PLANTED}", f"Basic {basic}"):
            headers = {"authorization": authorization}
            answer = stranger.send("POST", "/graphql", json={"query": "{ __typename }"}, headers=headers)
            assert answer.status_code == 401
        assert stranger.send("GET", "/sign-in", params={"token": PLANTED}).status_code == 403
        cookie = {"cookie": f"maestro_session={PLANTED}"}
        assert stranger.send("POST", "/graphql", json={"query": "{ __typename }"}, headers=cookie).status_code == 401
        assert stranger.send("GET", f"/nothing/{PLANTED}").is_error


async def run_sql(address: Address, *statements: str) -> None:
    connection = await asyncpg.connect(address.url("postgresql"))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def broken_table(address: Address) -> Iterator[None]:
    """Let PostgreSQL refuse every credential, while it logs all statements."""
    log = "ALTER SYSTEM SET log_statement = 'all'", "ALTER SYSTEM SET log_min_duration_statement = 0"
    refuse = "ALTER TABLE connector_secret ADD CONSTRAINT refused CHECK (false) NOT VALID"
    asyncio.run(run_sql(address, *log, "SELECT pg_reload_conf()", refuse))
    yield
    asyncio.run(run_sql(address, "ALTER TABLE connector_secret DROP CONSTRAINT refused"))


@pytest.fixture(scope="module")
def places(reachable_folder: Path, initialised: Path) -> Iterator[dict[str, bytes]]:
    """All that is left when a server has been given the secret in every way, by where it was found."""
    with migrated(reachable_folder, initialised) as program:
        found = {}
        with program.launched(MAESTRO_LOG_LEVEL="DEBUG") as server:
            client = httpx.Client(base_url=server.url, headers={"origin": server.url}, timeout=30)
            with client as http, attached(program.data) as address:
                spy = Spy(http)
                assert spy.send("GET", "/sign-in", params={"token": server.token}).status_code == 303
                connectors = plant(spy)
                read_all(spy)
                make_mistakes(spy, connectors[0])
                knock(server.url, spy)
                with broken_table(address):
                    assert spy.refused(SET, id=connectors[0], secret=S3) == ["INTERNAL_SERVER_ERROR"]
                spy.data(SET, id=connectors[0], secret=S3)
                found["tables"] = asyncio.run(dump(address))
            found["processes"] = processes(server)
            commands = [program.run("secrets", *words) for words in (["rotate"], ["status", "--json"])]
            assert [command.returncode for command in commands] == [0, 0]
            found["answers"] = b"\n".join(spy.heard)
            assert server.stop(signal.SIGTERM) == 0
            assert server.process.stdout is not None
            found["output"] = (server.printed + server.process.stdout.read() + server.log()).encode()
        found["commands"] = "".join(command.stdout + command.stderr for command in commands).encode()
        found["PostgreSQL's log"] = files_in(program.data / "postgres" / "data" / "log")
        found["files"] = files_in(program.data)
        yield found


@pytest.mark.parametrize("place", ["tables", "answers", "output", "processes", "commands", "PostgreSQL's log", "files"])
def test_the_secret_is_nowhere_in(places: dict[str, bytes], place: str) -> None:
    assert len(places[place]) > 100
    assert occurrences(PLANTED, places[place]) == {}


@pytest.mark.parametrize("place", ["tables", "answers", "files"])
def test_the_control_word_is_where_it_was_put(places: dict[str, bytes], place: str) -> None:
    assert occurrences(CONTROL, places[place])[CONTROL.encode()] > 0


def test_a_statement_that_failed_is_in_the_logs_without_its_values(places: dict[str, bytes]) -> None:
    log = places["PostgreSQL's log"]
    assert b'violates check constraint "refused"' in log
    assert b"INSERT INTO connector_secret" in log
    assert b"Unexpected error, trace id" in places["output"]


def test_values_are_not_in_the_log_of_all_statements(places: dict[str, bytes]) -> None:
    log = places["PostgreSQL's log"]
    assert b"INSERT INTO audit_entry" in log
    assert occurrences(CONTROL, log) == {}
    assert b"arameters: " not in log


@pytest.mark.parametrize("form", forms_of(PLANTED))
def test_the_search_would_find_the_secret_in_each_form(form: bytes) -> None:
    assert occurrences(PLANTED, b"before" + form + b"after")


@pytest.mark.parametrize("before", range(5))
def test_the_search_would_find_the_secret_inside_of_what_is_in_base64(before: int) -> None:
    inside = base64.b64encode(b"y" * before + PLANTED.encode() + b"and more")
    assert occurrences(PLANTED, inside)
