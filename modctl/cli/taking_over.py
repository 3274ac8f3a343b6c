"""``modctl session attend``: a running session from somebody else's hands into one's own, without screens."""

import contextlib
from pathlib import Path

import click

from modctl.cli.common import Context, finish, pass_context
from modctl.errors import UsageError
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import SessionView, Snapshot, Subscribe

OVER = ("ended", "unconfirmed")


@click.command(name="attend")
@click.argument("wanted", metavar="[SESSION]", required=False)
@click.option("--as", "user", required=True, help="Who takes it over; the PIN is asked.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def attend_session(context: Context, wanted: str | None, *, user: str, pin_file: Path | None) -> None:
    """Take a running session over from somebody else (default: the only one that runs), and attend it to its end.

    It is charted from whom and to whom. The keys are those of modctl session start; closing this terminal stops what
    is attended. Example: modctl session attend --as therapist
    """
    from modctl.cli.attend import Attendant
    from modctl.cli.keys import Keys
    from modctl.cli.reach import controller, pin_for

    client = controller(context, attends=True)
    client.sign_in(user, pin_for(context, user, pin_file))
    sessions = _halves({view.session: view for view in views(client) if view.phase not in OVER}, wanted)
    keys = Keys()
    with keys.listening(), contextlib.closing(client):
        ended = Attendant(client, keys, context, user, None).take_over(sessions)
    finish(ended)


def views(client: BlockingClient) -> tuple[SessionView, ...]:
    """The controller's sessions now. Who is treated is told to those who may know."""
    client.request(Subscribe(id=client.next_id()))
    while not isinstance(message := client.next_message(None), Snapshot):
        pass
    return message.sessions


def _halves(found: dict[str, SessionView], wanted: str | None) -> tuple[str, ...]:
    """The session meant, with the other half of its combination behind it."""
    told = "; ".join(f"{view.session} on {view.unit}, {view.person or 'nobody'}" for view in found.values())
    if wanted is None and len({view.partner or view.session for view in found.values()}) != 1 and len(found) != 1:
        raise UsageError(f"Which session? {told or 'None runs.'} Nothing was handed over.")
    view = next(iter(found.values())) if wanted is None else found.get(wanted)
    if view is None:
        raise UsageError(f"No session {wanted!r} runs. {told} Nothing was handed over.")
    return (view.session, view.partner) if view.partner in found else (view.session,)
