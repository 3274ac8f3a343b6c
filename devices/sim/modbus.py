"""The server's side of Modbus for simulated units: pymodbus's framers and PDUs around a bank of registers.

Another implementation than the client's, on purpose: every simulated exchange checks one against the other. What
pymodbus leaves open is decided here, by the specification: silence ends a serial frame, unknown functions are
answered with exception 01, impossible counts with 03, requests for other units and broadcasts with nothing.
"""

import logging
from typing import Final, Literal, Protocol, runtime_checkable

from pymodbus.exceptions import ModbusIOException
from pymodbus.framer.rtu import FramerRTU
from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu import register_message as messages

from devices.model import MonoNs
from devices.sim.device import FaultOrder, Truth

Framing = Literal["rtu", "tcp"]

MAX_BUFFER: Final = 260  # the longest legal frame (MODBUS Messaging on TCP/IP V1.0b: 253 + 7)
SILENCE_NS: Final = 2_005_000  # 3.5 characters of 11 bits at 19200 baud (MODBUS over Serial Line V1.02, 2.5.1.1)
KNOWN: Final = frozenset({3, 4, 6, 16, 23})  # the functions that banks of registers answer
ILLEGAL_FUNCTION: Final = 1
ILLEGAL_VALUE: Final = 3
DEVICE_FAILURE: Final = 4
BUSY: Final = 6
OTHER_UNIT: Final = 9  # added to an address to make a stranger's; chosen: no bench has so many units on one line


class RegisterBank(Protocol):
    """A simulated unit as registers; what its lies and faults are is its own business."""

    name: str
    model: str
    unit_address: int

    def read(self, function: int, address: int, count: int, now_ns: MonoNs) -> tuple[int, ...] | int:
        """Words of one table (function 3: holding, 4: input), or an exception code."""

    def write(self, address: int, values: tuple[int, ...], now_ns: MonoNs) -> int | None:
        """Write holding registers; an exception code, or None when it was done."""

    def is_deaf(self, now_ns: MonoNs) -> bool:
        """Starting up or hung: it hears nothing."""

    def is_busy(self, now_ns: MonoNs) -> bool:
        """It answers everything with *busy*."""

    def update(self, now_ns: MonoNs) -> None:
        """Let time pass."""

    def truth(self, now_ns: MonoNs) -> Truth:
        """What it really does."""

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault on."""

    def clear(self, now_ns: MonoNs) -> None:
        """Take all faults back."""

    def next_wakeup(self) -> MonoNs | None:
        """When something happens by itself."""


@runtime_checkable
class Particular(Protocol):
    """What a bank offers whose unit does not answer the usual functions, or has one of its maker's own."""

    functions: frozenset[int]  # all that it answers

    def own(self, function: int, octets: bytes, now_ns: MonoNs) -> bytes | int:
        """What follows a maker's own function in its answer, or an exception code."""


@runtime_checkable
class Pulled(Protocol):
    """What a bank offers whose unit hangs in a rope that another unit pulls at."""

    def pull(self, force_n: int) -> None:
        """So much pulls now."""


