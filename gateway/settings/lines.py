"""The lines to others: the house, peers, the registry, what is carried, who looks at the log."""

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.settings.section import Section, Span, Text, explained


class Role(StrEnum):
    """What a caller of the local socket may do."""

    OFFICER = "officer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    RELEASER = "releaser"


class RoleGrant(Section, frozen=True, kw_only=True):
    """The roles of one local user or group."""

    roles: list[Role]
    uid: Annotated[int, msgspec.Meta(ge=0)] | None = None
    gid: Annotated[int, msgspec.Meta(ge=0)] | None = None
    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class LocalApiSettings(Section, frozen=True, kw_only=True):
    """The socket for the systems of the house."""

    socket: Annotated[Text, explained("The path of the Unix socket.")] = "api.sock"
    mode: Annotated[
        str, explained("Who may connect to the socket, in octal.", pattern=r"\A0?[0-7]{3}\Z")
    ] = "0660"
    roles: Annotated[
        list[RoleGrant],
        explained(
            "Which local user (uid) or group (gid) has which roles: officer, operator, auditor, "
            "releaser; unit limits it to one unit's messages. The user that runs the daemon has "
            "officer, operator and auditor."
        ),
    ] = []
    max_body_bytes: Annotated[
        int,
        explained("The largest request, attachments apart, in bytes.", ge=1024, le=64 * 1024**2),
    ] = 4 * 1024**2
    tcp_port: Annotated[
        int,
        explained(
            "A TCP port that answers as the socket does, on 127.0.0.1 and ::1 alone, to requests "
            "that show a token (liaison token create); 0 for none.",
            ge=0,
            le=65_535,
        ),
    ] = 0


class PeerApiSettings(Section, frozen=True, kw_only=True):
    """The listener for other gateways."""

    host: Annotated[Text, explained("The address to listen on; empty for all.")] = ""
    port: Annotated[int, explained("The port to listen on.", ge=1, le=65_535)] = 8470
    timeout_s: Annotated[
        int, explained("How long to wait for a peer's answer, in seconds.", ge=1, le=3600)
    ] = 30


class RegistrySettings(Section, frozen=True, kw_only=True):
    """The member registry."""

    url: Annotated[
        Text,
        explained("The registrar's gateway: https://host:port.", pattern=r"\A(https://.+)?\Z"),
    ] = ""
    anchor: Annotated[
        Text,
        explained(
            "The fingerprint of the registry, given by the registrar out of band.",
            pattern=r"\A(liaison1-[a-z2-7]{52})?\Z",
        ),
    ] = ""
    poll_s: Annotated[Span, explained("How often to look for news, in seconds.")] = 60
    cosign_s: Annotated[
        Span,
        explained(
            "How often the registrar's node has an unchanged registry cosigned by the witnesses "
            "again, in seconds."
        ),
    ] = 3600
    warn_after_s: Annotated[
        Span,
        explained(
            "Warn when the registry was not confirmed for so long, in seconds: by a quorum of its "
            "witnesses, or by the registrar where none are named."
        ),
    ] = 86_400
    refuse_after_s: Annotated[
        Span, explained("Refuse to send when it was not confirmed for so long, in seconds.")
    ] = 7 * 86_400


class DeliverySettings(Section, frozen=True, kw_only=True):
    """The outbox."""

    batch_size: Annotated[int, explained("The most envelopes in one post.", ge=1, le=64)] = 64
    batch_bytes: Annotated[
        int, explained("The most bytes in one post.", ge=1024, le=4 * 1024**2)
    ] = 4 * 1024**2
    lease_s: Annotated[
        Span, explained("How long a claimed row is left to its attempt, in seconds.")
    ] = 120
    lifetime_s: Annotated[
        Span, explained("How long a message may wait for delivery unless it says, in seconds.")
    ] = 7 * 86_400
    retry_first_s: Annotated[Span, explained("The first wait after a failure, in seconds.")] = 1
    retry_max_s: Annotated[Span, explained("The longest wait between attempts, in seconds.")] = 900
    segments_in_flight: Annotated[
        int,
        explained(
            "How many segments (8 MiB) of an attachment are under way at a time; 1 on a poor line.",
            ge=1,
            le=16,
        ),
    ] = 3
    through_relay: Annotated[
        bool,
        explained("Hand everything to our own relay, instead of calling each member's node."),
    ] = False
    rescan_s: Annotated[
        int,
        explained(
            "How often to look in the database for what other daemons queued or left, in seconds.",
            ge=1,
            le=3600,
        ),
    ] = 15


class RelaySettings(Section, frozen=True, kw_only=True):
    """What this node carries and keeps for others."""

    enabled: Annotated[
        bool, explained("Whether it relays for the members that name it in the registry.")
    ] = False
    mailbox_copies: Annotated[
        int, explained("The most messages that wait here for one member.", ge=1)
    ] = 1_000_000
    mailbox_bytes: Annotated[
        int, explained("The most bytes that wait here for one member, attachments too.", ge=1)
    ] = 64 * 1024**3
    full_retry_s: Annotated[
        Span, explained("When a sender may ask again after a mailbox was full, in seconds.")
    ] = 300
    collect_lease_s: Annotated[
        Span,
        explained("When a collected message comes again that was not confirmed, in seconds."),
    ] = 300


class AuditSettings(Section, frozen=True, kw_only=True):
    """The audit log."""

    interval_ms: Annotated[
        int,
        explained("How long entries wait for a checkpoint at most, in ms.", ge=10, le=60_000),
    ] = 250
    watch_s: Annotated[
        Span,
        explained(
            "How often to look at the audit logs of the members that something came from, in "
            "seconds."
        ),
    ] = 300
    witness_s: Annotated[
        Span,
        explained(
            "How often the witnesses are asked to cosign the newest head of the log, in seconds, "
            "while there is something new."
        ),
    ] = 10
