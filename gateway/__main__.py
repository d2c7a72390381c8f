"""The command ``liaison``. ``serve`` goes straight to the daemon and loads no CLI."""

import argparse
import gc
import os
import sys
from pathlib import Path
from typing import NoReturn

USAGE = 2


def main() -> None:
    """Run the command line."""
    if len(sys.argv) > 1 and sys.argv[1] == "serve" and "--help" not in sys.argv:
        sys.exit(_serve(sys.argv[2:]))
    from gateway.cli.app import run  # noqa: PLC0415 - the daemon does without

    sys.exit(run())


class _Options(argparse.ArgumentParser):
    """What ``serve`` takes, without the command line, which says what is wrong with it."""

    def error(self, message: str) -> NoReturn:
        del message
        from gateway.cli.app import run  # noqa: PLC0415 - the daemon does without

        sys.exit(run(["serve", *sys.argv[2:]]) or USAGE)


def _serve(arguments: list[str]) -> int:
    parser = _Options(add_help=False, allow_abbrev=False)
    parser.add_argument("--dir", default=os.environ.get("LIAISON_DIR", "/var/lib/liaison"))
    parser.add_argument("--ask", action="store_true")
    options = parser.parse_args(arguments)
    gc.disable()  # what is loaded stays: to look for garbage in it takes an eighth of the time
    from gateway.daemon import serve  # noqa: PLC0415 - after the arguments are known to be good
    from gateway.errors import LiaisonError, UnavailableError  # noqa: PLC0415 - the same

    gc.freeze()
    gc.enable()

    passphrase = None
    if options.ask:
        import getpass  # noqa: PLC0415 - only in a terminal

        from gateway.cases.fields.labels import Label  # noqa: PLC0415 - the same
        from gateway.cli.terminal.console import language  # noqa: PLC0415 - the same
        from keys.memory import seclude  # noqa: PLC0415 - the same

        seclude()
        asked = Label("Passphrase of the keystore: ", "Phrase secrète du fichier des clés : ")
        passphrase = getpass.getpass(asked.text(language())).encode()
    try:
        serve(Path(options.dir), os.environ, passphrase)
    except LiaisonError as fault:
        sys.stderr.write(f"liaison serve: {fault.detail} [{fault.code}]\n")
        return 3 if isinstance(fault, UnavailableError) else 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    main()
