"""The settings of a server as they are handed to the process that runs its errands: the same, whatever they are from.

They go through a socket that both processes alone have, since some are secret.
"""

from typing import Any

from pydantic import SecretStr

from maestro.settings import Settings


def handed_over(settings: Settings) -> dict[str, Any]:
    """Return all settings as plain JSON, the secret ones in plain."""
    plain = settings.model_dump(mode="json")
    secret = {
        name: value.get_secret_value()
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    return plain | secret


def taken_over(plain: dict[str, Any]) -> Settings:
    """Return the settings that were handed over, and nothing that this process would find by itself."""
    return Settings(_env_file=None, **plain)  # type: ignore[call-arg] # a keyword of pydantic's