class SimModbus:
    """A bank of registers behind RTU or TCP frames. Satisfies ``devices.sim.device.SimDevice``."""

    def __init__(self, bank: RegisterBank, framing: Framing = "rtu") -> None:
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it complains of every bad frame on stderr
        self.model = bank.model
        self._bank = bank
        self._functions = bank.functions if isinstance(bank, Particular) else KNOWN
        self._framing = framing
        self._framer = (
            FramerRTU(DecodePDU(is_server=True)) if framing == "rtu" else FramerSocket(DecodePDU(is_server=True))
        )
        self._buffer = b""
        self._heard_ns = 0

    def update(self, now_ns: MonoNs) -> None:
        """Let time pass in the bank."""
        self._bank.update(now_ns)

    def handle(self, received: bytes, now_ns: MonoNs) -> bytes:
        """Bytes in any split; the answers to the requests that they complete."""
        self._bank.update(now_ns)
        if self._framing == "rtu" and now_ns - self._heard_ns > SILENCE_NS:
            self._buffer = b""
        self._heard_ns = now_ns
        if self._bank.is_deaf(now_ns):
            self._buffer = b""
            return b""
        self._buffer = (self._buffer + received)[-MAX_BUFFER:]
        if self._framing == "rtu":
            request, self._buffer = _cut_rtu(self._buffer)
            return self._answer(request, now_ns) if request else b""
        answers: list[bytes] = []
        while True:
            request, self._buffer = _cut_tcp(self._buffer)
            if not request:
                return b"".join(answers)
            answers.append(self._answer(request, now_ns))

    def pull(self, force_n: int) -> None:
        """Another unit pulls at the rope that this one hangs in; nothing, where it hangs in none."""
        if isinstance(self._bank, Pulled):
            self._bank.pull(force_n)

    def truth(self, now_ns: MonoNs) -> Truth:
        """The bank's truth."""
        return self._bank.truth(now_ns)

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch one of the bank's faults on."""
        self._bank.inject(order, now_ns)

    def clear(self, now_ns: MonoNs) -> None:
        """Take the bank's faults back."""
        self._bank.clear(now_ns)

    def next_wakeup(self) -> MonoNs | None:
        """When the bank does something by itself."""
        return self._bank.next_wakeup()

    def unasked(self, now_ns: MonoNs) -> bytes:  # noqa: ARG002  # the seam's shape
        """Nothing: a Modbus server never speaks first."""
        return b""

    def wire_variant(
        self, kind: str, reply: bytes, request: bytes, parameters: tuple[tuple[str, int], ...]
    ) -> bytes | None:
        """What a bad line makes of an answer where checksum, address or error are the protocol's."""
        given = dict(parameters)
        match kind:
            case "exception":
                function = request[1 if self._framing == "rtu" else 7]
                return self._refuse(request, function, given.get("code", DEVICE_FAILURE))
            case "forge":
                return self._forged(reply)
            case "two-answer":
                return reply + self._forged(reply)
            case "foreign":
                return self._readdressed(reply, OTHER_UNIT) if reply else self._answer_of_another(request)
            case "oversize":
                octets = max(given.get("bytes", 0), MAX_BUFFER + 1)
                head = reply[:2] + b"\xff" if self._framing == "rtu" else reply[:4] + b"\xff\xff" + reply[6:8]
                return head + bytes(octets - len(head))
        return None

    def _answer(self, frame: bytes, now_ns: MonoNs) -> bytes:
        """The answer to one whole frame; nothing when it is not for this unit, broken, or a broadcast."""
        at = 0 if self._framing == "rtu" else 6
        unit, function = frame[at], frame[at + 1]
        if unit not in (0, self._bank.unit_address):
            return b""
        if self._framing == "rtu" and not _crc_is_right(frame):
            return b""
        if function not in self._functions:
            return b"" if function & 0x80 or unit == 0 else self._refuse(frame, function, ILLEGAL_FUNCTION)
        if self._bank.is_busy(now_ns):
            return self._refuse(frame, function, BUSY)
        if function not in KNOWN:
            return self._own(frame, at, now_ns)
        pdu = self._decoded(frame)
        if pdu is None or not _counts_agree(frame[at + 1 :], function):
            return self._refuse(frame, function, ILLEGAL_VALUE)
        done = self._done(pdu, now_ns)
        if unit == 0:
            return b""
        if isinstance(done, int):
            return self._refuse(frame, function, done)
        return self._framer.buildFrame(done)

    def _own(self, frame: bytes, at: int, now_ns: MonoNs) -> bytes:
        """A maker's own function: pymodbus has no PDU for it, so that only its checksum is asked of it."""
        function, octets = frame[at + 1], frame[at + 2 : -2 if self._framing == "rtu" else None]
        done = self._bank.own(function, octets, now_ns) if isinstance(self._bank, Particular) else ILLEGAL_FUNCTION
        if isinstance(done, int) or frame[at] == 0:
            return self._refuse(frame, function, done) if isinstance(done, int) and frame[at] else b""
        head = b"" if self._framing == "rtu" else frame[:4] + (2 + len(done)).to_bytes(2, "big")
        body = head + frame[at : at + 2] + done
        return body + self._checksum(body)

    def _decoded(self, frame: bytes) -> ModbusPDU | None:
        try:
            return self._framer.handleFrame(frame, 0, 0)[1]
        except ModbusIOException:
            return None

    def _done(self, pdu: ModbusPDU, now_ns: MonoNs) -> ModbusPDU | int:
        """Carry a request out; the answer's PDU, or an exception code."""
        unit, transaction = pdu.dev_id, pdu.transaction_id
        if isinstance(pdu, messages.ReadWriteMultipleRegistersRequest):
            refused = self._bank.write(pdu.write_address, tuple(pdu.write_registers), now_ns)
            words = self._bank.read(3, pdu.read_address, pdu.read_count, now_ns) if refused is None else refused
            if isinstance(words, int):
                return words
            return messages.ReadWriteMultipleRegistersResponse(
                dev_id=unit, transaction_id=transaction, registers=list(words)
            )
        if pdu.function_code in (3, 4):
            words = self._bank.read(pdu.function_code, pdu.address, pdu.count, now_ns)
            if isinstance(words, int):
                return words
            kind = (
                messages.ReadHoldingRegistersResponse if pdu.function_code == 3 else messages.ReadInputRegistersResponse
            )
            return kind(dev_id=unit, transaction_id=transaction, registers=list(words))
        refused = self._bank.write(pdu.address, tuple(pdu.registers), now_ns)
        if refused is not None:
            return refused
        if pdu.function_code == 6:
            return messages.WriteSingleRegisterResponse(
                dev_id=unit, transaction_id=transaction, address=pdu.address, registers=list(pdu.registers)
            )
        return messages.WriteMultipleRegistersResponse(
            dev_id=unit, transaction_id=transaction, address=pdu.address, count=len(pdu.registers)
        )

    def _refuse(self, request: bytes, function: int, code: int) -> bytes:
        unit = request[0 if self._framing == "rtu" else 6]
        transaction = 0 if self._framing == "rtu" else int.from_bytes(request[:2], "big")
        refusal = ExceptionResponse(function & 0x7F, code, device_id=unit, transaction=transaction)
        return self._framer.buildFrame(refusal)

    def _forged(self, reply: bytes) -> bytes:
        """One bit of the content turned, the checksum right again; which one depends on the bytes alone."""
        start, end = (2, len(reply) - 2) if self._framing == "rtu" else (8, len(reply))
        body = bytearray(reply[:end])
        body[start + sum(reply) % (end - start)] ^= 0x01
        return bytes(body) + self._checksum(body)

    def _readdressed(self, reply: bytes, by: int) -> bytes:
        at, end = (0, len(reply) - 2) if self._framing == "rtu" else (6, len(reply))
        body = bytearray(reply[:end])
        body[at] = (body[at] + by) % 256
        return bytes(body) + self._checksum(body)

    def _answer_of_another(self, request: bytes) -> bytes:
        """A request that is not for this unit, answered all the same, in the other's name."""
        at = 0 if self._framing == "rtu" else 6
        by = request[at] - self._bank.unit_address
        mine = self._readdressed(request, -by)
        reply = self._answer(mine, MonoNs(self._heard_ns))
        return self._readdressed(reply, by) if reply else b""

    def _checksum(self, body: bytes | bytearray) -> bytes:
        return FramerRTU.compute_CRC(bytes(body)).to_bytes(2, "big") if self._framing == "rtu" else b""


