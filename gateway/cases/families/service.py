"""What nodes tell each other: the house of the recipient sees none of it.

Line tests, and what is told after a restore, are messages. Receipts and key cards are not: they
have bytes and signatures of their own (SPEC "Receipts"; the cards in keys), and stand in the
catalogue as what is shown of them.
"""

from functools import partial
from typing import Annotated

import msgspec

from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import Content, Count, MemberName, MessageName, Sha256, labelled
from gateway.cases.kind import FIRST, Family, Kind

Time = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""UTC seconds."""
ShardName = Annotated[str, msgspec.Meta(pattern=r"\A[1-9][0-9]{3}(\.[1-9][0-9]{0,4})?\Z")]


class Ping(Content, frozen=True, kw_only=True):
    """Nothing: that it is opened and receipted is all that it is for."""


class Restored(Content, frozen=True, kw_only=True):
    """The sender was restored from a backup: what it stored meanwhile is lost, receipts or not."""

    since: Annotated[Time, labelled("Nothing is known after", "Rien n’est connu après")]
    """When it made the newest entry of its audit log that it still has, by its own clock."""
    until: Annotated[Time, labelled("Restored at", "Restauré le")]
    """When it began the new shard."""
    shard: Annotated[ShardName, labelled("Audit log goes on as", "Le journal continue sous")]
    size: Annotated[Time, labelled("Entries known before", "Nombre d’entrées connues avant")]
    """How many entries its database held of the shard before."""


class ReceiptType(Code):
    """What a receipt says."""

    DELIVERY = "delivery", "Delivered", "Livré"
    CUSTODY = "custody", "Held for the recipient", "Gardé pour le destinataire"
    REFUSAL = "refusal", "Refused", "Refusé"


class Receipt(Content, frozen=True, kw_only=True):
    """What became of a message, as a node signed it."""

    message: Annotated[MessageName, labelled("Message", "Message")]
    type: Annotated[ReceiptType, labelled("What it says", "Ce qu'il dit")]
    member: Annotated[MemberName, labelled("Who signed", "Signataire")]
    at: Annotated[Time, labelled("When, in UTC seconds", "Quand, en secondes UTC")]
    sha256: Annotated[Sha256, labelled("Its SHA-256", "Son SHA-256")]


class KeyCard(Content, frozen=True, kw_only=True):
    """The sealing keys of a member for the days to come."""

    member: Annotated[MemberName, labelled("Member", "Membre")]
    number: Annotated[Count, labelled("Number of the card", "Numéro de la carte")]
    keys: Annotated[
        tuple[Sha256, ...], labelled("Names of its keys", "Noms de ses clés", max_length=64)
    ]
    expires_at: Annotated[Time, labelled("End, in UTC seconds", "Fin, en secondes UTC")]


_kind = partial(Kind, family=Family.SERVICE, handling=None)
KINDS = (
    _kind(
        name="ping",
        content=Ping,
        label=Label("Line test", "Essai de liaison"),
        opens_case=True,
        priority=FIRST,
    ),
    _kind(
        name="restored",
        content=Restored,
        label=Label("Restored from a backup", "Restauré d’une sauvegarde"),
        opens_case=True,
        priority=FIRST,
        by_node=True,
    ),
    _kind(name="receipt", content=Receipt, label=Label("Receipt", "Récépissé"), is_message=False),
    _kind(
        name="key_card", content=KeyCard, label=Label("Key card", "Carte de clés"), is_message=False
    ),
)
