"""One request at a time with a TPO: which answer belongs to what, on a wire without numbers and checksums.

Rule 1: an answer is believed when it has the form of the request under way and does not name another one.
Rule 2: after a request that ended without its answer the line is *doubtful*: the next answers may be one behind.
        Then only questions whose answers name themselves are asked, another one each time, until one is met.
Rule 3: what is not believed is named (late, foreign, nonsense) and never ends the wait for the true answer.
"""

from collections import deque
from enum import StrEnum

import msgspec

from protocols.damage import Damage
from protocols.errors import RemoteProtocolError
from protocols.lines import LineDecoder
from protocols.tpo import (
    MAX_LINE,
    Name,
    Request,
    Verb,
    banner_of,
    error_of,
    is_ok,
    is_request,
    line,
    value_of,
    word_of,
)

REMEMBERED = 8  # chosen: ended requests whose late answers are told from foreign ones
PROBES = (Name.BURST, Name.PERIOD, Name.TIMER, Name.RAMPLENGTH)  # told apart by their labels, up to four behind


class Belonging(StrEnum):
    """What a received line is to us."""

    ANSWER = "answer"
    ERROR = "error"  # E1, E2 or E3 instead of that answer
    BANNER = "banner"
    LATE = "late"  # answers a request that is over
    FOREIGN = "foreign"  # answers nothing that we asked
    NONSENSE = "nonsense"


class Sent(msgspec.Struct, frozen=True):
    """A request on the line."""

    request: Request
    sent_ns: int
    is_probe: bool = False


class Received(msgspec.Struct, frozen=True):
    """One line and what it is to us; ``sent`` is the request that ANSWER and ERROR have ended."""

    belonging: Belonging
    text: str
    sent: Sent | None = None
    value: int | None = None  # in the unit of setting; None when the answer tells none


class TpoExchange:
    """The line's side of a driver."""

    def __init__(self, reply_ns: int) -> None:
        self._reply_ns = reply_ns
        self._decoder = LineDecoder(MAX_LINE)
        self._ended: deque[Name | Verb] = deque(maxlen=REMEMBERED)
        self._probe = 0
        self.is_doubtful = False
        self.sent: Sent | None = None

    def begin(self, request: Request, now_ns: int) -> bytes:
        """The line of a request that is written now. One at a time: the caller looks at ``sent``."""
        self.sent = Sent(request, now_ns)
        return line(request)

    def probe(self, now_ns: int) -> bytes:
        """The next question that may end the doubt."""
        request = Request(PROBES[self._probe])
        self._probe = (self._probe + 1) % len(PROBES)
        self.sent = Sent(request, now_ns, is_probe=True)
        return line(request)

    def deadline_ns(self) -> int | None:
        """When the request under way is over without an answer; None when there is none."""
        return None if self.sent is None else self.sent.sent_ns + self._reply_ns

    def expire(self, now_ns: int) -> tuple[Sent, Damage | None] | None:
        """The request whose time is over, and the piece of an answer that had come."""
        deadline_ns = self.deadline_ns()
        if self.sent is None or deadline_ns is None or now_ns < deadline_ns:
            return None
        return self.sent, self.drop()

    def drop(self) -> Damage | None:
        """End the request under way without its answer, and forget half a line, which is returned."""
        if self.sent is not None:
            self.is_doubtful = True
            self._close()
        return self._decoder.reset()

    def feed(self, received: bytes) -> list[Received | Damage]:
        """Bytes in any split."""
        return [item if isinstance(item, Damage) else self._placed(item) for item in self._decoder.feed(received)]

    def _placed(self, text: str) -> Received:
        if banner_of(text) is not None:
            return Received(Belonging.BANNER, text)
        if is_request(text):
            return Received(Belonging.FOREIGN, text)
        sent = self.sent
        if sent is None:
            return Received(self._unasked(text), text)
        if error_of(text) is not None:
            self._close()
            return Received(Belonging.ERROR, text, sent)
        word = word_of(text)
        if word is not None and word != sent.request.word:
            return Received(self._unasked(text), text)
        try:
            value = _read(sent.request, text, word)
        except RemoteProtocolError:
            return Received(Belonging.NONSENSE, text)
        if sent.is_probe:
            self.is_doubtful = False
        self._close()
        return Received(Belonging.ANSWER, text, sent, value)

    def _unasked(self, text: str) -> Belonging:
        word = word_of(text)
        is_late = word in self._ended or (word is None and bool(self._ended))
        return Belonging.LATE if is_late else Belonging.FOREIGN

    def _close(self) -> None:
        if self.sent is not None:
            self._ended.append(self.sent.request.word)
            self.sent = None


def _read(request: Request, text: str, word: Name | Verb | None) -> int | None:
    """The value that an answer tells, None where it tells none; RemoteProtocolError when it does not answer."""
    if isinstance(request.word, Verb):
        # The answer to CLEARERROR was never seen in print: any line that is not another answer will do.
        if word is request.word or is_ok(text) or request.word is Verb.CLEARERROR:
            return None
    elif request.value is not None and (is_ok(text) or request.word is Name.GLOBALFREQ):
        return None  # the answer to GLOBALFREQ was never seen in print
    elif request.word is Name.XDRLIST:
        if not is_ok(text):
            return None
    else:
        return value_of(request.word, text)
    raise RemoteProtocolError(f"no answer to {request.text}", text.encode())
