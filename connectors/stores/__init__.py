"""Stores of objects: a folder of this machine, or a bucket of S3, behind one capability."""

from connectors.stores.capability import CHUNK, ObjectStore, StoredObject
from connectors.stores.drafts import Draft
from connectors.stores.keys import checked_key
from connectors.stores.local import LocalStore
from connectors.stores.locations import location_of, store_of
from connectors.stores.probing import Step, probe
from connectors.stores.transfers import digest_of, download, exists, read

__all__ = [
    "CHUNK",
    "Draft",
    "LocalStore",
    "ObjectStore",
    "Step",
    "StoredObject",
    "checked_key",
    "digest_of",
    "download",
    "exists",
    "location_of",
    "probe",
    "read",
    "store_of",
]
