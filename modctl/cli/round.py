"""``modctl round``: the day's checks, signed once, so that gates stop surprising people with a patient waiting."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from modctl.cli.common import Context, emit, finish, pass_context, say
from modctl.cli.durations import DURATION
from modctl.errors import Exit

if TYPE_CHECKING:
    from modctl.ipc.client import BlockingClient
    from modctl.records import RoundCheck

LOOK_AGAIN_S: Final = 0.5  # chosen: half a second is how often an idle unit tells of its switch
AT_A_TERMINAL_MS: Final = 30_000  # chosen: time to walk to the unit and press
SHAPES: Final = {"ok": "□ ok  ", "open": "! open"}


class CheckLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="round.check"):
    """One thing that was looked at, as it was signed."""

    check: str
    subject: str
    result: str
    found: str


@click.group(name="round")
def day_round() -> None:
    """The day's checks, signed once: stop switches, tanks, units, clock, anchors, what is still open."""


_AS = click.option("--as", "user", required=True, help="Who signs; the PIN is asked.")
_PIN = click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")


@day_round.command(name="open")
@_AS
@_PIN
@click.option("--wait", "wait_ms", type=DURATION, help="How long to wait for stop switches. Example: 30s.")
@pass_context
def open_round(context: Context, *, user: str, pin_file: Path | None, wait_ms: int | None) -> None:
    """Look at everything, wait for the stop switches to be pressed and let go, and sign what was found.

    A switch that its unit has told of counts as tested today for every session. Exit 1 when something is open.
    Example: modctl round open --as therapist
    """
    import sys

    client = _signed_in(context, user, pin_file)
    waited_ms = (AT_A_TERMINAL_MS if sys.stdin.isatty() else 0) if wait_ms is None else wait_ms
    _wait_for_switches(client, waited_ms)
    _sign(client, "open")


@day_round.command(name="close")
@_AS
@_PIN
@pass_context
def close_round(context: Context, *, user: str, pin_file: Path | None) -> None:
    """Look at everything once more at the end of the day, and sign what was found. Exit 1 when something is open.

    Example: modctl round close --as therapist
    """
    _sign(_signed_in(context, user, pin_file), "close")


def _signed_in(context: Context, user: str, pin_file: Path | None) -> "BlockingClient":
    from modctl.cli.reach import controller, scripted_pin, typed_pin

    scripted = scripted_pin(context, pin_file)
    client = controller(context)
    client.sign_in(user, typed_pin(user) if scripted is None else scripted)
    return client


def _wait_for_switches(client: "BlockingClient", wait_ms: int) -> None:
    """Say which switches are to be pressed, and look until they were, or the time is up."""
    import threading

    from devices.model import NS_PER_MS
    from modctl.clock import SystemClock

    clock = SystemClock()
    until_ns = clock.mono_ns() + wait_ms * NS_PER_MS
    told: set[str] = set()
    while waiting := [one for one in _checks(client, None) if one.check == "stop_switch" and one.result == "open"]:
        for one in waiting:
            line = f"{one.subject}: stop switch {one.found}"
            if line not in told:
                told.add(line)
                say(line)
        if clock.mono_ns() >= until_ns:
            return
        threading.Event().wait(LOOK_AGAIN_S)


def _sign(client: "BlockingClient", sign: str) -> None:
    checks = _checks(client, sign)
    for one in checks:
        subject = f" {one.subject}" if one.subject else ""
        line = CheckLine(**msgspec.structs.asdict(one))
        emit(line, f"{SHAPES[one.result]}  {one.check.replace('_', ' ')}{subject}: {one.found}")
    finish(Exit.OK if all(one.result == "ok" for one in checks) else Exit.FINDINGS)


def _checks(client: "BlockingClient", sign: str | None) -> "tuple[RoundCheck, ...]":
    from modctl.cli.reach import done
    from modctl.ipc.messages import Round

    return done(client.request(Round(id=client.next_id(), sign=sign))).checks or ()
