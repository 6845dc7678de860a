"""Arguments that many mutations take."""

from typing import Annotated

import strawberry

IdempotencyKey = Annotated[
    str | None,
    strawberry.argument(
        description="Makes the mutation safe to send again: under a used key the first answer is the only effect."
    ),
]
ExpectedVersion = Annotated[
    int | None,
    strawberry.argument(description="The version that the caller has seen; the change is refused when it is another."),
]
NewName = Annotated[
    str | None, strawberry.argument(description="A new name, for when the old one has been given to another.")
]
