"""What a check may raise."""


class Problem(Exception):
    """Something is wrong; the message says what, one line per finding.

    `advice` replaces the check's own when what to do depends on what was found. A `hopeless` problem is
    not worth waiting for.
    """

    def __init__(self, message: str, *, advice: str = "", hopeless: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.hopeless = hopeless


class Skipped(Exception):
    """The check does not apply to this cluster."""
