"""Witnessed time: when enough of the members that the registry names as witnesses saw a head.

Two questions, with a quorum of k. How fresh is a head: the k-th latest of their cosignatures, for k
of them have called it the newest since, and fewer than k who lie make it no later. Since when does
it exist: the k-th earliest, for k of them had seen it by then, and fewer than k who lie make it no
earlier. Source: keys/README.md, "Witnesses".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keys.registry.member import Member, RegisteredKey
from keys.suite import KeyUse, MemberId
from keys.tlog.cosignature import cosigned_at
from keys.tlog.note import VerifierKey

_Halves = Callable[[RegisteredKey], tuple[VerifierKey, ...]]


@dataclass(frozen=True, slots=True)
class Sighting:
    """That a witness saw a head, by a key that was good then."""

    witness: MemberId
    at: int
    """UTC seconds, by its own clock."""


def witnessed_time(checkpoint: bytes, witnesses: Sequence[Member], quorum: int) -> int | None:
    """Return when a head was witnessed last, UTC seconds; None without a quorum.

    A witness counts with both its signatures, and none under a key that is revoked. Raises
    RejectedError ``cosignature_invalid``.
    """
    return newest_until(_seen(checkpoint, witnesses, both_halves) if quorum else (), quorum)


def classical_time(checkpoint: bytes, witnesses: Sequence[Member], quorum: int) -> int | None:
    """Return the same by the Ed25519 signatures alone: a statement has no room for the others."""
    return newest_until(_seen(checkpoint, witnesses, _classical) if quorum else (), quorum)


def classical_begin(checkpoint: bytes, witnesses: Sequence[Member], quorum: int) -> int | None:
    """Return by when a quorum had seen a head, by the Ed25519 signatures alone.

    What is to have lasted since then began no later, whatever fewer than a quorum say.
    """
    return existed_by(_seen(checkpoint, witnesses, _classical) if quorum else (), quorum)


def sightings(checkpoint: bytes, keys: Sequence[RegisteredKey]) -> tuple[Sighting, ...]:
    """Return which witnesses saw a head, and when each did first, in that order.

    ``keys`` are the witness keys that may have signed. One that was revoked later counts up to its
    revocation: what it saw before stays seen. Raises RejectedError ``cosignature_invalid``.
    """
    first: dict[MemberId, int] = {}
    for key, at in _spoken(checkpoint, keys, both_halves):
        if key.good_at(at):
            first[key.member] = min(at, first.get(key.member, at))
    found = [Sighting(member, at) for member, at in first.items()]
    return tuple(sorted(found, key=lambda item: (item.at, item.witness)))


def existed_by(seen: Sequence[Sighting], quorum: int) -> int | None:
    """Return by when a quorum had seen a head, UTC seconds; None without one."""
    times = sorted(item.at for item in seen)
    return times[quorum - 1] if 0 < quorum <= len(times) else None


def newest_until(seen: Sequence[Sighting], quorum: int) -> int | None:
    """Return until when a quorum called a head the newest that they knew; None without one."""
    times = sorted((item.at for item in seen), reverse=True)
    return times[quorum - 1] if 0 < quorum <= len(times) else None


def both_halves(key: RegisteredKey) -> tuple[VerifierKey, ...]:
    """Return the keys of which a witness must have signed with each."""
    return (key.verifier,) if key.post_quantum is None else (key.verifier, key.post_quantum)


def _classical(key: RegisteredKey) -> tuple[VerifierKey, ...]:
    return (key.verifier,)


def _seen(checkpoint: bytes, witnesses: Sequence[Member], halves: _Halves) -> list[Sighting]:
    """Return when each witness saw a head last, by a key that is not revoked."""
    seen = []
    for member in witnesses:
        keys = [key for key in member.keys_for(KeyUse.WITNESS) if key.revoked_since is None]
        times = [at for key, at in _spoken(checkpoint, keys, halves) if key.good_at(at)]
        if times:
            seen.append(Sighting(member.member, max(times)))
    return seen


def _spoken(
    checkpoint: bytes, keys: Sequence[RegisteredKey], halves: _Halves
) -> list[tuple[RegisteredKey, int]]:
    """Return with which of a witness's keys it cosigned, and when."""
    times = [(key, cosigned_at(checkpoint, halves(key))) for key in keys]
    return [(key, at) for key, at in times if at is not None]
