"""The file: one form of ZIP, a closed list of names, and nothing read before it is bounded."""

import io
import shutil
import struct
import subprocess
import warnings
import zipfile
from pathlib import Path

import pytest

from gateway.errors import RejectedError
from gateway.evidence.archive import MAX_MEMBERS, encode_archive, parse_archive
from gateway.evidence.file import encode_evidence, parse_evidence
from tests.evidence.made import case, file_of

PARTS = {"HOWTO.txt": b"How to.\n", "message/header": b"h" * 40, "message/signed": b""}


def bound(name: str) -> int | None:
    """Allow three names, of 64 bytes each."""
    return 64 if name in PARTS else None


def code_of(encoded: bytes) -> str:
    """Return the code with which an archive is refused."""
    with pytest.raises(RejectedError) as caught:
        parse_archive(encoded, bound)
    return caught.value.code


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return what another tool would write."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that stands twice
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_archive_is_read_as_written_and_by_others() -> None:
    """Members in their order; the library's reader finds the same, and dates of 1980."""
    encoded = encode_archive(PARTS)
    assert list(parse_archive(encoded, bound).items()) == list(PARTS.items())
    with zipfile.ZipFile(io.BytesIO(encoded)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == PARTS
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.skipif(shutil.which("unzip") is None, reason="there is no unzip on this machine")
def test_archive_is_unpacked_by_unzip(tmp_path: Path) -> None:
    """The tool that everybody has."""
    (tmp_path / "file").write_bytes(encode_archive(PARTS))
    unzip = str(shutil.which("unzip"))
    subprocess.run([unzip, "-q", "file"], cwd=tmp_path, check=True)
    for name, content in PARTS.items():
        assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize(
    "name",
    [
        "../HOWTO.txt",
        "/etc/passwd",
        "HOWTO.txt/",
        "howto.txt",
        "message\\header",
        "HOWTO.txt\x00",
        "recipients/../receipt",
        "recipients/XB/../../x",
        "recipients/XB/other",
        "",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    """Unexpected ones, and those that would lead out of the folder into which it is unpacked."""
    assert code_of(encode_archive({**PARTS, name: b""})) == "evidence_name_unknown"
    with pytest.raises(RejectedError) as caught:
        parse_evidence(encode_archive({name: b""}))
    assert caught.value.code == "evidence_name_unknown"


def test_names_are_ascii() -> None:
    """A name that only looks like another is another."""
    assert code_of(zipped(("HOWTO.t\N{CYRILLIC SMALL LETTER HA}t", b""))) == "evidence_name_unknown"


def test_name_that_stands_twice_is_refused() -> None:
    """Two tools would read two files."""
    assert code_of(zipped(("HOWTO.txt", b"a"), ("HOWTO.txt", b"b"))) == "evidence_name_doubled"


def test_packed_members_are_refused() -> None:
    """Compressed, and encrypted, before anything is read of them."""
    packed = zipped(("HOWTO.txt", b"a" * 60), method=zipfile.ZIP_DEFLATED)
    assert code_of(packed) == "evidence_packed"
    encoded = bytearray(encode_archive(PARTS))
    at = encoded.index(b"PK\x01\x02")
    encoded[at + 8] |= 1
    assert code_of(bytes(encoded)) == "evidence_packed"


def test_oversized_members_are_refused() -> None:
    """What a name may hold is known beforehand, whatever the file says."""
    assert code_of(encode_archive({"HOWTO.txt": b"a" * 65})) == "evidence_oversized"
    encoded = bytearray(encode_archive(PARTS))
    at = encoded.index(b"PK\x01\x02")
    encoded[at + 20 : at + 28] = struct.pack("<2I", 2**31, 2**31)
    assert code_of(bytes(encoded)) == "evidence_oversized"
    end = encoded.index(b"PK\x05\x06")
    encoded[end + 10 : end + 12] = struct.pack("<H", MAX_MEMBERS + 1)
    assert code_of(bytes(encoded)) == "evidence_oversized"


def test_members_that_overlap_are_refused() -> None:
    """A few bytes that are read a thousand times over are a bomb."""
    encoded = bytearray(encode_archive(dict.fromkeys(PARTS, b"")))
    at = -1
    for _ in PARTS:
        at = encoded.index(b"PK\x01\x02", at + 1)
        encoded[at + 20 : at + 28] = struct.pack("<2I", 64, 64)
    many = dict.fromkeys(PARTS, 200)
    assert code_of(bytes(encoded)) == "evidence_bytes_differ"
    with pytest.raises(RejectedError) as caught:
        parse_archive(
            bytes(encoded).replace(struct.pack("<2I", 64, 64), b"\xc8\0\0\0" * 2), many.get
        )
    assert caught.value.code == "evidence_malformed"


@pytest.mark.parametrize(
    "encoded",
    [b"", b"PK", b"x" * 100, encode_archive(PARTS)[1:], encode_archive(PARTS) + b"x",
     b"x" + encode_archive(PARTS), encode_archive(PARTS)[:-1]],
)  # fmt: skip
def test_what_is_no_archive_is_refused(encoded: bytes) -> None:
    """Nothing before, nothing behind, nothing cut."""
    assert code_of(encoded) == "evidence_malformed"


def test_every_byte_of_the_form_counts() -> None:
    """Dates, attributes, comments, versions: whatever other tools let pass."""
    good = encode_archive(PARTS)
    for at in range(len(good)):
        bent = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        with pytest.raises(RejectedError):
            parse_archive(bent, bound)


def test_evidence_is_read_as_written_and_written_the_same() -> None:
    """Bytes to parts and back, open and closed; the same parts make the same file."""
    made = case()
    for evidence in (made.parts, made.closed):
        encoded = file_of(evidence)
        read, howto = parse_evidence(encoded)
        assert read == evidence
        assert encode_evidence(read, howto) == encoded == file_of(evidence)


def test_evidence_lacks_nothing_and_is_in_order() -> None:
    """A member without the one that belongs to it, another order, both forms of the content."""
    encoded = file_of(case().parts)
    with zipfile.ZipFile(io.BytesIO(encoded)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for missing in ("HOWTO.txt", "message/signed", "message/payload", "registry/checkpoint",
                    "sender/entry", "sender/entry.tlog-proof"):  # fmt: skip
        left = {name: content for name, content in members.items() if name != missing}
        with pytest.raises(RejectedError) as caught:
            parse_evidence(encode_archive(left))
        assert caught.value.code == "evidence_incomplete"
    for wrong in (
        dict(reversed(members.items())),
        {**members, "message/payload-digest": b"d" * 32},
        {**members, "recipients/XC/held.tlog-proof": b"no entry"},
    ):
        with pytest.raises(RejectedError) as caught:
            parse_evidence(encode_archive(wrong))
        assert caught.value.code == "evidence_incomplete"
    torn = {**members, "registry/statements": members["registry/statements"][:-1]}
    with pytest.raises(RejectedError) as caught:
        parse_evidence(encode_archive(torn))
    assert caught.value.code == "bundle_malformed"
