"""Every setting, with its default and the sentence that explains it.

TOML first, then ``LIAISON_<SECTION>__<NAME>`` from the environment, then flags. Unknown names are
errors, and all faults are reported at once. ``config/gateway.toml`` is ``render(defaults)``.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from gateway.errors import RejectedError, UnavailableError
from gateway.faults import Check, Fault, FaultsError, convert

_ENVIRON_PREFIX = "LIAISON_"


class Role(StrEnum):
    """What a caller of the local socket may do."""

    OFFICER = "officer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    RELEASER = "releaser"


class Fetch(StrEnum):
    """When the attachments of a received message come."""

    BEFORE_RECEIPT = "before_receipt"
    TEXT_FIRST = "text_first"
    ON_DEMAND = "on_demand"


class Weekday(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


def _explained(text: str, **bounds: Any) -> msgspec.Meta:
    return msgspec.Meta(description=text, **bounds)


_Text = Annotated[str, msgspec.Meta(max_length=1024)]
_Member = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1200)]
_Span = Annotated[int, msgspec.Meta(ge=1, le=10 * 366 * 86_400)]


class NodeSettings(_Section, frozen=True, kw_only=True):
    """Who this node is and where it keeps what it has."""

    member: Annotated[
        str,
        _explained(
            "The member that this node serves, as the registry names it.",
            pattern=r"\A([A-Z][A-Z0-9-]{1,31})?\Z",
        ),
    ] = ""
    data_dir: Annotated[
        _Text,
        _explained("The folder of all that the node keeps; relative paths below start here."),
    ] = "/var/lib/liaison"


class KeysSettings(_Section, frozen=True, kw_only=True):
    """The keystore."""

    file: Annotated[_Text, _explained("The sealed file with this node's private keys.")] = (
        "keystore"
    )
    passphrase_file: Annotated[
        _Text,
        _explained("A file (mode 0600) with the passphrase of the keystore; empty for none."),
    ] = ""
    credential: Annotated[
        _Text,
        _explained(
            "The name of the systemd credential that holds the passphrase; empty for none. Where "
            "neither is named, the passphrase is asked for."
        ),
    ] = ""
    pkcs11_module: Annotated[
        _Text,
        _explained(
            "The shared library (PKCS#11) of the token in which sign keys lie; empty for none. "
            "Needs the extra pkcs11."
        ),
    ] = ""
    pkcs11_token: Annotated[_Text, _explained("The label of that token.")] = ""
    pkcs11_draw: Annotated[
        bool,
        _explained(
            "Whether a new sign key is drawn in the token; false to move back to the keystore with "
            "the next rotation, while the token is still there."
        ),
    ] = True
    pkcs11_pin_file: Annotated[
        _Text, _explained("A file (mode 0600) with the token's PIN; empty for none.")
    ] = ""
    pkcs11_credential: Annotated[
        _Text,
        _explained("The name of the systemd credential that holds the PIN; empty for none."),
    ] = ""


class StoreSettings(_Section, frozen=True, kw_only=True):
    """The database."""

    url: Annotated[
        _Text,
        _explained(
            "Where the database is: sqlite:/// and a path, or postgresql://user@host/name, with "
            "?passfile= and a path for the password; several daemons may share the latter.",
            pattern=r"\A(sqlite:///.|postgresql://[^:@/]*(@|/|\Z))",
        ),
    ] = "sqlite:///liaison.db"


class BlobsSettings(_Section, frozen=True, kw_only=True):
    """Sealed attachments."""

    url: Annotated[
        _Text,
        _explained("Where sealed attachments are kept; file: and a path.", pattern=r"\Afile:."),
    ] = "file:blobs"
    max_attachment_bytes: Annotated[
        int, _explained("The largest attachment, in bytes.", ge=1, le=2**39)
    ] = 4 * 1024**3
    fetch: Annotated[
        Fetch,
        _explained(
            "When attachments come: before_receipt (the receipt waits for them), text_first (the "
            "message is stored and receipted, then they are fetched) or on_demand (they are "
            "fetched when somebody asks). The latter two are for a poor line."
        ),
    ] = Fetch.BEFORE_RECEIPT
    fetch_small_bytes: Annotated[
        int,
        _explained(
            "Attachments up to so many bytes come before the receipt all the same.", ge=0, le=2**39
        ),
    ] = 256 * 1024
    min_free_bytes: Annotated[
        int,
        _explained("Below so many free bytes new work is refused, accepted work goes on.", ge=0),
    ] = 64 * 1024**2

    @property
    def max_sealed_bytes(self) -> int:
        """The largest attachment as it travels: padding and tags add at most an eighth."""
        return self.max_attachment_bytes * 9 // 8 + 4096


class RoleGrant(_Section, frozen=True, kw_only=True):
    """The roles of one local user or group."""

    roles: list[Role]
    uid: Annotated[int, msgspec.Meta(ge=0)] | None = None
    gid: Annotated[int, msgspec.Meta(ge=0)] | None = None
    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class LocalApiSettings(_Section, frozen=True, kw_only=True):
    """The socket for the systems of the house."""

    socket: Annotated[_Text, _explained("The path of the Unix socket.")] = "api.sock"
    mode: Annotated[
        str, _explained("Who may connect to the socket, in octal.", pattern=r"\A0?[0-7]{3}\Z")
    ] = "0660"
    roles: Annotated[
        list[RoleGrant],
        _explained(
            "Which local user (uid) or group (gid) has which roles: officer, operator, auditor, "
            "releaser; unit limits it to one unit's messages. The user that runs the daemon has "
            "officer, operator and auditor."
        ),
    ] = []
    max_body_bytes: Annotated[
        int,
        _explained("The largest request, attachments apart, in bytes.", ge=1024, le=64 * 1024**2),
    ] = 4 * 1024**2


class PeerApiSettings(_Section, frozen=True, kw_only=True):
    """The listener for other gateways."""

    host: Annotated[_Text, _explained("The address to listen on; empty for all.")] = ""
    port: Annotated[int, _explained("The port to listen on.", ge=1, le=65_535)] = 8470
    timeout_s: Annotated[
        int, _explained("How long to wait for a peer's answer, in seconds.", ge=1, le=3600)
    ] = 30


class RegistrySettings(_Section, frozen=True, kw_only=True):
    """The member registry."""

    url: Annotated[
        _Text,
        _explained("The registrar's gateway: https://host:port.", pattern=r"\A(https://.+)?\Z"),
    ] = ""
    anchor: Annotated[
        _Text,
        _explained(
            "The fingerprint of the registry, given by the registrar out of band.",
            pattern=r"\A(liaison1-[a-z2-7]{52})?\Z",
        ),
    ] = ""
    poll_s: Annotated[_Span, _explained("How often to look for news, in seconds.")] = 60
    cosign_s: Annotated[
        _Span,
        _explained(
            "How often the registrar's node has an unchanged registry cosigned by the witnesses "
            "again, in seconds."
        ),
    ] = 3600
    warn_after_s: Annotated[
        _Span,
        _explained(
            "Warn when the registry was not confirmed for so long, in seconds: by a quorum of its "
            "witnesses, or by the registrar where none are named."
        ),
    ] = 86_400
    refuse_after_s: Annotated[
        _Span, _explained("Refuse to send when it was not confirmed for so long, in seconds.")
    ] = 7 * 86_400


class DeliverySettings(_Section, frozen=True, kw_only=True):
    """The outbox."""

    batch_size: Annotated[int, _explained("The most envelopes in one post.", ge=1, le=64)] = 64
    batch_bytes: Annotated[
        int, _explained("The most bytes in one post.", ge=1024, le=4 * 1024**2)
    ] = 4 * 1024**2
    lease_s: Annotated[
        _Span, _explained("How long a claimed row is left to its attempt, in seconds.")
    ] = 120
    lifetime_s: Annotated[
        _Span, _explained("How long a message may wait for delivery unless it says, in seconds.")
    ] = 7 * 86_400
    retry_first_s: Annotated[_Span, _explained("The first wait after a failure, in seconds.")] = 1
    retry_max_s: Annotated[_Span, _explained("The longest wait between attempts, in seconds.")] = (
        900
    )
    segments_in_flight: Annotated[
        int,
        _explained(
            "How many segments (8 MiB) of an attachment are under way at a time; 1 on a poor line.",
            ge=1,
            le=16,
        ),
    ] = 3
    through_relay: Annotated[
        bool,
        _explained("Hand everything to our own relay, instead of calling each member's node."),
    ] = False
    rescan_s: Annotated[
        int,
        _explained(
            "How often to look in the database for what other daemons queued or left, in seconds.",
            ge=1,
            le=3600,
        ),
    ] = 15


class RelaySettings(_Section, frozen=True, kw_only=True):
    """What this node carries and keeps for others."""

    enabled: Annotated[
        bool, _explained("Whether it relays for the members that name it in the registry.")
    ] = False
    mailbox_copies: Annotated[
        int, _explained("The most messages that wait here for one member.", ge=1)
    ] = 1_000_000
    mailbox_bytes: Annotated[
        int, _explained("The most bytes that wait here for one member, attachments too.", ge=1)
    ] = 64 * 1024**3
    full_retry_s: Annotated[
        _Span, _explained("When a sender may ask again after a mailbox was full, in seconds.")
    ] = 300
    collect_lease_s: Annotated[
        _Span,
        _explained("When a collected message comes again that was not confirmed, in seconds."),
    ] = 300


class AuditSettings(_Section, frozen=True, kw_only=True):
    """The audit log."""

    interval_ms: Annotated[
        int,
        _explained("How long entries wait for a checkpoint at most, in ms.", ge=10, le=60_000),
    ] = 250
    watch_s: Annotated[
        _Span,
        _explained(
            "How often to look at the audit logs of the members that something came from, in "
            "seconds."
        ),
    ] = 300
    witness_s: Annotated[
        _Span,
        _explained(
            "How often the witnesses are asked to cosign the newest head of the log, in seconds, "
            "while there is something new."
        ),
    ] = 10


class CeilingSettings(_Section, frozen=True, kw_only=True):
    """What does not go out, of some kinds and to some members."""

    kinds: Annotated[
        list[Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z_]*(\.[a-z][a-z_]*)?\Z")]],
        msgspec.Meta(max_length=100),
    ] = []
    members: Annotated[list[_Member], msgspec.Meta(max_length=1000)] = []
    tlp: Literal["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"] = "RED"
    without_codes: list[Literal["H0", "H1", "H2", "H3"]] = []
    forbidden: bool = False


class PolicySettings(_Section, frozen=True, kw_only=True):
    """What this member allows, and how its keys live."""

    max_lifetime_s: Annotated[
        _Span, _explained("The longest lifetime of a message, sent or received, in seconds.")
    ] = 30 * 86_400
    retention_s: Annotated[
        int,
        _explained(
            "How long messages are kept after they are done (every delivery ended, or "
            "acknowledged), in seconds; 0 for ever. None goes before its expiry and 14 days.",
            ge=0,
        ),
    ] = 0
    ceilings: Annotated[
        list[CeilingSettings],
        _explained(
            "What does not go out, rule by rule: kinds (names, or what they begin with; none for "
            "all), members (none for all), tlp (the highest that goes there), without_codes "
            "(handling codes that do not), forbidden (true where nothing does)."
        ),
    ] = []
    inbound_messages_a_minute: Annotated[
        int,
        _explained(
            "How many messages one member may bring in a minute, all at once or evenly; a relay "
            "is one member, whomever it brings them for.",
            ge=1,
        ),
    ] = 600_000
    inbound_bytes_a_day: Annotated[
        int,
        _explained(
            "How many bytes one member may have us store in a day, attachments too; what it "
            "brings beyond waits at its side until there is room again.",
            ge=1,
        ),
    ] = 256 * 1024**3
    clock_skew_s: Annotated[
        _Span, _explained("How far ahead of this clock a message may be dated, in seconds.")
    ] = 300
    sign_overlap_s: Annotated[
        _Span, _explained("How long a replaced key stays good beside the new one, in seconds.")
    ] = 86_400
    tls_lead_s: Annotated[
        _Span,
        _explained(
            "How long a new certificate or witness key is published before it is used, in seconds; "
            "peers look for news every registry.poll_s."
        ),
    ] = 300
    key_lifetime_s: Annotated[
        _Span, _explained("How long a new sign, log, witness or tls key is good for, in seconds.")
    ] = 2 * 366 * 86_400
    rotate_before_s: Annotated[
        _Span,
        _explained(
            "How long before its end a sign, log, witness or tls key is replaced by itself, in "
            "seconds; each member does so up to a week later, not all of them at once."
        ),
    ] = 60 * 86_400
    epoch_s: Annotated[_Span, _explained("How long one sealing key is in use, in seconds.")] = (
        86_400
    )
    epochs: Annotated[int, _explained("How many coming epochs a key card lists.", ge=2, le=64)] = 35


class InstrumentSettings(_Section, frozen=True, kw_only=True):
    """An agreement between two members, with its terms."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    members: Annotated[list[_Member], msgspec.Meta(min_length=2, max_length=2)]
    acknowledge_working_days: _Count = 3
    acknowledge_urgent_hours: _Count = 8
    correct_months: _Count = 2
    execute_months: _Count = 3
    execute_urgent_months: _Count = 1
    origin_months: _Count = 10
    remind_days: _Count = 7


