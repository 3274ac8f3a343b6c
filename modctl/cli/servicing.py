"""``modctl unit hold``, ``release``, ``check``, ``calibrate``, ``look-back``: what a technician says of a unit."""

from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from modctl.cli.common import Context, emit, finish, pass_context, print_line, say
from modctl.errors import Exit, UnreachableError, UsageError
from modctl.ipc.client import BlockingClient
from modctl.ipc.servicing import AffectedRow, CheckPointTyped
from modctl.service_records import CheckPoint, UnitChecked

AS_USER = click.option("--as", "user", required=True, help="Who does it; the PIN is asked.")
PIN_FILE = click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")


class CheckedLine(UnitChecked, frozen=True, kw_only=True, tag_field="kind", tag="unit.checked"):
    """One check or calibration, as it was charted."""


class AffectedLine(AffectedRow, frozen=True, kw_only=True, tag_field="kind", tag="affected"):
    """One session that a reading out of tolerance concerns."""


@click.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why: it is shown at every table.")
@AS_USER
@PIN_FILE
@pass_context
def hold(context: Context, name: str, *, reason: str, user: str, pin_file: Path | None) -> None:
    """Take a unit out of service for every table. Charted, with your name; refused while a session is on it.

    Bench runs stay possible. Example: modctl unit hold heat-1 --reason "cable worn" --as technician
    """
    from modctl.cli.reach import controller, done, pin_for
    from modctl.ipc.servicing import HoldUnit

    client = controller(context)
    client.sign_in(user, pin_for(context, user, pin_file))
    done(client.request(HoldUnit(id=client.next_id(), unit=name, reason=reason)))
    say(f"{name} is out of service, by {user}. No session starts on it until it is released.")


@click.command()
@click.argument("name")
@AS_USER
@PIN_FILE
@pass_context
def release(context: Context, name: str, *, user: str, pin_file: Path | None) -> None:
    """Put a held unit back into service. Charted, with your name.

    Example: modctl unit release heat-1 --as technician
    """
    from modctl.cli.reach import controller, done, pin_for
    from modctl.ipc.servicing import ReleaseUnit

    client = controller(context)
    client.sign_in(user, pin_for(context, user, pin_file))
    done(client.request(ReleaseUnit(id=client.next_id(), unit=name)))
    say(f"{name} is back in service, by {user}.")


@click.command()
@click.argument("name")
@click.option("--item", "items", multiple=True, metavar="NAME=RESULT", help="pass, fail, not-done or a number.")
@click.option("--head", default="", help="Serial number, where the check is of one head.")
@click.option("--note", default="", help="A line for the record.")
@click.option("--items", "is_list", is_flag=True, help="Instead: what is looked at on this unit.")
@click.option("--as", "user", help="Who did it; the PIN is asked.")
@PIN_FILE
@pass_context
def check(
    context: Context,
    name: str,
    *,
    items: tuple[str, ...],
    head: str,
    note: str,
    is_list: bool,
    user: str | None,
    pin_file: Path | None,
) -> None:
    """Record what was looked at beside the output. A failed check closes the unit until a good one.

    Example: modctl unit check traction-1 --item visual=pass --item stop_switch=pass --item timer=300=302
    --item patient_leakage_ua=35 --as technician
    """
    if is_list:
        _list_items(context, name)
        return
    if user is None:
        raise UsageError("Say who did it: --as USER. To see what is looked at: --items.")
    given = tuple(_pair(item) for item in items)
    _record(context, user, pin_file, _Asked(unit=name, what="check", head=head, items=given, note=note))


@click.command()
@click.argument("name")
@click.option(
    "--point", "points", multiple=True, required=True, metavar="SET=READING", help="As found; canonical units."
)
@click.option("--as-left", "left", multiple=True, metavar="SET=READING", help="After adjusting, where it was adjusted.")
@click.option("--head", default="", help="Serial number of the head that was measured.")
@click.option("--meter", required=True, help="Which meter read it, with its serial number.")
@click.option("--meter-due", required=True, metavar="DATE", help="When the meter's own calibration ends: YYYY-MM-DD.")
@click.option("--load", default="", help="What was on the output, such as 500 ohm.")
@click.option("--note", default="", help="A line for the record.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the service report here (PDF).")
@click.option("--sticker", type=click.Path(path_type=Path), help="Write a sticker for the housing here (PDF).")
@AS_USER
@PIN_FILE
@pass_context
def calibrate(
    context: Context,
    name: str,
    *,
    points: tuple[str, ...],
    left: tuple[str, ...],
    head: str,
    meter: str,
    meter_due: str,
    load: str,
    note: str,
    report: Path | None,
    sticker: Path | None,
    user: str,
    pin_file: Path | None,
) -> None:
    """Record a calibration: what was set, what a meter read as found, and as left. Exit 1 when it is out of tolerance.

    Ultrasound is set in mW/cm² and read in mW. A reading out of tolerance as found prints the sessions before it with
    what they delivered by the meter. Example: modctl unit calibrate ultrasound-1 --head 4711 --point 500=2450
    --point 1000=4900 --point 2000=9700 --meter "UPM-DT10 SN 88" --meter-due 2027-01-31 --as technician
    """
    from modctl.cli.service_paper import check_target, write_paper
    from modctl.config import load_site

    site = load_site(context.site).site.name
    for target in (report, sticker):
        check_target(target, "Nothing was recorded.")
    asked = _Asked(
        unit=name,
        what="calibration",
        head=head,
        points=_points(points, left),
        meter=meter,
        meter_due=meter_due,
        load=load,
        note=note,
    )

    def paper(checked: UnitChecked) -> None:
        for path in write_paper(checked, user, site, report, sticker):
            say(f"Written: {path}")

    _record(context, user, pin_file, asked, paper)


