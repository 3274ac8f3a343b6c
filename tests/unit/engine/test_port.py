"""The port: stops jump every queue, permits end by themselves, Off is repeated until it is seen, units take turns."""

import itertools

import pytest

from devices.drivers.p24 import P24Driver
from devices.drivers.passive import PassiveDriver
from devices.model import (
    NEVER_NS,
    NS_PER_MS,
    NS_PER_S,
    Fault,
    Identity,
    LinkFault,
    MonoNs,
    Off,
    Output,
    Sample,
)
from devices.profile import load
from modctl.engine.effects import Command, Identify, PackSaid, Revoke, Watch
from modctl.engine.port import LineLost, LineOpened, PermitLapsed, Port
from protocols import inspect
from tests.unit.engine.made_port import Bus, Wrote

MODELS = ["hasomed-p24", "reference-ultrasound"]


def words(frames: list[Wrote]) -> list[str]:
    """The frames' kinds in one word each."""
    return [frame.word for frame in frames]


def feeding(frames: list[Wrote]) -> list[Wrote]:
    """Frames that energize or keep a unit's output alive."""
    return [
        frame
        for frame in frames
        if isinstance(frame.kind, inspect.Energize)
        or (isinstance(frame.kind, inspect.Query | inspect.Config) and frame.kind.feeds_lease)
    ]


def samples(bus: Bus, unit: str = "u1") -> list[Sample]:
    """A unit's samples."""
    return [news for news in bus.told(Sample, unit) if isinstance(news, Sample)]


@pytest.mark.parametrize("model", MODELS)
def test_an_opened_line_is_told_and_its_unit_identified(model: str) -> None:
    """Nothing is used before it has said its name."""
    bus = Bus(model=model)
    bus.open()

    assert [LineOpened] == [type(news) for news in bus.told(LineOpened)]
    assert [model] == [news.model for news in bus.told(Identity) if isinstance(news, Identity)]
    assert [] == feeding(bus.wrote)


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_written_to_a_closed_line(model: str) -> None:
    """Bytes into nowhere must not count as said."""
    bus = Bus(model=model)
    bus.order(Command(unit="u1", setpoint=Off()))
    bus.run(1_000)

    assert [] == bus.wrote
    assert NEVER_NS == bus.port.wakeup()


@pytest.mark.parametrize("model", MODELS)
def test_without_a_permit_nothing_energizes_or_feeds(model: str) -> None:
    """A level that was commanded waits; it does not slip out."""
    bus = Bus(model=model)
    bus.open()
    bus.order(Command(unit="u1", setpoint=bus.target()))
    bus.run(2_000)

    assert [] == feeding(bus.wrote)
    assert not bus.truth().energized


@pytest.mark.parametrize("model", MODELS)
def test_with_a_permit_the_level_goes_out_and_the_lease_is_fed(model: str) -> None:
    """The ordinary way, and it lasts longer than the lease."""
    bus = Bus(model=model)
    bus.open()
    bus.energize()
    for sequence in range(2, 40):
        bus.permit(until_ms=300, sequence=sequence)
        bus.run(100)

    assert bus.truth().energized
    assert bus.truth().lease_left_ms


@pytest.mark.parametrize("model", MODELS)
def test_a_permit_that_is_not_renewed_ends_in_off_from_here(model: str) -> None:
    """The engine may hang, be busy or be dead; the port needs nobody to stop."""
    bus = Bus(model=model)
    bus.open()
    bus.energize(until_ms=600)
    lapses_ms = bus.now_ms + 100
    bus.run(1_000)

    assert [lapses_ms] == [
        (news.at_ns - NS_PER_S) // NS_PER_MS for news in bus.told(PermitLapsed) if isinstance(news, PermitLapsed)
    ]
    off_ms = next(frame.at_ms for frame in bus.since(lapses_ms) if frame.word == "Off")
    assert off_ms - lapses_ms <= 10
    assert not bus.truth().energized


@pytest.mark.parametrize("model", MODELS)
def test_a_permit_lapses_on_time_while_an_answer_is_awaited(model: str) -> None:
    """A dead unit's reply time is no grace."""
    bus = Bus(model=model)
    bus.open()
    bus.energize(until_ms=600)
    bus.run(50)
    bus.inject("mute")
    lapses_ms = bus.now_ms + 50
    bus.run(200)

    off_ms = next(frame.at_ms for frame in bus.since(lapses_ms) if frame.word == "Off")
    assert off_ms - lapses_ms <= 5


@pytest.mark.parametrize("model", MODELS)
def test_after_a_revoke_nothing_feeds_any_more(model: str) -> None:
    """While stopping only queries that feed no lease are sent."""
    bus = Bus(model=model)
    bus.open()
    bus.energize()
    bus.order(Revoke(unit="u1"))
    revoked_ms = bus.now_ms
    bus.run(3_000)

    assert [] == feeding(bus.since(revoked_ms))
    assert len(bus.since(revoked_ms)) > 5
    assert not bus.truth().energized  # by its own lease: no Off was ordered