class CalendarSettings(_Section, frozen=True, kw_only=True):
    """When a member works; days of the week are mon to sun."""

    member: _Member
    rest_days: Annotated[list[Weekday], msgspec.Meta(max_length=6)] = msgspec.field(
        default_factory=lambda: [Weekday.SAT, Weekday.SUN]
    )
    holidays: Annotated[
        list[Annotated[str, msgspec.Meta(extra={"check": "date"})]], msgspec.Meta(max_length=2000)
    ] = []
    time_zone: Annotated[str, msgspec.Meta(max_length=64, extra={"check": "time_zone"})] = "UTC"


class LiaisonOfficeSettings(_Section, frozen=True, kw_only=True):
    """A liaison office that gets copies of what this node sends, without being asked."""

    office: _Member
    kinds: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]],
        msgspec.Meta(min_length=1, max_length=200),
    ] = msgspec.field(default_factory=lambda: ["seizure.report"])


class RegionSettings(_Section, frozen=True, kw_only=True):
    """A region: the members that a liaison office circulates to."""

    name: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,31}\Z")]
    office: _Member
    members: Annotated[list[_Member], msgspec.Meta(min_length=1, max_length=256)]


class CasesSettings(_Section, frozen=True, kw_only=True):
    """Cases: further kinds of message, and the agreements and calendars that dates follow."""

    kinds: Annotated[
        _Text,
        _explained(
            "The folder of TOML files with further kinds, one a file, which other members must "
            "have too; it need not be there."
        ),
    ] = "kinds.d"
    instruments: Annotated[
        list[InstrumentSettings],
        _explained(
            "The agreements in force, each between two members: name (as a legal basis begins, and "
            "has to where the pair has one), "
            "members, and where they differ from what is shown acknowledge_working_days (3), "
            "acknowledge_urgent_hours (8), correct_months (2), execute_months (3), "
            "execute_urgent_months (1), origin_months (10), remind_days (7, how long before a date "
            "to remind)."
        ),
    ] = []
    calendars: Annotated[
        list[CalendarSettings],
        _explained(
            'The calendars of members, ours too: member, rest_days (["sat", "sun"]), holidays '
            '(dates, as "2027-01-01"), time_zone ("UTC", or a name such as "Africa/Dakar").'
        ),
    ] = []
    liaison_offices: Annotated[
        list[LiaisonOfficeSettings],
        _explained(
            "The liaison offices that get a copy without names of what this node sends: office, "
            'kinds (["seizure.report"]; the first part of a name stands for all that begin so).'
        ),
    ] = []
    regions: Annotated[
        list[RegionSettings],
        _explained(
            "The regions of liaison offices: name, office, members. An office circulates its "
            "alerts to them."
        ),
    ] = []
    trends_least: Annotated[
        int,
        _explained("The fewest seizures or requests of a month that trends show.", ge=1, le=1000),
    ] = 3


