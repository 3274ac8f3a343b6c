"""Our Modbus codec against printed and captured frames, against pymodbus, and against nonsense."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer.rtu import FramerRTU
from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu import register_message as messages

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.modbus import (
    MAX_FRAME,
    Answer,
    AnswerDecoder,
    Arrival,
    Exceptional,
    Framing,
    Function,
    Registers,
    Request,
    Trouble,
    TroubleKind,
    Written,
    answer_bytes,
    decode_request,
    encode,
    read,
    write,
)
from protocols.modbus_crc import crc16, with_crc

HOLDING, INPUT = Function.READ_HOLDING, Function.READ_INPUT
RTU, TCP = Framing.RTU, Framing.TCP
WORDS = st.integers(0, 0xFFFF)
UNITS = st.integers(1, 247)

# name, framing, transaction, request, its bytes, the answer's bytes, the answer.
# captured: pyorcasdk 1.1.1 driving a responder on a pseudo-terminal; published: Omron H175, checksum checked again;
# computed: from the maps in the Laumas TLB, Eurotherm HA028651 and Julabo MAGIO documents.
VECTORS = [
    (
        "captured: ORCA force, low word first",
        RTU,
        0,
        read(1, HOLDING, 348, 2),
        "0103015c000205e5",
        "010304fa24ffff8b50",
        Registers((0xFA24, 0xFFFF)),
    ),
    ("captured: ORCA power", RTU, 0, read(1, HOLDING, 350, 1), "0103015e0001e424", "01030200057847", Registers((5,))),
    (
        "captured: ORCA supply",
        RTU,
        0,
        read(1, HOLDING, 338, 1),
        "0103015200012427",
        "0103025dc08084",
        Registers((24_000,)),
    ),
    ("captured: ORCA errors", RTU, 0, read(1, HOLDING, 432, 1), "010301b000018411", "0103020000b844", Registers((0,))),
    (
        "captured: ORCA serial number",
        RTU,
        0,
        read(1, HOLDING, 406, 2),
        "01030196000225db",
        "0103045678123466d5",
        Registers((0x5678, 0x1234)),
    ),
    ("captured: ORCA force mode", RTU, 0, write(1, 3, (2,)), "010600030002f80b", "010600030002f80b", Written()),
    (
        "captured: ORCA largest force",
        RTU,
        0,
        write(1, 140, (5000, 0)),
        "0110008c000204138800007f34",
        "0110008c00028023",
        Written(),
    ),
    (
        "computed: Laumas status, gross, net",
        RTU,
        0,
        read(1, HOLDING, 6, 5),
        "01030006000565c8",
        "01030a0980000004d2000004102fc5",
        Registers((0x0980, 0, 1234, 0, 1040)),
    ),
    (
        "computed: Laumas refuses 33 registers",
        RTU,
        0,
        read(1, HOLDING, 0, 33),
        "01030000002185d2",
        "0183030131",
        Exceptional(3),
    ),
    (
        "computed: Eurotherm process value to working set point",
        RTU,
        0,
        read(1, HOLDING, 1, 5),
        "010300010005d409",
        "01030a01720190000000c80190d816",
        Registers((370, 400, 0, 200, 400)),
    ),
    (
        "computed: Eurotherm remote set point",
        RTU,
        0,
        write(1, 26, (400,)),
        "0106001a0190a9f1",
        "0106001a0190a9f1",
        Written(),
    ),
    (
        "computed: Eurotherm refuses a write",
        RTU,
        0,
        write(1, 5, (400,)),
        "0106000501909837",
        "018602c3a1",
        Exceptional(2),
    ),
    (
        "published: Omron alarm limits",
        RTU,
        0,
        write(1, 0x2105, (1000, 0xFC18)),
        "0110210500020403e8fc1866bb",
        "0110210500025bf5",
        Written(),
    ),
    ("computed: Omron writing on", RTU, 0, write(1, 0, (1,)), "010600000001480a", "010600000001480a", Written()),
    ("computed: Omron run", RTU, 0, write(1, 0, (0x0100,)), "010600000100885a", "010600000100885a", Written()),
    ("computed: Omron stop", RTU, 0, write(1, 0, (0x0101,)), "010600000101499a", "010600000101499a", Written()),
    (
        "computed: Julabo set point 40.0",
        TCP,
        3,
        write(1, 2, (0x4220, 0)),
        "00030000000b0110000200020442200000",
        "000300000006011000020002",
        Written(),
    ),
    (
        "computed: Julabo temperatures",
        TCP,
        4,
        read(1, INPUT, 10, 4),
        "0004000000060104000a0004",
        "00040000000b010408421f999a42140000",
        Registers((0x421F, 0x999A, 0x4214, 0)),
    ),
    (
        "computed: Julabo alarms",
        TCP,
        5,
        read(1, INPUT, 6, 2),
        "000500000006010400060002",
        "00050000000701040400000000",
        Registers((0, 0)),
    ),
]


def heard(framing: Framing, request: Request, transaction: int, *pieces: bytes) -> list[Arrival]:
    """What a decoder that waits for this request makes of these pieces."""
    decoder = AnswerDecoder(framing)
    decoder.expect(request, transaction)
    return [arrival for piece in pieces for arrival in decoder.feed(piece)]


@pytest.mark.parametrize(("framing", "transaction", "request_", "sent", "back", "answer"), [v[1:] for v in VECTORS])
def test_known_frames_come_out_as_printed(
    framing: Framing, transaction: int, request_: Request, sent: str, back: str, answer: Answer
) -> None:
    """Frames that nobody here made up are the first witness of a codec."""
    assert sent == encode(request_, framing, transaction).hex()
    assert request_ == decode_request(bytes.fromhex(sent), framing)
    assert [answer] == heard(framing, request_, transaction, bytes.fromhex(back))
    if not isinstance(answer, Exceptional):
        assert len(back) // 2 == answer_bytes(request_, framing)


def test_a_custom_function_is_not_ours() -> None:
    """Function 100 of the ORCA stream (captured) parses in its own driver, never here."""
    with pytest.raises(RemoteProtocolError, match="not a request"):
        decode_request(bytes.fromhex("01641c000009c4d5e5"), RTU)


REQUESTS = st.one_of(
    st.builds(
        lambda unit, table, count, address: read(unit, table, address % (0x10001 - count), count),
        UNITS,
        st.sampled_from([HOLDING, INPUT]),
        st.integers(1, 125),
        WORDS,
    ),
    st.builds(
        lambda unit, words, address: write(unit, address % (0x10001 - len(words)), tuple(words)),
        UNITS,
        st.lists(WORDS, min_size=1, max_size=123),
        WORDS,
    ),
)


def framer(framing: Framing, *, is_server: bool) -> FramerRTU | FramerSocket:
    """The other implementation."""
    return FramerRTU(DecodePDU(is_server)) if framing is RTU else FramerSocket(DecodePDU(is_server))


def their_answer(request: Request, words: list[int], transaction: int) -> ModbusPDU:
    """What pymodbus's server answers."""
    unit = request.unit
    match request.function:
        case Function.READ_HOLDING:
            return messages.ReadHoldingRegistersResponse(dev_id=unit, transaction_id=transaction, registers=words)
        case Function.READ_INPUT:
            return messages.ReadInputRegistersResponse(dev_id=unit, transaction_id=transaction, registers=words)
        case Function.WRITE_SINGLE:
            return messages.WriteSingleRegisterResponse(
                dev_id=unit, transaction_id=transaction, address=request.address, registers=list(request.values)
            )
    return messages.WriteMultipleRegistersResponse(
        dev_id=unit, transaction_id=transaction, address=request.address, count=request.count
    )


