"""A P24 driver whose every answer is written out by the test."""

from devices.drivers.p24 import P24Driver
from devices.model import (
    NS_PER_MS,
    DeviceEvent,
    Fault,
    Levels,
    LinkFault,
    MonoNs,
    levels,
)
from devices.profile import load
from protocols.sciencemode import Packet
from protocols.sciencemode4 import Command, decode, encode

PROFILE = load("hasomed-p24")
START = MonoNs(5_000 * NS_PER_MS)
REPLY_NS = PROFILE.liveness.reply_ms * NS_PER_MS
PERMIT = 1
OFF_STATUS = b"\x00\x00\x01"
READY_STATUS = b"\x00\x02\x06"
RUNNING_STATUS = b"\x00\x03\x06"
FINE = b"\x00\x04\x01" + bytes(4)
GOOD: dict[int, bytes] = {
    Command.GET_STIM_STATUS: OFF_STATUS,
    Command.GET_DEVICE_ID: b"\x00P24-000123",
    Command.GET_EXTENDED_VERSION: bytes((0, 1, 2, 3, 4, 0, 0)) + bytes(6),
    Command.ML_GET_CURRENT_DATA: FINE,
}


def at_ua(current_ua: int) -> Levels:
    """TENS-like levels at one current."""
    return levels({"current_ua": current_ua, "pulse_width_us": 100, "period_us": 10_000})


class Hand:
    """A driver, a clock, and the answers that a test decides on."""

    def __init__(self) -> None:
        self.driver = P24Driver(PROFILE)
        self.now = START
        self.events: list[DeviceEvent] = []

    def ask(self, permit: int | None = None) -> Packet | None:
        """The next frame as a packet, after jumping to whatever is due."""
        self.now = max(self.now, self.driver.next_wakeup())
        frame, events = self.driver.poll(self.now, permit)
        self.events += events
        return decode(frame) if frame else None

    def asks(self, command: Command, permit: int | None = None) -> Packet:
        """The next frame, which must be this command."""
        packet = self.ask(permit)
        assert packet is not None
        assert command == packet.command
        return packet

    def tell(self, packet: Packet, payload: bytes | None = None, *, command: int | None = None) -> list[DeviceEvent]:
        """Answer a request; without a payload: the good answer."""
        data = GOOD.get(packet.command, b"\x00") if payload is None else payload
        answer = encode(Packet(packet.command + 1 if command is None else command, packet.number, data))
        events = list(self.driver.feed(answer, self.now))
        self.events += events
        return events

    def identified(self) -> "Hand":
        """After the handshake and the first sample, watched closely, off."""
        self.driver.watch_closely(closely=True)
        for command in (Command.GET_STIM_STATUS, Command.GET_DEVICE_ID, Command.GET_EXTENDED_VERSION):
            self.tell(self.asks(command))
        self.tell(self.asks(Command.GET_STIM_STATUS))
        return self

    def running(self, current_ua: int = 20_000) -> "Hand":
        """Identified, initialised and running at a current; the first electrode report is in."""
        self.identified()
        self.driver.command(at_ua(current_ua), self.now)
        self.tell(self.asks(Command.ML_INIT, PERMIT))
        self.tell(self.asks(Command.ML_UPDATE, PERMIT))
        self.tell(self.asks(Command.ML_GET_CURRENT_DATA, PERMIT))
        return self

    def faults(self) -> list[Fault]:
        """All link faults so far."""
        return [event.fault for event in self.events if isinstance(event, LinkFault)]