@pytest.mark.parametrize("model", MODELS)
def test_a_stop_is_the_next_frame_and_abandons_the_answer_under_way(model: str) -> None:
    """A unit that does not answer must not hold its own stop back."""
    bus = Bus(model=model)
    bus.open()
    bus.energize()
    bus.inject("delay", ms=90)
    asked = len(bus.wrote)
    while len(bus.wrote) == asked:
        bus.run(1)  # until a request is under way
    bus.order(Command(unit="u1", setpoint=Off()))
    ordered_ms = bus.now_ms
    before = len(bus.wrote)
    bus.run(20)

    assert "Off" == bus.wrote[before].word
    assert bus.wrote[before].at_ms - ordered_ms <= 8  # the rest of the request under way, and silence


def test_a_stop_that_is_asked_while_an_answer_is_awaited_wants_to_be_written_now() -> None:
    """Whoever waits by the port's own word must not wait for the answer first."""
    bus = Bus("u1", "u2")
    bus.open()
    bus.energize("u1")
    asked = len(bus.wrote)
    while len(bus.wrote) == asked:
        bus.run(1)
    awaited_ns = bus.port.wakeup()
    bus.order(Command(unit="u2", setpoint=Off()))

    assert awaited_ns > bus.now_ns
    assert bus.port.wakeup() <= bus.now_ns


def test_a_stop_goes_before_the_other_units_requests() -> None:
    """Its neighbours on the bus wait, not the other way round."""
    bus = Bus("u1", "u2", "u3")
    bus.open()
    for unit in bus.names:
        bus.energize(unit)
    for at in range(30):  # whatever is under way at the moment of the stop
        bus.run(7 + at % 5)
        unit = bus.names[at % 3]
        bus.order(Command(unit=unit, setpoint=Off()))
        before = len(bus.wrote)
        bus.run(10)
        first = bus.wrote[before]

        assert "Off" == first.word
        assert bus.names.index(unit) + 1 == first.frame[0]


def test_while_a_stopped_unit_waits_for_silence_no_other_unit_is_asked() -> None:
    """A request just written must end before Off can follow; a neighbour's request must not slip in between."""
    bus = Bus("u1", "u2")
    bus.open()
    for unit in bus.names:
        bus.order(Watch(unit=unit, closely=True))
    for _ in range(20):
        asked = len(bus.wrote)
        while len(bus.wrote) == asked or bus.wrote[-1].frame[0] != 1:
            bus.run(0.25)
        bus.order(Command(unit="u1", setpoint=Off()))
        before = len(bus.wrote)
        bus.run(20)

        assert ("Off", 1) == (bus.wrote[before].word, bus.wrote[before].frame[0])


