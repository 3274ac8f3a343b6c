"""``modctl simulate``: a scenario or a clinic in virtual time, through the real engine, drivers and simulators."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from devices.model import NS_PER_MS, NS_PER_S
from modctl.cli.common import emit, finish, say
from modctl.errors import Exit, UsageError

if TYPE_CHECKING:
    from modctl.virtual.clinic import Clinic, Tally

MAX_SEED = 2**31 - 1  # chosen: what a simulator's own seed may be
SLICE_S = 20  # chosen: of virtual time; some sixteen tables pass it in less than a second
SLOWEST_PACE_MS = 500  # two samples within a second: the house rule of what energizes (profiles: stale_ms)
MS_PER_HOUR = 3_600_000
SECONDS_PER_HOUR = 3_600


@click.command()
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Instead of the scenario's own.")
@click.option(
    "--chart", type=click.Path(path_type=Path), help="Keep the chart in this new file; same seed, same bytes."
)
@click.option("--clinic", "tables", type=click.IntRange(1, 64), help="Instead of a scenario: so many tables in use.")
@click.option("--hours", type=click.FloatRange(0.01, 10_000), help="How long the clinic is open.  [default: 1]")
@click.option(
    "--pace",
    "pace_ms",
    type=click.IntRange(50, SLOWEST_PACE_MS),
    metavar="MS",
    help="Ask units in a session so often. Slower is cheaper and sees less.  [default: as their profiles have it]",
)
def simulate(  # one parameter an option
    scenario: Path | None,
    seed: int | None,
    chart: Path | None,
    tables: int | None,
    hours: float | None,
    pace_ms: int | None,
) -> None:
    """Run SCENARIO (a TOML file) in virtual time, or a short demonstration when none is named.

    One line a session with what came of it. Exit status 1 when an outcome is not what the scenario expects.

    With --clinic, people use so many units of all kinds for --hours, make mistakes, and units fail in every way they
    can; a judge holds the chart against what the units truly did. Exit status 1 when it finds anything.

    Example: modctl simulate tests/scenario/contact-loss.toml --seed 7 --chart /tmp/chart.db
    """
    if tables is not None and scenario is None:
        _run_clinic(tables, 1.0 if hours is None else hours, 1 if seed is None else seed, chart, pace_ms)
    if tables is not None or hours is not None or pace_ms is not None:
        raise UsageError("--clinic stands instead of a scenario; --hours and --pace belong to --clinic.")
    from modctl.virtual.charted import Charted
    from modctl.virtual.scenario import DEMONSTRATION, load_scenario
    from modctl.virtual.station import Station
    from modctl.virtual.world import Memory

    chosen = DEMONSTRATION if scenario is None else load_scenario(scenario)
    number = chosen.run.seed if seed is None else seed
    with tempfile.TemporaryDirectory(prefix="modctl-simulate-") as keys:
        sink = Memory() if chart is None else Charted(chart, Path(keys) / "keys", number, chosen.run.start_utc)
        station = Station(chosen, sink, number)
        results = station.run()
        if isinstance(sink, Charted):
            sink.close()
    unexpected = []
    for result in results:
        emit(
            result,
            f"{result.name}: {result.outcome or 'refused'} ({result.reason}), {result.delivered_ms} ms delivered",
        )
        wanted = chosen.expect.get(result.name)
        if wanted is not None and wanted != result.outcome:
            unexpected.append(f"{result.name}: {wanted} was expected, {result.outcome} came")
    for line in unexpected:
        say(line)
    finish(Exit.FINDINGS if unexpected else Exit.OK)


def _run_clinic(tables: int, hours: float, seed: int, chart: Path | None, pace_ms: int | None) -> NoReturn:
    from modctl.clock import SystemClock
    from modctl.virtual.charted import Charted
    from modctl.virtual.clinic import START_UTC, Clinic

    clock = SystemClock()
    began_ns = told_ns = clock.mono_ns()
    with tempfile.TemporaryDirectory(prefix="modctl-simulate-") as keys:
        sink = None if chart is None else Charted(chart, Path(keys) / "keys", seed, START_UTC)
        clinic = Clinic(tables, hours, seed, sink, pace_ms=pace_ms)
        while not clinic.is_over:
            clinic.run_for(SLICE_S)
            if clock.mono_ns() - told_ns >= NS_PER_S:
                told_ns = clock.mono_ns()
                click.echo(_progress(clinic.tally(), told_ns - began_ns), err=True)
        clinic.close()
        if sink is not None:
            sink.close()
    _tell(clinic, clock.mono_ns() - began_ns)
    finish(Exit.FINDINGS if clinic.findings else Exit.OK)


def _progress(tally: "Tally", took_ns: int) -> str:
    hours, sessions = tally.hours_ms / MS_PER_HOUR, sum(tally.sessions.values())
    return f"{hours:.2f} h, {sessions} sessions, {len(tally.findings)} findings, {_speed(tally, took_ns)}"


def _speed(tally: "Tally", took_ns: int) -> str:
    return f"{tally.hours_ms * NS_PER_MS / max(1, took_ns) / SECONDS_PER_HOUR:.3f} virtual hours a second"


def _tell(clinic: "Clinic", took_ns: int) -> None:
    tally = clinic.tally()
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in tally.sessions.items())
    faults = f"{sum(tally.faults.values())} faults of {len(tally.faults)} kinds"
    emit(tally, f"{outcomes}; {tally.session_ms / MS_PER_HOUR:.2f} session hours; {faults}; {tally.entries} entries")
    say(f"{_progress(tally, took_ns)}, {took_ns / NS_PER_S:.1f} s")
    for finding in tally.findings:
        say(finding)
