"""One request at a time with a stimulator of either ScienceMode: packet numbers, times, and what is over.

Rule 1: an answer is believed when its command and packet number are those of the request under way, and its time
        is not over. Everything else is named, not used.
Rule 2: a request that is over, for whatever reason, never comes back; its answer is late from then on.
Rule 3: what the unit tells of its own accord ends no request.
"""

from collections import deque
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import ClassVar, Generic, Protocol, TypeVar

import msgspec

from protocols.damage import Damage

REMEMBERED = 16  # chosen: closed requests whose late answers are told from foreign ones; far below 64 numbers

C = TypeVar("C", bound=IntEnum)


class Packet(msgspec.Struct, frozen=True):
    """What one frame carries: command and packet number in their protocol's range, unstuffed data after the command."""

    command: int
    number: int
    payload: bytes = b""


class Request(msgspec.Struct, Generic[C], frozen=True):
    """A request on the line."""

    command: C
    number: int
    sent_ns: int


class Belonging(StrEnum):
    """What a received packet is to us."""

    ANSWER = "answer"  # of the request under way
    ERROR = "error"  # instead of that answer
    TOLD = "told"  # by the unit, of its own accord
    LATE = "late"  # the answer of a request that is over
    FOREIGN = "foreign"  # an answer to nothing we asked


class Received(msgspec.Struct, Generic[C], frozen=True):
    """A whole packet and what it is to us; ``request`` is the one that ANSWER and ERROR have ended."""

    belonging: Belonging
    packet: Packet
    request: Request[C] | None = None


class Decoder(Protocol):
    """Bytes in any split become packets and damage."""

    def feed(self, received: bytes) -> Sequence[Packet | Damage]:
        """What is complete now."""

    def reset(self) -> Damage | None:
        """Throw away what is incomplete, and say what it was."""


class NumberedExchange(Generic[C]):
    """The line's side of a driver.

    ``ERRORS``: commands that can stand instead of an answer. ``OWN``: commands that, where they end no request, the
    unit tells of its own accord.
    """

    ERRORS: ClassVar[frozenset[int]]
    OWN: ClassVar[frozenset[int]]

    def __init__(self, decoder: Decoder, numbers: int, reply_ns: int) -> None:
        self._decoder = decoder
        self._numbers = numbers
        self._reply_ns = reply_ns
        self._number = 0
        self._closed: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        self.sent: Request[C] | None = None

    def begin(self, command: C, now_ns: int) -> int:
        """A request is about to be written; its packet number. One at a time: the caller looks at ``sent``."""
        number = self._number
        self._number = (number + 1) % self._numbers
        self.sent = Request(command, number, now_ns)
        return number

    def deadline_ns(self) -> int | None:
        """When the request under way is over without an answer; None when there is none."""
        return None if self.sent is None else self.sent.sent_ns + self._reply_ns

    def expire(self, now_ns: int) -> tuple[Request[C], Damage | None] | None:
        """The request whose time is over, and the piece of an answer that had come."""
        deadline_ns = self.deadline_ns()
        if self.sent is None or deadline_ns is None or now_ns < deadline_ns:
            return None
        return self.sent, self.drop()

    def drop(self) -> Damage | None:
        """End the request under way and forget half a packet, which is returned."""
        self.close()
        return self._decoder.reset()

    def close(self) -> None:
        """End the request under way; what is arriving goes on arriving."""
        if self.sent is not None:
            self._closed.append((self.sent.command + 1, self.sent.number))
            self.sent = None

    def feed(self, received: bytes) -> Sequence[Damage | Packet]:
        """Bytes in any split."""
        return self._decoder.feed(received)

    def placed(self, packet: Packet) -> Received[C]:
        """What a packet is to us. The first one that answers ends the request; a second one like it is late."""
        request = self.sent
        is_error = packet.command in self.ERRORS
        if request is not None and packet.number == request.number and (is_error or _answers(packet, request)):
            self.close()
            return Received(Belonging.ERROR if is_error else Belonging.ANSWER, packet, request)
        if packet.command in self.OWN:
            return Received(Belonging.TOLD, packet)
        is_late = (packet.command, packet.number) in self._closed
        return Received(Belonging.LATE if is_late else Belonging.FOREIGN, packet)


def _answers(packet: Packet, request: Request[C]) -> bool:
    return packet.command == request.command + 1
