"""The simulated RehaStim 2 alone: as strict as the unit's document, no stricter and no more forgiving."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import NS_PER_MS, MonoNs
from devices.sim.device import FaultOrder
from devices.sim.sciencemode2 import frame_of, requests_in
from devices.sim.units.rehastim2 import CAN, SimRehastim2
from protocols.sciencemode import Packet
from protocols.sciencemode2 import Command, Decoder, Pulse, decode, encode, init_list, start_list

NOW = MonoNs(10_000 * NS_PER_MS)
WATCHDOG_NS = 1_200 * NS_PER_MS  # ScienceMode2 Description and Protocol 1.24
LIST = decode(init_list(0, (1,), 20_000)).payload
TWO = decode(init_list(0, (1, 5), 20_000)).payload
GO = decode(start_list(0, (Pulse(20_000, 200),))).payload
INIT = Packet(1, 0, b"\x01")


class Unit:
    """A simulated unit and the time."""

    def __init__(self) -> None:
        self.sim = SimRehastim2("estim-1", 1)
        self.now = NOW
        self.number = 0

    def unasked(self) -> list[Packet]:
        """What it has said of its own accord by now."""
        self.sim.update(self.now)
        told = Decoder().feed(self.sim.unasked(self.now))
        return [packet for packet in told if isinstance(packet, Packet)]

    def send(self, command: int, data: bytes = b"") -> bytes:
        """The bytes that come back."""
        self.number += 1
        return self.sim.handle(encode(Packet(command, self.number, data)), self.now)

    def ask(self, command: int, data: bytes = b"") -> bytes:
        """Data of the one answer; its command and packet number must be right."""
        packet = decode(self.send(command, data))
        assert (self.number, True) == (packet.number, packet.command in (command + 1, 3))
        return packet.payload

    def accepted(self) -> "Unit":
        """Its Init has been accepted."""
        (told,) = self.unasked()
        self.sim.handle(encode(Packet(2, told.number, b"\x00")), self.now)
        return self

    def running(self) -> "Unit":
        """20 mA on channel 1."""
        self.accepted()
        self.ask(30, LIST)
        self.ask(32, GO)
        return self

    def pass_ms(self, ms: int) -> None:
        """Let time go by."""
        self.now = MonoNs(self.now + ms * NS_PER_MS)

    def output(self) -> int:
        """The true output."""
        return self.sim.truth(self.now).output

    def state(self) -> str:
        """The state in words."""
        return self.sim.truth(self.now).state

    def inject(self, fault: str, **parameters: int) -> None:
        """Switch a fault on."""
        self.sim.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now)


def test_it_says_init_twice_a_second_until_it_is_accepted() -> None:
    """With its own packet numbers, each time the next one."""
    unit = Unit()
    told = []
    for _ in range(8):
        told += [(unit.now - NOW, packet.number) for packet in unit.unasked()]
        unit.pass_ms(250)

    assert [(ms * NS_PER_MS, number) for ms, number in ((0, 0), (500, 1), (1000, 2), (1500, 3))] == told


@pytest.mark.parametrize(
    ("number", "data", "is_accepted"), [(0, b"\x00", True), (1, b"\x00", False), (0, b"\xfb", False), (0, b"", False)]
)
def test_an_init_is_accepted_by_its_own_number(number: int, data: bytes, *, is_accepted: bool) -> None:
    """A refusal, another number or no result at all leave it waiting."""
    unit = Unit()
    assert [INIT] == unit.unasked()

    assert unit.sim.handle(encode(Packet(2, number, data)), unit.now) == b""
    assert ("off" if is_accepted else "waits to be accepted") == unit.state()


@pytest.mark.parametrize("command", [4, 10, 12, 30, 32, 36, 50, 99])
def test_before_it_is_accepted_it_answers_nothing(command: int) -> None:
    """But a stop, whose results know no wrong mode."""
    unit = Unit()
    unit.unasked()

    assert unit.send(command) == b""
    assert unit.ask(34) == b"\x00"


@pytest.mark.parametrize("command", [5, 11, 29, 31, 38, 40, 60, 89, 90, 0x5F, 255])
def test_commands_that_it_does_not_have_are_unknown(command: int) -> None:
    """UnknownCommand with the host's number and the command."""
    assert Unit().accepted().ask(command) == bytes((command,))


