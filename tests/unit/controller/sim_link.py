"""A line to a simulated unit inside the test's own process, in real time; and one that fails when it is told to."""

from queue import Empty, SimpleQueue

from devices.model import NS_PER_S
from devices.sim.device import SimDevice
from modctl.clock import SystemClock
from protocols.link import LinkError

CLOCK = SystemClock()


class SimLink:
    """Satisfies ``protocols.link.Link``. ``written`` has every frame that was handed to the line."""

    def __init__(self, unit: SimDevice) -> None:
        self.unit = unit
        self.written: list[bytes] = []
        self.opened = 0
        self.fails: BaseException | None = None  # raised by the next write
        self.is_absent = False
        self._answers: SimpleQueue[bytes] = SimpleQueue()
        self._is_open = False

    def open(self) -> None:
        """Open, unless it is absent."""
        if self.is_absent:
            raise LinkError("absent", "there is no such line")
        self.opened += 1
        self._is_open = True

    def close(self) -> None:
        """Close."""
        self._is_open = False

    def write(self, frame: bytes) -> None:
        """The unit hears the frame at once."""
        failure, self.fails = self.fails, None
        if failure is not None:
            raise failure
        if not self._is_open:
            raise LinkError("lost", "not open")
        self.written.append(frame)
        now = CLOCK.mono_ns()
        self.unit.update(now)
        self._answers.put(self.unit.handle(frame, now))

    def read(self, timeout_ns: int) -> bytes:
        """What it answered."""
        try:
            return self._answers.get(timeout=timeout_ns / NS_PER_S)
        except Empty:
            return b""

    def discard_input(self) -> None:
        """Throw away what was not read."""
        while not self._answers.empty():
            self._answers.get()

    def wake(self) -> None:
        """End a read."""
        self._answers.put(b"")

    def fileno(self) -> int:
        """None of its own; nobody here uses it."""
        return 0
