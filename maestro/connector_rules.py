"""What connectors may use of the machine on which they run, as whoever runs the server has set it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from maestro.connector_settings import ConnectorSettings
from maestro.errors import InvalidInput

FOLDER_FIELD: Final = "config.local.folder"


@dataclass(frozen=True, slots=True)
class ConnectorRules:
    """Whether connectors may use the credentials of the machine, and below which of its folders they may lead."""

    has_ambient_credentials: bool = False
    folders: Sequence[Path] = ()


NOTHING: Final = ConnectorRules()
"""Connectors use nothing of the machine."""


def rules_of(settings: ConnectorSettings) -> ConnectorRules:
    """Return the rules that the settings of a server say."""
    return ConnectorRules(settings.connector_ambient_credentials, settings.local_connector_folders)


def allowed_folder(folder: str, rules: ConnectorRules) -> Path:
    """Return a folder with its links followed; InvalidInput unless a connector may lead there."""
    place = Path(folder).resolve()
    if any(place.is_relative_to(allowed.resolve()) for allowed in rules.folders):
        return place
    raise InvalidInput(
        f"No connector may lead to the folder {folder} of this server.",
        field=FOLDER_FIELD,
        hint="Name a folder below one of those that MAESTRO_LOCAL_CONNECTOR_FOLDERS allows; whoever runs the server "
        "sets it.",
    )