def _cut_rtu(buffer: bytes) -> tuple[bytes, bytes]:
    """A whole request and what follows it. Functions that the unit does not have end where the bytes end."""
    if len(buffer) < 4:
        return b"", buffer
    function = buffer[1]
    if function in (3, 4, 6):
        length = 8
    elif function in (16, 23):
        count_at = 6 if function == 16 else 10
        length = len(buffer) + 1 if len(buffer) <= count_at else count_at + 3 + buffer[count_at]
    else:
        length = len(buffer) if _crc_is_right(buffer) else len(buffer) + 1
    return (buffer[:length], b"") if length <= len(buffer) else (b"", buffer)


def _cut_tcp(buffer: bytes) -> tuple[bytes, bytes]:
    """The first whole request and the rest; a header that cannot be true costs all that was received."""
    if len(buffer) < 8:
        return b"", buffer
    length = 6 + int.from_bytes(buffer[4:6], "big")
    if int.from_bytes(buffer[2:4], "big") or not 8 <= length <= MAX_BUFFER:
        return b"", b""
    return (buffer[:length], buffer[length:]) if length <= len(buffer) else (b"", buffer)


def _counts_agree(pdu: bytes, function: int) -> bool:
    """Byte count against word count of function 16 (pymodbus takes any), V1.1b3 6.12."""
    return function != 16 or pdu[5] == 2 * int.from_bytes(pdu[3:5], "big")


def _crc_is_right(frame: bytes) -> bool:
    return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))