@pytest.mark.parametrize(
    ("before", "command", "data", "result"),
    [
        ([], 10, b"", b"\x00\x00"),
        ([(30, LIST)], 10, b"", b"\x00\x01"),
        ([(30, LIST), (32, GO)], 10, b"", b"\x00\x02"),
        ([(30, LIST), (32, GO), (34, b"")], 10, b"", b"\x00\x00"),
        ([], 32, GO, b"\xfd"),
        ([(30, LIST)], 30, LIST, b"\x00"),
        ([(30, LIST), (32, GO)], 30, LIST, b"\xfd"),
        ([(30, LIST)], 36, bytes.fromhex("0000c80a"), b"\xfd"),
        ([], 36, bytes.fromhex("0000c80a"), b"\x00"),
        ([], 36, bytes.fromhex("0800c80a"), b"\xfe"),
        ([], 36, bytes.fromhex("0001f50a"), b"\xfe"),
        ([], 36, b"", b"\xfe"),
        ([], 34, b"", b"\x00"),
        ([], 34, b"\x00", b"\xff"),
        ([], 10, b"\x00", b"\xfe"),
        ([], 12, b"", b"\xff"),
        ([], 50, b"\x00", b"\xfc"),
        ([(30, LIST)], 32, GO * 2, b"\xfe"),
        ([(30, TWO)], 32, GO, b"\xfe"),
        ([(30, TWO)], 32, GO * 2, b"\x00"),
        ([(30, LIST)], 32, bytes.fromhex("0300c80a"), b"\xfe"),
        ([(30, LIST)], 32, bytes.fromhex("0001f40a"), b"\x00"),
        ([(30, LIST)], 32, bytes.fromhex("0001f50a"), b"\xfe"),
        ([(30, LIST)], 32, bytes.fromhex("0000c882"), b"\x00"),
        ([(30, LIST)], 32, bytes.fromhex("0000c883"), b"\xfe"),
        ([(30, LIST)], 32, bytes.fromhex("0100c80a"), b"\x00"),
        ([(30, LIST)], 32, bytes.fromhex("0200c80a"), b"\xfe"),
    ],
)
def test_modes_and_ranges(before: list[tuple[int, bytes]], command: int, data: bytes, result: bytes) -> None:
    """Wrong mode -3, out of range or too few -2, no Motomed -4; three pulses 8 ms apart do not fit into 20 ms."""
    unit = Unit().accepted()
    for each, payload in before:
        assert unit.ask(each, payload) == b"\x00"

    assert result == unit.ask(command, data)


@pytest.mark.parametrize(
    ("data", "result"),
    [
        ("0701000d006200", b"\x00"),
        ("0801000d006200", b"\xfe"),
        ("0000000d006200", b"\xfe"),
        ("0001000d080000", b"\x00"),
        ("0001000d080100", b"\xfe"),
        ("0001000d006201", b"\x00"),
        ("0001000d006202", b"\xfe"),
        ("00010061006200", b"\x00"),
        ("00010062006200", b"\xfe"),
        ("0001000d0062", b"\xfe"),
        ("0001000d000000", b"\x00"),
    ],
)
def test_channel_lists_out_of_range_are_refused(data: str, result: bytes) -> None:
    """Factor, mask, intervals and their order, execution, length."""
    assert result == Unit().accepted().ask(30, bytes.fromhex(data))


@pytest.mark.parametrize(("after_ns", "is_running"), [(WATCHDOG_NS - 1, True), (WATCHDOG_NS, False)])
@pytest.mark.parametrize("command", [4, 10, 99])
def test_output_ends_1200_ms_after_the_last_valid_packet(command: int, after_ns: int, *, is_running: bool) -> None:
    """Any valid packet counts, a question and nonsense too; then it is back to Init."""
    unit = Unit().running()
    unit.pass_ms(1_000)
    unit.send(command)
    unit.now = MonoNs(unit.now + after_ns)

    assert (20_000 if is_running else 0) == unit.output()
    assert ([] if is_running else [1]) == [packet.command for packet in unit.unasked()]


