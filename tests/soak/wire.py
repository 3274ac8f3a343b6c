"""Somebody in the middle of a Modbus TCP line: flips, replays, injects, cuts, floods.

In virtual time between the real port logic and a simulated unit: whatever is done to answers, no frame leaves its
permit; whatever old frames of ours are said again to the unit, it gives no more than was permitted, and is told off
again once off is wanted; and nothing that is held grows. Then for a while over a real socket that never stops talking.

What nobody here can promise: a peer that makes up requests of its own to the unit owns the unit. Modbus has no
authentication; a session finds that out by what the unit reports (see ``tests/safety``).
"""

import random
import resource
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from devices.model import NS_PER_MS, MonoNs
from protocols import inspect
from protocols.link_tcp import TcpLink
from tests.soak.fuzz_targets import held_bytes
from tests.soak.interleavings import US_LEVELS, Bus, Flight, On, Wrong
from tests.soak.report import Line

SOCKET_SHARE: Final = 0.1
MAX_FINDINGS: Final = 20
KEPT: Final = 64  # old frames and answers that may be said again; chosen
AGAIN: Final = 16  # frames in a row; chosen: settings, level, enable and lease of one start
FLOOD_BYTES: Final = 4_096
MAX_GROWTH: Final = 8 * 1_024  # of what a port holds; chosen: several of the longest frames for each unit
MAX_RSS_KB: Final = 16 * 1_024  # chosen: a flood of hundreds of MB would show many times over
AGAIN_OFF_NS: Final = 400 * NS_PER_MS  # chosen: two polls of a session, an Off and its answer; shorter than a lease
ROUND: Final = 40  # exchanges between a raise and a stop


