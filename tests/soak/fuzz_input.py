"""Inputs for parsers: bytes of nothing, and real ones bent. Seeded; plain mutation, no coverage guidance."""

import functools
import random
from collections.abc import Sequence

from tests.conformance.virtual_line import Rig, VirtualWire, links_of

LONG = 4_096  # chosen: longer than any frame of any unit
MAGIC = tuple(
    bytes.fromhex(one)
    for one in ["00", "ff", "7f", "80", "f0", "0f", "81", "55", "aa", "0d", "0a", "22", "5c", "7b", "5b"]
)


class _Tapped(VirtualWire):
    """A line that keeps what passes."""

    def __init__(self, wire: VirtualWire) -> None:
        super().__init__(wire.sim)
        self.sent: list[bytes] = []
        self.heard: list[bytes] = []

    def write(self, frame: bytes) -> None:
        """Kept, and on its way."""
        self.sent.append(frame)
        super().write(frame)

    def _taken(self) -> bytes:
        received = super()._taken()
        self.heard.append(received)
        return received


class Traffic:
    """What a driver and a simulated unit of one model said to each other from the first word to off."""

    def __init__(self, model: str, link: str | None = None) -> None:
        kind = next((one for one in links_of(model) if one == link), None)
        rig = Rig(model, kind)
        assert isinstance(rig.wire, VirtualWire)
        tap = _Tapped(rig.wire)
        rig.wire = tap
        if not rig.profile.is_monitored and rig.driver.last_words():
            rig.energize()
        else:
            rig.run(2_000)
        rig.end()
        self.rig = rig
        self.sent = tuple(dict.fromkeys(tap.sent))
        self.heard = tuple(dict.fromkeys(tap.heard))


@functools.cache
def traffic(model: str, link: str | None = None) -> Traffic:
    """As above, once a process."""
    return Traffic(model, link)


class Bender:
    """Bytes from a corpus, bent in one to four ways; now and then bytes of nothing."""

    def __init__(self, corpus: Sequence[bytes], dice: random.Random) -> None:
        self._corpus = tuple(one for one in corpus if one) or (b"\x00",)
        self._dice = dice

    def next(self) -> bytes:
        """The next input."""
        dice = self._dice
        roll = dice.getrandbits(6)
        if roll == 0 and dice.getrandbits(1):
            return dice.choice((b"", b"x=")) + dice.choice(MAGIC) * LONG  # brackets in brackets, for one
        if roll == 0:
            return dice.randbytes(dice.getrandbits(12) % LONG)
        if roll < 4:
            return dice.randbytes(dice.getrandbits(5))
        bent = bytearray(self._corpus[dice.getrandbits(16) % len(self._corpus)])
        for _ in range(1 + dice.getrandbits(2)):
            self._bend(bent)
        return bytes(bent)

    def _bend(self, bent: bytearray) -> None:
        dice = self._dice
        size = len(bent)
        at = dice.getrandbits(16) % size if size else 0
        match dice.getrandbits(3):
            case 0 | 1 if size:
                bent[at] ^= 1 << dice.getrandbits(3)
            case 2 if size:
                bent[at] = dice.getrandbits(8)
            case 3:
                bent[at:at] = MAGIC[dice.getrandbits(8) % len(MAGIC)]
            case 4:
                del bent[at : at + 1 + dice.getrandbits(3)]
            case 5:
                del bent[at:]
            case 6:
                bent[at:at] = bent[at : at + 1 + dice.getrandbits(4)]
            case _:
                bent += self._corpus[dice.getrandbits(16) % len(self._corpus)]


def pieces(whole: bytes, dice: random.Random) -> Sequence[bytes]:
    """The same bytes in one to three parts."""
    if len(whole) < 2 or dice.getrandbits(1):
        return (whole,)
    one = dice.getrandbits(16) % len(whole)
    two = dice.getrandbits(16) % len(whole)
    low, high = min(one, two), max(one, two)
    return (whole[:low], whole[low:high], whole[high:])
