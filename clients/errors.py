"""The two kinds of failure every client knows: worth another try, or final."""


class UnavailableError(Exception):
    """It may work later: the message says what was tried, what stood in the way and what is likely the cause."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the server asked to wait before the next try; None where it did not say."""


class RefusedError(Exception):
    """Trying again changes nothing: the message names the object, the value, what was expected and what to do."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """A stable word for programs, e.g. `foreign-object`, `pool-exhausted`, `in-use`, `forbidden`."""
