"""``modctl sim``: simulated units in a process of their own, and faults thrown at them on purpose."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from devices.bench import Ask, Clear, Cleared, Inject, Injected, List, Listed, TruthIs, problem_with
from devices.racking import Listing, Racking, Remove, Start, Stop
from modctl.cli.common import Context, emit, fail, finish, pass_context
from modctl.cli.durations import DURATION
from modctl.errors import Exit

if TYPE_CHECKING:
    from devices.sim.rack import Wanted


class SimUnit(Listing, frozen=True, kw_only=True, tag_field="kind", tag="sim.unit"):
    """One simulated unit that can be reached."""


class SimRemoved(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="sim.removed"):
    """One simulated unit that is not there any more."""

    name: str


class SimTruth(TruthIs, frozen=True, kw_only=True, tag_field="kind", tag="sim.truth"):
    """What one simulated unit really does."""


class SimInjected(Injected, frozen=True, kw_only=True, tag_field="kind", tag="sim.injected"):
    """The fault acts from this moment."""


class SimCleared(Cleared, frozen=True, kw_only=True, tag_field="kind", tag="sim.cleared"):
    """No fault is left since this moment."""


control_option = click.option(
    "--control",
    type=click.Path(path_type=Path),
    help="The simulators' control socket. Default: run/sim.sock in the site.",
)


@click.group()
def sim() -> None:
    """Run simulated units, and make them fail on purpose. Nothing here reaches a real unit."""


@sim.command()
@click.option(
    "--unit", "units", multiple=True, metavar="MODEL@ADDRESS", help="A model, and a path or tcp:PORT. Repeatable."
)
@control_option
@pass_context
def run(context: Context, units: tuple[str, ...], control: Path | None) -> None:
    """Run simulated units in the foreground until Ctrl-C; without --unit those of the site's bench.toml.

    Each unit gets a pseudo-terminal, linked at its path, or a TCP port on this machine, and is printed when all
    are ready. Example: modctl sim run --unit hasomed-p24@/tmp/p24 --unit reference-ultrasound@tcp:5020
    """
    from devices.sim.lines import BenchError
    from devices.sim.server import serve

    wanted = _given(units) if units else _of_site(context.site)
    try:
        serve(wanted, _control(context, control), _ready)
    except BenchError as why:
        fail(Exit.REFUSED, f"{why}.")


@sim.command()
@click.argument("name")
@click.argument("fault")
@click.argument("parameters", nargs=-1, metavar="[NAME=INTEGER]...")
@click.option("--after", "after_ms", type=DURATION, default=0, help="Begin so much later. Example: 500ms, 15s, 20min.")
@click.option("--for", "for_ms", type=DURATION, default=0, help="Take it back so much after it began.")
@control_option
@pass_context
def inject(
    context: Context,
    name: str,
    fault: str,
    parameters: tuple[str, ...],
    after_ms: int,
    for_ms: int,
    control: Path | None,
) -> None:
    """Switch FAULT of the simulated unit NAME on, and say the moment (CLOCK_MONOTONIC) from which it acts.

    Example: modctl sim inject ultrasound-1 run-away gain_permille=1500 --after 2s --for 10s
    """
    from modctl.cli.simulators import asked

    integers = tuple(_parameter(text) for text in parameters)
    problem = problem_with(fault, integers)
    if problem is not None:
        fail(Exit.USAGE, f"{problem}.")
    request = Inject(name=name, fault=fault, parameters=integers, after_ms=after_ms, for_ms=for_ms)
    reply = asked(_control(context, control), request)
    if isinstance(reply, Injected):
        line = f"{name}: {fault} acts from {reply.at_mono_ns} ns of the monotonic clock"
        emit(SimInjected(at_mono_ns=reply.at_mono_ns), line)


@sim.command()
@click.argument("name")
@control_option
@pass_context
def clear(context: Context, name: str, control: Path | None) -> None:
    """Take back every fault of the simulated unit NAME, those that were still to begin included."""
    from modctl.cli.simulators import asked

    reply = asked(_control(context, control), Clear(name=name))
    if isinstance(reply, Cleared):
        emit(SimCleared(at_mono_ns=reply.at_mono_ns), f"{name}: no faults")


@sim.command()
@click.argument("name")
@click.option("--follow", is_flag=True, help="Go on: one line at each change, and one a second.")
@control_option
@pass_context
def truth(context: Context, name: str, *, follow: bool, control: Path | None) -> None:
    """Say what the simulated unit NAME really does, past every lie told on the wire."""
    from modctl.cli.simulators import replies

    try:
        for reply in replies(_control(context, control), Ask(name=name, follow=follow)):
            if isinstance(reply, TruthIs):
                emit(SimTruth(**msgspec.structs.asdict(reply)), _truth_line(reply))
    except KeyboardInterrupt:
        finish(Exit.OK)
    if follow:
        fail(Exit.UNREACHABLE, f"The simulators have ended, or {name} was taken away.")


@sim.command(name="list")
@control_option
@pass_context
def list_units(context: Context, control: Path | None) -> None:
    """List the simulated units that run, and where each is reached."""
    from modctl.cli.simulators import asked

    reply = asked(_control(context, control), List())
    if isinstance(reply, Listed):
        for unit in reply.units:
            _ready(unit)


@sim.command()
@click.argument("unit", metavar="MODEL@ADDRESS")
@click.option("--name", default="", help="Its name. Default: its model.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Of its chances.")
@control_option
@pass_context
def add(context: Context, unit: str, *, name: str, seed: int, control: Path | None) -> None:
    """Add a simulated unit to the simulators that run, until they end. It is not thereby a unit of the site.

    Example: modctl sim add reference-ultrasound@tcp:5020 --name ultrasound-2
    """
    from modctl.cli.racks import add_request

    _no_real_site(context, control)
    model, _, address = unit.partition("@")
    if not address:
        fail(Exit.USAGE, f"{unit}: write MODEL@ADDRESS, the address a path or tcp:PORT.")
    request = add_request(name or model, model, address, Path.cwd(), seed)
    _ready(_racked(_control(context, control), request))


@sim.command()
@click.argument("name")
@control_option
@pass_context
def remove(context: Context, name: str, control: Path | None) -> None:
    """Take the simulated unit NAME and its line away. bench.toml stays as it is."""
    _racked(_control(context, control), Remove(name=name))
    emit(SimRemoved(name=name), f"{name} is taken away")


@sim.command()
@click.argument("name")
@control_option
@pass_context
def start(context: Context, name: str, control: Path | None) -> None:
    """Switch the simulated unit NAME on: it boots on its line, off and without faults. One that runs goes on."""
    _no_real_site(context, control)
    _ready(_racked(_control(context, control), Start(name=name)))


@sim.command()
@click.argument("name")
@control_option
@pass_context
def stop(context: Context, name: str, control: Path | None) -> None:
    """Cut the power of the simulated unit NAME: its output and its line are gone. It is no stop of a session."""
    _ready(_racked(_control(context, control), Stop(name=name)))


def _racked(control: Path, request: Racking) -> Listing:
    """Have it done; how the unit is listed then, or was to be."""
    from modctl.cli.simulators import asked

    reply = asked(control, request)
    units = reply.units if isinstance(reply, Listed) else ()
    gone = Listing(name=request.name, model="", address="", running=False)
    return next((unit for unit in units if unit.name == request.name), gone)


def _no_real_site(context: Context, control: Path | None) -> None:
    from modctl.cli.racks import check_not_real

    if control is None:
        check_not_real(context.site)


def _ready(unit: Listing) -> None:
    stopped = "" if unit.running else "  stopped"
    emit(SimUnit(**msgspec.structs.asdict(unit)), f"{unit.name}  {unit.model}  {unit.address}{stopped}")


def _truth_line(truth: TruthIs) -> str:
    energized = "ENERGIZED" if truth.energized else "off"
    faults = ", ".join(truth.faults) or "none"
    return f"{truth.name}: {energized}, output {truth.output} {truth.unit}, state {truth.state}, faults {faults}"


def _control(context: Context, control: Path | None) -> Path:
    from modctl.config import Layout

    return Layout(context.site).sim_socket if control is None else control


def _parameter(text: str) -> tuple[str, int]:
    name, equals, value = text.partition("=")
    try:
        return name, int(value)
    except ValueError:
        wrong = f"{value!r} is no integer" if equals else "there is no ="
        fail(Exit.USAGE, f"{text!r}: write NAME=INTEGER; {wrong}.")


def _of_site(site: Path) -> "list[Wanted]":
    from devices.sim.rack import Wanted
    from modctl.config import load_bench

    entries = load_bench(site)
    if not entries:
        fail(Exit.USAGE, f"{site} has no bench.toml with simulated units; give --unit MODEL@ADDRESS.")
    return _known(
        Wanted(name=entry.name, model=entry.model, address=entry.address, seed=entry.seed, pulled_by=entry.pulled_by)
        for entry in entries
    )


def _given(units: tuple[str, ...]) -> "list[Wanted]":
    """A unit is named after its model, the second of the same model ``MODEL-2``, and so on."""
    from devices.sim.rack import Wanted

    wanted: list[Wanted] = []
    for text in units:
        model, _, address = text.partition("@")
        if not address:
            fail(Exit.USAGE, f"--unit {text}: write MODEL@ADDRESS, the address a path or tcp:PORT.")
        if address in (other.address for other in wanted) and address != "tcp:0":
            fail(Exit.USAGE, f"--unit {text}: that address is given twice.")
        same = sum(other.model == model for other in wanted)
        # The number of units of a model so far also sets the seed: two of one kind do not fail in step.
        name = model if same == 0 else f"{model}-{same + 1}"
        wanted.append(Wanted(name=name, model=model, address=address, seed=same + 1))
    return _known(wanted)


def _known(wanted: "Iterable[Wanted]") -> "list[Wanted]":
    from devices.sim.catalog import SIMULATED

    units = list(wanted)
    for unit in units:
        if unit.model not in SIMULATED:
            fail(Exit.USAGE, f"There is no simulator of {unit.model!r}; there are {', '.join(SIMULATED)}.")
    return units
