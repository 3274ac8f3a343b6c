"""One unit on one line, with nobody connected to it: the port logic at work in the foreground, for trials of a unit.

Rule 1: nothing stronger than the level's least intense value is ever permitted here.
Rule 2: what passes the frame gate's back is only a question that feeds nothing, or a word that the unit has to refuse
        and that would switch nothing on if it did not.
Rule 3: whoever leaves, leaves the unit off: ``end`` is called however a trial ends.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from devices.model import NS_PER_MS, Ack, AckOf, DeviceEvent, Levels, MonoNs, Off, Output, Sample, levels
from devices.profile import ParameterSpec, Profile
from devices.registry import driver_for
from modctl.engine.effects import Band, Command, Permit, Revoke, Watch
from modctl.engine.port import Port, PortNews
from modctl.engine.state import PERMIT_NS, RENEW_NS
from protocols.inspect import FrameKind, Query

UNIT: Final = "unit"
# Areas and a body's weight, which combinations need and no unit is told; chosen: a large pad, and a patch of three
# times the head. At the least level they decide nothing.
CONTEXT: Final = (
    ("area_mm2", 1_500),
    ("body_weight_g", 80_000),
    ("duration_ms", 60_000),
    ("electrode_mm2", 10_000),
    ("era_mm2", 500),
)
START_MS: Final = 3_000  # house rule: STARTING ends after 3 s
LAST_WORDS: Final = 2  # chosen: one may be lost
LAST_MS: Final = 50  # chosen: longer than the longest frame takes at 19200 baud, with the silence behind it

Told = TypeVar("Told", bound=DeviceEvent)


class Wire(Protocol):
    """A line and the time; a real one, or a simulated unit's in virtual time."""

    def now_ns(self) -> MonoNs:
        """The time."""

    def write(self, frame: bytes) -> None:
        """Hand one frame to the line."""

    def read(self, until_ns: MonoNs) -> bytes:
        """Bytes as soon as some arrive, nothing at ``until_ns``. Time has gone on when this returns."""


class Wrote(msgspec.Struct, frozen=True, kw_only=True):
    """One frame that went out, and whether a permit lived then."""

    at_ns: int
    frame: bytes
    kind: FrameKind
    permitted: bool


