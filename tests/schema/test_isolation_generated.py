"""Operations generated from the schema tell a stranger nothing of the first organisation and change nothing in it."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

import pytest

from dataloaders.base import Loaders
from maestro.db.engine import Database
from maestro.ids import Kind
from maestro.settings import Settings
from resolvers.context import Context
from tests.fixtures.filling import Filled, fill
from tests.fixtures.generated_operations import Document, Material, Values, Writer
from tests.fixtures.graphql import Api
from tests.fixtures.leaks import Detector, answer_to, digest_of, forget, without_links
from tests.fixtures.operations import ROOTS, Caller, places

pytestmark = [
    # graphql-core cancels the siblings of a failed field, of which some have not begun yet.
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    # They are found at any time, also within what collections.namedtuple makes, where nothing can be imported to warn.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <coroutine:pytest.PytestUnraisableExceptionWarning"),
]
SEED: Final = 20261123
BLOCKS: Final = 4
"""Workers share the blocks; each has documents of its own."""
ROUNDS: Final = 16
"""So often each document of a block is run, with other values each time."""
ATTEMPTS: Final = 20
"""So many documents are tried on each field that is to leak."""
NEVER_TOLD: Final = {"FORBIDDEN", "INTERNAL_SERVER_ERROR", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"}
"""Codes that the owner of an organisation never gets: it is NOT_FOUND what is another's."""
OF_THE_FIRST: Final = {
    *("startBackup", "verifyBackup", "updateBackup", "deleteBackup", "pruneBackups", "startMaintenance"),
    *("startRestore", "restoreToTime", "rollbackRestore"),
    *("createSchedule", "updateSchedule", "pauseSchedule", "resumeSchedule", "deleteSchedule"),
    *("databaseHealth", "slowStatements", "processes", "startProfile"),
}
"""Operations that are FORBIDDEN to the owners of other organisations than the first: they are about all of them."""

OF_THE_SERVER: Final = {"cacheStats", "databaseHealth", "slowStatements", "processes"}
"""Queries about the server itself, which differ with each request, and are answered in its first organisation alone."""
WITHOUT_ROWS: Final = {"roles", "can", "explainAccess", "explainOperation", "validateFilter", *OF_THE_SERVER}
"""Queries whose answers hold no text and no id but what was sent."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a server on which one person may send ten thousand operations."""
    unlimited = {f"rate_limit_{name}": "off" for name in ("requests", "cost", "ingest")}
    return Settings(data_dir=tmp_path / "data", _env_file=None, **unlimited)  # type: ignore[arg-type,call-arg] # as pydantic reads them


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    # Thousands of operations are refused on purpose.
    caplog.set_level("CRITICAL", logger="strawberry.execution")
    yield
    # What graphql-core has left behind is to be found here and not in a later test.
    gc.collect()


