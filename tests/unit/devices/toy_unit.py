"""A simulated unit small enough to see through: one line of text a frame, one amplitude, a lease of one second."""

from devices.bench import Parameters
from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.sim.catalog import Framing
from devices.sim.device import FaultOrder, Truth
from devices.sim.faults import FaultBoard

CAN = frozenset({"hang", "run-away", "ignore-stop", "offset", "stuck-on", "reboot", "contact-loss"})
LEASE_NS = NS_PER_S


class ToyUnit:
    """``W5`` sets 5 and feeds the lease, ``S`` switches off, ``Q`` asks; ``K`` and ``A5`` are the answers."""

    model = "toy"

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._board = FaultBoard(self.model, CAN, seed)
        self._commanded = 0
        self._fed_ns = 0
        self._true = 0
        self._changed_ns = 0
        self._unread = b""

    def update(self, now_ns: MonoNs) -> None:
        """The lease runs out, the output follows."""
        if self._board.is_hung(now_ns):
            return
        if self._commanded and now_ns - self._fed_ns >= LEASE_NS:
            self._commanded = 0
        true = self._board.true_amplitude(self._commanded, now_ns)
        if true != self._true:
            self._true, self._changed_ns = true, now_ns

    def handle(self, received: bytes, now_ns: MonoNs) -> bytes:
        """Whole lines are answered; a part waits for its rest."""
        if self._board.is_hung(now_ns):
            return b""
        *lines, self._unread = (self._unread + received).split(b"\n")
        return b"".join(self._answer(line, now_ns) for line in lines)

    def _answer(self, line: bytes, now_ns: MonoNs) -> bytes:
        if line == b"Q":
            return b"A%d\n" % (self._board.reported("amplitude", self._true, now_ns) or 0)
        if line == b"S":
            if self._board.fate_of_stop(now_ns).now:
                self._commanded = 0
        elif line[:1] == b"W" and line[1:].isdigit():
            self._commanded, self._fed_ns = int(line[1:]), now_ns
        else:
            return b"?\n"
        self.update(now_ns)
        return b"K\n"

    def truth(self, now_ns: MonoNs) -> Truth:
        """What is really going on."""
        self.update(now_ns)
        left_ms = max(0, self._fed_ns + LEASE_NS - now_ns) // NS_PER_MS if self._commanded else None
        return Truth(
            name=self._name,
            model=self.model,
            energized=self._true > 0,
            output=self._true,
            unit="uA",
            state="on" if self._commanded else "off",
            changed_at_mono_ns=self._changed_ns,
            now_mono_ns=now_ns,
            lease_left_ms=left_ms,
            channels=(self._true,),
            faults=self._board.active(),
        )

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Faults of the unit itself."""
        self._board.inject(order, now_ns)

    def clear(self, now_ns: MonoNs) -> None:
        """All gone."""
        self._board.clear(now_ns)

    def next_wakeup(self) -> MonoNs | None:
        """The end of the lease."""
        return MonoNs(self._fed_ns + LEASE_NS) if self._commanded else None

    def unasked(self, now_ns: MonoNs) -> bytes:  # noqa: ARG002  # the seam gives the time; this unit never speaks first
        """Nothing."""
        return b""


class VaryingToyUnit(ToyUnit):
    """The same with a protocol that the wire's cleverer faults can act on."""

    def wire_variant(self, kind: str, reply: bytes, request: bytes, parameters: Parameters) -> bytes | None:  # noqa: ARG002  # of the seam
        """Errors, strangers and lies, each recognisable."""
        numbers = dict(parameters)
        if kind == "oversize":
            return reply.rstrip(b"\n").ljust(numbers["bytes"], b"0") + b"\n"
        return {
            "exception": b"E%d\n" % numbers.get("code", 0),
            "foreign": b"F" + reply,
            "forge": b"A999\n",
            "two-answer": reply + b"B" + reply,
        }[kind]


def toy(name: str, seed: int, framing: Framing) -> ToyUnit:  # noqa: ARG001  # as the catalogue calls it
    """The toy as the catalogue makes it."""
    return VaryingToyUnit(name, seed)
