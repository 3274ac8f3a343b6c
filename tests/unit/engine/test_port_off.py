"""The port's Off, repeated until it is seen, and its frame gate: what is held never reaches the line."""

import itertools

import pytest

from devices.drivers.p24 import P24Driver
from devices.model import (
    DeviceEvent,
    Fault,
    LinkFault,
    MonoNs,
    Off,
    Output,
    Sample,
)
from devices.profile import load
from modctl.engine.effects import Command, Quench, Revoke, Watch
from modctl.engine.port import FrameHeld
from protocols import inspect
from tests.unit.engine.made_port import Bus, Wrote

MODELS = ["hasomed-p24", "reference-ultrasound"]


def words(frames: list[Wrote]) -> list[str]:
    """The frames' kinds in one word each."""
    return [frame.word for frame in frames]


def samples(bus: Bus, unit: str = "u1") -> list[Sample]:
    """A unit's samples."""
    return [news for news in bus.told(Sample, unit) if isinstance(news, Sample)]


# Off until it is seen


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("ignored", [1, 3])
def test_off_is_repeated_until_the_unit_says_off(model: str, ignored: int) -> None:
    """Acknowledging is not doing."""
    bus = Bus(model=model)
    bus.open()
    bus.energize()
    bus.order(Watch(unit="u1", closely=True))
    bus.inject("ignore-stop", count=ignored)
    bus.order(Revoke(unit="u1"))
    bus.order(Command(unit="u1", setpoint=Off()))
    ordered_ms = bus.now_ms
    bus.run(1_500)

    assert ignored + 1 == words(bus.since(ordered_ms)).count("Off")
    assert not bus.truth().energized
    assert Output.OFF is samples(bus)[-1].output


@pytest.mark.parametrize("model", MODELS)
def test_once_off_is_seen_it_is_not_repeated(model: str) -> None:
    """A quiet line is a sign of health."""
    bus = Bus(model=model)
    bus.open()
    bus.energize()
    bus.order(Revoke(unit="u1"))
    bus.order(Command(unit="u1", setpoint=Off()))
    bus.run(500)
    settled_ms = bus.now_ms
    bus.run(5_000)

    assert "Off" not in words(bus.since(settled_ms))


@pytest.mark.parametrize("model", MODELS)
def test_a_unit_that_comes_on_again_after_off_is_told_off_from_here(model: str) -> None:
    """Until a new level is commanded, off is what is wanted."""
    bus = Bus(model=model)
    bus.open()
    bus.order(Command(unit="u1", setpoint=Off()))
    bus.run(1_000)
    bus.inject("uncommanded-on", value=400)
    injected_ms = bus.now_ms
    bus.run(1_000)

    assert "Off" in words(bus.since(injected_ms))
    assert not bus.truth().energized


@pytest.mark.parametrize("model", MODELS)
def test_a_quench_is_a_burst_and_then_silence_for_the_lease_and_a_quarter(model: str) -> None:
    """If the unit ignores Off, its own watchdog must get the chance: nothing at all is said to it."""
    bus = Bus(model=model)
    bus.open()
    bus.energize()
    lease_ms = bus.profiles["u1"].liveness.lease_ms
    bus.order(Watch(unit="u1", closely=True))
    bus.inject("ignore-stop")
    bus.order(Revoke(unit="u1"))
    bus.order(Quench(unit="u1", lease_ms=lease_ms))
    ordered_ms = bus.now_ms
    bus.run(4 * lease_ms)
    frames = bus.since(ordered_ms)
    pauses = [later.at_ms - earlier.at_ms for earlier, later in itertools.pairwise(frames)]

    assert max(pauses) >= lease_ms * 5 // 4
    assert not bus.truth().energized
    silent_from = pauses.index(max(pauses))
    assert 3 <= words(frames[: silent_from + 1]).count("Off") <= 5


@pytest.mark.parametrize("model", MODELS)
def test_a_stop_breaks_a_quenchs_silence(model: str) -> None:
    """A person who presses again is heard at once; Off feeds no lease."""
    bus = Bus(model=model)
    bus.open()
    bus.energize()
    lease_ms = bus.profiles["u1"].liveness.lease_ms
    bus.order(Watch(unit="u1", closely=True))
    bus.inject("ignore-stop")
    bus.order(Revoke(unit="u1"))
    bus.order(Quench(unit="u1", lease_ms=lease_ms))
    bus.run(lease_ms)  # the burst is over, the silence is not
    assert [] == bus.since(bus.now_ms - 300)

    pressed_ms = bus.now_ms
    bus.order(Command(unit="u1", setpoint=Off()))
    bus.run(20)

    assert ["Off"] == words(bus.since(pressed_ms))[:1]


