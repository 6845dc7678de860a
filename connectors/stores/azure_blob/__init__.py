"""A store of objects in a container of Azure Blob Storage; only this folder knows azure-storage-blob."""

from connectors.stores.azure_blob.config import AzureConfig
from connectors.stores.azure_blob.opening import azure_store, open_azure_blob
from connectors.stores.azure_blob.store import AzureStore

__all__ = ["AzureConfig", "AzureStore", "azure_store", "open_azure_blob"]
