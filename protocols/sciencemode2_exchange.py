"""One request at a time with a RehaStim 2: packet numbers, and which packet belongs to what.

Rule 1: an answer is believed when its command and packet number are those of the request under way, and its time
        is not over. Everything else is named, not used.
Rule 2: a request that is over, for whatever reason, never comes back; its answer is late from then on.
Rule 3: what the unit tells of its own accord ends no request.
"""

from collections import deque
from enum import StrEnum

import msgspec

from protocols.sciencemode2 import NUMBERS, Command, Damage, Decoder, Packet
from protocols.sciencemode2_answers import TOLD, UNKNOWN_COMMAND

REMEMBERED = 16  # chosen: closed requests whose late answers are told from foreign ones; far below 256 numbers


class Request(msgspec.Struct, frozen=True):
    """A request on the line."""

    command: Command
    number: int
    sent_ns: int


class Belonging(StrEnum):
    """What a received packet is to us."""

    ANSWER = "answer"  # of the request under way
    ERROR = "error"  # UnknownCommand instead of that answer
    TOLD = "told"  # Init or StimulationError
    LATE = "late"  # the answer of a request that is over
    FOREIGN = "foreign"  # an answer to nothing we asked


class Received(msgspec.Struct, frozen=True):
    """A whole packet and what it is to us; ``request`` is the one that ANSWER and ERROR have ended."""

    belonging: Belonging
    packet: Packet
    request: Request | None = None


class Exchange:
    """The line's side of a driver."""

    def __init__(self, reply_ns: int) -> None:
        self._reply_ns = reply_ns
        self._decoder = Decoder()
        self._number = 0
        self._closed: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        self.request: Request | None = None

    def begin(self, command: Command, now_ns: int) -> int:
        """A request is about to be written; its packet number. One at a time: the caller looks at ``request``."""
        number = self._number
        self._number = (number + 1) % NUMBERS
        self.request = Request(command, number, now_ns)
        return number

    def deadline_ns(self) -> int | None:
        """When the request under way is over without an answer; None when there is none."""
        return None if self.request is None else self.request.sent_ns + self._reply_ns

    def expire(self, now_ns: int) -> tuple[Request, Damage | None] | None:
        """The request whose time is over, and the piece of an answer that had come."""
        deadline_ns = self.deadline_ns()
        if self.request is None or deadline_ns is None or now_ns < deadline_ns:
            return None
        request = self.request
        return request, self.drop()

    def drop(self) -> Damage | None:
        """End the request under way and forget half a packet, which is returned."""
        self.close()
        return self._decoder.reset()

    def close(self) -> None:
        """End the request under way; what is arriving goes on arriving."""
        if self.request is not None:
            self._closed.append((self.request.command + 1, self.request.number))
            self.request = None

    def feed(self, received: bytes) -> list[Damage | Packet]:
        """Bytes in any split."""
        return self._decoder.feed(received)

    def placed(self, packet: Packet) -> Received:
        """What a packet is to us. The first one that answers ends the request; a second one like it is late."""
        if packet.command in TOLD:
            return Received(Belonging.TOLD, packet)
        request = self.request
        is_error = packet.command == UNKNOWN_COMMAND
        if request is not None and packet.number == request.number and (is_error or _answers(packet, request)):
            self.close()
            return Received(Belonging.ERROR if is_error else Belonging.ANSWER, packet, request)
        is_late = (packet.command, packet.number) in self._closed
        return Received(Belonging.LATE if is_late else Belonging.FOREIGN, packet)


def _answers(packet: Packet, request: Request) -> bool:
    return packet.command == request.command + 1
