"""Lines of printable ASCII, each ended by CR, LF or both: the wire of small instruments. Bounded, no I/O.

Rule 1: whatever a line may mean is not known here; a line that is too long or not printable is damage, not a line.
Rule 2: the same bytes give the same events in any split, and no more is held than one longest line.
"""

from protocols.damage import Damage
from protocols.errors import LocalProtocolError

CR, LF = 0x0D, 0x0A
FIRST_PRINTABLE, LAST_PRINTABLE = 0x20, 0x7E
SHOWN_BYTES = 24  # of a damaged line; chosen: tells a slipped baud rate from a foreign protocol


def encode(text: str, max_chars: int) -> bytes:
    """One line, ended by CR; LocalProtocolError unless it is printable ASCII of 1 to ``max_chars`` characters."""
    if not 1 <= len(text) <= max_chars or not _is_printable(text.encode("ascii", "replace")) or not text.isascii():
        raise LocalProtocolError(f"cannot encode {text[:max_chars]!r} as a line")
    return text.encode("ascii") + b"\r"


class LineDecoder:
    """Bytes become texts and damage. Empty lines (CR LF, a stray LF) are nothing."""

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._held = bytearray()
        self._is_skipping = False  # the rest of a line that is known to be too long

    def feed(self, received: bytes) -> list[str | Damage]:
        """What is complete now."""
        events: list[str | Damage] = []
        for octet in received:
            if octet in (CR, LF):
                events += self._ended()
            elif not self._is_skipping:
                self._held.append(octet)
                if len(self._held) > self._max_chars:
                    events.append(Damage(f"line above {self._max_chars} characters", bytes(self._held[:SHOWN_BYTES])))
                    self._held.clear()
                    self._is_skipping = True
        return events

    def reset(self) -> Damage | None:
        """Throw away what is incomplete, and say what it was."""
        held, self._held, self._is_skipping = bytes(self._held), bytearray(), False
        return Damage("incomplete line", held[:SHOWN_BYTES]) if held else None

    def _ended(self) -> list[str | Damage]:
        held, self._held, self._is_skipping = bytes(self._held), bytearray(), False
        if not held:
            return []
        return [held.decode("ascii") if _is_printable(held) else Damage("not printable", held[:SHOWN_BYTES])]


def _is_printable(octets: bytes) -> bool:
    return all(FIRST_PRINTABLE <= octet <= LAST_PRINTABLE for octet in octets)
