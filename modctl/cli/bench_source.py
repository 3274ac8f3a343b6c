"""What the technician's screen asks beside the controller: simulators, the units' own protocols, files."""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from devices.bench import FAULTS, Ask, Clear, FaultSpec, Inject, List, Listed, TruthIs
from devices.model import AccessorySeen, Ack, DeviceEvent, Identity, LinkFault, MonoNs, Sample
from devices.racking import Listing, Remove, Start, Stop
from modctl import text
from modctl.cli.common import Context
from modctl.cli.racks import add_request, check_not_real
from modctl.cli.service_paper import check_target, write_paper
from modctl.cli.simulators import asked
from modctl.cli.trace import FrameLine, RoundTrip, meaning_of, profile_of, round_trip, saved_to
from modctl.errors import UnreachableError
from modctl.ipc.servicing import FrameRow
from modctl.service_records import UnitChecked

if TYPE_CHECKING:
    from devices.profile import ParameterSpec
    from modctl.clinic.checks import UnitPlan
    from modctl.controller.retrace import Retraced

TTYS: Final = Path("/sys/class/tty")
OUT: Final = "out"


class ReadRow(msgspec.Struct, frozen=True, kw_only=True):
    """Some bytes of a line and what the unit's own protocol makes of them."""

    row: FrameRow
    means: str


class SiteBench:
    """The simulators of one site and the protocols of its units. Its methods block; one thread at a time for each."""

    def __init__(self, context: Context, control: Path) -> None:
        self._context = context
        self._control = control
        self._readers: dict[str, _Reader] = {}
        self._models: tuple[tuple[str, str], ...] = ()

    def rack(self) -> Sequence[tuple[Listing, TruthIs]]:
        """Every simulated unit, and what it really does; UnreachableError where no simulators run."""
        listed = asked(self._control, List())
        units = listed.units if isinstance(listed, Listed) else ()
        replies = ((unit, asked(self._control, Ask(name=unit.name))) for unit in units)
        return [(unit, reply) for unit, reply in replies if isinstance(reply, TruthIs)]

    def models(self) -> Sequence[tuple[str, str]]:
        """The models of which a simulated unit can be put on a line, each with its modality: a pack has no line."""
        from devices.profile import load, models
        from devices.sim.catalog import SIMULATED

        if not self._models:
            known = set(models())
            loaded = [load(one) for one in SIMULATED if one in known]
            self._models = tuple((one.device.id, str(one.device.modality)) for one in loaded if not one.is_by_hand)
        return self._models

    def add(self, name: str, model: str, address: str) -> None:
        """Put one more simulated unit on the rack; a path begins in the site's folder. Refused in a real site."""
        check_not_real(self._context.site)
        asked(self._control, add_request(name, model, address, self._context.site, 1))

    def menu(self, model: str) -> Sequence[FaultSpec]:
        """The faults that a simulated unit of this model takes, tried on one that is on no line."""
        return tuple(spec for spec in FAULTS.values() if _takes(model, spec))

    def order(self, request: Inject | Clear | Start | Stop | Remove) -> None:
        """A fault on or back, or a simulated unit started, stopped, removed."""
        if isinstance(request, Start):
            check_not_real(self._context.site)
        asked(self._control, request)

    def plan(self, model: str) -> "UnitPlan":
        """What is measured and looked at on this model."""
        from devices.profile import load
        from modctl.clinic.checks import unit_plan

        profile = load(model)
        return unit_plan(profile.level.name, profile.device.modality)

    def paper(self, checked: UnitChecked, who: str, report: Path | None, sticker: Path | None) -> Sequence[Path]:
        """Write the service report and the sticker into new files; where they are."""
        from modctl.config import load_site

        for target in (report, sticker):
            check_target(target, "Nothing was written; the record stands in the chart.")
        return tuple(write_paper(checked, who, load_site(self._context.site).site.name, report, sticker))

    def settings(self, model: str) -> Sequence["ParameterSpec"]:
        """What a run on a load has to state of this model."""
        from devices.profile import load

        return load(model).parameter

    def read(self, unit: str, rows: Sequence[FrameRow], *, is_first: bool) -> Sequence[ReadRow]:
        """What newly seen frames mean: ours by their kind, answers once the driver is in step with the line."""
        if is_first or unit not in self._readers:
            self._readers[unit] = _Reader(self._context, unit)
        return [self._readers[unit].read(row) for row in rows]

    def trip(self, rows: Sequence[FrameRow]) -> RoundTrip:
        """How long answers took."""
        return round_trip("", rows)

    def adapter(self, address: str) -> str:
        """What is between this station and the unit's line, with its latency where it has one."""
        kind, _, place = address.partition(":")
        if kind != "serial":
            return "no serial adapter"
        name = (self._context.site / place).resolve().name
        if name.isdecimal():
            return "a pseudo-terminal, no adapter"
        # FTDI's driver holds received bytes back for so long: Documentation/ABI/testing/sysfs-bus-usb, latency_timer.
        try:
            return f"adapter latency {(TTYS / name / 'device' / 'latency_timer').read_text().strip()} ms"
        except OSError:
            return "adapter latency is not told"

    def save(self, path: Path, unit: str, frames: Sequence[ReadRow]) -> None:
        """Write frames into a new file; RefusedError where there is something."""
        with saved_to(path) as file:
            if file is None:
                raise UnreachableError("A trace needs the name of a file.")
            for frame in frames:
                means = frame.means if frame.row.way == OUT else ""
                line = FrameLine(**msgspec.structs.asdict(frame.row), unit=unit, means=means)
                file.write(msgspec.json.encode(line) + b"\n")


