"""Registered models of an MLflow server: read with all their versions, and written, filling up what is there."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from connectors.tracking.capability import TrackedModel, TrackedVersion
from connectors.tracking.mlflow_calls import Calls
from connectors.tracking.mlflow_entities import model_of, texts
from connectors.tracking.mlflow_library import registry
from maestro.errors import Conflict, InvalidInput, NotFound

PAGE: Final = 100
ORIGIN: Final = "maestro.version"
"""The tag by which a version is known that was stored before."""


class Models:
    """Reads and writes registered models."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def all(self) -> AsyncIterator[Sequence[TrackedModel]]:
        """Yield the models page by page; prompts, which are kept as models, are none."""
        token = ""
        while True:
            asked = registry.SearchRegisteredModels(max_results=PAGE, page_token=token or None)
            told = await self._calls.send(asked, "registered models")
            found = [model_of(one, await self._versions(one.name)) for one in told.registered_models]
            if found:
                yield found
            token = told.next_page_token
            if not token:
                return

    async def put(self, model: TrackedModel) -> None:
        """Store a model with its versions, aliases and tags; InvalidInput for a version that has no source."""
        there = await self._ensure(model)
        await self._set_tags(model.name, texts(there.tags), model.tags)
        known = {
            tags[ORIGIN]: int(one.version)
            for one in await self._versions(model.name)
            if ORIGIN in (tags := texts(one.tags))
        }
        aliases = {one.alias: int(one.version) for one in there.aliases}
        for version in model.versions:
            number = known.get(str(version.number)) or await self._make_version(model.name, version)
            for alias in version.aliases:
                if aliases.get(alias) != number:
                    asked = registry.SetRegisteredModelAlias(name=model.name, alias=alias, version=str(number))
                    await self._calls.send(asked, f"alias {alias!r} of {model.name!r}")

    async def _versions(self, name: str) -> list[Any]:
        quotation = '"' if "'" in name else "'"
        found: list[Any] = []
        token = ""
        while True:
            asked = registry.SearchModelVersions(
                filter=f"name={quotation}{name}{quotation}", max_results=PAGE, page_token=token or None
            )
            told = await self._calls.send(asked, f"versions of {name!r}")
            found += told.model_versions
            token = told.next_page_token
            if not token:
                return found

    async def _ensure(self, model: TrackedModel) -> Any:
        what = f"model {model.name!r}"
        asked = registry.GetRegisteredModel(name=model.name)
        try:
            found = (await self._calls.send(asked, what)).registered_model
        except NotFound:
            made = registry.CreateRegisteredModel(name=model.name, description=model.description)
            try:
                return (await self._calls.send(made, what)).registered_model
            except Conflict:
                found = (await self._calls.send(asked, what)).registered_model
        if found.description != model.description:
            changed = registry.UpdateRegisteredModel(name=model.name, description=model.description)
            await self._calls.send(changed, what)
        return found

    async def _set_tags(self, name: str, known: Mapping[str, str], wanted: Mapping[str, str]) -> None:
        for key, value in wanted.items():
            if known.get(key) != value:
                await self._calls.send(
                    registry.SetRegisteredModelTag(name=name, key=key, value=value), f"tag of {name!r}"
                )

    async def _make_version(self, name: str, version: TrackedVersion) -> int:
        if version.source is None:
            raise InvalidInput(
                f"Version {version.number} of {name!r} has no files.", field="source", hint="Give it a source."
            )
        made = registry.CreateModelVersion(
            name=name, source=version.source, run_id=version.run_id, description=version.description
        )
        for key, value in {**version.tags, ORIGIN: str(version.number)}.items():
            made.tags.add(key=key, value=value)
        told = await self._calls.send(made, f"version {version.number} of {name!r}", is_repeatable=False)
        return int(told.model_version.version)
