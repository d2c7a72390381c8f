"""A slice of the crossing of large attachments: real nodes, a relay, real kills."""

from pathlib import Path

import pytest

from tests.system.attachment import MEBIBYTE, Crossing, cross

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

IN_FLIGHT = 3
"""As many segments as a kill may cut off."""


def is_sound(account: Crossing) -> None:
    """Assert that all of it came, and that only what was missing travelled again."""
    assert account.receipt_verified
    assert account.contents_equal
    for member in account.begun:
        if member == "XA":
            assert account.begun[member] == 0
            continue
        # A kill between a segment's commit and its line in the log leaves the line out.
        assert account.stored[member] >= account.segments - account.kills * IN_FLIGHT
        assert account.begun[member] <= account.segments + account.kills * IN_FLIGHT
        assert account.over_idle_mib[member] < 64


def test_attachment_crosses_kills_of_all_who_carry_it(tmp_path: Path) -> None:
    """Relay and sender die while it goes up, the recipient while it collects."""
    is_sound(cross(tmp_path, size=40 * MEBIBYTE, via_relay=True, kills=3))


@pytest.mark.campaign
@pytest.mark.parametrize("policy", ["before_receipt", "text_first"])
def test_attachment_crosses_many_kills(tmp_path: Path, policy: str) -> None:
    """Directly, before its receipt or after; sender and recipient in turn."""
    is_sound(cross(tmp_path, size=256 * MEBIBYTE, via_relay=False, kills=6, policy=policy))


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_four_gibibytes_cross_a_relay_in_bounded_memory(tmp_path: Path) -> None:
    """What is ordinary: two kills on the way, and no more memory than for a small one."""
    is_sound(cross(tmp_path, size=4096 * MEBIBYTE, via_relay=True, kills=2))