class LogsSettings(_Section, frozen=True, kw_only=True):
    """The operator's log, on standard error."""

    level: Annotated[
        str, _explained("debug, info, warning or error.", pattern=r"\A(debug|info|warning|error)\Z")
    ] = "info"
    format: Annotated[
        str, _explained("json for programs, text for people.", pattern=r"\A(json|text)\Z")
    ] = "json"


class Settings(_Section, frozen=True, kw_only=True):
    """All settings of a node."""

    node: NodeSettings = NodeSettings()
    keys: KeysSettings = KeysSettings()
    store: StoreSettings = StoreSettings()
    blobs: BlobsSettings = BlobsSettings()
    local_api: LocalApiSettings = LocalApiSettings()
    peer_api: PeerApiSettings = PeerApiSettings()
    registry: RegistrySettings = RegistrySettings()
    delivery: DeliverySettings = DeliverySettings()
    relay: RelaySettings = RelaySettings()
    audit: AuditSettings = AuditSettings()
    policy: PolicySettings = PolicySettings()
    cases: CasesSettings = CasesSettings()
    logs: LogsSettings = LogsSettings()

    @property
    def data_dir(self) -> Path:
        """The data folder."""
        return Path(self.node.data_dir)

    def path(self, text: str) -> Path:
        """Return a path of the settings; a relative one starts at the data folder."""
        return self.data_dir / text

    @property
    def database_path(self) -> Path | None:
        """The SQLite file; None for a database server."""
        name = self.store.url.removeprefix("sqlite:///")
        return None if name == self.store.url else self.path(name)

    @property
    def database_url(self) -> str:
        """Where the database is, from anywhere."""
        path = self.database_path
        return self.store.url if path is None else f"sqlite:///{path}"

    @property
    def blobs_path(self) -> Path:
        """The folder of sealed attachments."""
        return self.path(self.blobs.url.removeprefix("file:").removeprefix("//"))


