"""One Modbus line from the client's side: one request at a time, silence, timeouts and late answers. No I/O.

Rule 1: on a serial line nothing is written before 3.5 characters of silence (over Serial Line V1.02, 2.5.1.1).
Rule 2: after a missing or destroyed answer the line is listened to before the next question, twice as long each time:
        RTU answers carry no number, and what comes late must find nobody waiting.
Rule 3: until an answer of another length was believed, the line is doubtful.
"""

from collections.abc import Mapping
from typing import Final

from protocols.modbus import AnswerDecoder, Arrival, Asked, Framing, Trouble, TroubleKind, encode

LAST_WORDS_TRANSACTION: Final = 0xFFFF  # for frames that nobody waits for; requests count 1..0xFFFE
LISTEN_MAX_NS: Final = 1_000_000_000  # chosen: a session has ended as stale by then
DOUBLINGS_MAX: Final = 8  # chosen: beyond LISTEN_MAX_NS for every reply time from 4 ms on
DESTROYED: Final = (TroubleKind.CORRUPT, TroubleKind.MALFORMED)


class ModbusLine:
    """The conversation on one line.

    ``octet_ns``: how long one byte takes on it, 0 on TCP. ``custom``: as the decoder has it.
    """

    def __init__(
        self,
        framing: Framing,
        *,
        reply_ns: int,
        silence_ns: int,
        octet_ns: int,
        custom: Mapping[int, int] | None = None,
    ) -> None:
        self.framing = framing
        self.reply_ns = reply_ns
        self.is_doubtful = False
        self.quiet_ns = 0  # the line is silent from here on, as far as is known
        self.calm_ns = 0  # and no late answer is expected any more
        self.deadline_ns: int | None = None  # of the request under way
        self._silence_ns = silence_ns if framing is Framing.RTU else 0
        self._octet_ns = octet_ns if framing is Framing.RTU else 0
        self._decoder = AnswerDecoder(framing, custom)
        self._transaction = 0
        self._failures = 0

    @property
    def is_waiting(self) -> bool:
        """A request is under way."""
        return self.deadline_ns is not None

    def ask(self, request: Asked, now_ns: int) -> bytes:
        """The bytes of a request that goes out now; its answer is awaited from here on."""
        self._transaction = self._transaction % (LAST_WORDS_TRANSACTION - 1) + 1
        frame = encode(request, self.framing, self._transaction)
        self._decoder.expect(request, self._transaction)
        self.deadline_ns = now_ns + self.reply_ns
        self._heard_until(now_ns + len(frame) * self._octet_ns + self._silence_ns)
        return frame

    def feed(self, received: bytes, now_ns: int) -> tuple[Arrival, ...]:
        """Bytes from the line. An answer ends the wait, and so do bytes that destroyed it."""
        if received:
            self._heard_until(now_ns + self._silence_ns)
        arrivals = self._decoder.feed(received)
        for arrival in arrivals:
            if not isinstance(arrival, Trouble):
                self.deadline_ns = None
                self._failures = 0
            elif arrival.kind in DESTROYED and self.is_waiting:
                self._fail(now_ns)
        return arrivals

    def timed_out(self, now_ns: int) -> int | None:
        """How many bytes of the answer had come when its time was over; None while there is nothing to notice."""
        if self.deadline_ns is None or now_ns < self.deadline_ns:
            return None
        return self._fail(now_ns)

    def abandon(self, now_ns: int) -> None:
        """Do not wait for the answer under way: what follows cannot wait. Listening is the next question's matter."""
        self._decoder.give_up()
        self.deadline_ns = None
        self.is_doubtful = self.framing is Framing.RTU
        self._heard_until(now_ns + self._silence_ns)

    def unanswered(self, request: Asked) -> bytes:
        """A request for the guard: written when nobody is there to wait for an answer."""
        return encode(request, self.framing, LAST_WORDS_TRANSACTION)

    def _fail(self, now_ns: int) -> int:
        arrived = self._decoder.give_up()
        self.deadline_ns = None
        if self.framing is Framing.RTU:
            self.is_doubtful = True
            self.calm_ns = now_ns + min(self.reply_ns << self._failures, LISTEN_MAX_NS)
            self._failures = min(self._failures + 1, DOUBLINGS_MAX)
        return arrived

    def _heard_until(self, at_ns: int) -> None:
        self.quiet_ns = max(self.quiet_ns, at_ns)
        self.calm_ns = max(self.calm_ns, at_ns)
