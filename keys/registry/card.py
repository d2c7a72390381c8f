"""Key cards: a member's sealing keys of the coming epochs, signed by its ``sign`` key.

A note of line text like a statement, but not in the registry: a card is large and often renewed.

    <federation>/card/v1
    member XB
    serial 3
    at 1790000000
    epoch <start> <end> <base64 of the sealing key>

Epochs follow each other without a gap; times are UTC seconds. Which of two cards is newer is said
by the key that signed it first, and by the serial only among cards of one key: whoever holds a
stolen key cannot go beyond what the member signs with the next one.
Source: keys/README.md, "Key cards".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from keys.errors import RejectedError, UnavailableError
from keys.keyring import KeyRecord
from keys.registry.member import RegisteredKey
from keys.registry.view import View
from keys.sealing import SealKey
from keys.suite import SEAL_KEY_BYTES, KeyId, KeyUse, MemberId, key_id, parse_member_id
from keys.tlog.note import Note, NoteSigner, decode_base64, encode_base64, parse_note, sign_note
from keys.tlog.note import verify_note as verify_note_signatures

MAX_EPOCHS = 64
AHEAD_S = 300
"""How far in the future a card may be dated, by our clock."""
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,15})\Z")


@dataclass(frozen=True, slots=True)
class Epoch:
    """A sealing key and the span (UTC seconds, end excluded) of ``created_at`` it is for."""

    start: int
    end: int
    public_key: bytes

    @property
    def key_id(self) -> KeyId:
        """The key's name."""
        return key_id(KeyUse.SEAL, self.public_key)


@dataclass(frozen=True)
class KeyCard:
    """A card whose signature was verified."""

    member: MemberId
    serial: int
    at: int
    epochs: tuple[Epoch, ...]
    signer: RegisteredKey
    signer_number: int
    """Which of the member's ``sign`` keys that is, counted by start and then by introduction."""

    @property
    def until(self) -> int:
        """When its last epoch ends, UTC seconds."""
        return self.epochs[-1].end

    @property
    def rank(self) -> tuple[int, int]:
        """What tells which card of a member is newer: the later key's, then the higher serial."""
        return self.signer_number, self.serial

    def seal_to(self, created_at: int) -> tuple[KeyId, bytes]:
        """Return the key to seal to for a message written at ``created_at``.

        Raises UnavailableError ``stale_card`` when no epoch of this card holds that time.
        """
        for epoch in self.epochs:
            if epoch.start <= created_at < epoch.end:
                return self._key_ids[epoch.start], epoch.public_key
        raise UnavailableError(
            "stale_card", f"the key card held of {self.member} does not cover that time"
        )

    @cached_property
    def _key_ids(self) -> dict[int, KeyId]:
        return {epoch.start: epoch.key_id for epoch in self.epochs}


def draft_card(
    federation: str,
    member: MemberId,
    *,
    serial: int,
    at: int,
    records: Sequence[KeyRecord],
    signer: NoteSigner,
) -> bytes:
    """Return a signed card of a node's sealing keys, in the order of their epochs."""
    lines = [f"{federation}/card/v1", f"member {member}", f"serial {serial}", f"at {at}"]
    for record in sorted(records, key=lambda record: record.start):
        shown = encode_base64(SealKey(record.seed).public_key)
        lines.append(f"epoch {record.start} {record.end} {shown}")
    return sign_note("".join(line + "\n" for line in lines).encode(), [signer])


def verify_card(encoded: bytes, view: View, now: int) -> KeyCard:
    """Verify a card in the current view: signed by a ``sign`` key that was in use and is not void.

    Raises RejectedError ``card_malformed``, ``key_reused`` (a sealing key stands twice),
    ``member_unknown``, ``signature_missing``, ``signature_invalid``, ``signer_revoked``,
    ``key_not_valid_then`` (the key was not in use when the card is dated) or
    ``created_in_future``; UnavailableError ``member_suspended``, and ``stale_card`` when its last
    epoch is over.
    """
    note = parse_note(encoded)
    member, serial, at, epochs = _parse(view.federation, note)
    known = view.member(member)
    keys = known.keys_for(KeyUse.SIGN)
    numbers = {key.verifier: number for number, key in enumerate(keys)}
    verified = verify_note_signatures(note, numbers)
    if len(note.signatures) != 1:
        raise _malformed("a card bears one signature")
    (signer,) = verified.signed_by
    number = numbers[signer]
    card = KeyCard(member, serial, at, epochs, keys[number], number)
    _check_signer(card, now)
    if known.suspended:
        raise UnavailableError(
            "member_suspended", f"{member} is suspended: nothing is sealed to it"
        )
    if card.until <= now:
        raise UnavailableError("stale_card", f"the key card of {member} is out of date")
    return card


def _check_signer(card: KeyCard, now: int) -> None:
    if card.signer.revoked_since is not None:
        raise RejectedError(
            "signer_revoked", f"the key that signed the card of {card.member} is revoked"
        )
    if not card.signer.start <= card.at < card.signer.end:
        raise RejectedError(
            "key_not_valid_then", f"the key that signed the card of {card.member} was not in use"
        )
    if card.at > now + AHEAD_S:
        raise RejectedError(
            "created_in_future", f"the card of {card.member} is dated in the future"
        )


def _parse(federation: str, note: Note) -> tuple[MemberId, int, int, tuple[Epoch, ...]]:
    lines = note.text.decode().removesuffix("\n").split("\n")
    match [line.split(" ") for line in lines]:
        case [[title], ["member", member], ["serial", serial], ["at", at], *epochs] if epochs:
            if title != f"{federation}/card/v1" or len(epochs) > MAX_EPOCHS:
                raise _malformed("it is of another federation, or too long")
            parsed = tuple(_epoch(parts) for parts in epochs)
            for before, after in pairwise(parsed):
                if before.end != after.start:
                    raise _malformed("its epochs do not follow each other")
            if len({epoch.public_key for epoch in parsed}) != len(parsed):
                raise RejectedError(
                    "key_reused", "a sealing key is for one epoch; one stands twice"
                )
            return parse_member_id(member), _number(serial), _number(at), parsed
    raise _malformed("it is not of the form of a card")


def _epoch(parts: list[str]) -> Epoch:
    match parts:
        case ["epoch", start, end, encoded]:
            epoch = Epoch(_number(start), _number(end), decode_base64(encoded))
            if epoch.start < epoch.end and len(epoch.public_key) == SEAL_KEY_BYTES:
                return epoch
    raise _malformed("an epoch is a start, a later end and a sealing key")


def _number(text: str) -> int:
    if not _NUMBER.match(text):
        raise _malformed("a number is decimal, without leading zeros")
    return int(text)


def _malformed(detail: str) -> RejectedError:
    return RejectedError("card_malformed", f"the key card cannot be read: {detail}")
