"""The course that drivers of question-and-answer protocols share: one request at a time, and an end to every wait.

What a protocol adds: what is said next, what an answer means, and what becomes of a request that came to nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from devices.driver import corrupt, link_fault
from devices.model import NS_PER_MS, DeviceEvent, Fault, MonoNs
from devices.profile import Profile
from protocols.damage import Damage

Sent = TypeVar("Sent")  # the request under way
Received = TypeVar("Received")  # what has arrived whole
SentT_co = TypeVar("SentT_co", covariant=True)
ReceivedT_co = TypeVar("ReceivedT_co", covariant=True)


class Exchange(Protocol[SentT_co, ReceivedT_co]):
    """The line's side of a driver: pairs what is sent with what arrives."""

    @property
    def sent(self) -> SentT_co | None:
        """The request under way."""

    def deadline_ns(self) -> int | None:
        """When the request under way is over without an answer; None when there is none."""

    def expire(self, now_ns: int) -> tuple[SentT_co, Damage | None] | None:
        """The request whose time is over, and the piece of an answer that had come."""

    def drop(self) -> Damage | None:
        """End the request under way and forget half an answer, which is returned."""

    def feed(self, received: bytes) -> Sequence[ReceivedT_co | Damage]:
        """Bytes in any split."""


class Talk(ABC, Generic[Sent, Received]):
    """One unit on one line, as far as all such units are alike. See ``devices.driver.Driver`` for the promises."""

    def __init__(self, profile: Profile, exchange: Exchange[Sent, Received]) -> None:
        self._profile = profile
        self._exchange = exchange
        self._reply_ns = profile.liveness.reply_ms * NS_PER_MS
        self._noticed: list[DeviceEvent] = []  # outside poll and feed; told with the next poll
        self._is_fresh = False  # commanded since the last poll
        self._has_permit = False
        self._is_closely = False
        self._asked_ns = MonoNs(0)  # when the newest sample was asked for
        self._poll_from_ns = MonoNs(0)

    def poll(self, now_ns: MonoNs, permit: int | None) -> tuple[bytes, Sequence[DeviceEvent]]:
        """One whole frame to write now, unless an answer is awaited; and what the time has brought."""
        self._has_permit = permit is not None
        self._is_fresh = False
        events = [*self._noticed, *self._expired(now_ns)]
        self._noticed = []
        return (b"" if self.is_waiting() else self._next(now_ns, events)), events

    def feed(self, received: bytes, now_ns: MonoNs) -> Sequence[DeviceEvent]:
        """Bytes from the line; an answer that comes after its time is a timeout and then a late one."""
        events = self._expired(now_ns)
        for item in self._exchange.feed(received):
            events += [corrupt(now_ns, item)] if isinstance(item, Damage) else self._received(item, now_ns)
        return events

    def next_wakeup(self) -> MonoNs:
        """The earliest of everything that is due; in the past when something is due already."""
        if self._noticed or self._is_fresh:
            return MonoNs(0)
        deadline_ns = self._exchange.deadline_ns()
        return self._next_due_ns() if deadline_ns is None else MonoNs(deadline_ns)

    def is_waiting(self) -> bool:
        """An answer is awaited."""
        return self._exchange.sent is not None

    def abandon(self, now_ns: MonoNs) -> None:
        """Give up the answer under way; a command given up is not said again."""
        given_up = self._exchange.sent
        self._exchange.drop()
        if given_up is not None:
            self._noticed += self._came_to_nothing(given_up, now_ns)

    def watch_closely(self, *, closely: bool) -> None:
        """A sample every ``poll_ms``, or every ``idle_poll_ms``."""
        self._is_closely = closely
        self._poll_from_ns = min(self._poll_from_ns, MonoNs(self._asked_ns + self._interval_ns()))

    def _interval_ns(self) -> int:
        live = self._profile.liveness
        return (live.poll_ms if self._is_closely else live.idle_poll_ms) * NS_PER_MS

    def _expired(self, now_ns: MonoNs) -> list[DeviceEvent]:
        over = self._exchange.expire(now_ns)
        if over is None:
            return []
        sent, rest = over
        events: list[DeviceEvent] = [link_fault(now_ns, Fault.TIMEOUT, f"no answer to {self._name_of(sent)}")]
        if rest is not None:
            events.append(corrupt(now_ns, rest))
        return events + self._came_to_nothing(sent, now_ns)

    @abstractmethod
    def _next(self, now_ns: MonoNs, events: list[DeviceEvent]) -> bytes:
        """The frame to write now, nothing being awaited; what is noticed on the way goes into ``events``."""

    @abstractmethod
    def _next_due_ns(self) -> MonoNs:
        """The earliest of everything that is due, nothing being awaited."""

    @abstractmethod
    def _received(self, received: Received, now_ns: MonoNs) -> list[DeviceEvent]:
        """Something whole has arrived."""

    @abstractmethod
    def _came_to_nothing(self, sent: Sent, now_ns: MonoNs) -> list[DeviceEvent]:
        """No answer in time, or it was given up. Nothing that energizes is said again by itself."""

    @abstractmethod
    def _name_of(self, sent: Sent) -> str:
        """How the request is called."""
