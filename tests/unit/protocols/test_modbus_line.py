"""Silence, timeouts and late answers of one line."""

import pytest

from protocols.modbus import Framing, Function, Registers, Trouble, encode, read, write
from protocols.modbus_crc import with_crc
from protocols.modbus_line import LAST_WORDS_TRANSACTION, LISTEN_MAX_NS, ModbusLine

MS = 1_000_000
REPLY_MS = 80
ASK = read(1, Function.READ_HOLDING, 16, 1)
ANSWER = with_crc(b"\x01\x03\x02\x00\x07")


def line(framing: Framing = Framing.RTU) -> ModbusLine:
    """19200 baud, 8N1."""
    return ModbusLine(framing, reply_ns=REPLY_MS * MS, silence_ns=2 * MS, octet_ns=MS // 2)


def test_the_line_is_silent_after_a_request_and_after_an_answer() -> None:
    """Eight bytes take 4 ms here and 3.5 characters of silence 2 ms more; an answer moves that on."""
    rtu = line()
    rtu.ask(ASK, 100 * MS)

    assert 106 * MS == rtu.quiet_ns
    assert (Registers((7,)),) == rtu.feed(ANSWER, 120 * MS)
    assert 122 * MS == rtu.quiet_ns == rtu.calm_ns
    assert not rtu.is_waiting


def test_tcp_needs_no_silence() -> None:
    """Frames there have lengths and numbers."""
    tcp = line(Framing.TCP)
    tcp.ask(ASK, 100 * MS)

    assert 100 * MS == tcp.quiet_ns
    assert 0 == tcp.timed_out(180 * MS)
    assert 100 * MS == tcp.calm_ns
    assert not tcp.is_doubtful


@pytest.mark.parametrize(("at_ms", "is_noticed"), [(179, False), (180, True), (181, True)])
def test_an_answer_is_awaited_for_the_reply_time(at_ms: int, *, is_noticed: bool) -> None:
    """Not a moment longer: every request has its own deadline."""
    rtu = line()
    rtu.ask(ASK, 100 * MS)
    rtu.feed(ANSWER[:3], 120 * MS)

    assert (3 if is_noticed else None) == rtu.timed_out(at_ms * MS)
    assert is_noticed is not rtu.is_waiting


def test_after_each_failure_the_line_is_listened_to_twice_as_long() -> None:
    """An answer that is always late must not meet the question that follows it; a good answer ends that."""
    rtu = line()
    listened_ms = []
    now_ns = 0
    for _ in range(5):
        rtu.ask(ASK, now_ns)
        now_ns += REPLY_MS * MS
        rtu.timed_out(now_ns)
        listened_ms.append((rtu.calm_ns - now_ns) // MS)
        now_ns = rtu.calm_ns

    assert [80, 160, 320, 640, LISTEN_MAX_NS // MS] == listened_ms
    assert rtu.is_doubtful

    rtu.ask(ASK, now_ns)
    rtu.feed(ANSWER, now_ns + 20 * MS)
    rtu.ask(ASK, now_ns + 100 * MS)
    rtu.timed_out(now_ns + 180 * MS)

    assert 80 * MS == rtu.calm_ns - (now_ns + 180 * MS)


def test_a_destroyed_answer_ends_the_wait() -> None:
    """Nothing better comes for this request; what follows in the burst is not looked at."""
    rtu = line()
    rtu.ask(ASK, 0)
    arrivals = rtu.feed(ANSWER[:-1] + b"\x00" + ANSWER, 20 * MS)

    assert [True] == [isinstance(arrival, Trouble) for arrival in arrivals]
    assert not rtu.is_waiting
    assert rtu.is_doubtful


def test_abandoning_makes_room_after_the_silence() -> None:
    """A stop does not wait for an answer, but for 3.5 characters of silence behind the bytes already handed over."""
    rtu = line()
    rtu.ask(ASK, 100 * MS)
    rtu.abandon(101 * MS)

    assert 106 * MS == rtu.quiet_ns
    assert not rtu.is_waiting
    assert rtu.is_doubtful


def test_last_words_have_a_number_that_no_request_has() -> None:
    """On TCP the guard's frames can be told from the controller's; requests count round below that."""
    tcp = line(Framing.TCP)
    off = write(1, 32, (0,))
    numbers = {int.from_bytes(tcp.ask(ASK, 0)[:2], "big") for _ in range(0x10000)}

    assert LAST_WORDS_TRANSACTION not in numbers
    assert set(range(1, LAST_WORDS_TRANSACTION)) == numbers
    assert encode(off, Framing.TCP, LAST_WORDS_TRANSACTION) == tcp.unanswered(off)
