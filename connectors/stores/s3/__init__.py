"""Stores of objects in buckets of S3, or of servers that speak its protocol; only this folder knows aioboto3."""

from connectors.stores.s3.bucket import S3Config
from connectors.stores.s3.store import S3Store, s3_store

__all__ = ["S3Config", "S3Store", "s3_store"]
