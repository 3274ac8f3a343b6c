"""A RehaStim 2 driver whose every answer is written out by the test."""

from devices.drivers.rehastim2 import Rehastim2Driver
from devices.model import NS_PER_MS, DeviceEvent, Fault, Levels, LinkFault, MonoNs, Sample, levels
from devices.profile import load
from protocols.sciencemode import Packet
from protocols.sciencemode2 import Command, decode, encode

PROFILE = load("hasomed-rehastim2")
START = MonoNs(5_000 * NS_PER_MS)
REPLY_NS = PROFILE.liveness.reply_ms * NS_PER_MS
LEASE_NS = PROFILE.liveness.lease_ms * NS_PER_MS
SILENCE_NS = LEASE_NS * 5 // 4
PERMIT = 1
GET, LIST, GO, HALT = (
    Command.GET_STIMULATION_MODE,
    Command.INIT_CHANNEL_LIST_MODE,
    Command.START_CHANNEL_LIST_MODE,
    Command.STOP_CHANNEL_LIST_MODE,
)
MODE_START, MODE_INITIALIZED, MODE_STARTED = b"\x00\x00", b"\x00\x01", b"\x00\x02"


def at_ua(current_ua: int, period_us: int = 10_000) -> Levels:
    """TENS-like levels at one current."""
    return levels({"current_ua": current_ua, "pulse_width_us": 100, "period_us": period_us})


class Hand:
    """A driver, a clock, and the words that a test puts into the unit's mouth."""

    def __init__(self) -> None:
        self.driver = Rehastim2Driver(PROFILE)
        self.driver.watch_closely(closely=True)
        self.now = START
        self.events: list[DeviceEvent] = []
        self.ask()

    def ask(self, permit: int | None = None) -> Packet | None:
        """The frame that is due now, as a packet."""
        frame, events = self.driver.poll(self.now, permit)
        self.events += events
        return decode(frame) if frame else None

    def wait(self, permit: int | None = None) -> Packet | None:
        """The next frame, after jumping to whatever is due."""
        self.now = max(self.now, self.driver.next_wakeup())
        return self.ask(permit)

    def asks(self, command: Command, permit: int | None = None) -> Packet:
        """The next frame, which must be this command."""
        packet = self.wait(permit)
        assert packet is not None
        assert command == packet.command
        return packet

    def says(self, command: int, payload: bytes, number: int = 0) -> list[DeviceEvent]:
        """One frame of the unit's; what the driver makes of it."""
        events = list(self.driver.feed(encode(Packet(command, number, payload)), self.now))
        self.events += events
        return events

    def tell(self, packet: Packet, payload: bytes = b"\x00") -> list[DeviceEvent]:
        """Answer a request; without a payload: ok."""
        return self.says(packet.command + 1, payload, packet.number)

    def init(self, number: int = 0, version: int = 1) -> list[DeviceEvent]:
        """The unit says Init."""
        return self.says(1, bytes((version,)), number)

    def accepted(self, current_ua: int = 20_000) -> "Hand":
        """Levels wanted, Init accepted, mode START told: the channel list is due."""
        self.init(7)
        self.driver.command(at_ua(current_ua), self.now)
        self.asks(Command.INIT_ACK, PERMIT)
        self.tell(self.asks(GET, PERMIT), MODE_START)
        return self

    def running(self, current_ua: int = 20_000) -> "Hand":
        """Accepted, initialised, started, and seen to run."""
        self.accepted(current_ua)
        self.tell(self.asks(LIST, PERMIT))
        self.tell(self.asks(GO, PERMIT))
        self.tell(self.asks(GET, PERMIT), MODE_STARTED)
        return self

    def faults(self) -> list[Fault]:
        """All link faults so far."""
        return [event.fault for event in self.events if isinstance(event, LinkFault)]

    def samples(self) -> list[Sample]:
        """All samples so far."""
        return [event for event in self.events if isinstance(event, Sample)]
