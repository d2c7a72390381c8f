"""All settings of a node together."""

from pathlib import Path

from gateway.settings.cases import CasesSettings
from gateway.settings.events import EventsSettings
from gateway.settings.lines import (
    AuditSettings,
    DeliverySettings,
    LocalApiSettings,
    PeerApiSettings,
    RegistrySettings,
    RelaySettings,
)
from gateway.settings.policy import PolicySettings
from gateway.settings.section import Section
from gateway.settings.storage import (
    BlobsSettings,
    KeysSettings,
    LogsSettings,
    NodeSettings,
    StoreSettings,
)


class Settings(Section, frozen=True, kw_only=True):
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
    events: EventsSettings = EventsSettings()
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
