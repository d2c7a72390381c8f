"""What a process that holds keys shows of its memory to others: nothing.

Source: keys/README.md, "The keystore"; prctl(2), core(5).
"""

import ctypes
import resource

_PR_SET_DUMPABLE = 4


def seclude() -> None:
    """Let no core file of this process be written, and no other of the same user look into it.

    A limit of zero alone would not do: the kernel does not ask it where cores go to a program. Not
    dumpable, a process has no core, cannot be traced by its own user, and shows the entries of
    ``/proc`` that hold secrets to root alone. What it starts afresh is dumpable again.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