class Tryout:
    """A unit tried by its driver, its profile and the port logic, as in a session, but for the engine."""

    def __init__(self, wire: Wire, profile: Profile) -> None:
        self.wire = wire
        self.profile = profile
        self.driver = driver_for(profile)
        self.port = Port({UNIT: self.driver}, {UNIT: profile})
        self.news: list[PortNews] = []
        self.written: list[Wrote] = []
        self._target: Levels | None = None  # permitted and renewed; None: no permit
        self._sequence = 0
        self._renew_ns = 0
        self.port.opened(wire.now_ns())
        self.port.order(Watch(unit=UNIT, closely=True), wire.now_ns())

    @property
    def now_ns(self) -> MonoNs:
        """The time."""
        return self.wire.now_ns()

    def told(self, kind: type[Told], since_ns: int = 0) -> list[Told]:
        """Everything of one kind that the unit said since a moment."""
        return [news for news in self.news if isinstance(news, kind) and news.at_ns >= since_ns]

    # Time passes

    def run(self, ms: int, done: Callable[[], bool] = lambda: False) -> bool:
        """The port logic at work for so long, or until ``done``; whether it was done."""
        end_ns = self.now_ns + ms * NS_PER_MS
        while True:
            now = self.now_ns
            self._renew(now)
            while frame := self.port.due(now):
                self._write(frame)
            self._drain()
            if done():
                return True
            due = [end_ns, self.port.wakeup(), *([] if self._target is None else [self._renew_ns])]
            received = self.wire.read(MonoNs(max(min(due), now + 1) if now < end_ns else now))
            if received:
                self.port.received(received, self.now_ns)
            elif now >= end_ns:
                return False

    def only_ask(self, ms: int, done: Callable[[], bool] = lambda: False) -> bool:
        """No permit, no stop, and nothing said but questions that feed no lease. Needs ``forsake`` first."""
        end_ns = self.now_ns + ms * NS_PER_MS
        while True:
            now = self.now_ns
            frame, events = self.driver.poll(now, None)
            self.news += events
            if frame:
                if self.driver.inspect(frame) != Query(feeds_lease=False):
                    raise AssertionError(f"a driver without a permit wrote {frame.hex(' ')}")
                self._write(frame)
            if done():
                return True
            due_ns = max(min(end_ns, self.driver.next_wakeup()), now + 1)
            received = self.wire.read(MonoNs(due_ns if now < end_ns else now))
            if received:
                self.news += self.driver.feed(received, self.now_ns)
            elif now >= end_ns:
                return False

    def say_nothing(self, ms: int) -> None:
        """Not a byte is written. What the unit says is heard. Needs ``forsake`` first."""
        end_ns = self.now_ns + ms * NS_PER_MS
        while self.now_ns < end_ns:
            received = self.wire.read(MonoNs(end_ns))
            if received:
                self.news += self.driver.feed(received, self.now_ns)

    def ask_raw(self, frame: bytes, ms: int) -> bytes:
        """Bytes past the driver, and what comes back. Only while the unit is off."""
        self.settle()
        self.say_nothing(-(-self.profile.link.silence_us // 1_000))
        self.wire.write(frame)
        end_ns = self.now_ns + ms * NS_PER_MS
        answer = b""
        while self.now_ns < end_ns:
            answer += self.wire.read(MonoNs(end_ns))
        return answer

    # What is ordered

    def permit(self, target: Levels, run_ms: int = 0) -> None:
        """Permit and command a target; the permit is renewed as the engine does, until ``stop`` or ``forsake``."""
        self._target = target
        self._renew_ns = 0
        self._renew(self.now_ns)
        self.port.order(Command(unit=UNIT, setpoint=target, run_ms=run_ms), self.now_ns)

    def is_on(self, run_ms: int = 0) -> bool:
        """Bring the least level into force from off; whether the unit acknowledged it and says that it is on."""
        since_ns = self.now_ns
        self.permit(least(self.profile), run_ms)
        if not self.run(START_MS, lambda: any(ack.of is AckOf.LEVELS for ack in self.told(Ack, since_ns))):
            return False
        acked_ns = self.told(Ack, since_ns)[-1].at_ns

        def says_on() -> bool:
            return any(one.output is Output.ENERGIZED and one.asked_ns >= acked_ns for one in self.told(Sample))

        return self.run(self.profile.liveness.stale_ms, says_on)

    def stop(self) -> None:
        """As the engine does: the permit goes, Off comes first."""
        self._target = None
        self.port.order(Revoke(unit=UNIT), self.now_ns)
        self.port.order(Command(unit=UNIT, setpoint=Off()), self.now_ns)

    def is_off(self, ms: int) -> bool:
        """Stop; whether off was acknowledged and then told twice within the time."""
        since_ns = self.now_ns
        self.stop()
        return self.run(ms, lambda: self.off_confirmed_ns(since_ns) is not None)

    def off_confirmed_ns(self, since_ns: int) -> int | None:
        """When an off commanded at ``since_ns`` was confirmed, as decision 11 of the house has it."""
        acked = next((ack.at_ns for ack in self.told(Ack, since_ns) if ack.of is AckOf.OFF), None)
        if acked is None:
            return None
        seen = 0
        for sample in self.told(Sample, acked):
            seen = seen + 1 if sample.output is Output.OFF and sample.asked_ns >= acked else 0
            if seen >= self.profile.off.confirm_samples:
                return sample.at_ns
        return None

    def forsake(self) -> None:
        """As when the host has died, but for its ears: no permit any more, and no stop either."""
        self._target = None
        self.port.order(Revoke(unit=UNIT), self.now_ns)
        self.settle()

    def settle(self) -> None:
        """Wait for the answer under way, or its timeout."""
        end_ns = self.now_ns + 2 * self.profile.liveness.reply_ms * NS_PER_MS
        while self.driver.is_waiting() and self.now_ns < end_ns:
            received = self.wire.read(MonoNs(max(self.driver.next_wakeup(), self.now_ns + 1)))
            if received:
                self.news += self.driver.feed(received, self.now_ns)
            elif self.now_ns >= self.driver.next_wakeup():
                return

    def end(self) -> None:
        """Last words, each after a silence that ends whatever was being said: a frame cut short would swallow them."""
        for _ in range(LAST_WORDS):
            self.say_nothing(LAST_MS)
            self.wire.write(self.driver.last_words())
        self.say_nothing(LAST_MS)

    # Below

    def _renew(self, now_ns: MonoNs) -> None:
        if self._target is None or now_ns < self._renew_ns:
            return
        self._sequence += 1
        self._renew_ns = now_ns + RENEW_NS
        permit = Permit(
            session="tryout",
            unit=UNIT,
            sequence=self._sequence,
            until_ns=now_ns + PERMIT_NS,
            bands=_bands(self._target, self.profile.level),
            context=CONTEXT,
        )
        self.port.order(permit, now_ns)

    def _write(self, frame: bytes) -> None:
        kind = self.driver.inspect(frame)
        permitted = self._target is not None
        self.written.append(Wrote(at_ns=self.now_ns, frame=frame, kind=kind, permitted=permitted))
        self.wire.write(frame)

    def _drain(self) -> None:
        self.news += [news for _unit, news in self.port.drain()]


def rest_of(level: ParameterSpec) -> int:
    """The level's least intense value."""
    return level.max if level.intensifies == "down" else level.min


def least(profile: Profile) -> Levels:
    """Every setting at its mildest and the level at rest."""
    values = {spec.name: spec.max if spec.intensifies == "down" else spec.min for spec in profile.parameter}
    return levels(values)


def _bands(target: Levels, level: ParameterSpec) -> tuple[Band, ...]:
    rest = rest_of(level)
    return tuple(
        Band(name, min(rest, value), max(rest, value)) if name == level.name else Band(name, value, value)
        for name, value in target.values
    )


__all__: Sequence[str] = ("Tryout", "Wire", "Wrote", "least", "rest_of")
