"""Who the node is, and what it keeps where: keys, database, attachments, its log."""

from enum import StrEnum
from typing import Annotated

from gateway.settings.section import Section, Text, explained


class Fetch(StrEnum):
    """When the attachments of a received message come."""

    BEFORE_RECEIPT = "before_receipt"
    TEXT_FIRST = "text_first"
    ON_DEMAND = "on_demand"


class NodeSettings(Section, frozen=True, kw_only=True):
    """Who this node is and where it keeps what it has."""

    member: Annotated[
        str,
        explained(
            "The member that this node serves, as the registry names it.",
            pattern=r"\A([A-Z][A-Z0-9-]{1,31})?\Z",
        ),
    ] = ""
    data_dir: Annotated[
        Text,
        explained("The folder of all that the node keeps; relative paths below start here."),
    ] = "/var/lib/liaison"


class KeysSettings(Section, frozen=True, kw_only=True):
    """The keystore."""

    file: Annotated[Text, explained("The sealed file with this node's private keys.")] = "keystore"
    passphrase_file: Annotated[
        Text,
        explained("A file (mode 0600) with the passphrase of the keystore; empty for none."),
    ] = ""
    credential: Annotated[
        Text,
        explained(
            "The name of the systemd credential that holds the passphrase; empty for none. Where "
            "neither is named, the passphrase is asked for."
        ),
    ] = ""
    pkcs11_module: Annotated[
        Text,
        explained(
            "The shared library (PKCS#11) of the token in which sign keys lie; empty for none. "
            "Needs the extra pkcs11."
        ),
    ] = ""
    pkcs11_token: Annotated[Text, explained("The label of that token.")] = ""
    pkcs11_draw: Annotated[
        bool,
        explained(
            "Whether a new sign key is drawn in the token; false to move back to the keystore with "
            "the next rotation, while the token is still there."
        ),
    ] = True
    pkcs11_pin_file: Annotated[
        Text, explained("A file (mode 0600) with the token's PIN; empty for none.")
    ] = ""
    pkcs11_credential: Annotated[
        Text,
        explained("The name of the systemd credential that holds the PIN; empty for none."),
    ] = ""


class StoreSettings(Section, frozen=True, kw_only=True):
    """The database."""

    url: Annotated[
        Text,
        explained(
            "Where the database is: sqlite:/// and a path, or postgresql://user@host/name, with "
            "?passfile= and a path for the password; several daemons may share the latter.",
            pattern=r"\A(sqlite:///.|postgresql://[^:@/]*(@|/|\Z))",
        ),
    ] = "sqlite:///liaison.db"


class BlobsSettings(Section, frozen=True, kw_only=True):
    """Sealed attachments."""

    url: Annotated[
        Text,
        explained("Where sealed attachments are kept; file: and a path.", pattern=r"\Afile:."),
    ] = "file:blobs"
    max_attachment_bytes: Annotated[
        int, explained("The largest attachment, in bytes.", ge=1, le=2**39)
    ] = 4 * 1024**3
    fetch: Annotated[
        Fetch,
        explained(
            "When attachments come: before_receipt (the receipt waits for them), text_first (the "
            "message is stored and receipted, then they are fetched) or on_demand (they are "
            "fetched when somebody asks). The latter two are for a poor line."
        ),
    ] = Fetch.BEFORE_RECEIPT
    fetch_small_bytes: Annotated[
        int,
        explained(
            "Attachments up to so many bytes come before the receipt all the same.", ge=0, le=2**39
        ),
    ] = 256 * 1024
    min_free_bytes: Annotated[
        int,
        explained("Below so many free bytes new work is refused, accepted work goes on.", ge=0),
    ] = 64 * 1024**2

    @property
    def max_sealed_bytes(self) -> int:
        """The largest attachment as it travels: padding and tags add at most an eighth."""
        return self.max_attachment_bytes * 9 // 8 + 4096


class LogsSettings(Section, frozen=True, kw_only=True):
    """The operator's log, on standard error."""

    level: Annotated[
        str, explained("debug, info, warning or error.", pattern=r"\A(debug|info|warning|error)\Z")
    ] = "info"
    format: Annotated[
        str, explained("json for programs, text for people.", pattern=r"\A(json|text)\Z")
    ] = "json"