@pytest.mark.parametrize("model", MODELS)
def test_a_quench_ends_when_off_is_seen(model: str) -> None:
    """Then the line is used as ever."""
    bus = Bus(model=model)
    bus.open()
    bus.energize()
    bus.order(Watch(unit="u1", closely=True))
    bus.order(Revoke(unit="u1"))
    bus.order(Quench(unit="u1", lease_ms=2_000))
    bus.run(1_000)
    pauses = [later.at_ms - earlier.at_ms for earlier, later in itertools.pairwise(bus.since(bus.now_ms - 800))]

    assert not bus.truth().energized
    assert max(pauses) < 300


@pytest.mark.parametrize("model", MODELS)
def test_a_new_level_ends_a_quench(model: str) -> None:
    """A start after an acknowledged fault begins clean: the end of the old stop does not silence it."""
    bus = Bus(model=model)
    bus.open()
    bus.order(Quench(unit="u1", lease_ms=2_000))
    bus.run(500)
    bus.energize()
    bus.run(3_000)

    assert [] == bus.told(FrameHeld)


def test_a_sample_from_before_the_stop_does_not_end_a_quench() -> None:
    """It was off when it was asked, and the stop came after."""
    bus = Bus(model="hasomed-p24")
    bus.open()
    bus.order(Watch(unit="u1", closely=True))
    asked = len(bus.wrote)
    while len(bus.wrote) == asked:
        bus.run(0.25)
    bus.order(Quench(unit="u1", lease_ms=2_000))
    for _due_ns, answer in bus.take_answers():
        bus.port.received(answer, bus.now_ns)
    bus.inject("uncommanded-on", value=400)
    bus.inject("ignore-stop")
    quenched_ms = bus.now_ms
    bus.run(6_000)
    pauses = [later.at_ms - earlier.at_ms for earlier, later in itertools.pairwise(bus.since(quenched_ms))]

    assert max(pauses) >= 2_500


def test_what_a_driver_notices_by_itself_is_told() -> None:
    """A level before the Off was acknowledged is refused, and the engine hears of it."""
    bus = Bus(model="hasomed-p24")
    bus.open()
    bus.order(Command(unit="u1", setpoint=Off()))
    bus.order(Command(unit="u1", setpoint=bus.target()))
    bus.run(500)

    assert [Fault.REFUSED] == [news.fault for news in bus.told(LinkFault) if isinstance(news, LinkFault)]
    assert not bus.truth().energized


# The frame gate


class Wild(P24Driver):
    """A P24 driver gone wrong: once told to, it wants to write these bytes."""

    def __init__(self) -> None:
        super().__init__(load("hasomed-p24"))
        self.wants = b""

    def poll(self, now_ns: MonoNs, permit: int | None) -> tuple[bytes, list[DeviceEvent]]:
        """Its own bytes instead of what is due."""
        if self.wants:
            wild, self.wants = self.wants, b""
            return wild, []
        frame, events = super().poll(now_ns, permit)
        return frame, list(events)


def update_frame() -> bytes:
    """An Ml_update as the sound driver writes it."""
    bus = Bus(model="hasomed-p24")
    bus.open()
    bus.energize()
    return next(frame.frame for frame in bus.wrote if isinstance(frame.kind, inspect.Energize) and frame.kind.channels)


@pytest.mark.parametrize("what", ["nonsense", "energizes"])
def test_a_frame_that_the_gate_holds_never_reaches_the_line_and_off_does(what: str) -> None:
    """Whatever is wrong with a driver, the patient gets Off for it."""
    frame = b"\x01\x02" if what == "nonsense" else update_frame()
    wild = Wild()
    bus = Bus(model="hasomed-p24", wild=wild)
    bus.open()
    wild.wants = frame
    held_ms = bus.now_ms
    bus.run(1_000)

    assert frame not in [wrote.frame for wrote in bus.wrote]
    assert "Off" == words(bus.since(held_ms))[0]
    assert [frame] == [news.frame for news in bus.told(FrameHeld) if isinstance(news, FrameHeld)]


@pytest.mark.parametrize("model", MODELS)
def test_a_level_above_its_permit_is_held_and_the_unit_goes_off(model: str) -> None:
    """The engine's ceiling of this moment, not the driver's idea of it."""
    bus = Bus(model=model)
    bus.open()
    level = bus.profiles["u1"].level
    bus.permit(until_ms=1_000, ceiling=(bus.target().get(level.name) or 0) - level.step)
    bus.order(Command(unit="u1", setpoint=bus.target(), run_ms=60_000))
    bus.run(1_000)

    assert 1 == len(bus.told(FrameHeld))
    assert not bus.truth().energized
    assert [] == [
        frame for frame in bus.wrote if isinstance(frame.kind, inspect.Energize) and any(_levels(frame, level.name))
    ]


def _levels(frame: Wrote, level: str) -> list[int]:
    kind = frame.kind
    assert isinstance(kind, inspect.Energize)
    return [value for channel in kind.channels for name, value in channel if name == level]
