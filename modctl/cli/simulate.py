"""``modctl simulate``: a scenario in virtual time, through the real engine, drivers and simulators."""

import tempfile
from pathlib import Path

import click

from modctl.cli.common import emit, finish, say
from modctl.errors import Exit


@click.command()
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Instead of the scenario's own.")
@click.option(
    "--chart", type=click.Path(path_type=Path), help="Keep the chart in this new file; same seed, same bytes."
)
def simulate(scenario: Path | None, seed: int | None, chart: Path | None) -> None:
    """Run SCENARIO (a TOML file) in virtual time, or a short demonstration when none is named.

    One line a session with what came of it. Exit status 1 when an outcome is not what the scenario expects.

    Example: modctl simulate tests/scenario/contact-loss.toml --seed 7 --chart /tmp/chart.db
    """
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
