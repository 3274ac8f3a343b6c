"""What a technician does to the unit shown: each letter's questions, and the request that comes of the answers."""

from collections.abc import Sequence
from pathlib import Path

from modctl.ipc.messages import Acknowledge
from modctl.ipc.servicing import HoldUnit, IdentifyUnit, ReleaseUnit
from tui.bench.desk import Desk, Doers
from tui.bench.form import Ask, carried, needed, run_form, run_request
from tui.bench.pages import Do, Page
from tui.bench.source import Source
from tui.bench.watch import Watch
from tui.bench.wire import Wire


class UnitActs:
    """The keys of a unit's own pages."""

    def __init__(self, desk: Desk, source: Source, watch: Watch, wire: Wire) -> None:
        self._desk = desk
        self._source = source
        self._watch = watch
        self._wire = wire
        self._ran: dict[str, tuple[str, ...]] = {}  # the answers to the last run of each unit

    def doers(self) -> Doers:
        """What each letter does."""
        return {
            Do.SHOW_TRACE: lambda: self._desk.show(Page.TRACE),
            Do.RUN: self._run,
            Do.HOLD: self._hold,
            Do.RELEASE: lambda: self._desk.send(ReleaseUnit(id=0, unit=self._unit())),
            Do.IDENTIFY: self._identify,
            Do.ACKNOWLEDGE: self._acknowledge,
            Do.SAVE_TRACE: self._save,
            Do.FILTER: self._filter,
        }

    def _unit(self) -> str:
        return self._desk.state().unit

    def _run(self) -> None:
        """A run on a load: everything is stated; a level, and that nobody is connected, is never filled in."""
        state = self._desk.state()
        row, view = state.row(state.unit), state.session_on(state.unit)
        if row is None:
            return
        if view is not None and view.session in state.mine:
            self._desk.show(Page.RUN)
            return
        parameters = self._source.settings(row.model)
        before = self._ran.get(row.name, ())

        def run(given: Sequence[str]) -> None:
            self._ran[row.name] = tuple(given)
            self._desk.send(run_request(row, parameters, given))

        self._desk.ask(carried(run_form(row, parameters), before), run)

    def _identify(self) -> None:
        unit = self._unit()
        self._desk.say(f"{unit} is asked who it is.")  # said first: its answer must not be written over
        self._desk.send(IdentifyUnit(id=0, unit=unit))

    def _hold(self) -> None:
        unit = self._unit()
        ask = Ask(label=f"why {unit} is taken out of service at every table", problem=needed)
        self._desk.ask((ask,), lambda given: self._desk.send(HoldUnit(id=0, unit=unit, reason=given[0].strip())))

    def _acknowledge(self) -> None:
        unit = self._unit()
        ask = Ask(label="off is confirmed: only Enter; else state that nobody is connected and the power is cut")

        def acknowledge(given: Sequence[str]) -> None:
            self._desk.send(Acknowledge(id=0, unit=unit, statement=given[0].strip() or None))

        self._desk.ask((ask,), acknowledge)

    def _filter(self) -> None:
        ask = Ask(label="only frames with (empty: all)", filled=self._wire.wanted)
        self._desk.ask((ask,), lambda given: self._wire.look_for(given[0]))

    def _save(self) -> None:
        """Write what is shown of the wire into a new file."""
        unit, frames = self._unit(), self._wire.frames(self._watch.frames)

        def save(given: Sequence[str]) -> None:
            path = Path(given[0]).expanduser()
            self._watch.do(lambda: self._source.save(path, unit, frames), f"{len(frames)} frames are in {given[0]}.")

        self._desk.ask((Ask(label=f"save {len(frames)} frames to this new file", problem=needed),), save)
