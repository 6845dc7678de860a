"""What is used of MLflow's library: the messages of its protocol, and where each of them is sent.

Its client is not: it takes credentials, retries and certificates from the environment of the process, where two
connectors would see each other's, and a thread that waits for it cannot be cancelled.
"""

import os
from typing import Any, Final

# The library tells its makers how it is used, unless told not to before it is imported.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from mlflow.protos import mlflow_artifacts_pb2, model_registry_pb2, service_pb2
from mlflow.utils.proto_json_utils import message_to_json, parse_dict
from mlflow.utils.rest_utils import extract_api_info_for_service

API: Final = "/api/2.0"
tracking: Final[Any] = service_pb2
registry: Final[Any] = model_registry_pb2
artifacts: Final[Any] = mlflow_artifacts_pb2
_SERVICES: Final = (tracking.MlflowService, registry.ModelRegistryService, artifacts.MlflowArtifactsService)
_endpoints: Any = extract_api_info_for_service
_parse: Any = parse_dict
ENDPOINTS: Final[dict[type[Any], tuple[str, str]]] = {
    message: place for service in _SERVICES for message, place in _endpoints(service, API).items()
}
"""The path and the method of each kind of message."""


def to_json(message: Any) -> str:
    """Return a message as it is sent."""
    text: str = message_to_json(message, pretty=False)
    return text


def answer_to(message: Any, content: Any) -> Any:
    """Return what came as the answer to a message; ValueError or TypeError for what is none."""
    answer = type(message).Response()
    if not isinstance(content, dict):
        raise TypeError("an answer is a JSON object")
    _parse(content, answer)
    return answer
