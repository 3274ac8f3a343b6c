"""One request at a time with a ScienceMode stimulator: packet numbers, and which answer belongs to what.

Rule 1: an answer is believed when its command and packet number are those of the request under way, and its time
        is not over. Everything else is named, not used.
Rule 2: a request that is over, for whatever reason, never comes back; its answer is late from then on.
"""

from collections import deque
from enum import StrEnum

import msgspec

from protocols.sciencemode4 import NUMBERS, Command, Damage, Decoder, Packet
from protocols.sciencemode4_answers import GENERAL_ERROR, UNKNOWN_COMMAND

REMEMBERED = 16  # chosen: closed requests whose late answers are told from foreign ones; far below 64 numbers


class Request(msgspec.Struct, frozen=True):
    """A request on the line."""

    command: Command
    number: int
    sent_ns: int


class Belonging(StrEnum):
    """What a received packet is to us."""

    ANSWER = "answer"  # of the request under way
    ERROR = "error"  # General_error or Unknown_cmd instead of that answer
    UNASKED = "unasked"  # an error with another number: the unit tells it of its own accord
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
        """End the request under way and forget half an answer, which is returned."""
        self._close()
        return self._decoder.reset()

    def feed(self, received: bytes) -> list[Received | Damage]:
        """Bytes in any split. The first packet that answers ends the request; a second one like it is late."""
        return [item if isinstance(item, Damage) else self._placed(item) for item in self._decoder.feed(received)]

    def _placed(self, packet: Packet) -> Received:
        request = self.request
        is_error = packet.command in (GENERAL_ERROR, UNKNOWN_COMMAND)
        is_answer = request is not None and packet.command == request.command + 1
        if request is not None and packet.number == request.number and (is_error or is_answer):
            self._close()
            return Received(Belonging.ERROR if is_error else Belonging.ANSWER, packet, request)
        if is_error:
            return Received(Belonging.UNASKED, packet)
        is_late = (packet.command, packet.number) in self._closed
        return Received(Belonging.LATE if is_late else Belonging.FOREIGN, packet)

    def _close(self) -> None:
        if self.request is not None:
            self._closed.append((self.request.command + 1, self.request.number))
            self.request = None
