"""Lines on the controller's socket: messages to bytes and back, in any split, in bounded memory. Pure.

Bytes from the other side raise nothing: what is no message comes out as ``Nonsense``, in its place in the order.
"""

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

import msgspec

from modctl.ipc.messages import MAX_LINE_BYTES, Answering, Request

_T = TypeVar("_T")
_ENCODER: Final = msgspec.json.Encoder()
_REQUESTS: Final[msgspec.json.Decoder[Request]] = msgspec.json.Decoder(Request)
_ANSWERS: Final[msgspec.json.Decoder[Answering]] = msgspec.json.Decoder(Answering)


class LineTooLongError(Exception):
    """We were about to say more than a line holds: a bug, the sender should have paged."""


class Nonsense(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is no message. ``id`` is the request's, where it could still be read.

    ``is_fatal``: the end of the line was never seen, so nothing after it can be believed; hang up.
    """

    why: str
    id: int | None = None
    is_fatal: bool = False


class _Numbered(msgspec.Struct, frozen=True):
    id: int


_ID_ONLY: Final = msgspec.json.Decoder(_Numbered)


class LineReader(Generic[_T]):
    """Gathers bytes and gives messages; keeps at most one unfinished line of ``MAX_LINE_BYTES``."""

    def __init__(self, decoder: msgspec.json.Decoder[_T]) -> None:
        self._decoder = decoder
        self._pending = bytearray()
        self._is_broken = False

    def feed(self, received: bytes) -> Sequence[_T | Nonsense]:
        """Every message that ends in these bytes, in order; nothing at all after a fatal ``Nonsense``."""
        if self._is_broken:
            return ()
        self._pending += received
        *lines, rest = self._pending.split(b"\n")
        self._pending = rest
        found: list[_T | Nonsense] = []
        for line in lines:
            if len(line) >= MAX_LINE_BYTES:
                return [*found, self._too_long()]
            found.append(self._decoded(line))
        if len(rest) >= MAX_LINE_BYTES:
            found.append(self._too_long())
        return found

    def _decoded(self, line: bytearray) -> _T | Nonsense:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as why:
            return Nonsense(why=str(why), id=_id_of(line))

    def _too_long(self) -> Nonsense:
        self._is_broken = True
        self._pending.clear()
        return Nonsense(why=f"a line is longer than {MAX_LINE_BYTES} bytes", is_fatal=True)


def request_reader() -> LineReader[Request]:
    """What the controller reads with."""
    return LineReader(_REQUESTS)


def answer_reader() -> LineReader[Answering]:
    """What a client reads with."""
    return LineReader(_ANSWERS)


def encode(message: Request | Answering) -> bytes:
    """One line, newline included; LineTooLongError when it would not fit."""
    line = _ENCODER.encode(message) + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise LineTooLongError(f"{type(message).__name__} of {len(line)} bytes; a line holds {MAX_LINE_BYTES}")
    return line


def _id_of(line: bytearray) -> int | None:
    try:
        return _ID_ONLY.decode(line).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
