"""``modctl unit identify``, ``watch``, ``run``: a unit on the bench, with nobody connected."""

import contextlib
from pathlib import Path
from typing import Final

import click
import msgspec

from devices.model import NS_PER_MS, NS_PER_S
from modctl.cli.common import Context, emit, finish, pass_context
from modctl.cli.durations import DURATION
from modctl.errors import Exit, RefusedError, UnreachableError
from modctl.ipc.servicing import UnitDetail

IDENTIFY_NS: Final = 3 * NS_PER_S  # house rule: a start gives a unit as long
LOOK_S: Final = 0.2  # chosen: five lines a second can still be read
PIN_FILE = click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
# What a bench run's questions are answered with where nobody sits at a terminal: in simulated sites only.
SAID: Final = {"bench_nobody": "nobody", "bench_load": "connected", "confirm": "start"}


class IdentityLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="unit.identity"):
    """Who answered."""

    unit: str
    model: str
    serial: str
    firmware: str
    simulated: bool
    matches: bool


class DetailLine(UnitDetail, frozen=True, kw_only=True, tag_field="kind", tag="unit.sample"):
    """One look at a unit's newest sample."""


@click.command()
@click.argument("name")
@click.option("--as", "user", required=True, help="Who asks; the PIN is asked.")
@PIN_FILE
@pass_context
def identify(context: Context, name: str, *, user: str, pin_file: Path | None) -> None:
    """Ask a unit anew who it is: model, serial number, firmware. Charted. Exit 1 when it is not the one of its entry.

    Example: modctl unit identify ultrasound-1 --as technician
    """
    from modctl.cli.reach import controller, done, pin_for
    from modctl.clock import SystemClock
    from modctl.ipc.messages import Event, Subscribe
    from modctl.ipc.servicing import IdentifyUnit
    from modctl.records import UnitIdentified
    from modctl.reports.telling import entry_of, record_of

    client = controller(context)
    client.sign_in(user, pin_for(context, user, pin_file))
    client.request(Subscribe(id=client.next_id(), snapshots=False))
    done(client.request(IdentifyUnit(id=client.next_id(), unit=name)))
    clock = SystemClock()
    until_ns = clock.mono_ns() + IDENTIFY_NS
    while (left_ns := until_ns - clock.mono_ns()) > 0:
        message = client.next_message(left_ns / NS_PER_S)
        record = record_of(entry_of(message.entry)) if isinstance(message, Event) else None
        if isinstance(record, UnitIdentified) and record.unit == name:
            line = IdentityLine(**msgspec.structs.asdict(record))
            kind = "simulated" if record.simulated else "REAL"
            fits = "as in site.toml" if record.matches else "NOT THE UNIT OF ITS ENTRY"
            parts = (name, record.model, f"serial {record.serial or 'not told'}", f"firmware {record.firmware}")
            emit(line, "  ".join((*parts, kind, fits)))
            finish(Exit.OK if record.matches else Exit.FINDINGS)
    raise UnreachableError(f"{name} did not answer within {IDENTIFY_NS // NS_PER_S} s. See modctl unit list.")


@click.command()
@click.argument("name")
@click.option("--for", "for_ms", type=DURATION, help="So long; else until Ctrl-C.")
@pass_context
def watch(context: Context, name: str, *, for_ms: int | None) -> None:
    """Print what a unit reports, again and again; nothing is written to it for that. Ctrl-C ends it.

    Example: modctl unit watch ultrasound-1 --for 10s
    """
    from modctl.cli.reach import controller, done
    from modctl.clock import SystemClock
    from modctl.ipc.servicing import LookAtUnit

    client, clock = controller(context), SystemClock()
    until_ns = None if for_ms is None else clock.mono_ns() + for_ms * NS_PER_MS
    with contextlib.suppress(KeyboardInterrupt):
        while until_ns is None or clock.mono_ns() < until_ns:
            detail = done(client.request(LookAtUnit(id=client.next_id(), unit=name))).detail
            if detail is not None:
                line = DetailLine(**{field: getattr(detail, field) for field in detail.__struct_fields__})
                emit(line, _detail_line(detail))
            client.next_message(LOOK_S)  # nothing was subscribed to: it only waits


@click.command()
@click.argument("name")
@click.option("--load", required=True, help="What is on the output, such as '500 ohm'.")
@click.option("--nobody-connected", is_flag=True, help="You state that nobody is connected to this unit.")
@click.option("--set", "settings", multiple=True, metavar="NAME=INTEGER", help="Every setting, and the level.")
@click.option("--duration", "duration_ms", type=DURATION, required=True, help="Example: 30s.")
@click.option("--head", default="", help="Serial number of the head, where the unit cannot tell.")
@click.option("--as", "user", required=True, help="Who does it: a technician.")
@PIN_FILE
@pass_context
def run(
    context: Context,
    name: str,
    *,
    load: str,
    nobody_connected: bool,
    settings: tuple[str, ...],
    duration_ms: int,
    head: str,
    user: str,
    pin_file: Path | None,
) -> None:
    """Run a unit on a load: a session without a patient, in the same bounds, charted as bench work.

    It is asked whether nobody is connected and the load is; s stops. Example: modctl unit run estim-1
    --load "500 ohm" --nobody-connected --set current_ua=10000 --set pulse_width_us=200 --set period_us=10000
    --duration 30s --as technician
    """
    from modctl.cli.attend import Attendant
    from modctl.cli.keys import Keys
    from modctl.cli.reach import controller, pin_for, simulated_site
    from modctl.cli.session import setting
    from modctl.ipc.servicing import BenchRun

    if not nobody_connected:
        raise RefusedError("A bench run needs your word that nobody is connected: --nobody-connected. Nothing began.")
    wanted = tuple(setting(text) for text in settings)
    keys = Keys()
    if not keys.is_terminal:
        simulated_site(context, "A bench run is started without a terminal")
    client = controller(context, attends=True)
    client.sign_in(user, pin_for(context, user, pin_file))
    request = BenchRun(
        id=client.next_id(),
        unit=name,
        load=load,
        nobody_connected=nobody_connected,
        set=wanted,
        duration_ms=duration_ms,
        head=head,
        file_answers=not keys.is_terminal,
    )
    with keys.listening(), contextlib.closing(client):
        ended = Attendant(client, keys, context, user, None if keys.is_terminal else SAID).run(request)
    finish(ended)


def _detail_line(detail: UnitDetail) -> str:
    from modctl import text

    age = "no sample yet" if detail.age_ms is None else f"{detail.age_ms} ms old"
    values = (f"{text.parameter(one)} {text.quantity(one, value)}" for one, value in detail.values)
    links = (f"{word} {count}" for word, count in detail.link_faults)
    parts = (text.output(detail.output), detail.state, age, *values, *detail.faults, *links)
    return "  ".join(parts)
