"""Errors by what to do about them; each carries a stable ``code`` that programs may match.

They stand at the bottom of the house because ``keys`` raises them too; ``gateway.errors`` hands
them on to the rooms above. ``ValueError`` and ``RuntimeError`` stay what they are: our own bugs.
"""


class LiaisonError(Exception):
    """An expected failure: a stable ``code``, and a sentence for people that holds no secret."""

    def __init__(self, code: str, detail: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail or code
        self.retry_after_s = retry_after_s


class RejectedError(LiaisonError):
    """Invalid for ever, and theirs: the same bytes will never be accepted."""


class ForbiddenError(LiaisonError):
    """Valid, but policy says no."""


class ConflictError(LiaisonError):
    """The state moved: what was asked no longer fits it."""


class UnavailableError(LiaisonError):
    """Transient: may work later, after ``retry_after_s`` seconds where that is known."""
