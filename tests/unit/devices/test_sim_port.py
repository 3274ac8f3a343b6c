"""The simulated wire, each of its faults by itself, in virtual time."""

import pytest

from devices.bench import FAULTS, FaultSpec, Group
from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.sim.device import FaultOrder
from devices.sim.faults import CannotFail
from devices.sim.port import SimPort
from tests.unit.devices.toy_unit import ToyUnit, VaryingToyUnit

ASK = b"Q\n"


def at(ms: int) -> MonoNs:
    """Milliseconds of virtual time."""
    return MonoNs(ms * NS_PER_MS)


def said(port: SimPort, frame: bytes, ms: int) -> bytes:
    """Write one frame and take what is there at the same moment."""
    port.receive(frame, at(ms))
    return port.take(at(ms))


def fresh(fault: str, *parameters: tuple[str, int], seed: int = 1) -> SimPort:
    """A toy unit that is off, with one fault."""
    port = SimPort(VaryingToyUnit("toy-1", seed), seed)
    port.inject(FaultOrder(fault=fault, parameters=parameters), at(0))
    return port


def test_a_sound_wire_carries_each_answer_at_once() -> None:
    """In memory without pacing nothing takes time: the speed of virtual runs rests on it."""
    port = SimPort(ToyUnit("toy-1", 1), 1)

    assert [b"A0\n", b"K\n", b"A5\n"] == [said(port, ASK, 0), said(port, b"W5\n", 1), said(port, ASK, 2)]
    assert port.take(at(3)) == b""


def test_silence_hears_nothing() -> None:
    """The unit does not act: with its lease unfed it goes off by itself."""
    port = fresh("silence")

    assert said(port, b"W5\n", 0) == b""
    assert port.truth(at(1)).output == 0


@pytest.mark.parametrize("fault", ["mute", "half-open-tx"])
def test_mute_acts_without_an_answer(fault: str) -> None:
    """The trap of every timeout: no answer, and yet the output is on."""
    port = fresh(fault)

    assert said(port, b"W5\n", 0) == b""
    assert port.truth(at(1)).output == 5


def test_half_open_rx_lets_only_answers_through() -> None:
    """Our frames die on the way; what was under way from the unit still comes."""
    port = SimPort(ToyUnit("toy-1", 1), 1, baud=9600)
    port.receive(ASK, at(0))
    port.next_wakeup()
    port.take(at(3))
    port.inject(FaultOrder(fault="half-open-rx"), at(3))
    port.receive(b"W5\n", at(3))

    assert port.take(at(50)) == b"A0\n"
    assert port.truth(at(50)).output == 0


def test_a_pulled_plug_loses_everything_but_the_unit_lives_on() -> None:
    """``truth`` is still told, the lease still runs, and after the plug is back the unit answers again."""
    port = fresh("mute")
    port.receive(b"W5\n", at(0))
    port.inject(FaultOrder(fault="disconnect"), at(10))
    port.receive(ASK, at(20))
    truths = [port.truth(at(20)).output, port.truth(at(1000)).output]

    assert not port.is_plugged
    assert [5, 0] == truths
    assert port.take(at(1000)) == b""
    port.clear(at(1001))
    assert port.is_plugged
    assert said(port, ASK, 1002) == b"A0\n"


def test_dropped_frames_are_lost_each_way() -> None:
    """With 500 permille about a quarter of 400 exchanges survives both ways."""
    port = fresh("drop", ("permille", 500))
    survived = sum(said(port, ASK, n) != b"" for n in range(400))

    assert 60 <= survived <= 140


def test_duplicated_frames_come_twice_each_way() -> None:
    """One request becomes two, each of their answers two."""
    port = fresh("duplicate", ("permille", 1000))

    assert said(port, ASK, 0) == b"A0\n" * 4


def test_reordered_frames_change_places() -> None:
    """With every frame held until the next, answers come one exchange late and in another order."""
    port = fresh("reorder", ("permille", 500))
    heard = b"".join(said(port, b"W%d\n" % n if n % 2 else ASK, n) for n in range(1, 40))
    sound = SimPort(VaryingToyUnit("toy-1", 1), 1)
    expected = b"".join(said(sound, b"W%d\n" % n if n % 2 else ASK, n) for n in range(1, 40))

    assert heard != expected
    # At most one frame is held each way; the values differ where a write and a read changed places.
    assert expected.count(b"\n") - heard.count(b"\n") in (0, 1, 2)


