"""Runs the table without a terminal, against the scripted client, with a clock that the test moves."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip

from modctl.errors import UnreachableError
from modctl.ipc.client import NO_CONTROLLER
from modctl.ipc.messages import (
    Done,
    ListPatients,
    ListPresets,
    ListSessions,
    Refused,
    Request,
    SessionView,
    SignIn,
    Snapshot,
    Start,
    Stop,
)
from tests.tui.fakes import PATIENTS, PRESETS, FakeClient, HandClock, Script, message_id, snapshot
from tui.app import TableApp
from tui.messages import Tick

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "MODCTL_UPDATE_SNAPSHOTS"  # set to anything: write what is drawn instead of comparing
SIZE = (80, 24)


def obliging(message: Request) -> Done | Refused:
    """A controller that says yes to everything."""
    number = message_id(message)
    match message:
        case SignIn():
            return Done(id=number, role="therapist")
        case ListPatients():
            return Done(id=number, patients=PATIENTS)
        case ListPresets():
            return Done(id=number, presets=PRESETS)
        case ListSessions():
            return Done(id=number, sessions=())
        case Start():
            return Done(id=number, session="S-1")
        case _:
            return Done(id=number)


@dataclass
class Stage:
    """One table in the middle of a test."""

    app: TableApp
    pilot: Pilot[None]
    clock: HandClock
    clients: list[FakeClient] = field(default_factory=list)

    @property
    def client(self) -> FakeClient:
        """The newest connection."""
        return self.clients[-1]

    async def settle(self) -> None:
        """Until workers and messages have come to rest."""
        for _ in range(4):
            await self.pilot.pause()

    async def see(self, *sessions: SessionView) -> None:
        """The controller's newest state arrives."""
        self.client.push(snapshot(self.clock, *sessions))
        await self.settle()

    async def bring(self, *sessions: SessionView) -> None:
        """The controller's newest state arrives, and a person brings the first session to the front."""
        await self.see(*sessions)
        await self.press("tab")

    async def press(self, *keys: str) -> None:
        """A person presses keys, one after the other, with time between them."""
        for key in keys:
            self.clock.advance_ms(200)
            await self.pilot.press(key)
        await self.settle()

    async def wait(self, ms: int) -> None:
        """Time passes on the test's clock; the screen looks at it."""
        self.clock.advance_ms(ms)
        self.app.post_message(Tick())
        await self.settle()

    def requests(self, *kinds: type[Request]) -> list[Request]:
        """What was asked of the controller on the newest connection."""
        return [message for message in self.client.requests if isinstance(message, kinds)]

    def stops(self) -> list[str | None]:
        """The sessions of every stop that was sent; None is everything."""
        return [message.session for message in self.client.requests if isinstance(message, Stop)]

    def strips(self) -> list[Strip]:
        """What is drawn, with its colours."""
        return drawn(self.app)

    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(strip.text.rstrip() for strip in self.strips())


PIN_KEYS = ("1", "2", "3", "4", "enter")
LOCK_AFTER_S = 60


async def locked(stage: Stage, *sessions: SessionView) -> None:
    """Somebody signs in, looks at the first session, and goes away for a minute."""
    await stage.see(*sessions)
    await stage.press(*PIN_KEYS)
    stage.client.push(idle(stage, *sessions))
    await stage.settle()
    await stage.wait(LOCK_AFTER_S * 1_000)
    stage.client.push(idle(stage, *sessions))
    await stage.settle()


def idle(stage: Stage, *sessions: SessionView) -> Snapshot:
    """The controller's state, in a site that locks screens after a minute."""
    return msgspec.structs.replace(snapshot(stage.clock, *sessions), lock_after_s=LOCK_AFTER_S)


Act = Callable[[Stage], Awaitable[None]]


def drawn(app: App[None]) -> list[Strip]:
    """What an app draws, with its colours."""
    return app.screen._compositor.render_strips()  # noqa: SLF001 - the library gives what it drew nowhere else


def perform(
    act: Act,
    *,
    size: tuple[int, int] = SIZE,
    script: Script = obliging,
    pin: str | None = "1234",
    reachable: Callable[[int], bool] = lambda _: True,
) -> None:
    """Run one act. ``reachable`` says of each attempt to connect (from 0) whether the controller is there."""
    asyncio.run(_perform(act, size, script, pin, reachable))


async def _perform(
    act: Act, size: tuple[int, int], script: Script, pin: str | None, reachable: Callable[[int], bool]
) -> None:
    clock = HandClock()
    clients: list[FakeClient] = []
    attempts: list[int] = []

    async def dial() -> FakeClient:
        attempts.append(len(attempts))
        if not reachable(attempts[-1]):
            raise UnreachableError(NO_CONTROLLER)
        clients.append(FakeClient(script))
        return clients[-1]

    app = TableApp(dial, clock, user="therapist", pin=pin)
    async with app.run_test(size=size) as pilot:
        stage = Stage(app, pilot, clock, clients)
        await stage.settle()
        await act(stage)


def compare(name: str, drawn: str) -> None:
    """Compare with the text that was looked at and found good."""
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get(UPDATE):
        SNAPSHOTS.mkdir(exist_ok=True)
        path.write_text(drawn + "\n", encoding="utf-8")

    assert path.read_text(encoding="utf-8") == drawn + "\n"
