"""Quick checks below and beside the session: the frame gate, the port, maps, bounds and who answers on a line."""

from typing import Final

from devices.drivers.p24 import P24Driver
from devices.limits import Mark, Max
from devices.model import NS_PER_S, Identity, Levels, Modality, MonoNs, Setpoint
from devices.profile import load
from devices.registry import driver_for
from modctl.clinic.library import parse
from modctl.engine import core_events as ce
from modctl.engine.bounds import HARD, hard_limits, widenings
from modctl.engine.checks import check_levels
from modctl.engine.core import initial, step
from modctl.engine.machine import Phase
from modctl.engine.port import LineOpened
from modctl.engine.unit import UnitConfig, UnitState, UnitStatus
from modctl.errors import ModctlError
from modctl.virtual.bench import UNIT, Lone, Seen
from modctl.virtual.quick_sessions import MHZ, P24, PULL, SOUND, TENS
from modctl.virtual.scenario import Scenario, SessionPlan, Unit
from modctl.virtual.station import HIP, Station
from modctl.virtual.world import Memory
from protocols import modbus, registers
from protocols.errors import LocalProtocolError
from protocols.inspect import Unknown

LEVELS_IN_WORDS: Final = ("reference-ultrasound", "reference-estim")
P24_LEVELS = {"current_ua": 500, "period_us": 10_000, "pulse_width_us": 100}


def h01() -> Seen:
    """A permit for anything and a pulse of 1001 µs, which the unit would take."""
    lone = Lone(P24)
    lone.command({**P24_LEVELS, "pulse_width_us": 1_001}, {})
    highest = lone.run_ms(1_000)
    held = lone.held[0] if lone.held else "nothing held back"
    return Seen(passed=highest == 0 and len(lone.held) == 1, saw=f"{held}; highest output {highest} uA")


def h02() -> Seen:
    """10 mA from off in one frame."""
    lone = Lone(P24)
    lone.command({**P24_LEVELS, "current_ua": 10_000}, {})
    highest = lone.run_ms(1_000)
    return Seen(passed=highest == 0 and bool(lone.held), saw=f"highest output {highest} uA")


def h06() -> Seen:
    """A permit of 600 ms and then ten seconds without a word of the engine."""
    lone = Lone(P24)
    lone.command(P24_LEVELS, {}, permit_ms=600)
    was_on = lone.run_ms(500) > 0
    lone.run_ms(300)
    after = lone.run_ms(10_000)
    return Seen(passed=was_on and after == 0, saw=f"on within the permit; afterwards {after} uA")


def h14() -> Seen:
    """The entry names one serial number, another unit of the model answers."""
    unit = _met(UnitConfig(name=UNIT, profile=load(P24), address="virtual", serial="SIM0000001"), simulated=True)
    return Seen(passed=unit.status is UnitStatus.MISMATCH, saw=f"unit {unit.status}: {unit.reason}")


def _met(config: UnitConfig, *, simulated: bool) -> UnitState:
    """The engine's unit after somebody answered on its line: a simulator with the serial number SIM0000002."""
    state = initial([config], (), simulated=simulated)
    who = Identity(at_ns=NS_PER_S, model=P24, serial="SIM0000002", firmware="1.0", is_simulator=True)
    for news in (LineOpened(at_ns=NS_PER_S), who):
        state, _effects = step(state, ce.FromUnit(unit=UNIT, news=news), NS_PER_S)
    return state.units[UNIT]


class _Tenfold(P24Driver):
    """A driver that mistakes the unit: ten times the current that it was told."""

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:
        """Ten times as much."""
        if isinstance(setpoint, Levels):
            setpoint = setpoint.replaced("current_ua", 10 * (setpoint.get("current_ua") or 0))
        super().command(setpoint, now_ns, run_ms)


def h22() -> Seen:
    """A driver that is wrong by a factor of ten, and a permit for half a milliampere."""
    lone = Lone(P24, _Tenfold(load(P24)))
    lone.command({**P24_LEVELS, "current_ua": 100}, {"current_ua": (0, 500)})
    highest = lone.run_ms(500)
    return Seen(passed=highest == 0 and bool(lone.held), saw=f"highest output {highest} uA")


FIELD = {"duty_permille": 1_000, "frequency_khz": 1_000, "duration_ms": 540_000, "era_mm2": 500}


def _first_breach(modality: Modality, values: dict[str, int]) -> str:
    """The first hard row that these set values break, in words; empty when none is broken."""
    found = check_levels(hard_limits(modality, values), values)
    return "" if found is None else f"{found.limit}, {found.observed} against {found.bound} {found.unit}"


