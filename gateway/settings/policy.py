"""What the member allows, and how its keys live."""

from typing import Annotated, Literal

import msgspec

from gateway.settings.section import MemberName, Section, Span, explained

_Kinds = Annotated[
    list[Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z_]*(\.[a-z][a-z_]*)?\Z")]],
    msgspec.Meta(max_length=100),
]
_Light = Literal["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"]


class CeilingSettings(Section, frozen=True, kw_only=True):
    """What does not go out, of some kinds and to some members."""

    kinds: _Kinds = []
    members: Annotated[list[MemberName], msgspec.Meta(max_length=1000)] = []
    tlp: _Light = "RED"
    without_codes: list[Literal["H0", "H1", "H2", "H3"]] = []
    forbidden: bool = False


class ReleaseSettings(Section, frozen=True, kw_only=True):
    """What a second person releases before it goes out: all that a rule says must hold."""

    name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    kinds: _Kinds = []
    members: Annotated[list[MemberName], msgspec.Meta(max_length=1000)] = []
    tlp: _Light = "CLEAR"
    codes: list[Literal["H0", "H1", "H2", "H3"]] = []
    attachments: bool = False
    personal: bool = False
    forwards: bool = False


class PolicySettings(Section, frozen=True, kw_only=True):
    """What this member allows, and how its keys live."""

    max_lifetime_s: Annotated[
        Span, explained("The longest lifetime of a message, sent or received, in seconds.")
    ] = 30 * 86_400
    retention_s: Annotated[
        int,
        explained(
            "How long conversations in which nothing is asked (announcements, information, alerts) "
            "are kept once all their messages are done (every delivery ended, or acknowledged), in "
            "seconds; 0 for ever. None goes before its expiry and 14 days.",
            ge=0,
        ),
    ] = 0
    ceilings: Annotated[
        list[CeilingSettings],
        explained(
            "What does not go out, rule by rule: kinds (names, or what they begin with; none for "
            "all), members (none for all), tlp (the highest that goes there), without_codes "
            "(handling codes that do not), forbidden (true where nothing does)."
        ),
    ] = []
    release: Annotated[
        list[ReleaseSettings],
        explained(
            "What waits for a second person, rule by rule, before it is signed and sent: name "
            "(what officers are told), kinds and members as above, tlp (from which on), codes "
            "(handling codes, one of which it bears), attachments, personal, forwards (true for "
            "what has files, tells of persons, or passes on what others sent). All that a rule "
            "says must hold. A recall waits only where its kind is named in full."
        ),
    ] = []
    release_within_s: Annotated[
        Span,
        explained(
            "How long a draft waits for its release, in seconds; then it ends, unsent. Its "
            "lifetime as a message begins when it is released."
        ),
    ] = 7 * 86_400
    inbound_messages_a_minute: Annotated[
        int,
        explained(
            "How many messages one member may bring in a minute, all at once or evenly; a relay "
            "is one member, whomever it brings them for.",
            ge=1,
        ),
    ] = 600_000
    inbound_bytes_a_day: Annotated[
        int,
        explained(
            "How many bytes one member may have us store in a day, attachments too; what it "
            "brings beyond waits at its side until there is room again.",
            ge=1,
        ),
    ] = 256 * 1024**3
    clock_skew_s: Annotated[
        Span, explained("How far ahead of this clock a message may be dated, in seconds.")
    ] = 300
    sign_overlap_s: Annotated[
        Span, explained("How long a replaced key stays good beside the new one, in seconds.")
    ] = 86_400
    tls_lead_s: Annotated[
        Span,
        explained(
            "How long a new certificate or witness key is published before it is used, in seconds; "
            "peers look for news every registry.poll_s."
        ),
    ] = 300
    key_lifetime_s: Annotated[
        Span, explained("How long a new sign, log, witness or tls key is good for, in seconds.")
    ] = 2 * 366 * 86_400
    rotate_before_s: Annotated[
        Span,
        explained(
            "How long before its end a sign, log, witness or tls key is replaced by itself, in "
            "seconds; each member does so up to a week later, not all of them at once."
        ),
    ] = 60 * 86_400
    epoch_s: Annotated[Span, explained("How long one sealing key is in use, in seconds.")] = 86_400
    epochs: Annotated[int, explained("How many coming epochs a key card lists.", ge=2, le=64)] = 35
