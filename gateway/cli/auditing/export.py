"""``liaison audit export``: the log as static files, for anybody's tools.

A folder for each shard, laid out as c2sp.org/tlog-tiles says, with the keys and the policy by which
others verify it. What is there already is not fetched again; the checkpoint is written last, and
only once the files under it add up to it, and to the one that was there before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.auditing.phrases import SAID
from gateway.cli.terminal.console import language, note, say, show_json
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of
from gateway.errors import ConflictError, RejectedError
from gateway.services.federation.witnesses import witness_keys
from keys.registry.origins import log_keys_of
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint
from keys.tlog.merkle import EMPTY_ROOT
from keys.tlog.nodes import TiledHashes
from keys.tlog.policy import encode_policy
from keys.tlog.tiles import bundle_path, parse_tile, tile_path, tiles_of

if TYPE_CHECKING:
    from gateway.cli.terminal.client import Daemon
    from keys.registry.view import View

CHECKPOINT, POLICY, KEYS = "checkpoint", "policy", "vkeys"
FILES_PER_NOTE = 1000


@dataclass(frozen=True, slots=True)
class Exported:
    """A shard that was written: how many entries, and how many files were new."""

    shard: str
    entries: int
    files: int


def export(
    target: Annotated[Path, typer.Argument(help="A folder: a new one, or one exported before.")],
    folder: Folder = DEFAULT_FOLDER,
    entries: Annotated[bool, typer.Option(help="The entries too, not their hashes alone.")] = True,
    as_json: AsJson = False,
) -> None:
    """Write the audit log as static files (c2sp.org/tlog-tiles); again, what is missing of it."""
    from gateway.cli.ceremonies.mirror import held_in  # noqa: PLC0415 - loaded when a folder is read

    daemon, view = daemon_of(folder), held_in(folder).view
    written = []
    for shard in daemon.call("GET", "/v1/audit/shards")["shards"]:
        place = target / shard["shard"]
        written.append(_export(daemon, shard, place, with_entries=entries))
        for name, text in _trust(view, shard["origin"]).items():
            _write(place / name, text)
    if as_json:
        show_json({"shards": [asdict(item) for item in written]})
        return
    say(
        SAID["exported"].text(language()).format(
            folder=target,
            shards=len(written),
            entries=sum(item.entries for item in written),
            files=sum(item.files for item in written),
        )
    )  # fmt: skip


def _export(
    daemon: "Daemon", shard: Mapping[str, Any], place: Path, *, with_entries: bool
) -> Exported:
    """Write a shard. Raises ConflictError ``export_contradicts``, and what the daemon says."""
    name = shard["shard"]
    checkpoint = daemon.text(f"/v1/audit/shards/{name}/checkpoint?witnessed=yes").encode()
    head, before = parse_checkpoint(checkpoint), _before(place, shard["origin"])
    if before is not None and before.size > head.size:
        raise _contradicts(place)
    wanted = list(_files(head.size, with_entries=with_entries))
    missing = [path for path in wanted if not (place / path).exists()]
    prefix = f"/v1/audit/shards/{name}/"
    for done, (path, content) in enumerate(daemon.each([prefix + path for path in missing]), 1):
        _write(place / path.removeprefix(prefix), content)
        if done % FILES_PER_NOTE == 0:
            note(f"{name}: {done} / {len(missing)}")
    for item in (head, before):
        if item is not None and _root(place, head.size, item.size) != item.root:
            raise _contradicts(place)
    _write(place / CHECKPOINT, checkpoint)
    _clear(place, set(wanted))
    return Exported(name, head.size, len(missing))


def _files(size: int, *, with_entries: bool) -> Iterator[str]:
    """Yield the paths of a log's files."""
    for level, index, width in tiles_of(size):
        yield f"tile/{tile_path(level, index, width)}"
        if level == 0 and with_entries:
            yield f"tile/entries/{bundle_path(index, width)}"


def _before(place: Path, origin: str) -> Checkpoint | None:
    """Return the head that the folder was exported with before, if it was."""
    try:
        head = parse_checkpoint((place / CHECKPOINT).read_bytes())
    except FileNotFoundError:
        return None
    if head.origin != origin:
        raise RejectedError("export_of_another_log", f"{place} holds {head.origin}")
    return head


def _root(place: Path, size: int, of: int) -> bytes:
    """Return the root of the tree of the first ``of`` leaves, from the tiles in the folder."""

    def read(level: int, index: int, width: int) -> Sequence[bytes]:
        content = (place / "tile" / tile_path(level, index, width)).read_bytes()
        return parse_tile(content, width)

    return TiledHashes(size, read)(0, of) if of else EMPTY_ROOT


def _trust(view: "View", origin: str) -> dict[str, bytes]:
    """Return whose word on a shard's heads is enough, for tools that know no registry."""
    logs = log_keys_of(view, origin)
    pairs = {member.member: witness_keys(member) for member in view.witnessing()}
    witnesses = {name: keys for name, keys in pairs.items() if keys}
    keys = [*logs, *(key for named in witnesses.values() for pair in named for key in pair)]
    files = {KEYS: "".join(f"{key.text}\n" for key in keys).encode()}
    if logs and len(witnesses) >= view.witnesses.quorum:
        files[POLICY] = encode_policy(logs, witnesses, view.witnesses.quorum)
    return files


def _clear(place: Path, wanted: set[str]) -> None:
    """Remove what a larger tree made superfluous: tiles that are full by now."""
    for file in (place / "tile").rglob("*.p/*"):
        if str(file.relative_to(place)) not in wanted:
            file.unlink()
    for folder in (place / "tile").rglob("*.p"):
        if not any(folder.iterdir()):
            folder.rmdir()


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


def _contradicts(place: Path) -> ConflictError:
    return ConflictError(
        "export_contradicts",
        f"{place} holds a log that this one does not continue, or files that were altered: keep "
        "it, export into a new folder, and compare both with liaison audit verify",
    )
