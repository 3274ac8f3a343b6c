"""What a technician does to the simulators: units come and go, faults are thrown, combined and taken back."""

from collections.abc import Sequence

from devices.bench import Clear, FaultSpec
from devices.racking import Remove, Start, Stop
from tui.bench.desk import Desk, Doers
from tui.bench.form import Ask, filled, inject_problem, inject_request, needed
from tui.bench.pages import Do, Page
from tui.bench.source import Source
from tui.bench.watch import Watch


class RackActs:
    """The keys of the rack and of the menu of faults."""

    def __init__(self, desk: Desk, source: Source, watch: Watch) -> None:
        self._desk = desk
        self._source = source
        self._watch = watch

    def doers(self) -> Doers:
        """What each letter does."""
        return {
            Do.SHOW_RACK: lambda: self._desk.show(Page.RACK),
            Do.SHOW_FAULTS: lambda: self._desk.show(Page.FAULTS),
            Do.ADD: lambda: self._desk.show(Page.MODELS),
            Do.START: self._start,
            Do.STOP: self._stop,
            Do.REMOVE: self._remove,
            Do.TAKE_BACK: self._take_back,
            Do.CLEAR: self._clear,
        }

    def menu(self) -> Sequence[FaultSpec]:
        """The faults that what is shown can have; empty until they are known."""
        slot = self._desk.state().slot(self._desk.state().subject())
        return () if slot is None else self._watch.menu(slot.model)

    def chose_model(self, models: Sequence[tuple[str, str]]) -> None:
        """Add one of the chosen model: its name and its line are asked."""
        state = self._desk.state()
        if state.choice >= len(models):
            return
        model, modality = models[state.choice]
        taken = {*(one.name for one in state.rack), *(row.name for row in state.rows())}
        free = next(
            name for name in (f"{modality}-{number}" for number in range(1, len(taken) + 2)) if name not in taken
        )

        def add(given: Sequence[str]) -> None:
            name, address = given[0].strip(), given[1].strip() or f"run/bench/{given[0].strip()}"
            self._desk.change(simulator=name)
            self._desk.show(Page.RACK)
            self._watch.do(lambda: self._source.add(name, model, address), f"{name} runs on {address}.")

        self._desk.ask(
            (
                Ask(label=f"name of the new {model}", filled=free, problem=needed),
                Ask(label="its line: a path, or tcp:PORT (empty: run/bench/ and its name)"),
            ),
            add,
        )

    def inject(self) -> None:
        """Order the chosen fault; its numbers are asked where it has some."""
        name, spec = self._desk.state().subject(), self._spec()
        if spec is None:
            return

        def order(given: Sequence[str]) -> None:
            self._watch.order(inject_request(name, spec.id, given[0]), f"{name}: {spec.id} was ordered.")

        if not spec.parameters:
            order([""])
            return
        asked = f"{spec.id}: change its numbers, add after_ms= or for_ms=, then Enter"
        self._desk.ask((Ask(label=asked, filled=filled(spec.id), problem=inject_problem(spec.id)),), order)

    def _spec(self) -> FaultSpec | None:
        menu, choice = self.menu(), self._desk.state().choice
        return menu[choice] if choice < len(menu) else None

    def _take_back(self) -> None:
        name, spec = self._desk.state().subject(), self._spec()
        if spec is not None:
            self._watch.order(Clear(name=name, fault=spec.id), f"{name}: {spec.id} is taken back.")

    def _clear(self) -> None:
        name = self._desk.state().subject()
        self._watch.order(Clear(name=name), f"{name}: every fault is taken back.")

    def _start(self) -> None:
        name = self._desk.state().simulator
        self._watch.order(Start(name=name), f"{name} is on: it has booted, and no fault of before acts.")

    def _stop(self) -> None:
        name = self._desk.state().simulator
        self._watch.order(Stop(name=name), f"{name} has no power: it gives nothing, and its line is gone.")

    def _remove(self) -> None:
        name = self._desk.state().simulator
        self._watch.order(Remove(name=name), f"{name} is off the rack. site.toml and bench.toml are as they were.")