class _Reader:
    """Reads one unit's wire as it comes."""

    def __init__(self, context: Context, unit: str) -> None:
        from devices.registry import driver_for
        from modctl.controller.retrace import retrace

        profile = profile_of(context, unit)  # read once: until it is in step, every frame of ours meets a new driver
        self._driver = driver_for(profile)
        self._waiting: deque[FrameRow] = deque()
        self._retraced = retrace(lambda: driver_for(profile), _Coming(self._waiting))

    def read(self, row: FrameRow) -> ReadRow:
        """One row."""
        self._waiting.append(row)
        one = next(self._retraced)
        return ReadRow(row=row, means=self._means(row, one))

    def _means(self, row: FrameRow, one: "Retraced") -> str:
        if row.way == OUT:
            return meaning_of(self._driver, bytes.fromhex(row.frame))
        return "; ".join(_words(event) for event in one.events)


class _Coming:
    """Rows that come one after the other: what takes them asks for one only when there is one."""

    def __init__(self, waiting: deque[FrameRow]) -> None:
        self._waiting = waiting

    def __iter__(self) -> Iterator[FrameRow]:
        while self._waiting:
            yield self._waiting.popleft()


def _takes(model: str, spec: FaultSpec) -> bool:
    from devices.sim.catalog import SIMULATED
    from devices.sim.device import FaultOrder
    from devices.sim.faults import CannotFail
    from devices.sim.port import SimPort

    kind = SIMULATED.get(model)
    if kind is None:
        return False
    given = tuple((name, 1 if default is None else default) for name, default in spec.parameters)
    try:
        SimPort(kind.make("menu", 1, "rtu"), 1, kind.baud).inject(
            FaultOrder(fault=spec.id, parameters=given), MonoNs(0)
        )
    except CannotFail:
        return False
    return True


def _words(event: DeviceEvent) -> str:
    """What a unit said, in a few words."""
    match event:
        case Sample():
            values = (f"{text.parameter(name)} {text.quantity(name, value)}" for name, value in event.values)
            return " ".join((event.output, *values, *event.faults))
        case Identity():
            return f"identity {event.model} {event.serial} {event.firmware}"
        case Ack():
            return f"ack {event.of}"
        case LinkFault():
            return f"{event.fault}: {event.detail}"
        case AccessorySeen():
            return f"head {event.serial}"
