"""Registered models of an MLflow server: read with all their versions, and written, filling up what is there."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from connectors.tracking.capability import TrackedModel, TrackedVersion
from connectors.tracking.mlflow_calls import Calls
from connectors.tracking.mlflow_entities import model_of, texts, version_named
from connectors.tracking.mlflow_library import registry
from connectors.tracking.mlflow_writing import fitting
from maestro.errors import Conflict, InvalidInput

PAGE: Final = 100
LONGEST_NAME: Final = 250
MODEL: Final = "maestro.model"
"""The tag by which a model is known that was stored before."""
VERSION: Final = "maestro.version"
"""The tag by which a version is: its number here, since MLflow gives numbers of its own."""
_REFUSED_IN_NAMES: Final = re.compile("[/:]")


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

    async def ensure(self, model: TrackedModel, *, otherwise: str | None = None) -> TrackedModel:
        """Return the model that stands for one, made where there is none; Conflict where its names are others'."""
        found = await self._known(model) or await self._made(model, [model.name, *([otherwise] if otherwise else [])])
        if model.description not in ("", found.description):
            changed = registry.UpdateRegisteredModel(name=found.name, description=model.description)
            await self._calls.send(changed, f"model {found.name!r}")
        known = texts(found.tags)
        for key, value in _tags(model).items():
            if known.get(key) != value:
                tag = registry.SetRegisteredModelTag(name=found.name, key=key, value=value)
                await self._calls.send(tag, f"tag of {found.name!r}")
        return model_of(found, await self._versions(found.name))

    async def put_version(self, model: TrackedModel, version: TrackedVersion) -> int:
        """Store a version or fill up the one that was stored before, and return its number; InvalidInput."""
        known = version_named(model, VERSION, str(version.number))
        if known is None:
            return await self._make_version(model.name, version)
        what, number = f"version {version.number} of {model.name!r}", str(known.number)
        if version.description not in ("", known.description):
            changed = registry.UpdateModelVersion(name=model.name, version=number, description=version.description)
            await self._calls.send(changed, what)
        for key, value in version.tags.items():
            if key != VERSION and known.tags.get(fitting(key)) != value:
                tag = registry.SetModelVersionTag(name=model.name, version=number, key=fitting(key), value=value)
                await self._calls.send(tag, f"tag of {what}")
        return known.number

    async def put_alias(self, model: TrackedModel, alias: str, number: int) -> None:
        """Let an alias point to a version."""
        if not any(alias in one.aliases for one in model.versions if one.number == number):
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

    async def _known(self, model: TrackedModel) -> Any | None:
        if not model.id:
            return None
        asked = registry.SearchRegisteredModels(filter=f"tags.`{MODEL}` = '{model.id}'", max_results=1)
        found = (await self._calls.send(asked, f"model {model.name!r}")).registered_models
        return found[0] if found else None

    async def _made(self, model: TrackedModel, names: Sequence[str]) -> Any:
        for name in dict.fromkeys(map(_name, names)):
            made = registry.CreateRegisteredModel(name=name, description=model.description)
            for key, value in _tags(model).items():
                made.tags.add(key=key, value=value)
            try:
                return (await self._calls.send(made, f"model {name!r}")).registered_model
            except Conflict:
                asked = registry.GetRegisteredModel(name=name)
                found = (await self._calls.send(asked, f"model {name!r}")).registered_model
                # Without an id the name is all that is told; with one, an answer to our own call may have been lost.
                if not model.id or texts(found.tags).get(MODEL) == model.id:
                    return found
        raise Conflict(
            f"The MLflow server has another model called {_name(names[-1])!r}.", hint="Rename one of the two."
        )

    async def _make_version(self, name: str, version: TrackedVersion) -> int:
        if version.source is None:
            raise InvalidInput(
                f"Version {version.number} of {name!r} has no files.", field="source", hint="Give it a source."
            )
        made = registry.CreateModelVersion(
            name=name, source=version.source, run_id=version.run_id, description=version.description
        )
        tags = {fitting(key): value for key, value in version.tags.items()}
        for key, value in {**tags, VERSION: str(version.number)}.items():
            made.tags.add(key=key, value=value)
        told = await self._calls.send(made, f"version {version.number} of {name!r}", is_repeatable=False)
        return int(told.model_version.version)


def _name(text: str) -> str:
    """Return a name as MLflow takes it: it stands in paths there."""
    return _REFUSED_IN_NAMES.sub("_", text)[:LONGEST_NAME]


def _tags(model: TrackedModel) -> dict[str, str]:
    tags = {fitting(key): value for key, value in model.tags.items()}
    # One that has come from a server by an import may have the tag of what it was exported from.
    return {**tags, MODEL: model.id} if model.id else tags