@pytest.mark.parametrize("framing", list(Framing))
@given(request_=REQUESTS, transaction=WORDS)
def test_pymodbus_reads_our_requests(framing: Framing, request_: Request, transaction: int) -> None:
    """A second implementation sees the same unit, function, address, count and words in our bytes."""
    frame = encode(request_, framing, transaction)

    used, pdu = framer(framing, is_server=True).handleFrame(frame, 0, 0)

    assert pdu is not None
    assert len(frame) == used
    assert (request_.unit, int(request_.function)) == (pdu.dev_id, pdu.function_code)
    assert (request_.address, request_.count) == (pdu.address, pdu.count or len(pdu.registers))  # 06 has no count
    assert list(request_.values) == list(pdu.registers)


@pytest.mark.parametrize("framing", list(Framing))
@given(request_=REQUESTS, transaction=WORDS, first=WORDS)
def test_we_read_pymodbus_answers(framing: Framing, request_: Request, transaction: int, first: int) -> None:
    """The way back: their bytes are our answer, and an exception is one too."""
    words = [(first + at * 7919) & 0xFFFF for at in range(request_.count)]
    back = framer(framing, is_server=True).buildFrame(their_answer(request_, words, transaction))
    refusal = ExceptionResponse(int(request_.function), 6, device_id=request_.unit, transaction=transaction)
    refused = framer(framing, is_server=True).buildFrame(refusal)
    expected = Registers(tuple(words)) if request_.function in (HOLDING, INPUT) else Written()

    assert [expected] == heard(framing, request_, transaction, back)
    assert [Exceptional(6)] == heard(framing, request_, transaction, refused)
    assert "busy" == Exceptional(6).name


