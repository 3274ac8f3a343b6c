"""``modctl stop``: off, confirmed by the unit. Asks nothing and needs no sign-in."""

from typing import TYPE_CHECKING

import click
import msgspec

from modctl.cli.common import Context, emit, finish, pass_context
from modctl.errors import Exit

if TYPE_CHECKING:
    from modctl.ipc.hands import StoppedUnit


class StopLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="stop"):
    """What a stop reached on one unit; ``after_ms`` null: not confirmed within the deadline."""

    unit: str
    off: bool
    after_ms: int | None
    note: str = ""


@click.command()
@click.argument("unit", required=False)
@pass_context
def stop(context: Context, unit: str | None) -> None:
    """Stop UNIT, or every unit of the site. One line a unit; exit 1 when an off was not confirmed.

    Tanks and baths are named and stay as they are: take the packs off; the tank stays hot.

    Example: modctl stop ultrasound-1
    """
    from modctl.cli.reach import controller, done
    from modctl.ipc.messages import Stop

    client = controller(context)
    stopped = done(client.request(Stop(id=client.next_id(), unit=unit))).stopped or ()
    for row in stopped:
        emit(StopLine(unit=row.unit, off=row.off, after_ms=row.after_ms, note=row.note), _line(row))
    finish(Exit.OK if all(row.off or row.monitored for row in stopped) else Exit.FINDINGS)


def _line(row: "StoppedUnit") -> str:
    if row.monitored:
        return f"– STAYS AS IT IS  {row.unit}: {row.note}."
    if row.off:
        return f"□ OFF  {row.unit}" + ("" if row.after_ms is None else f", confirmed after {row.after_ms} ms")
    told = row.note or "Take it off the patient, then cut the unit's power"
    return f"? UNKNOWN OUTPUT  {row.unit}: off was not confirmed. {told}."
