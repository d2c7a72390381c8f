"""What the entries in evidence of one message must say, and in whose log they must stand."""

from gateway.evidence.entries import Expected
from gateway.evidence.file import Delivered
from gateway.protocol.audit import EntryKind
from keys.suite import MemberId, digest


def sent_by(sender: MemberId, tbs_digest: bytes) -> Expected:
    """Return what the sender's entry says that it accepted the message, or signed it again."""
    kinds = (EntryKind.MESSAGE_ACCEPTED, EntryKind.MESSAGE_SIGNED_AGAIN)
    return Expected(member=sender, kinds=kinds, peer="", tbs_digest=tbs_digest)


def held_by(sender: MemberId, tbs_digest: bytes, item: Delivered) -> Expected:
    """Return what the sender's entry says that it holds a recipient's receipt."""
    return Expected(
        member=sender,
        kinds=(EntryKind.RECEIPT_HELD,),
        peer=item.recipient,
        tbs_digest=tbs_digest,
        more=(digest(item.receipt or b""),),
    )


def received_by(sender: MemberId, tbs_digest: bytes, item: Delivered) -> Expected:
    """Return what a recipient's entry says that it received the message."""
    kinds = (EntryKind.MESSAGE_RECEIVED,)
    return Expected(member=item.recipient, kinds=kinds, peer=sender, tbs_digest=tbs_digest)
