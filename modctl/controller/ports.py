"""One worker thread a line: it moves bytes and orders between a link and the port logic, and decides nothing.

Rule 1: orders are taken before every frame, a stop before every other order, and a stop ends a wait at once.
Rule 2: the worker pumps whatever the engine does, so that a permit that lapses ends in Off from the port logic.
Rule 3: the engine never waits for a worker: orders and news go through queues.
Rule 4: however the thread ends other than in order, the last words of its units are written before it closes.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from devices.model import NS_PER_MS, NS_PER_S, MonoNs, Off
from modctl.clock import Clock
from modctl.config import NO_WIRE
from modctl.controller.guard import Watch
from modctl.controller.lanes import Lanes
from modctl.controller.no_link import NoLink
from modctl.controller.scheduling import hurry
from modctl.controller.tap import IN, OUT, Tap
from modctl.engine.effects import Command, PortEffect, Quench, Revoke
from modctl.engine.port import Port, PortNews
from protocols.link import LineSettings, Link, LinkError
from protocols.link_serial import SerialLink
from protocols.link_tcp import TcpLink

LONGEST_READ_NS: Final = 50 * NS_PER_MS  # chosen: half a beat; orders end the wait earlier anyway
SHORTEST_READ_NS: Final = 1  # a link rounds up to a millisecond: a worker never spins
REOPEN_NS: Final = 1 * NS_PER_S  # product contract: missing units are tried again each second
END_S: Final = 1.5  # chosen: a TCP connect gives up after 1 s, every other wait is shorter

Deliver = Callable[[str, PortNews], None]


class Sentry(Protocol):
    """Who must know which ports are open."""

    def watch(self, watch: Watch, fd: int) -> None:
        """A port was opened."""

    def forget(self, port: str) -> None:
        """A port is about to be closed."""


def make_link(link: str, settings: LineSettings, run_folder: Path) -> Link:
    """The line that a unit's ``link`` names: ``serial:PATH``, ``tcp:HOST:PORT`` or ``none`` (checked already)."""
    kind, _, address = link.partition(":")
    if kind == NO_WIRE:
        return NoLink()
    if kind == "serial":
        return SerialLink(address, settings)
    host, _, port = address.rpartition(":")
    return TcpLink(host, int(port), run_folder)


def is_stop(effect: PortEffect) -> bool:
    """Orders of the stop lane: they can only take energy away."""
    return isinstance(effect, Revoke | Quench) or (isinstance(effect, Command) and isinstance(effect.setpoint, Off))


class PortWorker:
    """The thread of one line with all units on it.

    ``deliver`` takes what the port logic reports; ``on_death`` is called with the line's name when the thread ended by
    an error of ours. Both are called in the worker's thread.
    """

    def __init__(
        self,
        name: str,
        link: Link,
        port: Port,
        lease_ms: int,
        sentry: Sentry,
        clock: Clock,
        deliver: Deliver,
    ) -> None:
        self.name = name
        self.on_death: Callable[[str], None] = lambda _: None
        self.tap = Tap()
        self._link = link
        self._port = port
        self._watch = Watch(port=name, words=tuple(port.last_words()), lease_ms=lease_ms)
        self._sentry = sentry
        self._clock = clock
        self._deliver = deliver
        self._orders: Lanes[PortEffect] = Lanes()
        self._reopen_ns = MonoNs(0)
        self._told: tuple[str, str] | None = None  # why the line is missing, as last reported
        self._ending = False
        self._in_order = False  # ended by end(), with everything off
        self._thread = threading.Thread(target=self._run, name=f"port {name}", daemon=True)

    def start(self) -> None:
        """Open the line and go on until ``end``."""
        self._thread.start()

    def put(self, effect: PortEffect) -> None:
        """Give one order. Any thread; returns at once."""
        self._orders.put(effect, first=is_stop(effect))
        self._link.wake()

    def end(self, *, in_order: bool) -> None:
        """Close the line; not ``in_order``: the units' last words are written first. Any thread; returns at once."""
        self._in_order = in_order
        self._ending = True
        self._orders.wake()
        self._link.wake()

    def join(self) -> bool:
        """Wait for the thread's end; False when it is still there."""
        self._thread.join(END_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        hurry()
        try:
            while not self._ending:
                if self._open():
                    self._serve_line()
                else:
                    self._serve_nothing()
        finally:
            if not self._in_order:
                self._write_last_words()
            self._close()
            if not self._ending:
                self.on_death(self.name)

    def _open(self) -> bool:
        now = self._clock.mono_ns()
        if now < self._reopen_ns:
            return False
        self._reopen_ns = MonoNs(now + REOPEN_NS)
        try:
            self._link.open()
            self._link.discard_input()
            if not self.name.startswith(NO_WIRE):  # nothing that a guard could write takes a pack off
                self._sentry.watch(self._watch, self._link.fileno())
        except LinkError as error:
            self._lose(error)
            return False
        self._told = None
        self._port.opened(self._clock.mono_ns())
        return True

    def _serve_line(self) -> None:
        """Until the line is lost or the worker ended."""
        try:
            while not self._ending:
                self._take_orders()
                while frame := self._port.due(self._clock.mono_ns()):
                    self._link.write(frame)
                    self.tap.saw(OUT, frame, self._clock.mono_ns())
                self._report()
                wait = self._port.wakeup() - self._clock.mono_ns()
                received = self._link.read(min(max(wait, SHORTEST_READ_NS), LONGEST_READ_NS))
                if received:
                    now = self._clock.mono_ns()
                    self._port.received(received, now)
                    self.tap.saw(IN, received, now)
        except LinkError as error:
            self._lose(error)

    def _serve_nothing(self) -> None:
        """Until it is time to open the line again; the engine is answered all the same."""
        now = self._clock.mono_ns()
        wait = min(self._reopen_ns, self._port.wakeup()) - now
        order = self._orders.take(min(max(wait, SHORTEST_READ_NS), LONGEST_READ_NS))
        if order is not None:
            self._port.order(order, self._clock.mono_ns())
        self._port.due(self._clock.mono_ns())
        self._report()

    def _take_orders(self) -> None:
        while len(self._orders):
            order = self._orders.take(0)
            if order is not None:
                self._port.order(order, self._clock.mono_ns())

    def _lose(self, error: LinkError) -> None:
        """Close the line, and say so when it is news: a missing unit would say the same each second."""
        self._close()
        if self._told != (error.code, error.why):
            self._told = (error.code, error.why)
            self._port.lost(error.code, error.why, self._clock.mono_ns())
            self._report()

    def _report(self) -> None:
        for unit, news in self._port.drain():
            self._deliver(unit, news)

    def _write_last_words(self) -> None:
        for words in self._watch.words:
            with suppress(LinkError):
                self._link.write(words)

    def _close(self) -> None:
        self._sentry.forget(self.name)
        self._link.close()


__all__: Sequence[str] = ("PortWorker", "Sentry", "is_stop", "make_link")
