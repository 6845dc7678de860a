"""The operations that are sent: each asks for no more than a key that only logs may see."""

from typing import Final

FIND_EXPERIMENT: Final = """
query FindExperiment($project: ProjectFilter!, $experiment: ExperimentFilter!) {
  projects(filter: $project, first: 1) {
    nodes { id experiments(filter: $experiment, first: 1) { nodes { id } } }
  }
}
"""
PROJECT_OF: Final = """
query ProjectOf($experiment: ID!) { experiment(id: $experiment) { project { id } } }
"""
CREATE_PROJECT: Final = """
mutation CreateProject($input: CreateProjectInput!) {
  createProject(input: $input) {
    ... on ProjectSaved { project { id } }
    ... on NameTaken { code message }
  }
}
"""
CREATE_EXPERIMENT: Final = """
mutation CreateExperiment($input: CreateExperimentInput!, $key: String) {
  createExperiment(input: $input, idempotencyKey: $key) {
    ... on ExperimentSaved { experiment { id } }
    ... on NameTaken { code message }
  }
}
"""
CREATE_RUN: Final = """
mutation CreateRun($input: CreateRunInput!, $key: String!) {
  createRun(input: $input, idempotencyKey: $key) {
    ... on RunSaved { run { id number } }
  }
}
"""
LOG: Final = """
mutation Log($batch: LogBatchInput!) {
  logBatch(input: $batch) { isReplay run { stopRequestedAt } }
}
"""
BEAT: Final = """
mutation Beat($id: ID!) { heartbeat(id: $id) { stopRequestedAt } }
"""
FINISH: Final = """
mutation Finish($id: ID!, $status: RunStatus!, $reason: String, $at: DateTime) {
  finishRun(id: $id, status: $status, statusReason: $reason, endedAt: $at) { status }
}
"""
FIND_ARTIFACT: Final = """
query FindArtifact($filter: ArtifactFilter!) { artifacts(filter: $filter, first: 1) { nodes { id } } }
"""
CREATE_ARTIFACT: Final = """
mutation CreateArtifact($input: CreateArtifactInput!, $key: String) {
  createArtifact(input: $input, idempotencyKey: $key) {
    ... on ArtifactSaved { artifact { id } }
    ... on NameTaken { code message }
  }
}
"""
OPEN_VERSION: Final = """
mutation OpenVersion($artifact: ID!, $run: ID!, $key: String!) {
  createArtifactVersion(artifactId: $artifact, runId: $run, idempotencyKey: $key) { id state }
}
"""
COMMIT_VERSION: Final = """
mutation CommitVersion($id: ID!, $entries: [ArtifactEntryInput!]!) {
  commitArtifactVersion(id: $id, entries: $entries) { id state }
}
"""
FIND_MODEL: Final = """
query FindModel($filter: RegisteredModelFilter!) { models(filter: $filter, first: 1) { nodes { id } } }
"""
CREATE_MODEL: Final = """
mutation CreateModel($input: CreateModelInput!) {
  createModel(input: $input) {
    ... on RegisteredModelSaved { model { id } }
    ... on NameTaken { code message }
  }
}
"""
CREATE_MODEL_VERSION: Final = """
mutation CreateModelVersion($input: CreateModelVersionInput!, $key: String!) {
  createModelVersion(input: $input, idempotencyKey: $key) { modelVersion { id number } }
}
"""