@click.command(name="look-back")
@click.argument("name")
@click.option("--head", default="", help="Serial number of the head.")
@AS_USER
@PIN_FILE
@pass_context
def look_back(context: Context, name: str, *, head: str, user: str, pin_file: Path | None) -> None:
    """Which sessions the last reading out of tolerance concerns, with their dose as a band. Exit 1 when there are any.

    Example: modctl unit look-back ultrasound-1 --head 4711 --as technician
    """
    from modctl.cli.reach import controller, pin_for

    client = controller(context)
    client.sign_in(user, pin_for(context, user, pin_file))
    finish(Exit.FINDINGS if _affected(client, name, head) else Exit.OK)


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A check or a calibration as it was typed."""

    unit: str
    what: str
    head: str
    points: tuple[CheckPointTyped, ...] = ()
    items: tuple[tuple[str, str], ...] = ()
    meter: str = ""
    meter_due: str = ""
    load: str = ""
    note: str = ""


def _record(
    context: Context,
    user: str,
    pin_file: Path | None,
    asked: _Asked,
    then: Callable[[UnitChecked], None] = lambda _checked: None,
) -> None:
    """Have it judged and charted, print it, and end: 1 where it is not good or sessions are concerned."""
    from modctl.cli.reach import controller, done, pin_for
    from modctl.ipc.servicing import CheckUnit

    client = controller(context)
    client.sign_in(user, pin_for(context, user, pin_file))
    request = CheckUnit(id=client.next_id(), **{name: getattr(asked, name) for name in asked.__struct_fields__})
    checked = done(client.request(request)).checked
    if checked is None:
        raise UnreachableError("The controller did not say what was recorded; see modctl unit list.")
    _tell(context, checked)
    then(checked)
    is_found_good = all(point.is_found_good for point in checked.points)
    count = 0 if is_found_good else _affected(client, asked.unit, asked.head)
    finish(Exit.OK if checked.is_good and not count else Exit.FINDINGS)


def _tell(context: Context, checked: UnitChecked) -> None:
    from modctl.reports.service_words import item_title, item_words, named, verdict

    until = f"holds until {checked.next_due}" if checked.next_due else "no new date"
    if not context.json:
        for point in checked.points:
            print_line(_point_line(point))
        for item in checked.items:
            print_line(f"{item_title(item)}  {item_words(item)}")
    line = f"{named(checked)}  {checked.what} of {checked.on}  {verdict(checked)}  {until}"
    emit(CheckedLine(**{name: getattr(checked, name) for name in checked.__struct_fields__}), line)


def _point_line(point: CheckPoint) -> str:
    from modctl.reports.service_words import POINT_COLUMNS, point_cells

    return "  ".join(f"{name} {cell}" for name, cell in zip(POINT_COLUMNS, point_cells(point), strict=True))


def _affected(client: BlockingClient, unit: str, head: str) -> int:
    """Print the sessions that a reading out of tolerance concerns; how many."""
    from modctl.cli.reach import done
    from modctl.ipc.servicing import LookBack
    from modctl.reports.service_words import look_back_words

    answer = done(client.request(LookBack(id=client.next_id(), unit=unit, head=head)))
    rows = answer.affected or ()
    for row in rows:
        line = AffectedLine(**{name: getattr(row, name) for name in row.__struct_fields__})
        emit(line, _affected_line(row))
    say(look_back_words(answer.checked, len(rows), more=answer.more))
    return len(rows)


def _affected_line(row: AffectedRow) -> str:
    from modctl.reports.service_words import doses, error_band

    return f"{row.at_utc}  {row.session}  {row.preset}  {error_band(row)}  {doses(row)}"


def _list_items(context: Context, name: str) -> None:
    from devices import profile
    from modctl.clinic.checks import items_for
    from modctl.config import load_site

    entry = load_site(context.site).unit(name)
    if entry is None:
        raise UsageError(f"This site has no unit {name!r}.")
    for item in items_for(profile.load(entry.model).device.modality):
        must = "must be looked at" if item.required else "may be left out"
        most = f", at most {item.bound} {item.unit}" if item.kind == "most" else ""
        emit(ItemLine(item=item.id, title=item.title, required=item.required), f"{item.id}  {item.title}{most}  {must}")


class ItemLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="item"):
    """One thing that is looked at."""

    item: str
    title: str
    required: bool


def _points(found: tuple[str, ...], left: tuple[str, ...]) -> tuple[CheckPointTyped, ...]:
    adjusted = dict(_numbers("--as-left", one) for one in left)
    read = [_numbers("--point", one) for one in found]
    strange = sorted(set(adjusted) - {level for level, _ in read})
    if strange:
        raise UsageError(f"--as-left {strange[0]}: no --point with this set value. Nothing was recorded.")
    return tuple(CheckPointTyped(set=level, found=reading, left=adjusted.get(level)) for level, reading in read)


def _numbers(option: str, text: str) -> tuple[int, int]:
    level, reading = _pair(text)
    if not (level.isascii() and level.isdigit() and reading.isascii() and reading.isdigit()):
        raise UsageError(f"{option} {text}: write SET=READING as whole numbers. Nothing was recorded.")
    return int(level), int(reading)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r}: there is no = in it. Nothing was recorded.")
    return name, value
