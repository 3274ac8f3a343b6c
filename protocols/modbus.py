"""Modbus RTU and TCP from the client's side: requests to bytes, bytes to answers. No I/O and no clock.

Sources: MODBUS Application Protocol V1.1b3 (functions, exceptions), MODBUS over Serial Line V1.02 (RTU, CRC),
MODBUS Messaging on TCP/IP V1.0b (MBAP).

Rule 1: an answer is believed only if it belongs to the one request under way: unit, function, length, and on TCP
        the transaction. RTU has no transaction: whoever asks again after a timeout asks for another length first.
Rule 2: nothing is searched for in garbage. After bytes that do not parse, all is thrown away until the next request.
Rule 3: any bytes give the same arrivals, however they are split; at most MAX_FRAME bytes are ever kept.
"""

import struct
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.modbus_crc import crc16, with_crc

MAX_FRAME: Final = 260  # V1.1b3 4.1: a PDU has 253 bytes; MBAP adds 7 to it, RTU 3 (256 in all)
MAX_READ: Final = 125  # V1.1b3 6.3
MAX_WRITE: Final = 123  # V1.1b3 6.12
MAX_READ_WRITE_WRITE: Final = 121  # V1.1b3 6.17
MAX_UNIT: Final = 247  # over Serial Line V1.02 2.2
EXCEPTION_BIT: Final = 0x80
RTU_OVERHEAD: Final = 3  # unit, and two of CRC
MBAP_BYTES: Final = 7
REMEMBERED: Final = 8  # given-up requests told from foreign answers; chosen: a second of timeouts at 80 ms holds fewer


class Framing(StrEnum):
    """What stands around a PDU."""

    RTU = "rtu"
    TCP = "tcp"


class Function(IntEnum):
    """The functions that our units are asked for."""

    READ_HOLDING = 3
    READ_INPUT = 4
    WRITE_SINGLE = 6
    WRITE_MULTIPLE = 16
    READ_WRITE = 23


FUNCTIONS: Final = frozenset(int(function) for function in Function)
EXCEPTION_NAMES: Final = {  # V1.1b3 chapter 7
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "acknowledge",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. ``address`` and ``count`` are what is read, or what is written where nothing is read."""

    unit: int
    function: Function
    address: int
    count: int
    values: tuple[int, ...] = ()  # words to write
    write_address: int = 0  # READ_WRITE only


class Custom(msgspec.Struct, frozen=True, kw_only=True):
    """A request of a maker's own function (V1.1b3 5: 65..72 and 100..110); ``octets`` follow the function."""

    unit: int
    function: int
    octets: bytes


Asked = Request | Custom


class Registers(msgspec.Struct, frozen=True, tag="registers"):
    """Words read, in the order of the addresses."""

    words: tuple[int, ...]


class Written(msgspec.Struct, frozen=True, tag="written"):
    """The unit says that it took the write. Taking is not doing."""


class Exceptional(msgspec.Struct, frozen=True, tag="exceptional"):
    """The unit answered with an exception code."""

    code: int

    @property
    def name(self) -> str:
        """The code's name in the specification, or the bare code."""
        return EXCEPTION_NAMES.get(self.code, f"exception {self.code}")


class Octets(msgspec.Struct, frozen=True, tag="octets"):
    """What follows the function in the answer to a maker's own one."""

    octets: bytes


class TroubleKind(StrEnum):
    """Why bytes are not the answer."""

    CORRUPT = "corrupt"  # checksum or framing
    MALFORMED = "malformed"  # checksum right, unit and function right, content impossible
    FOREIGN = "foreign"  # another unit, or an answer to nothing that we asked
    LATE = "late"  # the answer to a request that was given up


class Trouble(msgspec.Struct, frozen=True, tag="trouble"):
    """Bytes that are not believed, as they came."""

    kind: TroubleKind
    why: str
    frame: bytes


Answer = Registers | Written | Exceptional | Octets
Arrival = Answer | Trouble


def read(unit: int, table_function: Function, address: int, count: int) -> Request:
    """A read of holding or input registers; LocalProtocolError for what Modbus cannot ask."""
    if table_function not in (Function.READ_HOLDING, Function.READ_INPUT):
        raise LocalProtocolError(f"function {table_function} reads no registers")
    _check(unit, address, count, MAX_READ)
    return Request(unit=unit, function=table_function, address=address, count=count)


def write(unit: int, address: int, words: tuple[int, ...]) -> Request:
    """A write of holding registers: function 06 for one word, 16 for more."""
    _check(unit, address, len(words), MAX_WRITE)
    if not all(0 <= word <= 0xFFFF for word in words):
        raise LocalProtocolError(f"words out of 0..65535: {words}")
    function = Function.WRITE_SINGLE if len(words) == 1 else Function.WRITE_MULTIPLE
    return Request(unit=unit, function=function, address=address, count=len(words), values=words)


def encode(request: Asked, framing: Framing, transaction: int = 0) -> bytes:
    """The request's bytes. ``transaction`` (0..65535) counts on TCP alone."""
    pdu = _request_pdu(request)
    if framing is Framing.RTU:
        return with_crc(bytes((request.unit,)) + pdu)
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, request.unit) + pdu


