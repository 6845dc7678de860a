"""The clients of BigQuery's APIs, signed in with the key of a service account."""

from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.oauth2 import service_account
from grpc import insecure_channel

from maestro.credentials import BigqueryCredential
from maestro.errors import Forbidden
from maestro.vendors import LOOPBACK, Bigquery

_SCOPES: Final = ("https://www.googleapis.com/auth/bigquery",)
_TOKENS: Final = "https://oauth2.googleapis.com/token"
"""Where Google gives tokens. A key file names an address too, which is not asked: it may be anybody's."""
_ANY_SIZE: Final = (("grpc.max_receive_message_length", -1),)


def credentials_of(config: Bigquery, credential: BigqueryCredential | None) -> Any:
    """Return what signs requests; Forbidden for a key that cannot be read, and for none but on this machine."""
    if credential is not None:
        told = orjson.loads(credential.service_account.get_secret_value())
        try:
            return service_account.Credentials.from_service_account_info({**told, "token_uri": _TOKENS}, scopes=_SCOPES)
        except ValueError:
            raise Forbidden(
                "The key of the service account cannot be read.",
                hint="Make a new key in JSON, and give the whole file.",
                vendorCode="ValueError",
            ) from None
    if config.endpoint_url and urlsplit(config.endpoint_url).hostname in LOOPBACK:
        return AnonymousCredentials()
    raise Forbidden(
        "There is no credential for BigQuery.",
        hint="Store the key of a service account with the connector.",
        vendorCode="NoCredential",
    )


def api_client(config: Bigquery, credentials: Any) -> bigquery.Client:
    """Return a client of the REST API."""
    endpoint = config.endpoint_url
    options = ClientOptions(api_endpoint=endpoint) if endpoint else None
    return bigquery.Client(
        project=config.project, credentials=credentials, location=config.location, client_options=options
    )


def storage_client(config: Bigquery, credentials: Any) -> BigQueryReadClient | None:
    """Return a client of the Storage API, or None where only another address of the REST API is known."""
    endpoint = config.storage_endpoint_url
    if endpoint is None:
        return None if config.endpoint_url else BigQueryReadClient(credentials=credentials)
    place = urlsplit(endpoint)
    if place.scheme == "http":
        channel = insecure_channel(place.netloc, options=_ANY_SIZE)
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    return BigQueryReadClient(credentials=credentials, client_options=ClientOptions(api_endpoint=place.netloc))
