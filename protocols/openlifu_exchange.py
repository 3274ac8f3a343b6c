"""One request at a time with an OpenLIFU: packet ids, and which answer belongs to what.

Rule 1: an answer is believed when its id and command are those of the request under way and its time is not over.
        An error is believed by its id alone: the console names no command in it. What else comes is named, not used.
Rule 2: a request that is over, for whatever reason, never comes back; its answer is late from then on.
"""

from collections import deque
from enum import StrEnum

import msgspec

from protocols.damage import Damage
from protocols.openlifu import ERRORS, IDS, Decoder, Kind, Packet, Word, request

REMEMBERED = 64  # chosen: ended requests whose late answers are told from foreign ones; far below 65536 ids


class Sent(msgspec.Struct, frozen=True):
    """A request on the line."""

    word: Word
    number: int
    sent_ns: int
    until_ns: int


class Belonging(StrEnum):
    """What a received packet is to us."""

    ANSWER = "answer"
    ERROR = "error"  # instead of that answer
    LATE = "late"  # of a request that is over
    FOREIGN = "foreign"  # answers nothing that we asked


class Received(msgspec.Struct, frozen=True):
    """A whole packet and what it is to us; ``sent`` is the request that ANSWER and ERROR have ended."""

    belonging: Belonging
    packet: Packet
    sent: Sent | None = None


class OpenLifuExchange:
    """The line's side of a driver."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._number = 0
        self._ended: deque[int] = deque(maxlen=REMEMBERED)
        self.sent: Sent | None = None

    def begin(self, word: Word, payload: bytes, now_ns: int, reply_ns: int) -> bytes:
        """The frame of a request that is written now. One at a time: the caller looks at ``sent``."""
        self._number = (self._number + 1) % IDS
        self.sent = Sent(word, self._number, now_ns, now_ns + reply_ns)
        return request(word, self._number, payload)

    def deadline_ns(self) -> int | None:
        """When the request under way is over without an answer; None when there is none."""
        return None if self.sent is None else self.sent.until_ns

    def expire(self, now_ns: int) -> tuple[Sent, Damage | None] | None:
        """The request whose time is over, and the piece of an answer that had come."""
        if self.sent is None or now_ns < self.sent.until_ns:
            return None
        return self.sent, self.drop()

    def drop(self) -> Damage | None:
        """End the request under way and forget half an answer, which is returned."""
        self._close()
        return self._decoder.reset()

    def feed(self, received: bytes) -> list[Received | Damage]:
        """Bytes in any split. The first packet that answers ends the request; a second one like it is late."""
        return [item if isinstance(item, Damage) else self._placed(item) for item in self._decoder.feed(received)]

    def _placed(self, packet: Packet) -> Received:
        sent = self.sent
        is_response = packet.kind == Kind.RESPONSE
        if sent is not None and packet.number == sent.number:
            if packet.kind in ERRORS:
                self._close()
                return Received(Belonging.ERROR, packet, sent)
            if is_response and packet.command == sent.word.value[1]:
                self._close()
                return Received(Belonging.ANSWER, packet, sent)
        is_late = packet.number in self._ended and (is_response or packet.kind in ERRORS)
        return Received(Belonging.LATE if is_late else Belonging.FOREIGN, packet)

    def _close(self) -> None:
        if self.sent is not None:
            self._ended.append(self.sent.number)
            self.sent = None
