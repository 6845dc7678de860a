"""A store of objects in a container of Azure, with all that it can do."""

from typing import Final

from connectors.stores.azure_blob.containers import AzureContainer
from connectors.stores.azure_blob.describing import AzureDescribing
from connectors.stores.azure_blob.signing import AzureSigning
from connectors.stores.azure_blob.uploads import AzureUploads
from connectors.stores.azure_blob.versions import AzureVersions
from connectors.stores.buckets import Ability

_ABILITIES: Final = frozenset(Ability) - {Ability.DESCRIBED, Ability.LIFECYCLE, Ability.POLICY}


class AzureStore(AzureVersions, AzureUploads, AzureSigning, AzureDescribing, AzureContainer):
    """Objects under `<prefix>/` of a container.

    Rules by which Azure moves and removes objects by age belong to the management of the account, which its key and
    its signatures do not reach.
    """

    @property
    def abilities(self) -> frozenset[Ability]:
        """All but DESCRIBED, LIFECYCLE and POLICY."""
        return _ABILITIES
