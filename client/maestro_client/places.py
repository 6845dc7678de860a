"""Where a run and its files go: projects, experiments, artifacts and models by name, made where they are missing."""

import hashlib
from collections.abc import Mapping
from typing import Any

from maestro_client import operations
from maestro_client.errors import Refused
from maestro_client.wire import Line

ONLY_LOGS = "This key only logs and cannot look names up: give {} by its id."
OTHER = "Make it by hand, or use another key."


def experiment(line: Line, project: str, name: str) -> tuple[str | None, str]:
    """Return the ids of a project and of an experiment in it; each may be given by its id or its name.

    The name of an experiment may begin with its folder, like `/vision/ablations/mlp`. The project's id is None where
    an experiment's id is all that is known. Away, Refused.
    """
    if name.startswith("experiment_"):
        return (project if project.startswith("project_") else None), name
    folder, _, last = name.rpartition("/") if name.startswith("/") else ("", "", name)
    place = {"name": last, "path": folder or "/"}
    known, found = _looked_up(line, project, place)
    if known is None:
        _make_project(line, project)
        known, found = _looked_up(line, project, place)
    if known is None:
        raise Refused(f"There is a project {project!r} that this key does not see.", code="NOT_FOUND", hint=OTHER)
    return known, found or _new_experiment(line, known, place)


def project_of(line: Line, experiment_id: str) -> str:
    """Return the id of the project that an experiment belongs to."""
    found: str = line.ask(operations.PROJECT_OF, experiment=experiment_id)["experiment"]["project"]["id"]
    return found


def _looked_up(line: Line, project: str, place: Mapping[str, str]) -> tuple[str | None, str | None]:
    is_id = project.startswith("project_")
    wanted = {"id": {"eq": project}} if is_id else {"name": {"eq": project}}
    in_folder = {name: {"eq": value} for name, value in place.items()}
    try:
        nodes = line.ask(operations.FIND_EXPERIMENT, project=wanted, experiment=in_folder)["projects"]["nodes"]
    except Refused as refused:
        if refused.code != "FORBIDDEN":
            raise
        if not is_id:
            raise Refused(refused.message, code=refused.code, hint=ONLY_LOGS.format("the project")) from refused
        return project, None
    if not nodes:
        if is_id:
            raise Refused(f"There is no project {project}.", code="NOT_FOUND", hint="Give a name, or another id.")
        return None, None
    experiments = nodes[0]["experiments"]["nodes"]
    return nodes[0]["id"], experiments[0]["id"] if experiments else None


def _make_project(line: Line, name: str) -> None:
    """Make a project, unless another run that begins at the same time was first."""
    try:
        line.ask(operations.CREATE_PROJECT, input={"name": name})
    except Refused as refused:
        hint = f"There is no project {name!r}, and this key may not make it. {OTHER}"
        raise Refused(refused.message, code=refused.code, hint=hint) from refused


def _new_experiment(line: Line, project_id: str, place: Mapping[str, str]) -> str:
    # The same key for the same place: runs that begin at once, and keys that only log, get the one that was made.
    key = _key("experiment", project_id, *place.values())
    made = line.ask(operations.CREATE_EXPERIMENT, input={"projectId": project_id, **place}, key=key)
    return _id(made["createExperiment"], "experiment")


def artifact(line: Line, project_id: str, name: str, *, sort: str, instead: str) -> str:
    """Return the id of an artifact by its name; where it is taken and cannot be looked up, of one named `instead`."""
    named = {"project": {"eq": project_id}, "name": {"eq": name}}
    try:
        nodes = line.ask(operations.FIND_ARTIFACT, filter=named)["artifacts"]["nodes"]
    except Refused as refused:
        if refused.code != "FORBIDDEN":
            raise
        nodes = []
    if nodes:
        found: str = nodes[0]["id"]
        return found
    made = _new_artifact(line, project_id, name, sort=sort)
    return _id(made if "artifact" in made else _new_artifact(line, project_id, instead, sort=sort), "artifact")


def _new_artifact(line: Line, project_id: str, name: str, *, sort: str) -> Mapping[str, Any]:
    given = {"projectId": project_id, "name": name, "type": sort}
    made: Mapping[str, Any] = line.ask(
        operations.CREATE_ARTIFACT, input=given, key=_key("artifact", project_id, name, sort)
    )["createArtifact"]
    return made


def model(line: Line, project_id: str, name: str) -> str:
    """Return the id of a registered model by its name; it is made where there is none."""
    named = {"project": {"eq": project_id}, "name": {"eq": name}}
    nodes = line.ask(operations.FIND_MODEL, filter=named)["models"]["nodes"]
    if nodes:
        found: str = nodes[0]["id"]
        return found
    return _id(line.ask(operations.CREATE_MODEL, input={"projectId": project_id, "name": name})["createModel"], "model")


def _id(made: Mapping[str, Any], noun: str) -> str:
    if noun in made:
        found: str = made[noun]["id"]
        return found
    raise Refused(str(made.get("message")), code="NAME_TAKEN", hint=ONLY_LOGS.format(f"the {noun}"))


def _key(*parts: str) -> str:
    return f"maestro-client-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}"
