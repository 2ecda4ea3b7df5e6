"""What can go wrong, named by what the caller may do about it."""


class Fault(Exception):
    """The root of every error this project raises on purpose."""


class BadMessageError(Fault):
    """A message that can't be understood: send it to the dead-letter topic, count it, go on."""


class GapError(Fault):
    """Something between two messages is missing: resync or backfill."""


class TransientError(Fault):
    """It may work in a moment: back off with jitter and retry, after ``retry_after_s`` if the other side named it."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UndeliveredError(Fault):
    """The log did not take a record: end this process; its restart goes on from what the log and the exchange have."""


class MisconfiguredError(Fault):
    """It will never work like this: stop now and say how to fix it."""


class RefusedError(MisconfiguredError):
    """The other side refuses this place or address: a command ends with the way out, what runs on its own waits."""
