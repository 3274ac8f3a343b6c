"""The simulated P24 alone: as strict as the unit's document, no stricter and no more forgiving."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devices.model import NS_PER_MS, MonoNs
from devices.sim.body import LIFTED_OHM, SHORT_OHM, impedance_ohm, reachable_ua
from devices.sim.device import FaultOrder
from devices.sim.faults import FaultBoard
from devices.sim.sciencemode import Pulse, frame_of, packets_in, pulses_of
from devices.sim.units.p24 import CAN, SimP24
from protocols.sciencemode import Packet
from protocols.sciencemode4 import Command, Pattern, Point, biphasic, decode, encode, fits, ml_update

NOW = MonoNs(10_000 * NS_PER_MS)
LEASE_NS = 2_000 * NS_PER_MS  # P24 Instructions for Use v1.1, keep-alive
UPDATE = decode(ml_update(0, {1: biphasic(20_000, 200, 20_000, gap_us=100)})).payload
INIT = b"\x01"
PULSE = bytes.fromhex("0c8550000c841000")  # 200 us +20 mA, 200 us -20 mA


class Unit:
    """A simulated unit and the time."""

    def __init__(self) -> None:
        self.sim = SimP24("estim-1", 1)
        self.now = NOW

    def ask(self, command: int, data: bytes = b"") -> bytes:
        """Data of the one answer; its command and packet number must be right."""
        reply = self.sim.handle(encode(Packet(command, 9, data)), self.now)
        packet = decode(reply)
        assert (9, True) == (packet.number, packet.command in (command + 1, 67))
        return packet.payload

    def running(self) -> "Unit":
        """Mid level running at 20 mA."""
        self.ask(Command.ML_INIT, INIT)
        self.ask(Command.ML_UPDATE, UPDATE)
        return self

    def output(self) -> int:
        """The true output."""
        return self.sim.truth(self.now).output

    def inject(self, fault: str, **parameters: int) -> None:
        """Switch a fault on."""
        self.sim.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now)


def status(unit: Unit) -> tuple[int, int]:
    """Level and high-voltage level as reported."""
    _, level, high_voltage = unit.ask(Command.GET_STIM_STATUS)
    return level, high_voltage


@pytest.mark.parametrize("command", [6, 29, 38, 49, 54, 56, 70, 79, 100, 102, 114, 120, 139, 160, 189, 1023])
def test_commands_that_it_does_not_have_are_unknown(command: int) -> None:
    """Battery, measurement, boot and service commands included."""
    assert Unit().ask(command) == b"\x0b"


@pytest.mark.parametrize(
    ("before", "command", "data", "result"),
    [
        ([], Command.ML_UPDATE, UPDATE, 7),
        ([], Command.ML_GET_CURRENT_DATA, b"\x04", 7),
        ([], Command.ML_STOP, b"", 0),
        ([(Command.ML_INIT, INIT)], 0, b"\x00", 7),
        ([(Command.ML_INIT, INIT)], Command.LL_STOP, b"", 7),
        ([(0, b"\x00")], Command.ML_INIT, INIT, 7),
        ([(0, b"\x00")], Command.ML_UPDATE, UPDATE, 7),
        ([(0, b"\x00")], Command.ML_STOP, b"", 7),
        ([], Command.ML_INIT, b"\x02", 2),
        ([], Command.ML_INIT, b"", 2),
        ([], Command.GET_STIM_STATUS, b"\x00", 2),
        ([], 0, b"\x40", 2),
    ],
)
def test_levels_exclude_each_other(before: list[tuple[int, bytes]], command: int, data: bytes, result: int) -> None:
    """What is not initialised, or is under the other level, is refused with result 7; wrong data with 2."""
    unit = Unit()
    for each, payload in before:
        unit.ask(each, payload)

    assert unit.ask(command, data)[0] == result


def pattern_data(current_ua: int = 20_000, width_us: int = 200, period_word: int = 0x0050, low_bits: int = 0) -> bytes:
    """An update of channel 1 with any numbers in it."""
    words = [
        (us << 20 | (ua // 500 + 300 & 0x3FF) << 10 | low_bits).to_bytes(4, "big")
        for us, ua in ((width_us, current_ua), (100, 0), (width_us, -current_ua))
    ]
    return b"\x01\x20" + period_word.to_bytes(2, "big") + b"".join(words)


@pytest.mark.parametrize(
    ("data", "result"),
    [
        (pattern_data(), 0),
        (pattern_data(current_ua=130_000), 0),
        (pattern_data(current_ua=130_500), 2),
        (pattern_data(low_bits=0x60), 0),
        (pattern_data(low_bits=0x01), 2),
        (pattern_data(period_word=0x0000), 2),
        (pattern_data(period_word=0x0001), 2),
        (pattern_data(width_us=420, period_word=0x0004), 0),
        (pattern_data(width_us=421, period_word=0x0004), 2),
        (pattern_data()[:-1], 2),
        (pattern_data() + b"\x00", 2),
        (b"", 2),
        (b"\x01", 2),
        (b"\x03" + pattern_data()[1:], 2),
        (b"\x00", 0),
    ],
)
def test_updates_out_of_range_are_refused_and_change_nothing(data: bytes, result: int) -> None:
    """Result 2, and the unit goes on as it was."""
    unit = Unit().running()
    before = unit.sim.truth(unit.now)

    assert unit.ask(Command.ML_UPDATE, data) == bytes((result,))
    after = unit.sim.truth(unit.now)
    assert result == 0 or (before.output, before.channels) == (after.output, after.channels)


@pytest.mark.parametrize(("after_ns", "is_running"), [(LEASE_NS - 1, True), (LEASE_NS, False)])
@pytest.mark.parametrize("feeds", [(Command.ML_UPDATE, UPDATE), (Command.ML_GET_CURRENT_DATA, b"\x04")])
def test_output_ends_2_s_after_the_last_feeding_frame(
    feeds: tuple[int, bytes], after_ns: int, is_running: bool
) -> None:
    """Only Ml_update and Ml_get_current_data count; the level stays initialised with its high voltage on."""
    unit = Unit().running()
    unit.now = MonoNs(unit.now + 1_500 * NS_PER_MS)
    unit.ask(*feeds)
    unit.now = MonoNs(unit.now + after_ns)

    assert is_running == (unit.output() == 20_000)
    assert status(unit) == ((3, 6) if is_running else (2, 6))


@pytest.mark.parametrize("command", [50, 52, 62, 64, 68])
def test_queries_feed_nothing(command: int) -> None:
    """Polling must not keep a forgotten output alive."""
    unit = Unit().running()
    for _ in range(30):
        unit.now = MonoNs(unit.now + 100 * NS_PER_MS)
        unit.ask(command)

    assert (0, NOW + LEASE_NS) == (unit.output(), unit.sim.truth(unit.now).changed_at_mono_ns)


def test_an_update_after_the_lease_restarts_output_silently() -> None:
    """The trap of this unit, kept in the simulator so that a driver can fall into it."""
    unit = Unit().running()
    unit.now = MonoNs(unit.now + 5 * LEASE_NS)
    assert unit.output() == 0

    assert unit.ask(Command.ML_UPDATE, UPDATE) == b"\x00"
    assert unit.output() == 20_000


def test_init_switches_high_voltage_on_and_stop_off() -> None:
    """Status and high-voltage level are the only proof of off that there is."""
    unit = Unit()
    assert status(unit) == (0, 1)
    unit.ask(Command.ML_INIT, INIT)
    assert status(unit) == (2, 6)
    unit.ask(Command.ML_UPDATE, UPDATE)
    assert status(unit) == (3, 6)
    unit.ask(Command.ML_STOP)
    assert status(unit) == (0, 1)


@pytest.mark.parametrize(("stops_all", "left"), [(b"\x01", 0), (b"\x00", 10_000)])
def test_an_electrode_error_stops_all_channels_or_its_own(stops_all: bytes, left: int) -> None:
    """Below 15 mA the error is not detected, so the other channel goes on where init allowed it."""
    unit = Unit()
    unit.ask(Command.ML_INIT, stops_all)
    patterns = {1: biphasic(20_000, 200, 20_000, gap_us=100), 2: biphasic(10_000, 200, 20_000, gap_us=100)}
    unit.ask(Command.ML_UPDATE, decode(ml_update(0, patterns)).payload)
    unit.inject("contact-loss")

    answer = unit.ask(Command.ML_GET_CURRENT_DATA, b"\x04")

    assert (10, 1) == (answer[0], answer[3])
    assert (left > 0) == (answer[2] == 2)
    unit.sim.clear(unit.now)
    assert left == unit.output()


@pytest.mark.parametrize(
    ("init", "config", "is_lifted", "expected"),
    [
        (b"\x00", b"\xa1" + PULSE, False, b"\x00\x01\x00"),
        (b"\x00", b"\x91" + PULSE, False, b"\x00\x10\x00"),
        (b"\x00", b"\x21", False, b"\x00\x01\x00"),
        (b"\x00", b"\xa1" + PULSE, True, b"\x0a\x01\x00"),
        (b"\x02", b"\xa1" + PULSE, True, b"\x00\x01\x00"),
        (b"\x00", b"\xa2" + PULSE, False, b"\x02\x01\x00"),
        (b"\x00", b"", False, b"\x02\x00\x00"),
        (None, b"\xa1" + PULSE, False, b"\x07\x01\x00"),
    ],
)
def test_low_level_gives_single_pulses(init: bytes | None, config: bytes, is_lifted: bool, expected: bytes) -> None:
    """Result, connector and channel, no measurement; nothing stays energized behind a pulse."""
    unit = Unit()
    if init is not None:
        unit.ask(0, init)
    if is_lifted:
        unit.inject("contact-loss")

    assert expected == unit.ask(2, config)
    assert not unit.sim.truth(unit.now).energized


def test_low_level_measures_the_current_when_it_was_asked_to() -> None:
    """128 samples of 10 us in hundredths of a milliampere."""
    unit = Unit()
    unit.ask(0, b"\x10")

    answer = unit.ask(2, b"\xa1" + PULSE)

    assert (b"\x00\x01\x01\x00\x0a", 2 * 128) == (answer[:5], len(answer[5:]))
    assert [2_000] * 40 + [0] * 88 == [int.from_bytes(answer[at : at + 2], "big") for at in range(5, 261, 2)]


def test_a_reset_is_answered_and_restarts_the_unit() -> None:
    """Silent while it starts, then at its defaults."""
    unit = Unit().running()
    assert unit.ask(58) == b"\x00"
    assert unit.output() == 0
    assert unit.sim.handle(encode(Packet(62, 0)), unit.now) == b""
    unit.now = MonoNs(unit.now + 1_500 * NS_PER_MS)

    assert status(unit) == (0, 1)


def test_two_requests_in_one_piece_are_answered_in_order_and_act_in_order() -> None:
    """The status behind a stop tells the state after the stop."""
    unit = Unit().running()

    replies = unit.sim.handle(encode(Packet(34, 1)) + encode(Packet(62, 2)), unit.now)

    assert [(1, 35, b"\x00"), (2, 63, b"\x00\x00\x01")] == list(packets_in(bytearray(replies)))


@pytest.mark.parametrize("cut", range(12))
def test_requests_may_come_in_pieces(cut: int) -> None:
    """A line cuts where it likes."""
    unit = Unit()
    frame = encode(Packet(62, 0))

    first = unit.sim.handle(frame[:cut], unit.now)
    second = unit.sim.handle(frame[cut:], unit.now)

    assert first == b""
    assert decode(second).command == 63


@pytest.mark.parametrize("bit", range(12 * 8))
def test_a_damaged_request_is_not_answered_and_does_nothing(bit: int) -> None:
    """No single wrong bit makes one command into another; the next good one is heard."""
    unit = Unit().running()
    frame = bytearray(encode(Packet(34, 0)))
    frame[bit // 8] ^= 1 << bit % 8

    assert unit.sim.handle(bytes(frame), unit.now) == b""
    assert unit.output() == 20_000
    unit.ask(Command.ML_STOP)
    assert unit.output() == 0


@given(st.lists(st.binary(max_size=60)))
def test_arbitrary_bytes_never_start_output(pieces: list[bytes]) -> None:
    """And never break the unit."""
    unit = Unit()
    for piece in pieces:
        unit.sim.handle(piece, unit.now)

    assert not unit.sim.truth(unit.now).energized


@given(st.integers(0, 1023), st.integers(0, 63), st.binary(max_size=50))
def test_both_readings_of_the_frame_agree(command: int, number: int, data: bytes) -> None:
    """The simulator's framing and the driver's were written apart."""
    frame = encode(Packet(command, number, data))

    assert frame == frame_of(number, command, data)
    assert [(number, command, data)] == list(packets_in(bytearray(frame)))


@given(
    period=st.integers(200, 32_766),
    phases=st.lists(st.tuples(st.integers(10, 4095), st.integers(-260, 260)), min_size=1, max_size=8),
)
def test_both_readings_of_an_update_agree(period: int, phases: list[tuple[int, int]]) -> None:
    """Periods, durations and currents mean the same on both sides."""
    halves = [(us, step * 500) for us, step in phases]
    points = tuple(Point(us, ua) for us, ua in [*halves, *((us, -ua) for us, ua in halves)])
    pattern = Pattern(period * 500, points)
    assume(fits((pattern,)))

    pulses = pulses_of(decode(ml_update(0, {5: pattern})).payload)

    assert pulses is not None
    busy_us = 2 * sum(us for us, _ in halves) + 60
    assert {4: Pulse(period * 500, max(abs(ua) for _, ua in halves), max(us for us, _ in halves), busy_us)} == pulses


# Faults of the unit, seen in its truth


@pytest.mark.parametrize(
    ("fault", "parameters", "output"),
    [
        ("run-away", {"gain_permille": 2000, "ramp_ms": 0}, 40_000),
        ("over-deliver", {}, 26_000),
        ("under-deliver", {}, 12_000),
        ("clip", {"at": 5_000}, 5_000),
        ("stuck-off", {}, 0),
        ("short", {}, 20_000),
    ],
)
def test_output_faults_change_the_truth_and_not_the_report(fault: str, parameters: dict[str, int], output: int) -> None:
    """The unit does not know."""
    unit = Unit().running()
    unit.inject(fault, **parameters)

    assert output == unit.output()
    assert status(unit) == (3, 6)


def test_stuck_on_holds_the_last_output_and_shows_its_high_voltage() -> None:
    """Stop and lease change the state that is reported, not the output; the supply cannot be hidden."""
    unit = Unit().running()
    unit.inject("stuck-on")
    assert unit.ask(Command.ML_STOP) == b"\x00"

    assert (20_000, True) == (unit.output(), unit.sim.truth(unit.now).energized)
    assert status(unit)[1] == 6


def test_stuck_on_of_a_unit_that_is_off_does_nothing_until_it_was_on() -> None:
    """What was put out an hour ago does not come back."""
    unit = Unit().running()
    unit.ask(Command.ML_STOP)
    unit.inject("stuck-on")

    assert unit.output() == 0


def test_output_that_nobody_commanded_is_reported_and_ends_with_a_stop() -> None:
    """A relay or a panel; the unit is honest about it."""
    unit = Unit()
    unit.inject("uncommanded-on", value=7_000)
    assert (7_000, (3, 6)) == (unit.output(), status(unit))

    unit.ask(Command.ML_STOP)

    assert (0, (0, 1)) == (unit.output(), status(unit))


@pytest.mark.parametrize(("fault", "after_ms"), [("slow-stop", 1_500), ("apply-late", 1_000)])
def test_delayed_effects_happen_at_their_own_time(fault: str, after_ms: int) -> None:
    """Exactly then, whoever looks and whenever."""
    unit = Unit().running() if fault == "slow-stop" else Unit()
    unit.ask(*((Command.ML_UPDATE, UPDATE) if fault == "slow-stop" else (Command.ML_INIT, INIT)))
    unit.inject(fault)
    unit.ask(*((Command.ML_STOP, b"") if fault == "slow-stop" else (Command.ML_UPDATE, UPDATE)))
    assert NOW + after_ms * NS_PER_MS == unit.sim.next_wakeup()

    unit.now = MonoNs(NOW + (after_ms + 300) * NS_PER_MS)

    assert NOW + after_ms * NS_PER_MS == unit.sim.truth(unit.now).changed_at_mono_ns


def test_an_update_applied_twice_brings_the_older_levels_back() -> None:
    """And not after a stop."""
    unit = Unit().running()
    unit.inject("apply-twice")
    unit.ask(Command.ML_UPDATE, UPDATE)
    unit.sim.clear(unit.now)
    unit.ask(Command.ML_UPDATE, decode(ml_update(0, {1: biphasic(5_000, 200, 20_000, gap_us=100)})).payload)
    assert unit.output() == 5_000

    unit.now = MonoNs(NOW + 1_000 * NS_PER_MS)
    assert unit.output() == 20_000
    unit.ask(Command.ML_STOP)
    assert unit.output() == 0


def test_a_frozen_report_stands_still() -> None:
    """The level it told last is the level it tells."""
    unit = Unit().running()
    assert status(unit) == (3, 6)
    unit.inject("frozen")
    unit.ask(Command.ML_STOP)

    assert (0, (3, 6)) == (unit.output(), status(unit))


def test_every_fault_in_the_list_can_be_injected_and_taken_back() -> None:
    """Named in ``truth`` while it lasts; a restart happens at once and is over."""
    required = {"clip": {"at": 1}, "uncommanded-on": {"value": 1}}
    for fault in sorted(CAN):
        unit = Unit().running()
        unit.inject(fault, **required.get(fault, {}))
        assert (fault == "reboot") != (fault in unit.sim.truth(unit.now).faults)
        unit.sim.clear(unit.now)
        assert unit.sim.truth(unit.now).faults == ()


@pytest.mark.parametrize("kind", ["exception", "forge", "foreign", "two-answer", "oversize"])
def test_a_second_voice_speaks_in_good_frames(kind: str) -> None:
    """A wrong checksum is another fault: these have a right one and a wrong content."""
    unit = Unit()
    request = encode(Packet(62, 5))
    reply = unit.sim.handle(request, unit.now)

    variant = unit.sim.wire_variant(kind, reply, request, (("code", 4), ("bytes", 2_000)))

    assert variant is not None
    assert variant != reply
    packets = list(packets_in(bytearray(variant)))
    assert len(packets) == {"two-answer": 2, "oversize": 0}.get(kind, 1)
    assert kind == "oversize" or variant == b"".join(frame_of(*packet) for packet in packets)


# The patient's side


def board(fault: str | None = None, **parameters: int) -> FaultBoard:
    """A fault board with one body fault since ``NOW``."""
    faults = FaultBoard("hasomed-p24", CAN, 1)
    if fault is not None:
        faults.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), NOW)
    return faults


def test_impedance_is_that_of_usual_electrodes() -> None:
    """1 to 1.5 kOhm at 100 to 200 us; longer pulses meet more of the skin."""
    ohms = [impedance_ohm(width_us, 0, board(), NOW) for width_us in (50, 100, 200, 400)]

    assert ohms == sorted(ohms)
    assert 900 <= ohms[1] <= ohms[2] <= 1_500


@pytest.mark.parametrize(
    ("fault", "parameters", "after_ms", "expected"),
    [
        ("contact-loss", {}, 0, LIFTED_OHM),
        ("short", {}, 0, SHORT_OHM),
        ("partial-lift", {"permille": 500}, 0, 2_928),
        ("partial-lift", {"permille": 1000}, 0, LIFTED_OHM),
        ("dry-out", {}, 0, 1_464),
        ("dry-out", {}, 300_000, 2_196),
        ("dry-out", {}, 900_000, 2_196),
    ],
)
def test_body_faults_change_the_impedance(fault: str, parameters: dict[str, int], after_ms: int, expected: int) -> None:
    """Half the pad is twice the impedance; drying adds half within five minutes."""
    later = MonoNs(NOW + after_ms * NS_PER_MS)

    assert expected == impedance_ohm(200, 0, board(fault, **parameters), later)


def test_gel_soaks_in_for_five_minutes() -> None:
    """A fifth less, and then no more."""
    assert [1_464, 1_317, 1_171, 1_171] == [
        impedance_ohm(200, worn_ms, board(), NOW) for worn_ms in (0, 150_000, 300_000, 900_000)
    ]


@pytest.mark.parametrize(("ohm", "reached"), [(1_000, 60_000), (2_500, 60_000), (2_501, 59_976), (100_000, 1_500)])
def test_current_is_constant_up_to_the_supply_and_falls_beyond(ohm: int, reached: int) -> None:
    """150 V drive 60 mA through 2.5 kOhm and no more."""
    assert reached == reachable_ua(60_000, 150_000, ohm)