def h24() -> Seen:
    """Nine minutes of 1.5 W/cm² over twice the head, and the same over the head alone."""
    wide, narrow = (
        _first_breach(Modality.ULTRASOUND, {**FIELD, "intensity_mw_cm2": 1_500, "area_mm2": area_mm2})
        for area_mm2 in (1_000, 500)
    )
    passed = not wide and narrow.startswith("hard-us-dose")
    return Seen(passed=passed, saw=f"twice the head: {wide or 'allowed'}; the head alone: {narrow or 'allowed'}")


def h26() -> Seen:
    """A frame that writes a register that the traction map does not have: a table's motor, say."""
    unit = driver_for(load(PULL))
    kind = unit.inspect(modbus.encode(modbus.write(1, 64, (1,)), modbus.Framing.RTU))
    return Seen(passed=isinstance(kind, Unknown), saw=f"{type(kind).__name__}: {getattr(kind, 'why', '')}")


def h30() -> Seen:
    """The same pulses through 5 × 9 cm and through 2 × 2 cm."""
    pulses = {"current_ua": 100_000, "period_us": 10_000, "pulse_width_us": 400}
    large, small = (_first_breach(Modality.ESTIM, {**pulses, "electrode_mm2": area}) for area in (4_500, 400))
    passed = not large and small.startswith("hard-es-density")
    return Seen(passed=passed, saw=f"45 cm2: {large or 'allowed'}; 4 cm2: {small or 'allowed'}")


def h40() -> Seen:
    """One bit of a preset is turned over, at every place of its first 400 bytes."""
    raw = (HIP / "hip-post-tha-tens.toml").read_bytes()
    genuine = parse(raw, "hip-post-tha-tens.toml").sha256
    taken = sum(_reads_as(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :], genuine) for at in range(400))
    return Seen(passed=taken == 0, saw=f"{taken} of 400 altered files read as the approved one")


def _reads_as(raw: bytes, sha256: str) -> bool:
    try:
        return parse(raw, "hip-post-tha-tens.toml").sha256 == sha256
    except ModctlError:
        return False


def h41() -> Seen:
    """A limit that allows one unit more than the hard row of its kind."""
    wider = Max(id="site-current_ua-max", parameter="current_ua", bound=110_001, source="site.toml", mark=Mark.CHOSEN)
    found = widenings(HARD[Modality.ESTIM], (wider,))
    return Seen(passed=len(found) == 1, saw=found[0] if found else "a wider limit was taken")


def h46() -> Seen:
    """A simulator answers on a line of a site for real units."""
    unit = _met(UnitConfig(name=UNIT, profile=load(P24), address="virtual"), simulated=False)
    return Seen(passed=unit.status is UnitStatus.MISMATCH, saw=f"unit {unit.status}: {unit.reason}")


def h47() -> Seen:
    """Every word of every 16-bit level register that is shipped, and one value beyond each end."""
    bad, words = 0, 0
    for model in LEVELS_IN_WORDS:
        for register in (row for row in load(model).register if row.effect is registers.Effect.LEVEL):
            words += 65_536
            bad += sum(not _is_inverse(register, raw) for raw in range(65_536))
            bad += _is_sayable(register, (register.max or 0) + 1)
    return Seen(passed=words > 0 and bad == 0, saw=f"{words} words there and back, {bad} wrong")


def _is_inverse(register: registers.Register, raw: int) -> bool:
    value = registers.decode(register, (raw,))
    if value is None or not (register.min or 0) <= value <= (register.max or 0):
        return True  # outside of what may be written: nothing to be said
    try:
        return registers.encode(register, value) == (raw,)
    except LocalProtocolError:
        return False


def _is_sayable(register: registers.Register, value: int) -> bool:
    try:
        return bool(registers.encode(register, value))
    except LocalProtocolError:
        return False


def h55() -> Seen:
    """Two sessions run, one of them is named: that one ends. Then none is named: all end."""
    plans = tuple(
        SessionPlan(name=model, at="2s", unit=model, preset=preset, duration="60s")
        for model, preset in ((P24, TENS), (SOUND, MHZ))
    )
    station = Station(
        Scenario(unit=(Unit(name=P24, model=P24), Unit(name=SOUND, model=SOUND)), session=plans), Memory()
    )
    world = station.world
    world.run_until(8 * NS_PER_S)
    world.post(ce.StopUnits(request=None, actor=None, source="quick", session=SOUND))
    world.run_until(9 * NS_PER_S)
    left = tuple(world.state.sessions[name].state.phase for name in (P24, SOUND))
    world.post(ce.StopUnits(request=None, actor=None, source="quick"))
    world.run_until(10 * NS_PER_S)
    last = world.state.sessions[P24].state.phase
    passed = left == (Phase.RUNNING, Phase.ENDED) and last is Phase.ENDED
    return Seen(passed=passed, saw=f"the named one {left[1]}, the other {left[0]}; after stop of all {last}")
