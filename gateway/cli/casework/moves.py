"""``liaison case reply`` and the other moves: a command for each kind of the conduct.

What a kind's content has at the top becomes an option; the rest is asked for, or stands in a file.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cases.families.conduct import KINDS
from gateway.cases.fields.labels import Label
from gateway.cases.forms import Field, Shape, form_of
from gateway.cases.handling import HandlingCode, Tlp
from gateway.cases.kind import Kind
from gateway.cli.casework.saying import Wish, say_it
from gateway.cli.casework.state import command_of, other_side, thread_for
from gateway.cli.forms.words import hint
from gateway.cli.terminal.console import language
from gateway.cli.terminal.french import bilingual
from gateway.cli.terminal.naming import case_named, messages_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of, settings_of

Template = Annotated[
    Path | None, typer.Option(help="Write a file to fill in here, and send nothing.")
]
Filled = Annotated[
    Path | None,
    typer.Option("--file", help="A filled template, or JSON (.json).", exists=True, dir_okay=False),
]
Attach = Annotated[
    list[Path] | None,
    typer.Option(help="A file to attach; may be repeated.", exists=True, dir_okay=False),
]
OnBehalfOf = Annotated[str | None, typer.Option(help="For a union: the state for which it speaks.")]
Forwarding = Annotated[
    list[str] | None, typer.Option(help="A message whose content it passes on; may be repeated.")
]
Purpose = Annotated[str | None, typer.Option(help="For what it is passed on, such as assessment.")]
TlpOption = Annotated[Tlp | None, typer.Option(help="Traffic light of the content.")]
CodesOption = Annotated[
    list[HandlingCode] | None, typer.Option("--handling", help="A handling code; may be repeated.")
]
Wait = Annotated[int, typer.Option(help="Wait so many seconds for the receipts; 0 for not.", min=0)]


def add_moves(app: typer.Typer) -> None:
    """Add a command for each kind of the conduct."""
    for kind in KINDS:
        told = bilingual(Label(f"{kind.label.en}.", f"{kind.label.fr}."))
        app.command(command_of(kind.name), help=told)(_command(kind))


def handling_of(tlp: Tlp | None, codes: Sequence[HandlingCode] | None) -> dict[str, Any]:
    """Return the handling that options name; nothing where they name none."""
    if tlp is None and codes is None:
        return {}
    said: dict[str, Any] = {} if tlp is None else {"tlp": tlp.value}
    return {"handling": said | {"codes": [code.value for code in codes or ()]}}


def _command(kind: Kind) -> Callable[..., int]:
    offered = [field for field in form_of(kind) if field.shape is not Shape.PART]

    def move(
        case: Annotated[str, typer.Argument(help="The case.")],
        folder: Folder = DEFAULT_FOLDER,
        to: Annotated[str | None, typer.Option(help="To whom, in a case of several.")] = None,
        file: Filled = None,
        template: Template = None,
        attach: Attach = None,
        on_behalf_of: OnBehalfOf = None,
        forwarding: Forwarding = None,
        purpose: Purpose = None,
        tlp: TlpOption = None,
        handling: CodesOption = None,
        wait: Wait = 0,
        as_json: AsJson = False,
        **values: Any,
    ) -> int:
        daemon, me = daemon_of(folder), settings_of(folder).node.member
        speakers = [name for name in (me, on_behalf_of) if name]
        case = case_named(daemon, case)
        detail = daemon.call("GET", f"/v1/cases/{case}")
        thread = thread_for(detail, kind.name, speakers, to)
        return say_it(
            daemon,
            Wish(
                kind=kind,
                to=[other_side(thread, speakers)],
                command=f"liaison case {command_of(kind.name)} {case}",
                case=case,
                file=file,
                template=template,
                attach=attach or (),
                on_behalf_of=on_behalf_of,
                forwards=messages_named(daemon, forwarding or ()),
                purpose=purpose,
                known={"language": language()},
                given=_given(offered, values) | handling_of(tlp, handling),
                wait_s=wait,
                as_json=as_json,
            ),
        )

    signature = inspect.signature(move)
    fixed = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    options = [_option(field) for field in offered if field.name not in signature.parameters]
    move.__signature__ = signature.replace(parameters=[*fixed, *options])  # type: ignore[attr-defined]
    return move


def _option(field: Field) -> inspect.Parameter:
    """Return an option for a field: given once, or repeated for a list."""
    held: Any = {Shape.FLAG: bool, Shape.NUMBER: int}.get(field.shape, str)
    if field.many:
        held = list[held]
    names = [f"--{field.name.replace('_', '-')}"]
    words = Label(*(f"{field.label.text(one)} ({_told(field, one)})." for one in ("en", "fr")))
    told = typer.Option(*names, help=bilingual(words), show_default=False)
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[held | None, told],
    )


def _told(field: Field, spoken: str) -> str:
    return ", ".join(field.choices) if field.choices else hint(field, spoken)


def _given(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields}
    return {name: value for name, value in values.items() if name in names and value is not None}
