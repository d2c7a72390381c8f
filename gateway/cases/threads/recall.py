"""Recall and rectification: what a message takes back or corrects, which only its sender may.

Pure. Source: SPEC "Handling".
"""

from collections.abc import Collection
from typing import Final

from gateway.cases.families.control import ConsentDeny, ConsentGrant, Recall, Rectify
from gateway.cases.fields.schema import Content
from gateway.cases.threads.thread import RECALL
from gateway.errors import RejectedError
from gateway.faults import Fault, FaultsError

RECTIFY: Final = "information.rectify"
REPORT: Final = "information.recall_report"
KINDS: Final = (RECALL, RECTIFY)
"""What takes a message back, or corrects it."""


def taken_back(content: Content) -> str | None:
    """Return the name of the message that ``content`` recalls or rectifies; None for neither."""
    return content.message if isinstance(content, Recall | Rectify) else None


def check_own(content: Content, sender: str, in_reply_to: str) -> None:
    """Let pass what is for its sender to say: of its own message, and the one it answers.

    Raises RejectedError ``recall_not_own``, or ``consent_not_own`` for a consent to pass on what
    another sent.
    """
    if isinstance(content, ConsentGrant | ConsentDeny) and _sender(content.message) != sender:
        raise RejectedError(
            "consent_not_own",
            f"/content/message: {content.message} is not what {sender} sent; its sender alone "
            "says who may have it",
        )
    name = taken_back(content)
    if name is None:
        return
    if _sender(name) != sender or in_reply_to != name:
        raise RejectedError(
            "recall_not_own",
            f"/content/message: {name} is not what {sender} sent and answers; a message is "
            "recalled or rectified by its sender alone",
        )


def check_target(content: Content, kind: str, files: Collection[str] | None) -> None:
    """Let pass what can be taken back: no recall, and of the files those that there are.

    ``kind`` and ``files`` (SHA-256, hexadecimal) are those of the message concerned; None for
    files that cannot be looked at. Raises RejectedError ``recall_final``; FaultsError.
    """
    if kind == RECALL:
        raise RejectedError(
            "recall_final",
            "/content/message: a recall stands; send what it took back anew, or recall the rest",
        )
    if not isinstance(content, Recall) or files is None:
        return
    faults = [
        Fault(pointer=f"/content/attachments/{at}", code="not_attached")
        for at, name in enumerate(content.attachments)
        if name not in files
    ]
    if faults:
        raise FaultsError(faults)


def _sender(name: str) -> str:
    return name.rpartition("-")[0]