def load(
    path: Path,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Mapping[str, object]] | None = None,
) -> Settings:
    """Read the settings of the node whose file is ``path``; its folder is the default data folder.

    Raises UnavailableError ``settings_missing``, RejectedError ``settings_malformed`` (no TOML),
    FaultsError with every fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as fault:
        raise UnavailableError(
            "settings_missing",
            f"there is no node at {path.parent}: name its folder with --dir, or make one with "
            "liaison init",
        ) from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise UnavailableError(
            "settings_missing", f"the settings {path} cannot be read: {fault}"
        ) from fault
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise RejectedError("settings_malformed", f"{path} is not TOML: {fault}") from fault
    _overlay(tables, _from_environ(environ or {}))
    _overlay(tables, flags or {})
    node = tables.setdefault("node", {})
    if isinstance(node, dict):
        node.setdefault("data_dir", str(path.parent.absolute()))
    try:
        settings = convert(tables, Settings, checks=_CHECKS)
    except FaultsError as fault:
        raise _faulty(path, fault.faults) from fault
    needed = {
        "/node/member": settings.node.member,
        "/registry/url": settings.registry.url,
        "/registry/anchor": settings.registry.anchor,
    }
    missing = [Fault(pointer=name, code="missing") for name, value in needed.items() if not value]
    if missing:
        raise _faulty(path, missing)
    return settings


def _date(value: str, pointer: str) -> Fault | None:
    try:
        date.fromisoformat(value)
    except ValueError:
        return Fault(pointer=pointer, code="not_a_date")
    return None


def _time_zone(value: str, pointer: str) -> Fault | None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return Fault(pointer=pointer, code="code_unknown", limit="IANA time zones")
    return None


_CHECKS: Mapping[str, Check] = {"date": _date, "time_zone": _time_zone}


def _faulty(path: Path, faults: Iterable[Fault]) -> FaultsError:
    """Name the settings as the file does: section, dot, name."""
    named = [replace(fault, pointer=fault.pointer[1:].replace("/", ".")) for fault in faults]
    return FaultsError(named, where=f"{path}: ")


def render(settings: Settings) -> str:
    """Return the settings as TOML with every one explained."""
    lines = [
        "# Liaison: every setting with its default. Copy what you change; leave out the rest.",
        "# Environment variables LIAISON_<SECTION>__<NAME> come after this file.",
    ]
    for section in msgspec.structs.fields(Settings):
        table = getattr(settings, section.name)
        lines += ["", f"# {type(table).__doc__}", f"[{section.name}]"]
        for item in msgspec.structs.fields(type(table)):
            lines += [f"# {sentence}" for sentence in _wrapped(_explanation(item.type))]
            lines.append(f"{item.name} = {_toml(getattr(table, item.name))}")
    return "\n".join(lines) + "\n"


def _explanation(kind: Any) -> str:
    texts = [
        note.description
        for note in getattr(kind, "__metadata__", ())
        if isinstance(note, msgspec.Meta) and note.description
    ]
    return texts[-1]


def _wrapped(text: str) -> list[str]:
    import textwrap  # noqa: PLC0415 - only where settings are written, not in the daemon

    return textwrap.wrap(text, 110)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return msgspec.json.encode(str(value)).decode()
        case list():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case InstrumentSettings() | CalendarSettings() | LiaisonOfficeSettings() | RegionSettings():
            shown = ", ".join(
                f"{name} = {_toml(item)}" for name, item in msgspec.structs.asdict(value).items()
            )
            return "{ " + shown + " }"
        case RoleGrant():
            items = {
                name: item
                for name in ("uid", "gid", "unit")
                if (item := getattr(value, name)) is not None
            }
            items["roles"] = [role.value for role in value.roles]
            shown = ", ".join(f"{name} = {_toml(item)}" for name, item in items.items())
            return "{ " + shown + " }"
    raise TypeError(f"no setting is of this type: {value!r}")


def _from_environ(environ: Mapping[str, str]) -> dict[str, dict[str, object]]:
    tables: dict[str, dict[str, object]] = {}
    for name, text in environ.items():
        section, separator, item = name.removeprefix(_ENVIRON_PREFIX).lower().partition("__")
        if name.startswith(_ENVIRON_PREFIX) and separator:
            tables.setdefault(section, {})[item] = _scalar(text)
    return tables


def _scalar(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _overlay(tables: dict[str, Any], over: Mapping[str, Mapping[str, object]]) -> None:
    for section, items in over.items():
        table = tables.setdefault(section, {})
        if isinstance(table, dict):
            table.update(items)
