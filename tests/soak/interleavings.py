"""All orders in which a bus can be spoken on, to a depth: two units, real port logic, drivers and simulated units.

An event is a choice: time goes on to what the port waits for, an answer arrives (the oldest, the newest, one of the
other unit's), an answer is lost, somebody stops a unit, raises it, or its permit lapses. From each state every event
that can happen is tried, on a copy of that state: nothing is run again from the beginning. States that are equal to
the byte after equally many events are tried once and counted as often as ways lead there, which loses none: whatever
can follow, follows from the bytes alone. Ways and distinct states are told apart in what is printed.

On RTU an answer that is later than the time for which the port listens is not among the events: it carries no number,
and a unit that answers so late cannot be told from one that answers the next question (see ``protocols.modbus_line``).
On TCP it is: there the number of the request tells them apart however late.
"""

import copyreg
import io
import pickle
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, Literal

import msgspec
from pymodbus.pdu import DecodePDU

from devices.driver import Driver
from devices.model import NEVER_NS, NS_PER_MS, Ack, AckOf, Identity, MonoNs, Off, Output, Sample, levels
from devices.profile import Liveness, Profile, load
from devices.registry import driver_for
from devices.sim.modbus import SimModbus
from devices.sim.port import SimPort
from devices.sim.reference import Kind
from devices.sim.units.reference_ultrasound import ReferenceUltrasound
from modctl.engine.effects import Band, Command, Permit, Revoke, Watch
from modctl.engine.gate import GateRules
from modctl.engine.port import Port
from protocols import inspect
from protocols.blocks import Block
from protocols.registers import Register, RegisterMap
from tests.soak.report import Line

DEPTH: Final = 8
MAX_FINDINGS: Final = 20
START_NS: Final = 1_000 * NS_PER_MS
TURNAROUND_NS: Final = 3 * NS_PER_MS
PERMIT_NS: Final = 300 * NS_PER_MS
SETTLE_NS: Final = 1_000 * NS_PER_MS
UNITS: Final = ("u1", "u2")
US_LEVELS: Final = {"duty_permille": 500, "frequency_khz": 1_000, "intensity_mw_cm2": 80}
Framing = Literal["rtu", "tcp"]


class On(StrEnum):
    """What can happen next."""

    DUE = "due"  # time goes on to the port's next moment: a poll, a feed, a timeout
    ANSWER = "answer"  # the oldest answer under way arrives
    NEWEST = "newest"  # the newest does, before an older one
    LOST = "lost"  # the oldest never arrives
    LAPSE = "lapse"  # time goes on to the end of the first permit
    STOP_1 = "stop u1"
    STOP_2 = "stop u2"
    RAISE_1 = "raise u1"
    RAISE_2 = "raise u2"


STOPS: Final = {On.STOP_1: "u1", On.STOP_2: "u2"}
RAISES: Final = {On.RAISE_1: "u1", On.RAISE_2: "u2"}


class Flight(msgspec.Struct, frozen=True):
    """One answer on its way: whose it is, and how many requests were written after the one that it answers."""

    unit: str
    age: int
    content: bytes


class Wrong(Exception):  # noqa: N818 - a counter-example, not an error of the program
    """Something happened that must not."""


