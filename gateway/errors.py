"""The categories of error that every room raises; they are defined at the bottom, in ``keys``."""

from keys.errors import ConflictError, ForbiddenError, LiaisonError, RejectedError, UnavailableError

__all__ = ["ConflictError", "ForbiddenError", "LiaisonError", "RejectedError", "UnavailableError"]