def test_a_damaged_packet_is_answered_with_transfer_error_and_feeds_nothing() -> None:
    """Length or checksum: the command's own acknowledgement, -1."""
    unit = Unit().running()
    unit.pass_ms(1_000)
    good = encode(Packet(32, 9, GO))
    for at in (2, 4, 9):
        wrong = bytearray(good)
        wrong[at] ^= 1
        assert Packet(33, 9, b"\xff") == decode(unit.sim.handle(bytes(wrong), unit.now))

    unit.pass_ms(200)
    assert (0, NOW + WATCHDOG_NS) == (unit.output(), unit.sim.truth(unit.now).changed_at_mono_ns)


def test_several_channels_run_with_their_own_pulses() -> None:
    """Ascending, whatever module they are on."""
    unit = Unit().accepted()
    unit.ask(30, TWO)
    unit.ask(32, decode(start_list(0, (Pulse(20_000, 200), Pulse(5_000, 300)))).payload)

    assert (20_000, 0, 0, 0, 5_000, 0, 0, 0) == unit.sim.truth(unit.now).channels


@pytest.mark.parametrize("command", [(32, GO), (36, bytes.fromhex("0000c80a"))])
def test_what_goes_once_leaves_nothing_energized(command: tuple[int, bytes]) -> None:
    """A one-shot list and a single pulse."""
    unit = Unit().accepted()
    if command[0] == 32:
        unit.ask(30, bytes.fromhex("0001000d000000"))

    assert unit.ask(*command) == b"\x00"
    assert not unit.sim.truth(unit.now).energized


@pytest.mark.parametrize(
    ("fault", "error"), [("contact-loss", b"\xfe"), ("switch-open", b"\xff"), ("switch-missing", b"\xff")]
)
def test_it_stops_by_itself_and_says_why(fault: str, error: bytes) -> None:
    """Output off, mode START; with the cause gone nothing comes back by itself."""
    unit = Unit().running()
    unit.inject(fault)

    assert (0, "off") == (unit.output(), unit.state())
    assert [(38, error)] == [(packet.command, packet.payload) for packet in unit.unasked()]
    unit.sim.clear(unit.now)
    assert unit.output() == 0
    assert unit.ask(32, GO) == b"\xfd"


def test_no_contact_is_found_where_there_are_no_pulses() -> None:
    """The skin check goes before each pulse: at 0 mA it never comes."""
    unit = Unit().accepted()
    unit.inject("contact-loss")
    unit.ask(30, LIST)
    unit.ask(32, decode(start_list(0, (Pulse(0, 200),))).payload)
    assert unit.unasked() == []

    unit.ask(32, decode(start_list(0, (Pulse(1_000, 200),))).payload)
    assert [38] == [packet.command for packet in unit.unasked()]


def test_a_stage_that_conducts_without_command_is_told_as_a_module_error() -> None:
    """In the place of Init: a unit that says Init says that nothing runs."""
    unit = Unit()
    unit.unasked()
    unit.inject("uncommanded-on", value=20_000)
    unit.pass_ms(500)
    assert [(38, b"\xfd")] == [(packet.command, packet.payload) for packet in unit.unasked()]

    assert unit.ask(34) == b"\x00"
    unit.pass_ms(500)
    assert [1] == [packet.command for packet in unit.unasked()]


def test_a_restart_is_silent_and_then_says_init_from_the_first_number() -> None:
    """1.5 s without a word."""
    unit = Unit().running()
    unit.inject("reboot")
    assert (0, "restarting") == (unit.output(), unit.state())
    unit.pass_ms(1_499)
    assert unit.unasked() == []
    unit.pass_ms(1)

    assert [INIT] == unit.unasked()


@pytest.mark.parametrize(("fault", "after_ms"), [("slow-stop", 1_500), ("apply-late", 1_000)])
def test_delayed_effects_happen_at_their_own_time(fault: str, after_ms: int) -> None:
    """Exactly then, whoever looks and whenever; the watchdog is fed meanwhile."""
    unit = Unit().running()
    unit.inject(fault)
    if fault == "slow-stop":
        unit.ask(34)
    else:
        unit.ask(32, decode(start_list(0, (Pulse(5_000, 200),))).payload)
    unit.pass_ms(900)
    unit.send(4)
    unit.pass_ms(800)

    assert NOW + after_ms * NS_PER_MS == unit.sim.truth(unit.now).changed_at_mono_ns


