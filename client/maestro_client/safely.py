"""The boundary that keeps whatever goes wrong in logging out of the training."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

Result = TypeVar("Result")
logger: Final = logging.getLogger("maestro_client")


def attempt(what: str, work: Callable[[], Result]) -> Result | None:
    """Return what a function returns; None, with a warning that names `what`, when it raises.

    Code of others runs in it: methods of tensors, functions that save models.
    """
    try:
        return work()
    except Exception as error:  # nothing of logging may end a training
        logger.warning("%s: %s: %s", what, type(error).__name__, error)
        logger.debug("%s", what, exc_info=True)
        return None
