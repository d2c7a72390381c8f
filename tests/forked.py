"""The command line in a process of its own that need not load it: forked from one that has it.

A command takes a tenth of a second so, and more than one to start from nothing. It has its own
arguments, environment, folder, output and exit code, as a command that somebody types.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

LOADED = ["gateway.cli.app", "gateway.daemon", "gateway.store.migrate", "tests.forked"]


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


def run(
    arguments: tuple[str, ...], environ: Mapping[str, str], *, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run ``liaison`` with these arguments. Raises TimeoutExpired, as ``subprocess.run`` does."""
    with tempfile.TemporaryDirectory(prefix="liaison-command-") as place:
        out, err = Path(place, "out"), Path(place, "err")
        child = _server().Process(
            target=_command, args=(arguments, dict(environ), str(Path.cwd()), str(out), str(err))
        )
        child.start()
        child.join(timeout_s)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise subprocess.TimeoutExpired(arguments, timeout_s)
        return subprocess.CompletedProcess(
            arguments, child.exitcode, out.read_text(), err.read_text()
        )


def _command(
    arguments: tuple[str, ...], environ: dict[str, str], folder: str, out: str, err: str
) -> None:
    """Become the command; what is printed is in files when the process is over."""
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv = ["liaison", *arguments]
    for number, (stream, name) in enumerate(
        (("stdin", os.devnull), ("stdout", out), ("stderr", err))
    ):
        opened = os.open(name, os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY, 0o600)
        os.dup2(opened, number)
        os.close(opened)
        mode = "w" if number else "r"
        setattr(sys, stream, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    from gateway.__main__ import main  # noqa: PLC0415 - when all of the above is so

    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
