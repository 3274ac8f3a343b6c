"""What a technician does to the unit shown: each letter's questions, and the request that comes of the answers."""

from collections.abc import Callable, Sequence
from pathlib import Path

from devices.bench import Clear, FaultSpec
from modctl.errors import ModctlError
from modctl.ipc.messages import Acknowledge, Request, UnitRow
from modctl.ipc.servicing import HoldUnit, IdentifyUnit, ReleaseUnit
from tui.bench.form import Ask, filled, inject_problem, inject_request, needed, run_form, run_request
from tui.bench.source import ReadFrame, Source
from tui.bench.typed import Then
from tui.bench.watch import Watch


class Acts:
    """Asks with ``form``, sends with ``send``, tells with ``say``."""

    def __init__(
        self,
        source: Source,
        watch: Watch,
        form: Callable[[tuple[Ask, ...], Then], None],
        send: Callable[[Request], None],
        say: Callable[[str], None],
    ) -> None:
        self._source = source
        self._watch = watch
        self._form = form
        self._send = send
        self._say = say

    def run(self, row: UnitRow) -> None:
        """A run on a load: everything is stated, nothing is filled in."""
        parameters = self._source.settings(row.model)
        self._form(run_form(row, parameters), lambda given: self._send(run_request(row, parameters, given)))

    def hold(self, row: UnitRow) -> None:
        """Out of service for every table."""
        ask = Ask(label=f"why {row.name} is taken out of service at every table", problem=needed)
        self._form((ask,), lambda given: self._send(HoldUnit(id=0, unit=row.name, reason=given[0].strip())))

    def release(self, row: UnitRow) -> None:
        """Back into service."""
        self._send(ReleaseUnit(id=0, unit=row.name))

    def identify(self, row: UnitRow) -> None:
        """Who is it."""
        self._send(IdentifyUnit(id=0, unit=row.name))

    def acknowledge(self, row: UnitRow) -> None:
        """Clear a latch."""
        ask = Ask(label="off is confirmed: only Enter; else state that nobody is connected and the power is cut")

        def acknowledge(given: Sequence[str]) -> None:
            self._send(Acknowledge(id=0, unit=row.name, statement=given[0].strip() or None))

        self._form((ask,), acknowledge)

    def inject(self, row: UnitRow, spec: FaultSpec) -> None:
        """Order a fault of the simulator; its numbers are asked where it has some."""

        def order(given: Sequence[str]) -> None:
            self._watch.order(inject_request(row.name, spec.id, given[0]), f"{row.name}: {spec.id} was ordered.")

        if not spec.parameters:
            order([""])
            return
        asked = f"{spec.id}: change its numbers, add after_ms= or for_ms=, then Enter"
        self._form((Ask(label=asked, filled=filled(spec.id), problem=inject_problem(spec.id)),), order)

    def clear(self, row: UnitRow) -> None:
        """Take every fault back."""
        self._watch.order(Clear(name=row.name), f"{row.name}: every fault is taken back.")

    def take_back(self, row: UnitRow, spec: FaultSpec) -> None:
        """Take one fault back, the others go on."""
        self._watch.order(Clear(name=row.name, fault=spec.id), f"{row.name}: {spec.id} is taken back.")

    def save(self, row: UnitRow, frames: Sequence[ReadFrame]) -> None:
        """Write what is shown of the wire into a new file."""

        def save(given: Sequence[str]) -> None:
            try:
                self._source.save(Path(given[0]).expanduser(), row.name, frames)
            except ModctlError as why:
                self._say(str(why))
            else:
                self._say(f"{len(frames)} frames are in {given[0]}.")

        self._form((Ask(label=f"save {len(frames)} frames to this new file", problem=needed),), save)