def decode_request(frame: bytes, framing: Framing) -> Request:
    """The request that exactly these bytes make; RemoteProtocolError if they make none.

    This is the way back from ``encode``, written on its own: the frame gate reads outgoing frames with it.
    """
    unit, pdu = _open_rtu(frame) if framing is Framing.RTU else _open_tcp(frame)
    if not 1 <= unit <= MAX_UNIT:
        raise RemoteProtocolError(f"no unit has the address {unit}", frame)
    request = _parse_request(unit, pdu)
    if request is None:
        raise RemoteProtocolError("not a request of the functions 3, 4, 6, 16, 23", frame)
    return request


def answer_bytes(request: Request, framing: Framing) -> int:
    """Length of the regular answer to a request, in bytes on the line."""
    pdu = 5 if request.function in (Function.WRITE_SINGLE, Function.WRITE_MULTIPLE) else 2 + 2 * request.count
    return pdu + (RTU_OVERHEAD if framing is Framing.RTU else MBAP_BYTES)


class AnswerDecoder:
    """The one request under way, and the bytes that may be its answer.

    ``custom``: how many bytes follow a maker's own function in its answer; what is not named there is not awaited.
    """

    def __init__(self, framing: Framing, custom: Mapping[int, int] | None = None) -> None:
        self._framing = framing
        self._custom = custom or {}
        self._buffer = bytearray()
        self._is_lost = False  # rule 2
        self._expected: Asked | None = None
        self._transaction = 0
        self._given_up: list[tuple[int, Asked]] = []  # with the transaction; oldest first

    def expect(self, request: Asked, transaction: int = 0) -> None:
        """A request goes out now: what was left of the time before it is forgotten."""
        self._buffer.clear()
        self._is_lost = False
        self._expected = request
        self._transaction = transaction if self._framing is Framing.TCP else 0

    def give_up(self) -> int:
        """Wait no longer; a regular answer from now on is LATE. Tells how many bytes of an answer had come."""
        if self._expected is not None:
            self._given_up = [*self._given_up[1 - REMEMBERED :], (self._transaction, self._expected)]
        self._expected = None
        return len(self._buffer)

    def feed(self, received: bytes) -> tuple[Arrival, ...]:
        """Bytes from the line, in any split and of any length."""
        arrivals: list[Arrival] = []
        at = 0
        while at < len(received) and not self._is_lost:
            taken = received[at : at + MAX_FRAME - len(self._buffer)]
            at += len(taken)
            self._buffer += taken
            while (arrival := self._next()) is not None:
                arrivals.append(arrival)
        return tuple(arrivals)

    def _next(self) -> Arrival | None:
        """The first whole frame of the buffer, judged; None if it is not whole yet."""
        length = _rtu_length(self._buffer, self._custom) if self._framing is Framing.RTU else _tcp_length(self._buffer)
        if length is None or 0 < length > len(self._buffer):
            return None
        if length == 0:
            head = 2 if self._framing is Framing.RTU else 6  # what was looked at, however much more has come
            return self._lose("not the beginning of an answer", bytes(self._buffer[:head]))
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        if self._framing is Framing.TCP:
            transaction = int.from_bytes(frame[:2], "big")
            return self._judge(frame, frame[6], frame[7:], transaction)
        if crc16(frame):
            return self._lose("checksum is wrong", frame)
        return self._judge(frame, frame[0], frame[1:-2], 0)

    def _lose(self, why: str, frame: bytes) -> Trouble:
        self._is_lost = True
        self._buffer.clear()
        return Trouble(TroubleKind.CORRUPT, why, frame)

    def _judge(self, frame: bytes, unit: int, pdu: bytes, transaction: int) -> Arrival:
        """Whether a sound frame is the answer; the request under way goes on when it is not."""
        request = self._expected
        if request is not None and unit == request.unit and transaction == self._transaction:
            answer = self._parsed(request, pdu)
            if answer is not None:
                self._expected = None
                return answer
        for old in self._given_up:
            if unit == old[1].unit and transaction == old[0] and self._parsed(old[1], pdu) is not None:
                self._given_up.remove(old)
                return Trouble(TroubleKind.LATE, "answers a request that was given up", frame)
        if request is None:
            return Trouble(TroubleKind.FOREIGN, "answers nothing that was asked", frame)
        if unit != request.unit:
            return Trouble(TroubleKind.FOREIGN, f"unit {unit} answers, unit {request.unit} was asked", frame)
        if transaction != self._transaction:
            return Trouble(TroubleKind.FOREIGN, f"transaction {transaction} is not ours", frame)
        if pdu[0] & ~EXCEPTION_BIT != request.function:
            return Trouble(TroubleKind.FOREIGN, f"answers function {pdu[0]}, {request.function} was asked", frame)
        return Trouble(TroubleKind.MALFORMED, "does not answer what was asked", frame)

    def _parsed(self, request: Asked, pdu: bytes) -> Answer | None:
        if isinstance(request, Request):
            return _parse_answer(request, pdu)
        if pdu[0] == request.function | EXCEPTION_BIT:
            return Exceptional(pdu[1]) if len(pdu) == 2 else None
        is_whole = pdu[0] == request.function and len(pdu) - 1 == self._custom.get(request.function)
        return Octets(pdu[1:]) if is_whole else None