class Bus:
    """Port, drivers and units with the time, and what was promised about them. It is copied by pickling."""

    def __init__(self, framing: Framing) -> None:
        self.now_ns = MonoNs(START_NS)
        self.framing = framing
        self.profiles = {name: _profile(place, framing) for place, name in enumerate(UNITS, start=1)}
        self.drivers: dict[str, Driver] = {name: driver_for(profile) for name, profile in self.profiles.items()}
        self.port = Port(self.drivers, self.profiles)
        self.sims = {name: _sim(name, place, framing) for place, name in enumerate(UNITS, start=1)}
        self.flights: tuple[Flight, ...] = ()
        self.asked: str | None = None  # whom the last frame was for
        self.asked_ns = START_NS
        self.permits: dict[str, int] = {}  # until when; the harness's own book
        self.sequence = 0
        self.owes_off: tuple[str, ...] = ()  # stopped, and no Off was written to it since

    # Events

    def can(self) -> Sequence[On]:
        """What can happen now."""
        found = [on for on, name in STOPS.items() if name not in self.owes_off]
        found += [on for on, name in RAISES.items() if name not in self.permits]
        if self.port.wakeup() < NEVER_NS:
            found.append(On.DUE)
        if self.flights:
            found += [On.ANSWER, On.LOST]
        if len(self.flights) > 1:
            found.append(On.NEWEST)
        if self.permits:
            found.append(On.LAPSE)
        return found

    def happen(self, on: On) -> None:
        """One event; Wrong when a promise was broken by it."""
        match on:
            case On.DUE:
                self._pass_to(max(self.now_ns, self.port.wakeup()))
            case On.LAPSE:
                self._pass_to(max(self.now_ns, min(self.permits.values())))
            case On.ANSWER:
                self._arrive(self.flights[0])
            case On.NEWEST:
                self._arrive(self.flights[-1])
            case On.LOST:
                self.flights = self.flights[1:]
            case On.STOP_1 | On.STOP_2:
                self._stop(STOPS[on])
            case On.RAISE_1 | On.RAISE_2:
                self._raise(RAISES[on])

    def settle(self) -> None:
        """A healthy line from here on: whoever has no permit is off, and is known to be."""
        for name in UNITS:
            self._stop(name)
        self.serve(SETTLE_NS)
        for name in UNITS:
            if self.sims[name].truth(self.now_ns).energized:
                raise Wrong(f"{name} is on, one second after it was stopped on a healthy line")

    def serve(self, for_ns: int) -> None:
        """A healthy line for so long."""
        until_ns = self.now_ns + for_ns
        while self.now_ns < until_ns:
            if self.flights:
                self._arrive(self.flights[0])
            else:
                self._pass_to(max(self.now_ns, min(self.port.wakeup(), until_ns)))

    # What an event does

    def _stop(self, name: str) -> None:
        self.permits.pop(name, None)
        self.owes_off = (*(one for one in self.owes_off if one != name), name)
        self.port.order(Revoke(unit=name), self.now_ns)
        self.port.order(Command(unit=name, setpoint=Off()), self.now_ns)

    def _raise(self, name: str) -> None:
        self.permit(name)
        self.port.order(Watch(unit=name, closely=True), self.now_ns)
        self.port.order(Command(unit=name, setpoint=levels(US_LEVELS), run_ms=60_000), self.now_ns)

    def permit(self, name: str) -> None:
        """Leave for so long from now, as the engine renews it."""
        self.sequence += 1
        until_ns = self.now_ns + PERMIT_NS
        self.permits[name] = until_ns
        self.owes_off = tuple(one for one in self.owes_off if one != name)
        bands = tuple(Band(parameter, 0, value) for parameter, value in sorted(US_LEVELS.items()))
        permit = Permit(session="s", unit=name, sequence=self.sequence, until_ns=until_ns, bands=bands, context=CONTEXT)
        self.port.order(permit, self.now_ns)

    def _pass_to(self, now_ns: int) -> None:
        self.now_ns = MonoNs(now_ns)
        for sim in self.sims.values():
            sim.take(self.now_ns)
        lapsed = tuple(name for name, until_ns in self.permits.items() if until_ns <= now_ns)
        for name in lapsed:
            del self.permits[name]
        self.owes_off += tuple(name for name in lapsed if name not in self.owes_off)
        frame = self.port.due(self.now_ns)
        self.port.drain()
        if frame:
            self._written(frame)

    def _written(self, frame: bytes) -> None:
        if self.framing == "rtu" and now_after(self.asked_ns, self.now_ns, self.profiles["u1"].liveness.reply_ms):
            self.flights = ()
        self.flights = tuple(Flight(one.unit, one.age + 1, one.content) for one in self.flights)
        name = self._judge(frame)
        self.asked, self.asked_ns = name, self.now_ns
        for unit, sim in self.sims.items():
            sim.receive(frame, self.now_ns)
            content = sim.take(self.now_ns)
            if content:
                self.flights += (Flight(unit, 0, content),)
            if content and unit != name:
                raise Wrong(f"{unit} answers a frame for {name}")
        if name in self.owes_off:
            raise Wrong(f"{name} was stopped, and something else was said to it first")

    def _judge(self, frame: bytes) -> str:
        """Whom a frame is for; Wrong unless it may be said now."""
        kinds = {name: driver.inspect(frame) for name, driver in self.drivers.items()}
        (name,) = (name for name, kind in kinds.items() if not isinstance(kind, inspect.Unknown))
        kind = kinds[name]
        if isinstance(kind, inspect.Off):
            self.owes_off = tuple(one for one in self.owes_off if one != name)
            return name
        feeds = isinstance(kind, inspect.Energize) or (
            isinstance(kind, inspect.Query | inspect.Config) and kind.feeds_lease
        )
        if feeds and name not in self.permits:
            raise Wrong(f"{type(kind).__name__} to {name} without a permit")
        if self.owes_off:
            raise Wrong(f"{type(kind).__name__} to {name} before the Off of {self.owes_off[0]}")
        return name

    def _arrive(self, flight: Flight) -> None:
        self.flights = tuple(one for one in self.flights if one is not flight)
        self.now_ns = MonoNs(self.now_ns + TURNAROUND_NS)
        self.port.received(flight.content, self.now_ns)
        for name, news in self.port.drain():
            if isinstance(news, Sample | Ack | Identity):
                self._judge_belief(name, news, flight)
            if isinstance(news, Ack) and news.of is AckOf.OFF:  # a stop asked meanwhile has what it wants
                self.owes_off = tuple(one for one in self.owes_off if one != name)

    def _judge_belief(self, name: str, news: Sample | Ack | Identity, flight: Flight) -> None:
        if flight.unit != name:
            raise Wrong(f"what {flight.unit} said was believed of {name}")
        if flight.age and self.framing == "tcp":
            raise Wrong(f"an answer that is {flight.age} requests old was taken for the newest")
        is_on = self.sims[name].truth(self.now_ns).energized
        if isinstance(news, Sample) and news.output is Output.OFF and is_on and not flight.age:
            raise Wrong(f"{name} was said to be off and is on")


