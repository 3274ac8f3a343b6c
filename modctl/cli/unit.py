"""``modctl unit``: the units of the site, and what is supported."""

from pathlib import Path

import click
import msgspec

from modctl.cli.benchwork import identify, run, watch
from modctl.cli.certify import certify
from modctl.cli.common import Context, emit, pass_context, say
from modctl.cli.servicing import calibrate, check, hold, look_back, release
from modctl.cli.trace import trace
from modctl.ipc.messages import UnitRow


class UnitLine(UnitRow, frozen=True, kw_only=True, tag_field="kind", tag="unit"):
    """One unit of the site."""


class ModelLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="model"):
    """One supported model, and how that was proven."""

    model: str
    vendor: str
    modality: str
    model_class: str = msgspec.field(name="class")
    role: str
    verified: str
    lease_ms: int
    source: str


@click.group()
def unit() -> None:
    """The units of the site."""


# What these need is imported when they run.
for command in (certify, hold, release, identify, watch, check, calibrate, look_back, run, trace):
    unit.add_command(command)


@unit.command(name="list")
@click.option("--models", is_flag=True, help="Instead: every model that is supported, and how it was proven.")
@pass_context
def list_units(context: Context, *, models: bool) -> None:
    """List the site's units as the running controller sees them."""
    if models:
        _list_models()
        return
    from modctl import text
    from modctl.cli.reach import controller, done
    from modctl.ipc.messages import ListUnits

    client = controller(context)
    for row in done(client.request(ListUnits(id=client.next_id()))).units or ():
        record = UnitLine(**msgspec.structs.asdict(row))
        simulated = "simulated" if row.simulated else "REAL"
        lease = f"off {row.lease_ms} ms after the last word" if row.lease_ms else "no watchdog of its own"
        why = f" ({row.reason})" if row.reason else ""
        held_to = f"calibration {row.calibration}" + (f", due {row.due}" if row.due else "")
        heads = tuple(f"{one.kind} {one.serial}: {one.calibration}, due {one.due or 'not set'}" for one in row.heads)
        parts = (
            row.name,
            row.model,
            f"{text.unit_state(row.state)}{why}",
            simulated,
            f"verified: {row.verified}",
            lease,
            held_to,
            *heads,
        )
        emit(record, f"{text.output(row.output)}  " + "  ".join(parts))


@unit.command(name="acknowledge")
@click.argument("name")
@click.option("--as", "user", required=True, help="Who looked at patient and unit.")
@click.option("--statement", help="When off cannot be confirmed: that nobody is connected and the power is cut.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def acknowledge_unit(context: Context, name: str, *, user: str, statement: str | None, pin_file: Path | None) -> None:
    """Put a unit back into use after a fault. Charted, with your name.

    Example: modctl unit acknowledge estim-1 --as therapist
    """
    from modctl.cli.reach import controller, done, pin_for
    from modctl.ipc.messages import Acknowledge

    client = controller(context)
    client.sign_in(user, pin_for(context, user, pin_file))
    done(client.request(Acknowledge(id=client.next_id(), unit=name, statement=statement)))
    say(f"{name} is acknowledged by {user}.")


def _list_models() -> None:
    from devices import profile

    for model in profile.models():
        loaded = profile.load(model)
        device = loaded.device
        record = ModelLine(
            model=device.id,
            vendor=device.vendor,
            modality=device.modality,
            model_class=device.model_class,
            role=device.role,
            verified=device.verified,
            lease_ms=loaded.liveness.lease_ms,
            source=device.source,
        )
        line = f"{device.id}  {device.modality}  {device.model_class}  verified: {device.verified}  {device.source}"
        emit(record, line)
