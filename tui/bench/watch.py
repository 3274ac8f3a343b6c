"""What the screen goes and looks at beside the snapshots: simulators, samples, the wire. It only posts messages.

Rule 1: whatever blocks runs in a thread of its own; keys go on working.
Rule 2: of each kind one look is under way at most, so that a slow answer makes the screen late and nothing else.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from textual.app import App
from textual.message import Message

from devices.bench import FaultSpec, TruthIs
from devices.racking import Listing
from modctl.errors import ModctlError
from modctl.ipc.messages import Done, Refused, Request
from modctl.ipc.servicing import FrameRow, LookAtUnit, TraceUnit, UnitDetail
from tui.bench.source import Order, ReadFrame, Source, Trip
from tui.connection import Connection

KEPT: Final = 2_000  # chosen: some minutes of a busy line, some hundred kB
TRIPS: Final = 512  # chosen: the newest frames that round trips are taken of
SLOWLY: Final = 4  # ticks: units that are only listed are looked at once a second


@dataclass
class RackSeen(Message):
    """The simulated units, and what each really does; ``why``: they cannot be asked."""

    slots: Sequence[tuple[Listing, TruthIs]]
    why: str


@dataclass
class MenuRead(Message):
    """The faults that a model can have."""

    model: str
    menu: Sequence[FaultSpec]


@dataclass
class ModelsRead(Message):
    """The models that can be added, each with its modality."""

    models: Sequence[tuple[str, str]]


@dataclass
class FramesRead(Message):
    """More of a unit's wire."""

    unit: str
    frames: Sequence[ReadFrame]
    trip: Trip | None


@dataclass
class Told(Message):
    """One line for a person."""

    text: str


