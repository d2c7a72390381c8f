"""What a process with keys shows of itself."""

import ctypes
import resource

from keys.memory import seclude

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4


def test_process_with_keys_leaves_no_core_and_lets_nobody_look_in() -> None:
    """Neither a core file nor one that is piped to a program, and no tracing by its own user."""
    kernel = ctypes.CDLL(None)
    try:
        seclude()
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
        assert kernel.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
    finally:
        kernel.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
