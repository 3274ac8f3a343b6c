"""``modctl stop``: off, confirmed by the unit. Asks nothing and needs no sign-in."""

import click
import msgspec

from modctl.cli.common import Context, emit, finish, pass_context
from modctl.errors import Exit


class StopLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="stop"):
    """What a stop reached on one unit; ``after_ms`` null: not confirmed within the deadline."""

    unit: str
    off: bool
    after_ms: int | None


@click.command()
@click.argument("unit", required=False)
@pass_context
def stop(context: Context, unit: str | None) -> None:
    """Stop UNIT, or every unit of the site. One line a unit; exit 1 when an off was not confirmed.

    Example: modctl stop ultrasound-1
    """
    from modctl.cli.reach import controller, done
    from modctl.ipc.messages import Stop

    client = controller(context)
    stopped = done(client.request(Stop(id=client.next_id(), unit=unit))).stopped or ()
    for row in stopped:
        emit(StopLine(unit=row.unit, off=row.off, after_ms=row.after_ms), _line(row.unit, row.after_ms, is_off=row.off))
    finish(Exit.OK if all(row.off for row in stopped) else Exit.FINDINGS)


def _line(unit: str, after_ms: int | None, *, is_off: bool) -> str:
    if is_off:
        return f"□ OFF  {unit}" + ("" if after_ms is None else f", confirmed after {after_ms} ms")
    return f"? UNKNOWN OUTPUT  {unit}: off was not confirmed. Take it off the patient, then cut the unit's power."