def test_a_silent_unit_costs_its_bus_one_reply_time_at_most() -> None:
    """One dead unit must not make its neighbours stale."""
    bus = Bus("u1", "u2")
    bus.open()
    for unit in bus.names:
        bus.order(Watch(unit=unit, closely=True))
    bus.inject("silence", "u2")
    bus.run(1_000)
    settled_ns = bus.now_ns
    bus.run(10_000)
    moments = [sample.at_ns for sample in samples(bus, "u1") if sample.at_ns > settled_ns]
    gaps_ms = [(later - earlier) // NS_PER_MS for earlier, later in itertools.pairwise(moments)]
    live = bus.profiles["u1"].liveness

    assert max(gaps_ms) <= live.poll_ms + live.reply_ms + 20


def test_units_of_one_bus_take_turns() -> None:
    """Nobody starves."""
    bus = Bus("u1", "u2", "u3")
    bus.open()
    for unit in bus.names:
        bus.order(Watch(unit=unit, closely=True))
    before = [len(samples(bus, unit)) for unit in bus.names]
    bus.run(3_000)
    counts = [len(samples(bus, unit)) - start for unit, start in zip(bus.names, before, strict=True)]

    assert min(counts) >= 25
    assert max(counts) - min(counts) <= 2


# Lines come and go


@pytest.mark.parametrize("model", MODELS)
def test_what_was_energized_when_the_line_was_lost_is_told_off_first_when_it_is_back(model: str) -> None:
    """Before it is asked who it is."""
    bus = Bus(model=model)
    bus.open()
    bus.energize()
    bus.port.lost("lost", "unplugged", bus.now_ns)
    bus.run(200)
    back_ms = bus.now_ms
    bus.port.opened(bus.now_ns)
    bus.run(1_000)

    assert [("lost", "unplugged")] == [
        (news.code, news.why) for news in bus.told(LineLost) if isinstance(news, LineLost)
    ]
    assert "Off" == words(bus.since(back_ms))[0]
    assert 2 == len(bus.told(Identity))
    assert [] == feeding(bus.since(back_ms))


@pytest.mark.parametrize("model", MODELS)
def test_what_was_off_when_the_line_was_lost_is_only_asked_who_it_is(model: str) -> None:
    """A unit that was merely replugged."""
    bus = Bus(model=model)
    bus.open()
    bus.port.lost("lost", "unplugged", bus.now_ns)
    bus.run(200)
    back_ms = bus.now_ms
    bus.port.opened(bus.now_ns)
    bus.run(1_000)

    assert "Off" not in words(bus.since(back_ms))


def test_an_answer_that_nobody_waits_for_is_told_as_a_fault() -> None:
    """Bytes out of nowhere are somebody's fault, and are looked at."""
    bus = Bus(model="hasomed-p24")
    bus.port.opened(bus.now_ns)
    bus.port.received(b"\x00" * 3, bus.now_ns)
    bus.run(1)
    bus.port.received(b"\xf0" * 3, bus.now_ns)
    bus.open()
    answer = bus.wrote[0].frame  # a request is a packet too, and none that was asked for
    bus.port.received(answer, bus.now_ns)
    bus.run(10)
    faults = [news.fault for news in bus.told(LinkFault) if isinstance(news, LinkFault)]

    assert faults
    assert set(faults) <= {Fault.CORRUPT, Fault.FOREIGN, Fault.LATE, Fault.MALFORMED}


def test_identify_asks_again() -> None:
    """By order of the engine, not only at opening."""
    bus = Bus()
    bus.open()
    bus.order(Identify(unit="u1"))
    bus.run(500)

    assert 2 == len(bus.told(Identity))


@pytest.mark.parametrize(("closely", "least", "most"), [(True, 9, 11), (False, 1, 3)])
def test_the_pace_of_the_samples_follows_the_engine(closely: bool, least: int, most: int) -> None:
    """Ten a second while something flows, two while nothing does."""
    bus = Bus()
    bus.open()
    bus.order(Watch(unit="u1", closely=closely))
    bus.run(500)
    before = len(samples(bus))
    bus.run(1_000)

    assert least <= len(samples(bus)) - before <= most


@pytest.mark.parametrize("model", MODELS)
def test_last_words_are_off_of_every_unit(model: str) -> None:
    """What the guard writes when nobody else lives."""
    bus = Bus("u1", "u2", model=model)
    spoken = bus.port.last_words()

    assert 2 == len(spoken)
    for driver, frame in zip(bus.drivers.values(), spoken, strict=True):
        one = frame[: len(frame) // 3] if model == "hasomed-p24" else frame
        assert isinstance(driver.inspect(one), inspect.Off)


def test_a_port_without_units_has_nothing_to_do() -> None:
    """Nobody asks such a one twice."""
    driver = P24Driver(load("hasomed-p24"))
    port = Port({"u1": driver}, {"u1": load("hasomed-p24")})

    assert (NEVER_NS, b"") == (port.wakeup(), port.due(MonoNs(0)))


def pack() -> tuple[Port, PassiveDriver]:
    """A unit without a wire, known and seen."""
    driver = PassiveDriver(load("passive"))
    port = Port({"u1": driver}, {"u1": load("passive")})
    port.opened(MonoNs(0))
    return port, driver


def outputs(port: Port, now_ns: MonoNs) -> list[Output]:
    """What the samples of a moment say; nothing is ever written."""
    assert b"" == port.due(now_ns)
    return [news.output for _name, news in port.drain() if isinstance(news, Sample)]


def test_of_a_pack_the_persons_word_is_the_sample() -> None:
    """On and off as told, at once, without a byte on any line."""
    port, _driver = pack()
    seen = [outputs(port, MonoNs(0))]
    for place, is_on in enumerate((True, False), start=1):
        now_ns = MonoNs(place * NS_PER_S)
        port.order(PackSaid(unit="u1", is_on=is_on), now_ns)
        seen.append(outputs(port, now_ns))

    assert [[Output.OFF], [Output.ENERGIZED], [Output.OFF]] == seen


def test_a_torn_word_is_told_as_a_fault_and_not_taken() -> None:
    """What is left of another word in front of it makes it nobody's: the pack stays what it was."""
    port, driver = pack()
    driver.feed(b"o", MonoNs(0))
    port.order(PackSaid(unit="u1", is_on=True), MonoNs(0))
    assert b"" == port.due(MonoNs(0))
    news = [one for _name, one in port.drain()]

    assert [Fault.MALFORMED] == [one.fault for one in news if isinstance(one, LinkFault)]
    assert [Output.OFF] == [one.output for one in news if isinstance(one, Sample)]


def test_of_a_unit_with_a_line_only_the_line_is_believed() -> None:
    """A person's word about it reaches no driver: it would be garbage there, and a fault."""
    bus = Bus(model="hasomed-p24")
    bus.open()
    for is_on in (True, False):
        bus.order(PackSaid(unit="u1", is_on=is_on))
    bus.run(1_000)

    assert [] == bus.told(LinkFault)
    assert {Output.OFF} == {one.output for one in samples(bus)}
