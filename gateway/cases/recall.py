"""Recall and rectification: what a message takes back or corrects, which only its sender may.

Pure. Source: SPEC "Handling".
"""

from gateway.cases.control import Recall, Rectify
from gateway.cases.schema import Content
from gateway.errors import RejectedError


def taken_back(content: Content) -> str | None:
    """Return the name of the message that ``content`` recalls or rectifies; None for neither."""
    return content.message if isinstance(content, Recall | Rectify) else None


def check_own(content: Content, sender: str, in_reply_to: str) -> None:
    """Let pass what says nothing of others' messages: of its own, and of the one it answers.

    Raises RejectedError ``recall_not_own``.
    """
    name = taken_back(content)
    if name is None:
        return
    if name.rpartition("-")[0] != sender or in_reply_to != name:
        raise RejectedError(
            "recall_not_own",
            f"/content/message: {name} is not what {sender} sent and answers; a message is "
            "recalled or rectified by its sender alone",
        )
