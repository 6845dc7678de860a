"""How much a warehouse of Snowflake computes at a time."""

from enum import StrEnum


class WarehouseSize(StrEnum):
    """How much a warehouse of Snowflake computes at a time, and costs: each twice the one before."""

    XSMALL = "XSMALL"
    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"
    XLARGE = "XLARGE"
    XXLARGE = "XXLARGE"