@dataclass
class Stranger:
    """Somebody of another organisation, and what the first one has that they could send."""

    api: Api
    first: Filled
    own: Filled
    detector: Detector
    wanted: Mapping[tuple[str, tuple[str, ...]], Kind]
    cursors: Sequence[str]
    operations: int = 0
    leaks: list[tuple[str, Mapping[str, Any], set[str]]] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    def values(self, random: Random) -> Callable[[Document], dict[str, Any]]:
        """Make values; what mutations may store is not looked for later, so they get every other id and text alone."""
        own, first = self.own, self.first
        sent = Material(
            own.ids, own.texts, first.ids, first.texts + first.digests, first.number, self.cursors, self.wanted
        )
        some = {kind: ids[::2] for kind, ids in first.ids.items()}
        stored = replace(sent, theirs=some, texts=sent.texts[::2], number=own.number)
        reading, writing = Values(random, sent), Values(random, stored)
        return lambda document: (writing if document.root == "mutation" else reading).of(document)

    async def send(self, document: Document, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Run an operation and look at the answer."""
        answer = await answer_to(self.api, document, variables)
        self.operations += 1
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        self.codes.update(codes - {"FORBIDDEN"} if document.name in OF_THE_FIRST else codes)
        if leaked := self.detector.leaks(document, variables, answer):
            self.leaks.append((document.text, variables, leaked))
        return answer


@pytest.fixture
async def stranger(api: Api, foreign: Api) -> Stranger:
    """A stranger who has rows in every table, as the first organisation has."""
    first, own = await fill(api, "zq7marker", 7_312_967_000), await fill(foreign, "ordinary", 4_111_222_000)
    caller = Caller(foreign, own=_keys(own), theirs=_keys(first))
    for root in ROOTS:
        for place in places(root):
            await caller.codes(place)
    detector = await Detector.of(first)
    # The audit log tells for what the mutations of the caller were meant.
    detector.stored |= {key.hex for key in caller.theirs.values()}
    return Stranger(foreign, first, own, detector, caller.wanted, await _cursors(api))


def _keys(filled: Filled) -> dict[Kind, UUID]:
    return {kind: UUID(ids[0].rpartition("_")[2]) for kind, ids in filled.ids.items()}


async def _cursors(api: Api) -> list[str]:
    found = []
    for name, made in ROOTS["query"].fields.items():
        if "after" in made.args:
            page = (await api(f"{{ {name}(first: 1) {{ pageInfo {{ endCursor }} }} }}"))[name]
            found.append(page["pageInfo"]["endCursor"])
    return found


def documents(random: Random, *roots: str) -> list[Document]:
    """A document for each root field."""
    return [Writer(random, root, name).write() for root in roots for name in ROOTS[root].fields]


@pytest.mark.parametrize("block", range(BLOCKS))
async def test_generated_operations_leak_nothing_and_change_nothing(
    stranger: Stranger, block: int, record_property: Callable[[str, object], None]
) -> None:
    random = Random(f"{SEED}/{block}")
    reading, changing = documents(random, "query", "subscription"), documents(random, "mutation")
    values = stranger.values(random)
    before = await digest_of(stranger.first.api)
    for _ in range(ROUNDS):
        await asyncio.gather(*[stranger.send(document, values(document)) for document in reading])
        for document in random.sample(changing, len(changing)):
            await stranger.send(document, values(document))
        assert await digest_of(stranger.first.api) == before
    fields = [f"{document.root} {document.name}" for document in reading + changing]
    counted = {"operations": stranger.operations, "leaks": len(stranger.leaks), "fields": fields, "seed": SEED}
    record_property("isolation", counted)
    assert stranger.leaks == []
    assert stranger.codes.keys() & NEVER_TOLD == set()


def test_at_least_ten_thousand_operations_are_generated() -> None:
    assert BLOCKS * ROUNDS * sum(len(root.fields) for root in ROOTS.values()) >= 10_000


def in_order(answer: Any) -> Any:
    """An answer whose errors come in the order of their places: fields that wait for a connector end when they do."""
    if isinstance(answer, dict) and "errors" in answer:
        return {**answer, "errors": sorted(answer["errors"], key=lambda error: repr(error.get("path")))}
    return answer


async def test_a_stranger_is_answered_as_if_the_first_organization_were_not_there(
    stranger: Stranger, database_url: str
) -> None:
    random = Random(SEED)
    values = stranger.values(random)
    asked = [(one, values(one)) for one in documents(random, "query") * 5 if one.name not in OF_THE_SERVER]
    beside = [in_order(without_links(await stranger.send(*operation))) for operation in asked]
    database = Database(database_url, pool_size=1, system_role="none")
    await forget(database, stranger.first.api)
    await database.close()
    alone = [in_order(without_links(await stranger.send(*operation))) for operation in asked]
    assert alone == beside


@dataclass
class Unguarded(Api):
    """Takes the stranger for one of the first organisation, on connections that see every row."""

    def context(self) -> Context:
        ctx = super().context()
        ctx.db = self.runtime.db
        ctx.loaders = Loaders(ctx.db, ctx.viewer)
        return ctx


async def test_without_the_loaders_filter_and_without_the_policies_the_leaks_are_found(
    api: Api, stranger: Stranger
) -> None:
    viewer = replace(stranger.api.viewer, organization_id=api.viewer.organization_id)
    stranger.api = Unguarded(api.runtime, viewer)
    random = Random(SEED)
    values, before = stranger.values(random), await digest_of(api)
    leaking: set[str] = set()
    for _ in range(ATTEMPTS):
        # Chance decides what a document selects, and whether its values meet a row.
        reading = [one for one in documents(random, "query", "subscription") if one.name not in leaking]
        for document in reading * 5:
            known = len(stranger.leaks)
            await stranger.send(document, values(document))
            if len(stranger.leaks) > known:
                leaking.add(document.name)
        if {document.name for document in reading} - leaking <= WITHOUT_ROWS:
            break
    assert {document.name for document in reading} - leaking <= WITHOUT_ROWS
    for document in documents(random, "mutation"):
        await stranger.send(document, values(document))
    assert await digest_of(api) != before