def test_a_delayed_answer_is_due_when_the_port_says() -> None:
    """Virtual time jumps to ``next_wakeup``: what it does not name never happens."""
    port = fresh("delay")

    assert said(port, ASK, 0) == b""
    assert port.next_wakeup() == at(500)
    assert port.take(MonoNs(at(500) - 1)) == b""
    assert port.take(at(500)) == b"A0\n"


def test_jitter_stays_within_its_bound() -> None:
    """100 ms and up to 20 more, not always the same."""
    port = fresh("delay", ("ms", 100), ("jitter_ms", 20))
    delays = set()
    for n in range(50):
        port.receive(ASK, at(n * 1000))
        due = port.next_wakeup()
        assert due is not None
        delays.add((due - at(n * 1000)) // NS_PER_MS)
        port.take(due)

    assert delays <= set(range(100, 121))
    assert len(delays) > 5


def test_a_late_answer_arrives_during_the_next_request() -> None:
    """The permanent off-by-one of serial lines: the old answer comes first, and only as often as ordered."""
    port = fresh("late-reply", ("count", 1))

    assert [b"", b"K\nA5\n", b"A5\n"] == [said(port, b"W5\n", 0), said(port, ASK, 1), said(port, ASK, 2)]
    assert port.truth(at(3)).faults == ()


def test_corruption_flips_one_bit_of_a_frame() -> None:
    """Not two, and not the length: what a checksum must find."""
    port = fresh("corrupt", ("permille", 300))
    answers = {said(port, b"?\n", n) for n in range(200)} - {b"?\n", b""}
    flipped = [(int.from_bytes(a, "big") ^ int.from_bytes(b"?\n", "big")).bit_count() for a in answers if len(a) == 2]

    assert flipped
    assert set(flipped) == {1}


def test_every_nth_byte_slips() -> None:
    """Both ways; 250 permille is every fourth byte."""
    port = SimPort(ToyUnit("toy-1", 1), 1)
    port.inject(FaultOrder(fault="baud-slip", parameters=(("permille", 250),)), at(0))
    heard = said(port, b"?\n", 0) + said(port, b"?\n", 1)

    # Bytes 1 and 2 went, 3 and 4 came back: the fourth is wrong. 5 and 6 went; the eighth is wrong again.
    assert heard == b"?" + bytes([0x0A ^ 0x55]) + b"?" + bytes([0x0A ^ 0x55])


def test_a_truncated_answer_ends_after_that_byte() -> None:
    """Cut after the first byte; without a number somewhere inside, never whole."""
    cut = fresh("truncate", ("at", 1))
    anywhere = fresh("truncate")

    assert said(cut, ASK, 0) == b"A"
    assert all(len(said(anywhere, ASK, n)) < 3 for n in range(50))


def test_babble_never_ends_and_keeps_its_rate() -> None:
    """2000 bytes a second for three seconds, between the answers; the port names its next step by itself."""
    port = fresh("babble")
    heard = 0
    now = at(0)
    while now < 3 * NS_PER_S:
        now = port.next_wakeup() or now
        heard += len(port.take(now))

    assert 5_900 <= heard <= 6_100


def test_babble_does_not_drown_a_host_that_was_away() -> None:
    """A suspended machine finds one second of noise, not an hour of it."""
    port = fresh("babble")

    assert len(port.take(MonoNs(3600 * NS_PER_S))) <= 2_100


def test_an_echo_comes_before_the_answer() -> None:
    """Two-wire RS-485 adapters do that; a codec must not take its own frame for an answer."""
    assert said(fresh("echo"), ASK, 0) == b"Q\nA0\n"


@pytest.mark.parametrize(
    ("fault", "parameters", "heard"),
    [
        ("exception", (), b"E4\n"),
        ("exception", (("code", 6),), b"E6\n"),
        ("foreign", (), b"FA0\n"),
        ("forge", (("permille", 1000),), b"A999\n"),
        ("two-answer", (), b"A0\nBA0\n"),
        ("oversize", (("bytes", 10),), b"A000000000\n"),
    ],
)
def test_faults_of_the_protocol_are_made_by_the_unit(
    fault: str, parameters: tuple[tuple[str, int], ...], heard: bytes
) -> None:
    """Checksums, addresses and errors are the unit's to make; the wire puts them in the answer's place."""
    assert heard == said(fresh(fault, *parameters), ASK, 0)


@pytest.mark.parametrize("fault", ["exception", "foreign", "forge", "two-answer", "oversize"])
def test_a_protocol_without_the_means_refuses_the_fault(fault: str) -> None:
    """It is refused when ordered, not silently without effect."""
    port = SimPort(ToyUnit("toy-1", 1), 1)

    with pytest.raises(CannotFail, match="toy"):
        port.inject(FaultOrder(fault=fault), at(0))
    assert said(port, ASK, 0) == b"A0\n"


@pytest.mark.parametrize("spec", [spec for spec in FAULTS.values() if spec.group is Group.WIRE], ids=lambda s: s.id)
def test_after_a_clear_the_wire_is_sound_again(spec: FaultSpec) -> None:
    """No fault leaves anything behind but frames that were under way."""
    port = fresh(spec.id)
    for n in range(5):
        said(port, ASK, n)
    port.clear(at(2000))
    port.receive(ASK, at(2001))
    port.take(at(60_000))

    assert said(port, ASK, 60_001) == b"A0\n"
    assert port.truth(at(60_001)).faults == ()


def test_bytes_take_their_time_on_a_paced_line() -> None:
    """19200 baud, ten bits a byte: two bytes there and three back are 2.604 ms; an answer leaves whole."""
    port = SimPort(ToyUnit("toy-1", 1), 1, baud=19_200)
    port.receive(ASK, at(0))
    heard_ns = 0
    answer = b""
    while not answer:
        heard_ns = port.next_wakeup() or 0
        answer = port.take(MonoNs(heard_ns))

    assert answer == b"A0\n"
    assert abs(heard_ns - 5 * 10 * NS_PER_S // 19_200) < 10


def test_a_frame_that_the_host_split_reaches_the_unit_whole() -> None:
    """A unit that throws half a frame away after a pause must not see one where the line had none."""
    port = SimPort(ToyUnit("toy-1", 1), 1, baud=19_200)
    port.receive(b"W", at(0))
    port.receive(b"5\n", MonoNs(100_000))
    heard_ns = port.next_wakeup() or 0

    assert abs(heard_ns - 3 * 10 * NS_PER_S // 19_200) < 10
    assert port.take(MonoNs(heard_ns)) == b""
    assert port.take(at(10)) == b"K\n"


def test_faults_combine_and_one_is_taken_back_alone() -> None:
    """What ``for`` does at its end: the others go on, a ramp under way included."""
    port = fresh("run-away", ("gain_permille", 3000), ("ramp_ms", 100))
    said(port, b"W5\n", 0)
    port.inject(FaultOrder(fault="mute"), at(0))
    port.inject(FaultOrder(fault="offset", parameters=(("value", 7),)), at(0))
    port.take_back("offset", at(50))

    assert port.truth(at(100)).output == 15
    assert set(port.truth(at(100)).faults) == {"mute", "run-away"}
    assert said(port, ASK, 100) == b""


def test_a_fault_that_was_used_up_does_not_come_back_with_another_ones_end() -> None:
    """Taking one back gives the others again, but not those that are over."""
    port = SimPort(ToyUnit("toy-1", 1), 1)
    port.inject(FaultOrder(fault="ignore-stop", parameters=(("count", 1),)), at(0))
    port.inject(FaultOrder(fault="offset", parameters=(("value", 7),)), at(0))
    said(port, b"W5\n", 0)
    said(port, b"S\n", 1)
    port.take_back("offset", at(2))
    said(port, b"S\n", 3)

    assert port.truth(at(3)).output == 0


def test_a_fault_the_unit_cannot_have_is_refused_and_changes_nothing() -> None:
    """The refusal of the unit comes through the wire, and the list of faults stays empty."""
    port = SimPort(ToyUnit("toy-1", 1), 1)

    with pytest.raises(CannotFail, match="toy cannot have cough"):
        port.inject(FaultOrder(fault="cough"), at(0))
    assert port.truth(at(0)).faults == ()


def test_each_client_hears_its_own_answers() -> None:
    """A TCP unit with a gateway's habits: answers go to who asked."""
    port = SimPort(ToyUnit("toy-1", 1), 1)
    port.receive(b"W5\n", at(0), source=7)
    port.receive(ASK, at(0), source=9)

    assert port.take_for(at(0)) == [(7, b"K\n"), (9, b"A5\n")]


@pytest.mark.parametrize("fault", ["drop", "duplicate", "reorder", "corrupt", "babble", "forge"])
def test_one_seed_gives_one_run(fault: str) -> None:
    """Simulated runs are compared byte by byte; another seed is another run."""

    def run(seed: int) -> bytes:
        port = fresh(fault, seed=seed)
        return b"".join(said(port, b"W%d\n" % n, n) + said(port, ASK, n) for n in range(100))

    assert run(1) == run(1)
    assert run(1) != run(2)