def _check(unit: int, address: int, count: int, most: int) -> None:
    if not 1 <= unit <= MAX_UNIT:
        raise LocalProtocolError(f"no unit has the address {unit}")
    if not 1 <= count <= most or not 0 <= address <= 0x10000 - count:
        raise LocalProtocolError(f"cannot ask for {count} registers from {address}")


def _request_pdu(request: Asked) -> bytes:
    if isinstance(request, Custom):
        return bytes((request.function,)) + request.octets
    words = struct.pack(f">{len(request.values)}H", *request.values)
    head = struct.pack(">BH", request.function, request.address)
    match request.function:
        case Function.READ_HOLDING | Function.READ_INPUT:
            return head + struct.pack(">H", request.count)
        case Function.WRITE_SINGLE:
            return head + words
        case Function.WRITE_MULTIPLE:
            return head + struct.pack(">HB", request.count, len(words)) + words
        case Function.READ_WRITE:
            write_part = struct.pack(">HHB", request.write_address, len(request.values), len(words))
            return head + struct.pack(">H", request.count) + write_part + words


def _open_rtu(frame: bytes) -> tuple[int, bytes]:
    if not 4 <= len(frame) <= MAX_FRAME or crc16(frame):
        raise RemoteProtocolError("no RTU frame, or a wrong checksum", frame)
    return frame[0], frame[1:-2]


def _open_tcp(frame: bytes) -> tuple[int, bytes]:
    if not MBAP_BYTES < len(frame) <= MAX_FRAME:
        raise RemoteProtocolError("too short or too long for an MBAP frame", frame)
    protocol, length = struct.unpack_from(">HH", frame, 2)
    if protocol or length != len(frame) - MBAP_BYTES + 1:
        raise RemoteProtocolError("MBAP header does not fit the frame", frame)
    return frame[6], frame[7:]


