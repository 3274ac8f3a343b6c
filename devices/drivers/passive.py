"""A pack: no wire, no output of its own, and nothing that modctl could switch. What is known of it, a person says.

Starting is the person's own act at the table, and means *the pack is on*. Off only asks a person to take it off; it is
off when a person has said so, and until then every sample says energized. The person's word comes in as the lines
``off`` and ``on``: for a pack the person is the line.

Rule 1: this driver never writes.
Rule 2: nothing but the person's word makes the pack off: no Off, no time, no lost permit, no new identity.
Rule 3: what was on stays on in what is said here, also after levels that were commanded and taken back.
"""

from collections.abc import Sequence
from typing import Final

from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    DeviceEvent,
    Fault,
    Identity,
    LinkFault,
    MonoNs,
    Off,
    Output,
    Sample,
    Setpoint,
    label,
)
from devices.profile import Profile
from protocols.damage import Damage
from protocols.inspect import FrameKind, Unknown
from protocols.lines import LineDecoder

PUT_ON: Final = "on"  # a controller that starts says this of a pack that the one before it left on somebody
TAKEN_OFF: Final = "off"
LONGEST: Final = 16  # chosen: no word of a person's line is longer


class PassiveDriver:
    """One pack on one table. Satisfies ``devices.driver.Driver``."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._interval_ns = profile.liveness.idle_poll_ms * NS_PER_MS
        self._decoder = LineDecoder(LONGEST)
        self._is_identified = False
        self._is_on = False
        self._told: list[DeviceEvent] = []  # since the last ``poll``
        self._sample_due_ns = 0

    def identify(self) -> None:
        """There is nobody to ask: the next poll says that the entry is believed."""
        self._is_identified = False

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:  # noqa: ARG002  # no timer of its own
        """Levels: the person has put the pack on, as confirmed. Off: somebody has to take it off, which is no off."""
        if isinstance(setpoint, Off):
            self._told.append(Ack(at_ns=now_ns, of=AckOf.OFF))
        else:
            self._is_on = True
            self._told.append(Ack(at_ns=now_ns, of=AckOf.LEVELS, levels=setpoint))
        self._sample_due_ns = now_ns

    def poll(self, now_ns: MonoNs, permit: int | None) -> tuple[bytes, Sequence[DeviceEvent]]:  # noqa: ARG002  # feeds nothing
        """Never a frame; what happened, and at its pace the last thing that was said, again."""
        events, self._told = self._told, []
        if not self._is_identified:
            self._is_identified = True
            model = self._profile.device.id
            events.append(Identity(at_ns=now_ns, model=model, serial="", firmware="", is_simulator=False))
            self._sample_due_ns = now_ns
        if now_ns >= self._sample_due_ns:
            self._sample_due_ns = now_ns + self._interval_ns
            output = Output.ENERGIZED if self._is_on else Output.OFF
            events.append(Sample(at_ns=now_ns, asked_ns=now_ns, output=output))
        return b"", events

    def feed(self, received: bytes, now_ns: MonoNs) -> Sequence[DeviceEvent]:
        """A person's word, in any split; anything else is no word of a person."""
        faults: list[DeviceEvent] = []
        for line in self._decoder.feed(received):
            if line in (PUT_ON, TAKEN_OFF):
                self._is_on = line == PUT_ON
                self._sample_due_ns = now_ns
                continue
            said = line.frame.hex(" ") if isinstance(line, Damage) else line
            detail = label(f"not a word of a person: {said}")
            faults.append(LinkFault(at_ns=now_ns, fault=Fault.MALFORMED, detail=detail))
        return faults

    def next_wakeup(self) -> MonoNs:
        """At once when there is something to tell, else at the pace of samples."""
        return MonoNs(self._sample_due_ns if self._is_identified and not self._told else 0)

    def is_waiting(self) -> bool:
        """Nobody is ever asked."""
        return False

    def abandon(self, now_ns: MonoNs) -> None:
        """Nothing is under way."""

    def watch_closely(self, *, closely: bool) -> None:
        """Repeat what was said at the pace of a session, or of a pack that is put away."""
        live = self._profile.liveness
        interval_ns = (live.poll_ms if closely else live.idle_poll_ms) * NS_PER_MS
        self._sample_due_ns += min(0, interval_ns - self._interval_ns)
        self._interval_ns = interval_ns

    def last_words(self) -> bytes:
        """None: nothing that could be written takes a pack off."""
        return b""

    def inspect(self, frame: bytes) -> FrameKind:
        """Nothing may be written to a pack."""
        return Unknown(f"a pack has no wire, and {len(frame)} bytes were to be written")
