"""How much of everything a run measures."""

from dataclasses import dataclass

from tests.bench.report import MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Counts of messages in a round, sizes in bytes, and the points of the growth curves."""

    rounds: int
    batch: int
    single: int
    alone: int
    large: int
    """Messages of 64 KiB."""
    attachments: int
    """Messages with an attachment of 1 MiB."""
    attachment_bytes: int
    """The one attachment that is larger than any memory should be."""
    starts: int
    waiting: tuple[int, ...]
    """How many messages wait for a peer that is away."""
    members: tuple[int, ...]
    """How many members the registry has beside those that exchange."""
    statements: tuple[int, ...]
    """How long the registry is that is replayed."""
    recipients: tuple[int, ...]
    log_entries: tuple[int, ...]
    proven: tuple[int, ...]
    """How long the audit log is from whose stored hashes proofs are made."""
    case_messages: tuple[int, ...]
    reports: tuple[int, ...]
    """How many an operation has."""


NORMAL = Scale(
    rounds=5,
    batch=6_400,
    single=2_000,
    alone=100,
    large=500,
    attachments=60,
    attachment_bytes=256 * MIB,
    starts=5,
    waiting=(0, 10_000, 100_000),
    members=(10, 100, 1_000),
    statements=(1_000, 3_000, 10_000),
    recipients=(1, 8, 64),
    log_entries=(10_000, 100_000, 1_000_000),
    proven=(10_000, 1_000_000, 10_000_000),
    case_messages=(100, 1_000, 5_000),
    reports=(1_000, 5_000, 20_000),
)
FULL = Scale(
    rounds=7,
    batch=12_800,
    single=4_000,
    alone=200,
    large=1_000,
    attachments=120,
    attachment_bytes=1024 * MIB,
    starts=7,
    waiting=(0, 10_000, 100_000, 1_000_000),
    members=(10, 100, 1_000, 10_000),
    statements=(1_000, 3_000, 10_000),
    recipients=(1, 8, 64),
    log_entries=(10_000, 100_000, 1_000_000, 10_000_000),
    proven=(10_000, 1_000_000, 10_000_000),
    case_messages=(100, 1_000, 5_000),
    reports=(1_000, 5_000, 20_000),
)
QUICK = Scale(
    rounds=2,
    batch=640,
    single=200,
    alone=20,
    large=64,
    attachments=8,
    attachment_bytes=32 * MIB,
    starts=2,
    waiting=(0, 640, 2_560),
    members=(5, 20, 80),
    statements=(20, 40, 80),
    recipients=(1, 2, 4),
    log_entries=(1_000, 4_000, 16_000),
    proven=(4_000, 16_000),
    case_messages=(10, 40, 160),
    reports=(100, 200, 400),
)
