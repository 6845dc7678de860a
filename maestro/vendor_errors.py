"""What goes wrong with the vendors that connectors lead to, as branches of the one tree of errors."""

from maestro.errors import MaestroError, Unavailable


class ConnectorFailed(MaestroError):
    """What a connector leads to refuses what is asked of it, and would again; `vendorCode` is its own word."""

    code = "CONNECTOR_FAILED"


class DestinationRefused(MaestroError):
    """Whoever runs the server does not let connectors lead to this network."""

    code = "DESTINATION_REFUSED"


class DriverMissing(MaestroError):
    """The library that speaks to a vendor is not installed on this machine; `extra` names what installs it."""

    code = "DRIVER_MISSING"


class NotSupported(MaestroError):
    """The vendor, or this server of it, cannot do what is asked; `vendorCode` is its own word where it has one."""

    code = "NOT_SUPPORTED"


class TimedOut(MaestroError):
    """Something outside has not answered in the time that it was given; `timeoutSeconds` says which."""

    code = "TIMED_OUT"
    is_retryable = True


class CircuitOpen(Unavailable):
    """What a connector leads to has failed so often that it is left alone; `retryAfterSeconds` says for how long."""

    code = "CIRCUIT_OPEN"


class Cancelled(MaestroError):
    """Somebody has stopped what was running."""

    code = "CANCELLED"
