"""What can be wrong with points: given by a client, or found in a stored block."""

from maestro.errors import InvalidInput, MaestroError


class PointError(InvalidInput):
    """A point of a batch is not acceptable; `field` names the column and `index` the first bad place in it."""

    def __init__(self, message: str, index: int, *, field: str, hint: str | None = None) -> None:
        super().__init__(f"{field}[{index}]: {message}", field=field, hint=hint, index=index)
        self.index = index


class DamagedBlock(MaestroError):
    """The bytes of a stored block are not what was written."""

    code = "DAMAGED_BLOCK"


class UnknownCodec(MaestroError):
    """A stored block was written in a format that this version cannot read."""

    code = "UNKNOWN_CODEC"
