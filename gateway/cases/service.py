"""What nodes tell each other by messages of their own: the house of the recipient sees none."""

from typing import Annotated

import msgspec

from gateway.cases.schema import Content, labelled

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