CONTEXT: Final = (("area_mm2", 2_000), ("duration_ms", 300_000), ("electrode_mm2", 4_500), ("era_mm2", 500))


def now_after(asked_ns: int, now_ns: int, reply_ms: int) -> bool:
    """Whether the port has listened for as long as a late answer may take."""
    return now_ns - asked_ns >= 2 * reply_ms * NS_PER_MS


def beginnings(framing: Framing) -> Sequence[Bus]:
    """Both units known; one on and one off, and both on."""
    found = []
    for raised in (("u1",), UNITS):
        bus = Bus(framing)
        bus.port.opened(bus.now_ns)
        bus.port.drain()
        bus.serve(SETTLE_NS)
        for name in raised:
            bus.happen(On.RAISE_1 if name == "u1" else On.RAISE_2)
        for _ in range(5):
            bus.serve(PERMIT_NS // 3)
            for name in raised:
                bus.permit(name)
        assert [name for name in UNITS if bus.sims[name].truth(bus.now_ns).energized] == list(raised)
        found.append(bus)
    return found


class _Met:
    """One state of a layer: the first way that led there, and how many do."""

    __slots__ = ("path", "ways")

    def __init__(self, path: tuple[On, ...] = (), ways: int = 1) -> None:
        self.path = path
        self.ways = ways


class Search:
    """Breadth first, one depth after the other, from all beginnings of one framing."""

    def __init__(self, framing: Framing, seed: int) -> None:
        self._dice = random.Random(seed)
        self._layer = {dumps(bus): _Met() for bus in beginnings(framing)}
        self.framing = framing
        self.depth = 0
        self.steps = 0
        self.ways = 0  # interleavings to the last depth that was finished
        self.states = len(self._layer)  # distinct ones, of all depths
        self.merged = 0  # ways into a state that another one had led to before
        self.findings: list[str] = []

    def deepen(self, is_over: Callable[[], bool]) -> bool:
        """One event more in every way that was found; False when the time was over before that was done."""
        after: dict[bytes, _Met] = {}
        for state, met in self._layer.items():
            if is_over():
                return False
            bus = loads(state)
            for on in bus.can():
                reached = self._step(state, (*met.path, on))
                if reached is None:
                    continue
                known = after.setdefault(reached, _Met((*met.path, on), 0))
                self.merged += known.ways > 0
                known.ways += met.ways
        self._layer = after
        self.depth += 1
        self.ways = sum(met.ways for met in after.values())
        self.states += len(after)
        return True

    def settle(self, is_over: Callable[[], bool]) -> int:
        """From as many of the last states as there is time for, in any order: a stop ends in off. How many."""
        ends = list(self._layer.items())
        self._dice.shuffle(ends)
        for count, (state, met) in enumerate(ends):
            if is_over():
                return count
            self._try(state, met.path, Bus.settle)
        return len(ends)

    def _step(self, state: bytes, path: tuple[On, ...]) -> bytes | None:
        self.steps += 1
        return self._try(state, path, lambda bus: bus.happen(path[-1]))

    def _try(self, state: bytes, path: tuple[On, ...], act: Callable[[Bus], None]) -> bytes | None:
        bus = loads(state)
        try:
            act(bus)
        except Exception as why:  # noqa: BLE001 - what the port raises is a counter-example as well
            if len(self.findings) < MAX_FINDINGS:
                self.findings.append(f"{self.framing}, {type(why).__name__}: {why}, by: {', '.join(path)}")
            return None
        return dumps(bus)


def run(seconds: float, seed: int, depth: int = DEPTH) -> Line:
    """Both framings, to the depth or as far as the time goes; then stops from where they ended."""
    reached: Counter[str] = Counter()
    findings: list[str] = []
    for framing in ("rtu", "tcp"):
        began = time.monotonic()
        search = Search(framing, seed)

        def is_over(share: float, began: float = began) -> bool:
            return time.monotonic() - began > seconds / 2 * share

        while search.depth < depth and not search.findings and search.deepen(lambda: is_over(0.85)):
            pass
        took_s = round(time.monotonic() - began)
        reached["settled"] += search.settle(lambda: is_over(1))
        reached |= {f"depth, {framing}": search.depth, f"interleavings, {framing}": search.ways}
        reached |= {f"distinct states, {framing}": search.states, f"merged, {framing}": search.merged}
        reached |= {f"seconds, {framing}": took_s}
        reached["events tried"] += search.steps
        findings += search.findings
    return Line(family="interleavings", seed=seed, reached=dict(reached), findings=tuple(findings))


# Copies. What a profile and a model say is shared: it never changes, and there is much of it.

_SHARED: Final[dict[int, object]] = {}


def _shared(key: int) -> object:
    return _SHARED[key]


def _reduced(one: object) -> tuple[Callable[[int], object], tuple[int]]:
    _SHARED[id(one)] = one
    return _shared, (id(one),)


CONSTANT: Final = (Profile, Register, RegisterMap, Block, Liveness, Kind, GateRules, DecodePDU)


class _Pickler(pickle.Pickler):
    dispatch_table = copyreg.dispatch_table | dict.fromkeys(CONSTANT, _reduced)


def dumps(bus: Bus) -> bytes:
    """A bus as bytes; equal bytes are equal states."""
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(bus)
    return zlib.compress(file.getvalue(), 1)  # a layer of a deep search has some hundred thousand of them


def loads(state: bytes) -> Bus:
    """The bus again."""
    bus = pickle.loads(zlib.decompress(state))  # noqa: S301 - made by ``dumps`` in this process
    assert isinstance(bus, Bus)
    return bus


def _profile(place: int, framing: Framing) -> Profile:
    profile = load("reference-ultrasound")
    kind: Literal["serial", "tcp"] = "tcp" if framing == "tcp" else "serial"
    return msgspec.structs.replace(profile, link=msgspec.structs.replace(profile.link, unit=place, kind=kind))


def _sim(name: str, place: int, framing: Framing) -> SimPort:
    unit = ReferenceUltrasound(name, place)
    unit.unit_address = place
    return SimPort(SimModbus(unit, framing), place)
