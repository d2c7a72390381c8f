"""A log's head in evidence: signed by a key of the log, and by nobody but it and witnesses.

Every line has to be of a key that the registry lists for it, and to verify: nothing may stand in a
file of evidence that nobody vouches for. Source: SPEC "Evidence", step 4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from gateway.errors import RejectedError
from gateway.evidence.history import History
from keys.registry.member import RegisteredKey
from keys.registry.origins import registered_log_keys
from keys.registry.witnessed import Sighting, both_halves, sightings
from keys.tlog.checkpoint import Checkpoint, checkpoint_of
from keys.tlog.note import VerifierKey, parse_note, verify_note

_sightings = lru_cache(maxsize=64)(sightings)
"""What costs most, done once for a head, however often it is judged; a fault is not remembered."""


@dataclass(frozen=True, slots=True)
class Head:
    """A head whose every line verifies."""

    checkpoint: Checkpoint
    log_key: RegisteredKey
    """The newest of the log's keys that signed it."""
    seen: tuple[Sighting, ...]
    """Who cosigned it and when, of all that were ever named as witnesses."""


def registry_keys(history: History) -> dict[VerifierKey, RegisteredKey]:
    """Return the keys that ever signed the registry's heads."""
    return registered_log_keys(history.view, history.view.origin)


def verified_head(
    encoded: bytes, origin: str, keys: Mapping[VerifierKey, RegisteredKey], history: History
) -> Head:
    """Return a head of the log ``origin``, all of whose lines verify.

    Raises RejectedError ``checkpoint_of_another_log``, ``signature_unknown``,
    ``signature_missing``, ``signature_invalid`` or ``cosignature_invalid``; ``note_malformed`` or
    ``checkpoint_malformed``.
    """
    note = parse_note(encoded)
    claimed = checkpoint_of(note)
    if claimed.origin != origin:
        raise RejectedError(
            "checkpoint_of_another_log", f"this is a head of {claimed.origin}, not of {origin}"
        )
    cosigners = history.witness_keys
    known = {*_named(keys), *_named(half for key in cosigners for half in both_halves(key))}
    for line in note.signatures:
        if (line.name, line.key_hash) not in known:
            raise RejectedError(
                "signature_unknown", f"a signature of {line.name} is by no key of log or witnesses"
            )
    signed_by = verify_note(note, keys).signed_by
    newest = max((keys[key] for key in signed_by), key=lambda key: key.start)
    return Head(claimed, newest, _sightings(encoded, cosigners))


def _named(keys: Iterable[VerifierKey]) -> Iterable[tuple[str, bytes]]:
    return ((key.name, key.key_hash) for key in keys)
