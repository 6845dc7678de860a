"""Lists that need no typed filter: a filter text and the window are all their arguments."""

from collections.abc import Callable

from dataloaders.catalogue import Catalogue
from dataloaders.lists import PageRequest
from dataloaders.paging import window
from schema.connections import After, Before, FilterText, First, Last
from schema.filtering import listing


def brief_page(catalogue: Catalogue) -> Callable[..., PageRequest]:
    """Declare and read the arguments of such a list."""

    def arguments(
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        *,
        filter_text: FilterText = None,
    ) -> PageRequest:
        listed = listing(catalogue, wanted=None, text=filter_text, sort=(), in_trash=False)
        return PageRequest(listed, window(first, after, last=last, before=before))

    return arguments
