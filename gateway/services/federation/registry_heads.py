"""What a head of the registry is worth: signed by the registrars, over these statements, now."""

from gateway.errors import RejectedError
from keys.registry.member import RegisteredKey
from keys.registry.statement import REGISTRY
from keys.registry.view import View
from keys.suite import KeyUse
from keys.tlog.checkpoint import VerifiedCheckpoint, verify_checkpoint
from keys.tlog.split_view import verify_head


def check_signed(view: View, head: bytes) -> VerifiedCheckpoint:
    """Return a head of the registry that the registrars' log key signed, whatever it says.

    Raises RejectedError as ``verify_checkpoint``.
    """
    return verify_head(head, view.origin, view.log_keys())


def check_head(view: View, head: bytes, *, continued: bool = False) -> None:
    """Let a head pass that the registrars' log key signed over exactly the view's statements.

    Raises RejectedError ``registry_split_view``, or ``registry_mismatch`` where the statements were
    ``continued`` by whoever showed them, and may be to blame; else as ``verify_checkpoint``.
    """
    checkpoint = check_signed(view, head)
    if (checkpoint.size, checkpoint.root) != (view.head.size, view.head.root):
        if continued:
            raise RejectedError(
                "registry_mismatch", "the statements shown do not add up to the head shown"
            )
        raise RejectedError(
            "registry_split_view", "the registry's statements do not add up to its signed head"
        )


def check_head_of_now(view: View, head: bytes, now: int) -> None:
    """Let a head pass that the registrars' present key signed, where its view lists one.

    The registrars sign their head anew with each log key that comes into use: one that bears an
    older key's signature alone, after its end, is not theirs.
    Raises RejectedError ``registry_head_outdated``.
    """
    present = [key for key in view.member(REGISTRY).keys_for(KeyUse.LOG) if key.good_at(now)]
    if present and not any(is_signed_by(view, head, key) for key in present):
        raise RejectedError(
            "registry_head_outdated",
            "the registry's head is signed with a key that is over: refused, nothing changed",
        )


def is_signed_by(view: View, head: bytes, key: RegisteredKey) -> bool:
    """Tell whether a log key of the registrars signed a head."""
    try:
        verify_checkpoint(head, view.origin, key.verifying_for(view.origin))
    except RejectedError:
        return False
    return True