@given(st.binary(max_size=300))
def test_checksum_is_pymodbus_checksum(body: bytes) -> None:
    """Two bytes a step give what one bit a step gives."""
    assert FramerRTU.compute_CRC(body) == int.from_bytes(with_crc(body)[-2:], "big")
    assert 0 == crc16(with_crc(body))


def test_checksum_of_the_catalogue() -> None:
    """CRC-16/MODBUS over 123456789 is 4B37 in every catalogue of checksums."""
    assert 0x4B37 == crc16(b"123456789")


@pytest.mark.parametrize("framing", list(Framing))
@given(request_=REQUESTS, transaction=WORDS)
def test_requests_round_trip(framing: Framing, request_: Request, transaction: int) -> None:
    """The frame gate reads back exactly what was meant."""
    assert request_ == decode_request(encode(request_, framing, transaction), framing)


def test_read_write_requests_are_understood() -> None:
    """Function 23 has the one frame that both reads and writes; the gate must see all of it."""
    asked = Request(unit=1, function=Function.READ_WRITE, address=16, count=2, values=(7, 8), write_address=32)
    used, pdu = framer(RTU, is_server=True).handleFrame(encode(asked, RTU), 0, 0)

    assert isinstance(pdu, messages.ReadWriteMultipleRegistersRequest)
    assert (16, 2, 32, [7, 8]) == (pdu.read_address, pdu.read_count, pdu.write_address, list(pdu.write_registers))
    assert asked == decode_request(encode(asked, RTU), RTU)
    assert used == len(encode(asked, RTU))


@pytest.mark.parametrize(
    ("unit", "address", "count"),
    [(0, 0, 1), (248, 0, 1), (1, 0, 0), (1, 0, 126), (1, -1, 1), (1, 0xFFFF, 2)],
)
def test_impossible_reads_are_our_mistake(unit: int, address: int, count: int) -> None:
    """What Modbus cannot say is refused here, not by the unit."""
    with pytest.raises(LocalProtocolError):
        read(unit, HOLDING, address, count)


@pytest.mark.parametrize("words", [(), (0x10000,), (-1,), (0,) * 124])
def test_impossible_writes_are_our_mistake(words: tuple[int, ...]) -> None:
    """No word is cut to sixteen bits."""
    with pytest.raises(LocalProtocolError):
        write(1, 0, words)


def test_only_tables_are_read() -> None:
    """A write function in a read is a mistake of ours."""
    with pytest.raises(LocalProtocolError):
        read(1, Function.WRITE_SINGLE, 0, 1)


@pytest.mark.parametrize("framing", list(Framing))
@given(junk=st.binary(max_size=300))
def test_any_bytes_are_a_request_or_a_remote_error(framing: Framing, junk: bytes) -> None:
    """The gate's decoder never fails in another way, and never takes what it would not write itself."""
    try:
        request = decode_request(junk, framing)
    except RemoteProtocolError:
        return

    assert junk == encode(request, framing, int.from_bytes(junk[:2], "big"))


@pytest.mark.parametrize("framing", list(Framing))
@given(
    request_=REQUESTS,
    pieces=st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(["answer", "other"])), max_size=6),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_any_split_gives_the_same_arrivals(
    framing: Framing, request_: Request, pieces: list[bytes | str], cuts: list[int]
) -> None:
    """Adapters deliver bytes in any portions; what they mean must not depend on it."""
    back = framer(framing, is_server=True).buildFrame(their_answer(request_, [1] * request_.count, 9))
    other = bytes((request_.unit, 3, 2, 0, 1))
    stream = b"".join(
        piece if isinstance(piece, bytes) else (back if piece == "answer" else with_crc(other)) for piece in pieces
    )
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    split = [stream[a:b] for a, b in itertools.pairwise(places)]

    assert heard(framing, request_, 9, stream) == heard(framing, request_, 9, *split)
    assert heard(framing, request_, 9, stream) == heard(framing, request_, 9, *(bytes((b,)) for b in stream))


