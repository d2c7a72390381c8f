"""Consents: what stored messages say of their handling, and their originators of its limits."""

from collections.abc import Mapping

from gateway.cases import consent
from gateway.cases.consent import Passage, Word, consent_to, is_beyond
from gateway.cases.content import read_content
from gateway.cases.handling import Handling, HandlingCode, Tlp
from gateway.cases.kind import Kind
from gateway.cases.kinds import kind_named
from gateway.errors import ForbiddenError, LiaisonError
from gateway.protocol.message import message_ref
from gateway.services.casework.events import opened_content, opened_payload
from gateway.services.keys import NodeKeys
from gateway.store import disclosures, messages
from gateway.store.database import Transaction
from gateway.store.messages import StoredMessage
from keys.suite import MemberId

_STRICTEST = (
    HandlingCode.CUSTOMS_ONLY,
    HandlingCode.NO_JUDICIAL_USE,
    HandlingCode.NO_DISSEMINATION,
)
UNREADABLE = Handling(tlp=Tlp.RED, codes=_STRICTEST)
"""What is supposed of a message that cannot be opened any more."""


def handling_of(keys: NodeKeys, kinds: Mapping[str, Kind], item: StoredMessage) -> Handling | None:
    """Return the handling of a stored message; the strictest of one that cannot be read."""
    try:
        payload = opened_payload(keys, item)
        content = read_content(kind_named(payload.kind, kinds), payload.content)
    except LiaisonError:
        return UNREADABLE
    found: Handling | None = getattr(content, "handling", None)
    return found


def consent_for(
    tx: Transaction,
    keys: NodeKeys,
    kinds: Mapping[str, Kind],
    item: StoredMessage,
    asked: Passage,
    *,
    today: str,
) -> tuple[Word, StoredMessage] | None:
    """Return the originator's consent that covers what is asked, in the case of the message."""
    rows = [
        said.row_id
        for said in messages.of_cases(tx, [item.case_id])
        if said.kind in consent.KINDS and said.sender == item.sender
    ]
    words: dict[str, tuple[Word, StoredMessage]] = {}
    for said in messages.by_rows(tx, rows):
        content = opened_content(keys, kinds, said)
        if content is not None:
            name = message_ref(said.sender, said.message_id)
            words[name] = Word(name=name, seq=said.seq, content=content), said
    found = consent_to(asked, [word for word, _ in words.values()], today)
    return None if found is None else words[found.name]


def check_use(
    tx: Transaction,
    keys: NodeKeys,
    kinds: Mapping[str, Kind],
    item: StoredMessage,
    *,
    purpose: str,
    today: str,
) -> None:
    """Let a message be used here for a purpose that its handling, or its originator, allows.

    Of a message of ours that counts which it passes on. Raises ForbiddenError ``consent_missing``.
    """
    me = keys.member
    for sender, message_id in _originals(tx, item):
        original = messages.find(tx, sender, message_id)
        if not is_beyond(handling_of(keys, kinds, original or item), purpose):
            continue
        name = message_ref(sender, message_id)
        asked = Passage(message=name, member=me, purpose=purpose)
        if original is None or consent_for(tx, keys, kinds, original, asked, today=today) is None:
            raise ForbiddenError(
                "consent_missing",
                f"{name} may be used for {purpose} only with {sender}'s consent, which names {me} "
                "and the purpose: ask for it with consent.request",
            )


def _originals(tx: Transaction, item: StoredMessage) -> set[tuple[str, bytes]]:
    """Return whose content a message holds, by the names of what it came in; none for our own."""
    if item.direction != messages.OUT:
        return {(MemberId(item.sender), item.message_id)}
    passed = disclosures.in_carriers(tx, [item.message_id])
    return {(made.sender, made.message_id) for made in passed}
