"""Attachments by their names, ``<message id>.<number>``, and why one cannot be read."""

from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.store.attached import Attached, AttachmentState

PENDING_RETRY_S = 10


def parted(attachment_id: str) -> tuple[str, int]:
    """Return the message and the number of an attachment. Raises RejectedError."""
    ref, _, number = attachment_id.rpartition(".")
    if not number.isdecimal() or len(number) > 2:  # noqa: PLR2004 - at most 64 attachments
        raise no_attachment(attachment_id)
    return ref, int(number)


def no_attachment(attachment_id: str) -> RejectedError:
    """Return the refusal ``attachment_unknown``."""
    return RejectedError("attachment_unknown", f"there is no attachment {attachment_id!r}")


def not_here(lacking: Attached, now: int) -> LiaisonError:
    """Say why an attachment cannot be read."""
    if lacking.state is AttachmentState.LOST:
        return RejectedError(
            "attachment_lost", f"the attachment did not come and will not: {lacking.code}"
        )
    why = f"; the last attempt: {lacking.code}" if lacking.code else ""
    return UnavailableError(
        "attachment_pending",
        f"the attachment is being fetched from {lacking.origin}{why}",
        retry_after_s=max(PENDING_RETRY_S, lacking.due_at - now if lacking.code else 0),
    )