@pytest.mark.parametrize("framing", list(Framing))
def test_endless_bytes_are_bounded(framing: Framing) -> None:
    """A babbling unit costs one event and no memory."""
    decoder = AnswerDecoder(framing)
    decoder.expect(read(1, HOLDING, 0, 1), 1)

    arrivals = [arrival for _ in range(100) for arrival in decoder.feed(b"\xaa" * 4096)]

    assert 1 == len(arrivals)
    assert MAX_FRAME >= decoder.give_up()


def answered(words: list[int], unit: int = 1) -> bytes:
    """A holding-register answer on RTU."""
    body = bytes((unit, 3, 2 * len(words))) + b"".join(word.to_bytes(2, "big") for word in words)
    return with_crc(body)


def kinds(arrivals: list[Arrival]) -> list[TroubleKind]:
    """The kinds of what was not believed."""
    return [arrival.kind for arrival in arrivals if isinstance(arrival, Trouble)]


def test_a_wrong_checksum_is_corrupt_and_ends_the_burst() -> None:
    """Nothing is searched for behind a broken frame: the next request starts anew."""
    good = answered([5])
    broken = good[:-1] + bytes((good[-1] ^ 1,))

    assert [TroubleKind.CORRUPT] == kinds(heard(RTU, read(1, HOLDING, 0, 1), 0, broken + good))


def test_another_unit_is_foreign_and_ours_is_still_awaited() -> None:
    """On a bus with several units a stranger's answer does not end our wait."""
    arrivals = heard(RTU, read(1, HOLDING, 0, 1), 0, answered([5], unit=2) + answered([6]))

    assert [TroubleKind.FOREIGN] == kinds(arrivals)
    assert Registers((6,)) == arrivals[-1]


def test_the_wrong_count_is_malformed() -> None:
    """Right unit, function and checksum do not make an answer to what was asked."""
    assert [TroubleKind.MALFORMED] == kinds(heard(RTU, read(1, HOLDING, 0, 2), 0, answered([5])))


def test_another_function_is_foreign() -> None:
    """An answer to a function that nobody asked for is somebody else's conversation."""
    assert [TroubleKind.FOREIGN] == kinds(heard(RTU, read(1, INPUT, 0, 1), 0, answered([5])))


def test_an_answer_after_giving_up_is_late_once() -> None:
    """A late answer has its own name; a second copy of it is foreign."""
    decoder = AnswerDecoder(RTU)
    decoder.expect(read(1, HOLDING, 0, 3))
    decoder.give_up()

    assert [TroubleKind.LATE] == kinds(list(decoder.feed(answered([1, 2, 3]))))
    assert [TroubleKind.FOREIGN] == kinds(list(decoder.feed(answered([1, 2, 3]))))


def test_a_late_answer_does_not_answer_a_request_of_another_length() -> None:
    """This is what lets a client without transaction numbers ask again safely."""
    decoder = AnswerDecoder(RTU)
    decoder.expect(read(1, HOLDING, 16, 15))
    decoder.give_up()
    decoder.expect(read(1, HOLDING, 4, 2))

    assert [TroubleKind.LATE] == kinds(list(decoder.feed(answered(list(range(15))))))
    assert (Registers((7, 8)),) == decoder.feed(answered([7, 8]))


def test_on_tcp_the_transaction_decides() -> None:
    """Late and foreign are told apart by number, even when the content would fit."""
    decoder = AnswerDecoder(TCP)
    asked = read(1, HOLDING, 0, 1)
    decoder.expect(asked, 7)
    decoder.give_up()
    decoder.expect(asked, 8)
    body = bytes((0, 0, 0, 5, 1, 3, 2, 0, 9))

    assert [TroubleKind.LATE] == kinds(list(decoder.feed(b"\x00\x07" + body)))
    assert [TroubleKind.FOREIGN] == kinds(list(decoder.feed(b"\x00\x63" + body)))
    assert (Registers((9,)),) == decoder.feed(b"\x00\x08" + body)


def test_bytes_that_came_before_giving_up_are_counted() -> None:
    """A technician sees whether a unit was silent or cut off."""
    decoder = AnswerDecoder(RTU)
    decoder.expect(read(1, HOLDING, 0, 2))
    decoder.feed(answered([1, 2])[:6])

    assert 6 == decoder.give_up()


def test_names_of_exceptions() -> None:
    """A code without a name is shown as it is."""
    assert "illegal address" == Exceptional(2).name
    assert "exception 99" == Exceptional(99).name
