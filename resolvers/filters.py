"""What an editor of filter texts asks: is it right, what may stand in it, and what may come next."""

import asyncio
from dataclasses import replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from dataloaders.artifacts import Artifacts
from dataloaders.backups import Backups, Restores
from dataloaders.base import require
from dataloaders.connectors import Connectors
from dataloaders.experiments import Experiments
from dataloaders.jobs import Jobs
from dataloaders.known_keys import known_keys
from dataloaders.lists import ListLoader
from dataloaders.models import Models
from dataloaders.notifications import NotificationChannels
from dataloaders.profiles import Profiles
from dataloaders.projects import ProjectById, Projects
from dataloaders.runs import Runs
from dataloaders.schedules import JobSchedules
from dataloaders.syncs import SyncPlans, SyncRuns
from maestro.errors import InvalidInput
from maestro.filters import KeySpace, Suggestion, Vocabulary, complete, parse, to_text
from resolvers import validation
from resolvers.context import Context

LONGEST_PREFIX: Final = 200
LONGEST_TEXT: Final = 10_000


class FilterableList(StrEnum):
    """The lists that can be filtered."""

    PROJECTS = "PROJECTS"
    EXPERIMENTS = "EXPERIMENTS"
    RUNS = "RUNS"
    MODELS = "MODELS"
    ARTIFACTS = "ARTIFACTS"
    CONNECTORS = "CONNECTORS"
    SYNC_PLANS = "SYNC_PLANS"
    SYNC_RUNS = "SYNC_RUNS"
    JOBS = "JOBS"
    SCHEDULES = "SCHEDULES"
    BACKUPS = "BACKUPS"
    RESTORES = "RESTORES"
    PROFILES = "PROFILES"
    NOTIFICATION_CHANNELS = "NOTIFICATION_CHANNELS"


LISTS: Final[dict[FilterableList, type[ListLoader]]] = {
    FilterableList.PROJECTS: Projects,
    FilterableList.EXPERIMENTS: Experiments,
    FilterableList.RUNS: Runs,
    FilterableList.MODELS: Models,
    FilterableList.ARTIFACTS: Artifacts,
    FilterableList.CONNECTORS: Connectors,
    FilterableList.SYNC_PLANS: SyncPlans,
    FilterableList.SYNC_RUNS: SyncRuns,
    FilterableList.JOBS: Jobs,
    FilterableList.SCHEDULES: JobSchedules,
    FilterableList.BACKUPS: Backups,
    FilterableList.RESTORES: Restores,
    FilterableList.PROFILES: Profiles,
    FilterableList.NOTIFICATION_CHANNELS: NotificationChannels,
}


def canonical(wanted: FilterableList, text: str) -> str:
    """Return a filter in its one canonical form; FilterError with the place of what is wrong."""
    return to_text(parse(text, LISTS[wanted].catalogue.vocabulary))


async def vocabulary(ctx: Context, wanted: FilterableList, *, project_id: UUID | None, prefix: str) -> Vocabulary:
    """Return what a filter of a list may name, with the keys that are in use in a project or in the organisation.

    InvalidInput for a prefix of more than 200 characters, NotFound for the project, Forbidden for a list that the
    viewer may not read.
    """
    require(ctx.viewer, LISTS[wanted].needs)
    begun = validation.text(prefix, field="prefix", limit=LONGEST_PREFIX)
    if project_id is not None:
        await ctx.loaders[ProjectById].load(project_id)
    catalogue = LISTS[wanted].catalogue

    async def known(space: KeySpace) -> KeySpace:
        keys = await known_keys(
            ctx.db,
            space.space,
            catalogue.table,
            organization_id=ctx.organization_id,
            project_id=project_id,
            prefix=begun,
        )
        return replace(space, known_keys=keys)

    spaces = await asyncio.gather(*map(known, catalogue.spaces))
    return Vocabulary(catalogue.vocabulary.fields.values(), spaces)


def completions(names: Vocabulary, text: str, position: int | None) -> list[Suggestion]:
    """Return what the word before a position may become, at most 50; the position is the end unless told."""
    written = validation.text(text, field="text", limit=LONGEST_TEXT)
    place = len(written) if position is None else position
    if not 0 <= place <= len(written):
        raise InvalidInput(f"position is {place}; the text has {len(written)} characters.", field="position")
    return complete(written, place, names)