class Watch:
    """Looks, and remembers what it saw. ``look`` is called four times a second."""

    def __init__(self, app: App[None], source: Source, connection: Connection) -> None:
        self._app = app
        self._source = source
        self._connection = connection
        self._ticks = 0
        self._unit = ""
        self._since = 0
        self._missed = 0
        self._asking: set[tuple[type[Request], str]] = set()
        self._is_looking = False
        self._adapters: dict[str, str] = {}
        self._menus: dict[str, Sequence[FaultSpec]] = {}
        self._models: Sequence[tuple[str, str]] | None = None
        self.details: dict[str, UnitDetail] = {}
        self.truths: Mapping[str, TruthIs] = {}
        self.rack: tuple[Listing, ...] = ()
        self.rack_says = ""
        self.frames: deque[ReadFrame] = deque(maxlen=KEPT)
        self.trip: Trip | None = None

    def look(self, units: Sequence[str], unit: str) -> None:
        """Look at the simulators, at every listed unit slowly, and at the wire of the one shown (empty: none)."""
        if not self._is_looking and self._ticks % 2 == 0:
            self._is_looking = True
            self._app.run_worker(self._look_at_rack(), group="rack")
        is_slow = self._ticks % SLOWLY == 0
        self._ticks += 1
        if self._connection.client is None:
            self._asking.clear()
            return
        for name in units if is_slow else [unit] if unit else []:
            self._ask(LookAtUnit(id=0, unit=name), name)
        if unit != self._unit:
            self._unit, self._since, self._missed = unit, 0, 0
            self.frames.clear()
            self.trip = None
        if unit:
            self._ask(TraceUnit(id=0, unit=unit, since=self._since), unit)

    def answered(self, asked: Request, reply: Done | Refused) -> bool:
        """Take what was asked for here; False: it was not."""
        if isinstance(asked, LookAtUnit):
            self._asking.discard((LookAtUnit, asked.unit))
            if isinstance(reply, Done) and reply.detail is not None:
                self.details[asked.unit] = reply.detail
            return True
        if not isinstance(asked, TraceUnit):
            return False
        rows = () if isinstance(reply, Refused) or asked.unit != self._unit else reply.frames or ()
        if not rows:
            self._asking.discard((TraceUnit, asked.unit))
            return True
        if self._since and rows[0].seq > self._since + 1:
            self._missed += rows[0].seq - self._since - 1
        is_first, self._since = self._since == 0, rows[-1].seq
        self._app.run_worker(self._read(asked.unit, rows, is_first=is_first), group="wire")
        return True

    def seen(self, event: FramesRead) -> None:
        """Keep more of the wire, if it is still the one shown."""
        self._asking.discard((TraceUnit, event.unit))
        if event.unit == self._unit:
            self.frames.extend(event.frames)
            self.trip = event.trip

    def racked(self, event: RackSeen) -> None:
        """Keep what the simulators said."""
        self._is_looking = False
        self.rack_says = event.why
        self.rack = tuple(listing for listing, _ in event.slots)
        self.truths = {truth.name: truth for _, truth in event.slots}

    def missed(self) -> int:
        """Frames that were too old to be told."""
        return self._missed

    def adapter(self, address: str) -> str:
        """What is between station and line; looked up once."""
        if address not in self._adapters:
            self._adapters[address] = self._source.adapter(address)
        return self._adapters[address]

    def menu(self, model: str) -> Sequence[FaultSpec]:
        """The faults of a model; empty until they are known."""
        if model not in self._menus:
            self._menus[model] = ()
            self._app.run_worker(self._read_menu(model), group="menu")
        return self._menus[model]

    def models(self) -> Sequence[tuple[str, str]]:
        """The models that can be added; empty until they are known: reading them takes longer than a beat may wait."""
        if self._models is None:
            self._models = ()
            self._app.run_worker(self._read_models(), group="menu")
        return self._models

    def modelled(self, event: ModelsRead) -> None:
        """Keep them."""
        self._models = event.models

    def menued(self, event: MenuRead) -> None:
        """Keep it."""
        self._menus[event.model] = event.menu

    def order(self, request: Order, said: str) -> None:
        """Ask the simulators for something; ``said`` is told when it was done."""
        self.do(lambda: self._source.order(request), said)

    def do(self, act: Callable[[], object], said: str) -> None:
        """Do something that blocks, in a thread of its own; ``said`` is told when it was done, or why it was not."""
        self._app.run_worker(self._done(act, said), group="orders")

    def forget_link(self) -> None:
        """The connection is gone: nothing asked is answered any more, and the numbers of frames may begin anew."""
        self._asking.clear()
        self._unit = ""
        self.details.clear()

    def _ask(self, request: LookAtUnit | TraceUnit, unit: str) -> None:
        key = (type(request), unit)
        if key not in self._asking and self._connection.send(request):
            self._asking.add(key)

    async def _look_at_rack(self) -> None:
        try:
            seen = RackSeen(await asyncio.to_thread(self._source.rack), "")
        except ModctlError as why:
            seen = RackSeen((), str(why))
        self._app.post_message(seen)

    async def _read(self, unit: str, rows: Sequence[FrameRow], *, is_first: bool) -> None:
        newest = [frame.row for frame in self.frames][-TRIPS:]
        try:
            frames = await asyncio.to_thread(self._source.read, unit, rows, is_first=is_first)
            trip = await asyncio.to_thread(self._source.trip, [*newest, *rows])
        except ModctlError as why:
            self._app.post_message(Told(str(why)))
            frames, trip = (), None
        self._app.post_message(FramesRead(unit, frames, trip))

    async def _read_menu(self, model: str) -> None:
        try:
            menu = await asyncio.to_thread(self._source.menu, model)
        except ModctlError as why:
            self._app.post_message(Told(str(why)))
            return
        self._app.post_message(MenuRead(model, menu))

    async def _read_models(self) -> None:
        try:
            models = await asyncio.to_thread(self._source.models)
        except ModctlError as why:
            self._app.post_message(Told(str(why)))
            return
        self._app.post_message(ModelsRead(models))

    async def _done(self, act: Callable[[], object], said: str) -> None:
        try:
            await asyncio.to_thread(act)
        except ModctlError as why:
            said = str(why)
        self._app.post_message(Told(said))
