"""Loaders of registered models."""

from typing import Final

from sqlalchemy import literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import RegisteredModel
from maestro.filters import KeySpace, Space, ValueType
from maestro.ids import Kind

MODELS: Final = Catalogue(
    table=RegisteredModel,
    document=literal_column("to_tsvector('simple', registered_model.name || ' ' || registered_model.description)"),
    fields={
        "id": Listed(ValueType.ID, "The model's id.", RegisteredModel.id, kind=Kind.RegisteredModel),
        "project": Listed(
            ValueType.ID, "The project that it belongs to.", RegisteredModel.project_id, kind=Kind.Project
        ),
        "name": Listed(ValueType.STRING, "The model's name.", RegisteredModel.name),
        "description": Listed(ValueType.STRING, "What it is about.", RegisteredModel.description),
        "task": Listed(ValueType.STRING, "What it is for.", RegisteredModel.task, is_nullable=True),
        "framework": Listed(ValueType.STRING, "What it is made with.", RegisteredModel.framework, is_nullable=True),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", RegisteredModel.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", RegisteredModel.updated_at),
    },
    spaces=(KeySpace(Space.TAGS, ValueType.STRING, "The model's tags."),),
)


class ModelById(ById):
    """Registered models by their id."""

    needs = Permission.MODEL_READ
    table = RegisteredModel


class Models(ListLoader):
    """The organisation's registered models."""

    needs = Permission.MODEL_READ
    catalogue = MODELS


class ModelsByProject(ListLoader):
    """The registered models of a project."""

    needs = Permission.MODEL_READ
    catalogue = MODELS
    scope = "project_id"
