"""``modctl unit trace``: the wire of a unit in both directions, as it runs."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click
import msgspec

from devices.model import NS_PER_MS
from modctl.cli.common import Context, emit, pass_context, say
from modctl.cli.durations import DURATION
from modctl.errors import RefusedError, UnreachableError, UsageError
from modctl.ipc.servicing import FrameRow

if TYPE_CHECKING:
    from devices.driver import Driver
    from devices.profile import Profile
    from modctl.ipc.client import BlockingClient

LOOK_S: Final = 0.2  # chosen: well inside the time that a look keeps the tap open
US_PER_MS: Final = 1_000
NS_PER_US: Final = 1_000


class FrameLine(FrameRow, frozen=True, kw_only=True, tag_field="kind", tag="frame"):
    """Some bytes of a line. ``means`` of ours: off, query, config, energize or unknown."""

    unit: str
    means: str


class EventLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="event"):
    """What a driver made of a saved frame; ``event`` is of ``devices.model``."""

    unit: str
    seq: int
    event: msgspec.Raw


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="round_trip"):
    """How long the first bytes of an answer took, over the frames that were answered before the next one went out."""

    unit: str
    frames: int
    answered: int
    p50_us: int | None
    p99_us: int | None


@click.command()
@click.argument("name")
@click.option("--for", "for_ms", type=DURATION, help="So long; else until Ctrl-C.")
@click.option(
    "--save", type=click.Path(path_type=Path), help="Also write every frame to this file, a line each (JSON)."
)
@click.option("--replay", "saved", type=click.Path(path_type=Path), help="Instead: what a saved trace says, run again.")
@click.option("--as", "user", help="Who looks; the PIN is asked.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def trace(
    context: Context,
    name: str,
    *,
    for_ms: int | None,
    save: Path | None,
    saved: Path | None,
    user: str | None,
    pin_file: Path | None,
) -> None:
    """Show what goes over a unit's line, both ways, with what each of our frames means. Adds nothing to the line.

    Units that share a line are seen together. Example: modctl unit trace ultrasound-1 --for 5s --as technician
    """
    from modctl.cli.reach import controller, pin_for
    from modctl.clock import SystemClock

    if saved is not None:
        _retrace(context, name, saved)
        return
    driver = driver_of(context, name)
    if user is None:
        raise UsageError("Say who looks: --as USER.")
    client, clock = controller(context), SystemClock()
    client.sign_in(user, pin_for(context, user, pin_file))
    until_ns = None if for_ms is None else clock.mono_ns() + for_ms * NS_PER_MS
    seen: list[FrameRow] = []
    with saved_to(save) as file, contextlib.suppress(KeyboardInterrupt):
        newest = 0
        while until_ns is None or clock.mono_ns() < until_ns:
            rows = _rows(client, name, newest)
            if newest and rows and rows[0].seq > newest + 1:
                say(f"{rows[0].seq - newest - 1} frames were too old to be shown.")
            newest = rows[-1].seq if rows else newest
            for row in rows:
                _tell(name, row, driver, file)
            seen += rows
            if not rows:
                client.next_message(LOOK_S)  # nothing was subscribed to: it only waits
    trip = round_trip(name, seen)
    answer = "no answer" if trip.p50_us is None else f"p50 {_ms(trip.p50_us)}, p99 {_ms(trip.p99_us or 0)}"
    emit(trip, f"{trip.answered} of {trip.frames} frames answered, {answer}")


def round_trip(unit: str, rows: Sequence[FrameRow]) -> RoundTrip:
    """From a frame's handing over to the first bytes behind it; nothing where another frame went out before."""
    times: list[int] = []
    asked_ns: int | None = None
    for row in rows:
        if row.way == "out":
            asked_ns = row.at_mono_ns
        elif asked_ns is not None:
            times.append((row.at_mono_ns - asked_ns) // NS_PER_US)
            asked_ns = None
    times.sort()
    return RoundTrip(
        unit=unit,
        frames=sum(row.way == "out" for row in rows),
        answered=len(times),
        p50_us=_percentile(times, 50),
        p99_us=_percentile(times, 99),
    )


def _percentile(ordered: Sequence[int], percent: int) -> int | None:
    """The least value that so many of a hundred do not exceed; None of nothing."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None


def _retrace(context: Context, name: str, saved: Path) -> None:
    from modctl.controller.retrace import retrace

    rows = _read(saved)
    given = 0
    for one in retrace(lambda: driver_of(context, name), rows):
        given += one.in_step
        for event in one.events:
            shown = msgspec.json.encode(event)
            emit(EventLine(unit=name, seq=one.seq, event=msgspec.Raw(shown)), f"{one.seq}  {shown.decode()}")
    if not given:
        say("The driver never came into step: trace again while somebody asks the unit who it is (unit identify).")
        say("Where the wire numbers its packets only a trace from the opening of the line can be run again.")


def _read(saved: Path) -> list[FrameRow]:
    try:
        lines = saved.read_bytes().splitlines()
        frames = [msgspec.json.decode(line, type=FrameLine) for line in lines]
    except OSError as why:
        raise UnreachableError(f"{saved} cannot be read: {why.strerror}.") from why
    except (msgspec.DecodeError, msgspec.ValidationError) as why:
        raise UsageError(f"{saved} is no saved trace: {why}.") from why
    return list(frames)


def _rows(client: "BlockingClient", name: str, newest: int) -> tuple[FrameRow, ...]:
    from modctl.cli.reach import done
    from modctl.ipc.servicing import TraceUnit

    return done(client.request(TraceUnit(id=client.next_id(), unit=name, since=newest))).frames or ()


def _tell(name: str, row: FrameRow, driver: "Driver", file: IO[bytes] | None) -> None:
    means = meaning_of(driver, bytes.fromhex(row.frame)) if row.way == "out" else ""
    line = FrameLine(**msgspec.structs.asdict(row), unit=name, means=means)
    seconds, rest = divmod(row.at_mono_ns, 1_000 * NS_PER_MS)
    bare = bytes.fromhex(row.frame).hex(" ")
    emit(line, f"{seconds}.{rest // NS_PER_MS:03}  {row.way:3}  {means:8}  {bare}")
    if file is not None:
        file.write(msgspec.json.encode(line) + b"\n")


def meaning_of(driver: "Driver", frame: bytes) -> str:
    """What a frame of ours means: off, query, config, energize or unknown."""
    return type(driver.inspect(frame)).__name__.lower()


def driver_of(context: Context, name: str) -> "Driver":
    """The unit's protocol, for reading frames only; it is on no line."""
    from devices.registry import driver_for

    return driver_for(profile_of(context, name))


def profile_of(context: Context, name: str) -> "Profile":
    """The unit's profile, as its entry in the site has it; UsageError where there is none."""
    from modctl.config import load_site
    from modctl.controller.startup import unit_config

    entry = load_site(context.site).unit(name)
    if entry is None:
        raise UsageError(f"This site has no unit {name!r}.")
    return unit_config(entry).profile


@contextlib.contextmanager
def saved_to(path: Path | None) -> Iterator[IO[bytes] | None]:
    """A new file that nobody else's is replaced by; None where none was named."""
    if path is None:
        yield None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    except FileExistsError as why:
        raise RefusedError(f"There is something at {path}; a trace replaces nothing.") from why
    except OSError as why:
        raise UnreachableError(f"{path} cannot be written: {why.strerror}.") from why
    with os.fdopen(descriptor, "wb") as file:
        yield file


def _ms(microseconds: int) -> str:
    return f"{microseconds // US_PER_MS}.{microseconds % US_PER_MS // 100} ms"
