"""What can go wrong between a training and the server; none of it ends a training unless it is asked to."""


class TrackingError(Exception):
    """Something was not logged; `code` is the server's, `hint` says what to do about it."""

    def __init__(self, message: str, *, code: str = "", hint: str | None = None, status: str | None = None) -> None:
        super().__init__(f"{message} {hint}" if hint else message)
        self.message = message
        self.code = code
        self.hint = hint
        self.status = status
        """How the run has ended, where that is why."""


class Away(TrackingError):
    """The server does not answer, or not now: the same may succeed later, after `after_s` seconds at the earliest."""

    def __init__(self, message: str, *, after_s: float = 0.0) -> None:
        super().__init__(message, hint="It is tried again.")
        self.after_s = after_s


class Refused(TrackingError):
    """The server has understood what it was sent, and does not take it."""

    @property
    def is_of_everything(self) -> bool:
        """Whether it would refuse all else as well, until somebody changes a key, a permission or a quota."""
        return self.code in {"UNAUTHENTICATED", "FORBIDDEN", "QUOTA_EXCEEDED", "NOT_FOUND", ""}