class Middle(Bus):
    """The bus with somebody on its line. ``is_bent``: whether he is at work."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__("tcp")
        self.dice = dice
        self.faults = 0
        self.is_bent = False
        self.answers: list[bytes] = []
        self.frames: list[bytes] = []

    def _written(self, frame: bytes) -> None:
        kinds = {name: driver.inspect(frame) for name, driver in self.drivers.items()}
        name = next(name for name, kind in kinds.items() if not isinstance(kind, inspect.Unknown))
        kind = kinds[name]
        if isinstance(kind, inspect.Energize):
            if name not in self.permits:
                raise Wrong(f"{name} energized without a permit")
            above = [dict(one) for one in kind.channels if any(value > US_LEVELS[key] for key, value in one)]
            if above:
                raise Wrong(f"{name} told {above}, above its permit")
        for each in self._towards_the_unit(frame):
            for unit, sim in self.sims.items():
                sim.receive(each, self.now_ns)
                content = sim.take(self.now_ns)
                if content:
                    self.flights += (Flight(unit, 0, content),)
        self._judge_output()

    def _arrive(self, flight: Flight) -> None:
        self.flights = tuple(one for one in self.flights if one is not flight)
        self.now_ns = MonoNs(self.now_ns + NS_PER_MS)
        for piece in self._towards_us(flight.content):
            self.port.received(piece, self.now_ns)
        self.port.drain()

    def _towards_the_unit(self, frame: bytes) -> list[bytes]:
        """The frame, and now and then an old one of ours before or after it."""
        self.frames = [*self.frames[1 - KEPT :], frame]
        if not self.is_bent or self.dice.random() < 0.8:
            return [frame]
        self.faults += 1
        old = self.dice.choice(self.frames)
        start = self.dice.randrange(len(self.frames))
        again = [*self.frames[start : start + AGAIN]]  # a whole start said again may bring a unit on again
        return self.dice.choice(([old, frame], [frame, old], [frame, frame], [], [*again, frame], [frame, *again]))

    def _towards_us(self, answer: bytes) -> list[bytes]:
        self.answers = [*self.answers[1 - KEPT :], answer]
        if not self.is_bent or self.dice.random() < 0.3:
            return [answer]
        self.faults += 1
        dice, old = self.dice, self.dice.choice(self.answers)
        bent = bytearray(answer)
        bent[dice.randrange(len(bent))] ^= 1 << dice.randrange(8)
        numbered = answer[:2] + old[2:]  # an old answer under the number that is awaited
        at = dice.randrange(len(answer))
        return dice.choice(
            (
                [],
                [bytes(bent)],
                [old, answer],
                [answer, old],
                [numbered],
                [answer[:at]],
                [answer[:at], answer[at:]],
                [dice.randbytes(dice.randrange(1, 40)), answer],
                [dice.randbytes(FLOOD_BYTES)],
                [answer[:4] + b"\xff\xff" + answer[6:] + bytes(FLOOD_BYTES)],
            )
        )

    def _judge_output(self) -> None:
        for name, sim in self.sims.items():
            output = sim.truth(self.now_ns).output
            if output > US_LEVELS["intensity_mw_cm2"]:
                raise Wrong(f"{name} gives {output}, permitted were {US_LEVELS['intensity_mw_cm2']}")

    def round(self) -> None:
        """Raise one unit, let the middle be at work, stop, be left alone: off."""
        raised = self.dice.choice((On.RAISE_1, On.RAISE_2))
        self.happen(raised)
        self.is_bent = True
        for _ in range(ROUND):
            name = "u1" if raised is On.RAISE_1 else "u2"
            if name in self.permits:
                self.permit(name)
            self.serve(self.dice.randrange(1, 60) * NS_PER_MS)
        name = "u1" if raised is On.RAISE_1 else "u2"
        self._stop(name)
        self.serve(self.dice.randrange(1, 300) * NS_PER_MS)
        self.is_bent = False
        self.serve(AGAIN_OFF_NS)
        if self.sims[name].truth(self.now_ns).energized:
            raise Wrong(f"{name} came on again by old frames, and was not told off in time")
        self.settle()


def run(seconds: float, seed: int) -> Line:
    """Rounds in virtual time, then the flood."""
    dice = random.Random(seed)
    findings: list[str] = []
    middle = started(dice)
    held, rounds, faults = held_bytes([middle.port], 6), 0, 0
    until = time.monotonic() + seconds * (1 - SOCKET_SHARE)
    while time.monotonic() < until and len(findings) < MAX_FINDINGS:
        try:
            middle.round()
        except Exception as why:  # noqa: BLE001 - whatever it is, it is the finding
            findings.append(f"round {rounds} of seed {seed}: {type(why).__name__}: {why}")
            faults += middle.faults
            middle = started(dice)
        rounds += 1
        grown = held_bytes([middle.port], 6) - held
        if grown > MAX_GROWTH:
            findings.append(f"after round {rounds} the port holds {grown} bytes more than at first")
            middle = started(dice)
    flooded, grown_kb = flood(max(0.5, seconds * SOCKET_SHARE))
    if grown_kb > MAX_RSS_KB:
        findings.append(f"{flooded} MB from a peer that never stops made the process grow by {grown_kb} KiB")
    reached = {"wire faults": faults + middle.faults, "rounds": rounds, "flooded MB": flooded, "grown KiB": grown_kb}
    return Line(family="wire", seed=seed, reached=reached, findings=tuple(findings))


def started(dice: random.Random) -> Middle:
    """Both units known, nobody at work yet."""
    middle = Middle(dice)
    middle.port.opened(middle.now_ns)
    middle.port.drain()
    middle.settle()
    return middle


def flood(seconds: float) -> tuple[int, int]:
    """A real peer that sends without end, through the real line into the port: MB taken, and growth in KiB."""
    middle = started(random.Random(0))
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory() as folder:
        peer = threading.Thread(target=_talk, args=(listener, done))
        peer.start()
        link = TcpLink("127.0.0.1", listener.getsockname()[1], Path(folder))
        link.open()
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        taken, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            received = link.read(NS_PER_MS)
            taken += len(received)
            middle.port.received(received, middle.now_ns)
            middle.now_ns = MonoNs(middle.now_ns + NS_PER_MS)
            middle.port.due(middle.now_ns)
            middle.port.drain()
        done.set()
        link.close()
        peer.join()
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    return taken // 1_000_000, grown_kb


def _talk(listener: socket.socket, done: threading.Event) -> None:
    speaker, _ = listener.accept()
    noise = random.Random(1).randbytes(65_536)
    with speaker:
        speaker.settimeout(0.2)
        while not done.is_set():
            try:
                speaker.sendall(noise)
            except TimeoutError:
                continue
            except OSError:
                return
