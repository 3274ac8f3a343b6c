"""The simulator rack as lines: what runs where, what it truly gives, and what it still lacks to be a unit. Pure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from devices.bench import TruthIs
from devices.racking import TCP, Listing
from tui.bench.lines import Lines, Placed, told, true_output
from tui.bench.state import Bench
from tui.looks import Line, Look, Span, fitted

COLUMNS: Final = (14, 21, 6, 11, 5)
HEADS: Final = ("name", "model", "power", "TRUE", "unit")
MODEL: Final = 22  # columns of a model's id
LOOPBACK: Final = "127.0.0.1"
REAL: Final = "This site is for real units: no simulator runs in it."
EMPTY: Final = "The rack is empty. n adds a simulated unit."


def rack_lines(bench: Bench, says: str, width: int, room: int) -> Lines:
    """Every simulated unit; under it what the chosen one lacks, whatever the number of the others."""
    if bench.snapshot is not None and not bench.snapshot.simulated:
        return told(REAL, width, Look.STRONG)
    if says or not bench.rack:
        return told(says or EMPTY, width, Look.STRONG)
    head = (Span(fitted(f" {_columns(HEADS)}line", width), Look.QUIET),)
    lines: list[Line] = []
    at = 0
    for one in bench.rack:
        is_chosen = one.name == bench.simulator
        at = len(lines) if is_chosen else at
        lines.append(_slot(bench, one, width, is_chosen=is_chosen))
    chosen = bench.slot(bench.simulator)
    lacks = () if chosen is None or bench.row(chosen.name) is not None else _lacks(chosen, width)
    return (head, *Placed(tuple(lines), at).within(room - 1 - len(lacks)), *lacks)


def model_lines(models: Sequence[tuple[str, str]], choice: int, width: int) -> Placed:
    """The models of which one can be added."""
    if not models:
        return Placed(told("reading the models …", width), 0)
    head = told("Which model? It answers as the real one does, on a line of its own.", width, Look.QUIET)
    rows = [
        (Span(fitted(f"{'>' if at == choice else ' '} {fitted(model, MODEL)} {modality}", width), _look(at == choice)),)
        for at, (model, modality) in enumerate(models)
    ]
    return Placed((*head, *rows), len(head) + choice)


def _look(is_chosen: bool) -> Look:  # noqa: FBT001  # one fact, one look
    return Look.CHOSEN if is_chosen else Look.PLAIN


def _slot(bench: Bench, one: Listing, width: int, *, is_chosen: bool) -> Line:
    truth: TruthIs | None = bench.truths.get(one.name)
    faults = f" {len(truth.faults)} FAULT{'S' * (len(truth.faults) > 1)}" if truth is not None and truth.faults else ""
    is_unit = bench.row(one.name) is not None
    power = "on" if one.running else "cut"
    cells = _columns((one.name, one.model, power, f"{true_output(truth)}", "yes" if is_unit else "NO"))
    look = Look.CHOSEN if is_chosen else Look.WARNING if faults or not one.running else Look.PLAIN
    return (Span(fitted(f"{'>' if is_chosen else ' '}{cells}{_short(one.address)}{faults}", width), look),)


def _columns(cells: Sequence[str]) -> str:
    return "".join(f"{fitted(cell, room - 1)} " for cell, room in zip(cells, COLUMNS, strict=True))


def _lacks(one: Listing, width: int) -> Lines:
    """What has to be written where. No controller opens a line that site.toml does not name."""
    is_tcp = one.address.startswith(TCP)
    link = f"tcp:{LOOPBACK}:{one.address.removeprefix(TCP)}" if is_tcp else f"serial:{_short(one.address)}"
    address = one.address if is_tcp else _short(one.address)
    return (
        (Span(""),),
        *told(f"{one.name} is NO UNIT OF THIS SITE: no controller opens its line. It needs, in site.toml:", width),
        *_written(("[[unit]]", f'name = "{one.name}"', f'model = "{one.model}"', f'link = "{link}"'), width),
        *told("and the controller started again. It goes with the simulators, unless bench.toml says:", width),
        *_written(("[[sim]]", f'name = "{one.name}"', f'model = "{one.model}"', f'address = "{address}"'), width),
    )


def _written(rows: Sequence[str], width: int) -> Lines:
    return tuple((Span(fitted(f"    {row}", width), Look.STRONG),) for row in rows)


def _short(address: str) -> str:
    """As a site writes it: below its own folder where the line lies in run/bench."""
    parts = Path(address).parts
    is_of_site = parts[-3:-1] == ("run", "bench")
    return "/".join(parts[-3:]) if is_of_site else address