def _parse_request(unit: int, pdu: bytes) -> Request | None:
    if len(pdu) < 5:  # every function of ours begins with two words
        return None
    function, address, second = struct.unpack_from(">BHH", pdu)
    match function:
        case Function.READ_HOLDING | Function.READ_INPUT:
            is_sound = len(pdu) == 5 and 1 <= second <= MAX_READ and address + second <= 0x10000
            return Request(unit=unit, function=Function(function), address=address, count=second) if is_sound else None
        case Function.WRITE_SINGLE:
            values = (second,)
            request = Request(unit=unit, function=Function.WRITE_SINGLE, address=address, count=1, values=values)
            return request if len(pdu) == 5 else None
        case Function.WRITE_MULTIPLE:
            words = _counted_words(pdu[5:], second)
            if words is None or second > MAX_WRITE or address + second > 0x10000:
                return None
            return Request(unit=unit, function=Function.WRITE_MULTIPLE, address=address, count=second, values=words)
        case Function.READ_WRITE:
            return _parse_read_write(unit, pdu)
    return None


def _parse_read_write(unit: int, pdu: bytes) -> Request | None:
    if len(pdu) < 9:
        return None
    _, address, count, write_address, write_count = struct.unpack_from(">BHHHH", pdu)
    words = _counted_words(pdu[9:], write_count)
    if words is None or write_count > MAX_READ_WRITE_WRITE or not 1 <= count <= MAX_READ:
        return None
    if address + count > 0x10000 or write_address + write_count > 0x10000:
        return None
    return Request(
        unit=unit,
        function=Function.READ_WRITE,
        address=address,
        count=count,
        values=words,
        write_address=write_address,
    )


def _counted_words(tail: bytes, count: int) -> tuple[int, ...] | None:
    """Words behind their byte count; None unless byte count, word count and length agree."""
    if count < 1 or len(tail) != 1 + 2 * count or tail[0] != 2 * count:
        return None
    return struct.unpack_from(f">{count}H", tail, 1)


def _parse_answer(request: Request, pdu: bytes) -> Answer | None:
    """What a PDU says to a request; None if it is no answer to that one."""
    if pdu[0] == request.function | EXCEPTION_BIT:
        return Exceptional(pdu[1]) if len(pdu) == 2 else None
    if pdu[0] != request.function:
        return None
    match request.function:
        case Function.WRITE_SINGLE:
            return Written() if pdu == _request_pdu(request) else None
        case Function.WRITE_MULTIPLE:
            return Written() if pdu == _request_pdu(request)[:5] else None
    words = _counted_words(pdu[1:], request.count)
    return None if words is None else Registers(words)


def _rtu_length(buffer: bytearray, custom: Mapping[int, int]) -> int | None:
    """Length of the answer that begins the buffer, 0 if none does, None if that cannot be told yet.

    Length comes from the function and the byte count, not from gaps: USB adapters hold bytes back for longer
    (16 ms by default on FTDI chips) than the 3.5 characters that end a frame.
    """
    if len(buffer) < 2:
        return None
    function = buffer[1]
    if function & EXCEPTION_BIT:
        return 5 if function & ~EXCEPTION_BIT in FUNCTIONS | custom.keys() else 0
    if function in custom:
        return RTU_OVERHEAD + 1 + custom[function]
    if function in (Function.WRITE_SINGLE, Function.WRITE_MULTIPLE):
        return 8
    if function not in FUNCTIONS:
        return 0
    return None if len(buffer) < 3 else 5 + buffer[2]


def _tcp_length(buffer: bytearray) -> int | None:
    """As ``_rtu_length``; a header that cannot be true (protocol, length) is no beginning."""
    if len(buffer) < 6:
        return None
    protocol, length = int.from_bytes(buffer[2:4], "big"), int.from_bytes(buffer[4:6], "big")
    if protocol or not 3 <= length <= MAX_FRAME - 6:
        return 0
    return 6 + length
