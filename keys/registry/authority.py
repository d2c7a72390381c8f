"""Who must have signed a statement: thresholds of roots, one good key, and each new key.

Source: keys/README.md, "Who signs what".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from keys.errors import RejectedError
from keys.registry.statement import RootPair, RootSet
from keys.tlog.note import Note, VerifierKey, verify_note


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """``needed`` of these members must agree, each by any one of its keys."""

    needed: int
    members: tuple[frozenset[VerifierKey], ...]


def verify_authority(
    note: Note,
    roots: Sequence[RootSet],
    proofs: Iterable[VerifierKey] = (),
    *,
    any_of: Sequence[VerifierKey] = (),
    consent: Consent | None = None,
) -> frozenset[VerifierKey]:
    """Verify that everyone signed ``note`` who must; return who did.

    Each threshold of ``roots``, all of ``proofs``, enough of ``consent`` and, without roots, one of
    ``any_of``. Distinct keys count, a root only with both its signatures. A line of any other key
    is refused: a registry entry has no room for bytes that nobody vouches for.
    Raises RejectedError ``threshold_not_met``, ``consent_missing``, ``signature_missing``,
    ``signature_unknown`` or ``signature_invalid``.
    """
    proofs = frozenset(proofs)
    agreeing = () if consent is None else consent.members
    known = {key for root in roots for pair in root.pairs for key in _both(pair)}
    known.update(proofs, any_of, *agreeing)
    signed_by = verify_note(note, known).signed_by
    if len(signed_by) != len(note.signatures):
        raise RejectedError(
            "signature_unknown", "the statement bears a signature of a key that has no say in it"
        )
    for root in roots:
        count = sum(signed_by.issuperset(_both(pair)) for pair in root.pairs)
        if count < root.threshold:
            raise RejectedError(
                "threshold_not_met",
                f"{count} of the {root.threshold} root signatures needed are there; a root signs "
                "with both its keys",
            )
    if not signed_by.issuperset(proofs):
        raise RejectedError(
            "signature_missing", "each key that a statement brings must sign it itself"
        )
    if not roots and signed_by.isdisjoint(any_of):
        raise RejectedError(
            "signature_missing", "no sign key of the member that is good then signed this"
        )
    agreed = sum(not signed_by.isdisjoint(keys) for keys in agreeing)
    if consent is not None and agreed < consent.needed:
        raise RejectedError(
            "consent_missing",
            f"{agreed} of the {consent.needed} present witnesses that must agree have signed",
        )
    return signed_by


def _both(pair: RootPair) -> tuple[VerifierKey, VerifierKey]:
    return pair.classical, pair.post_quantum