@pytest.mark.parametrize("command", [10, 30, 32, 36])
def test_a_busy_unit_says_so_and_still_stops(command: int) -> None:
    """The stop's results have no *busy*."""
    unit = Unit().running()
    unit.inject("busy")

    assert unit.ask(command) == b"\xf8"
    assert unit.ask(34) == b"\x00"
    assert unit.output() == 0


def test_two_requests_in_one_piece_are_answered_in_order_and_act_in_order() -> None:
    """The mode behind a stop is the mode after the stop."""
    unit = Unit().running()

    replies = unit.sim.handle(encode(Packet(34, 1)) + encode(Packet(10, 2)), unit.now)

    assert [Packet(35, 1, b"\x00"), Packet(11, 2, b"\x00\x00")] == Decoder().feed(replies)


@pytest.mark.parametrize("cut", range(8))
def test_requests_may_come_in_pieces(cut: int) -> None:
    """A line cuts where it likes."""
    unit = Unit().accepted()
    frame = encode(Packet(10, 3))

    replies = unit.sim.handle(frame[:cut], unit.now) + unit.sim.handle(frame[cut:], unit.now)

    assert Packet(11, 3, b"\x00\x00") == decode(replies)


@given(st.lists(st.binary(max_size=90), max_size=8))
def test_arbitrary_bytes_never_energize_it(pieces: list[bytes]) -> None:
    """Nor do they break it: the next good frame is answered."""
    unit = Unit().accepted()
    for piece in pieces:
        unit.sim.handle(piece, unit.now)

    assert not unit.sim.truth(unit.now).energized
    replies = unit.sim.handle(b"\x00\xf0\x0f" + encode(Packet(34, 3)), unit.now)
    assert Packet(35, 3, b"\x00") in Decoder().feed(replies)


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
    unit = Unit().accepted()
    request = encode(Packet(Command.GET_STIMULATION_MODE, 5))
    reply = unit.sim.handle(request, unit.now)

    variant = unit.sim.wire_variant(kind, reply, request, (("code", 4), ("bytes", 2_000)))

    assert variant is not None
    assert variant != reply
    told = list(requests_in(bytearray(variant)))
    assert len(told) == {"two-answer": 2, "oversize": 0}.get(kind, 1)
    assert kind == "oversize" or variant == b"".join(
        frame_of(one.number, one.command, one.data) for one in told if one.data is not None
    )


@pytest.mark.parametrize("kind", ["exception", "forge", "two-answer", "oversize", "nothing"])
def test_without_an_answer_nothing_is_varied(kind: str) -> None:
    """There is nothing to act on."""
    request = encode(Packet(Command.GET_STIMULATION_MODE, 5))

    assert Unit().sim.wire_variant(kind, b"", request, (("code", 4), ("bytes", 9))) is None


def test_a_state_mismatch_tells_the_other_state() -> None:
    """What runs is told as off, what is off as running."""
    unit = Unit().accepted()
    unit.inject("state-mismatch")
    assert unit.ask(10) == b"\x00\x02"
    unit.ask(30, LIST)
    unit.ask(32, GO)

    assert unit.ask(10) == b"\x00\x00"


def test_a_one_shot_list_and_a_single_pulse_find_a_lost_electrode() -> None:
    """The skin check goes before each pulse, however it was asked for."""
    unit = Unit().accepted()
    unit.inject("contact-loss")
    assert unit.ask(36, bytes.fromhex("0000c80a")) == b"\x00"
    assert [38] == [packet.command for packet in unit.unasked()]
    unit.ask(30, bytes.fromhex("0001000d000000"))
    unit.ask(32, GO)

    assert [38] == [packet.command for packet in unit.unasked()]


def test_a_delayed_start_does_not_outlive_a_stop() -> None:
    """What was off by then stays off."""
    unit = Unit().accepted()
    unit.ask(30, LIST)
    unit.inject("apply-late")
    unit.ask(32, GO)
    unit.ask(34)
    unit.pass_ms(1_100)

    assert not unit.sim.truth(unit.now).energized


@pytest.mark.parametrize("command", [2, 4])
def test_what_is_not_answered_has_no_second_voice(command: int) -> None:
    """InitAck and Watchdog."""
    request = encode(Packet(command, 5))

    assert Unit().sim.wire_variant("foreign", b"", request, ()) is None
