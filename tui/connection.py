"""The workers around one connection: they listen, ask and beat, and only post messages; the app acts on those."""

from typing import Final

import msgspec
from textual.app import App

from modctl.errors import UnreachableError
from modctl.ipc.messages import Refused, Request, Stop
from tui.client import Client, Dial
from tui.messages import Answered, Connected, EventArrived, LinkLost, SnapshotArrived
from tui.terminal import TableDriver

DRAIN_S: Final = 0.02  # chosen: a frame takes a millisecond or two to leave; then the beat is asked for again
LOST: Final = "No connection: the controller, or its guard, stops what this screen attends. Look at the units."
NOT_SENT: Final = "STOP NOT SENT: no connection. Take it off the patient; in doubt cut the power."


class Connection:
    """At most one connection at a time. ``client`` is None while there is none."""

    def __init__(self, app: App[None], dial: Dial) -> None:
        self._app = app
        self._dial = dial
        self._is_beating = False
        self.client: Client | None = None

    def open(self) -> None:
        """Try to connect; the answer is Connected or LinkLost."""
        self._app.run_worker(self._connect(), group="link")

    def adopt(self, client: Client) -> None:
        """Work with this connection from now on."""
        self.client = client
        self._app.run_worker(self._listen(client), group="link")
        self._app.run_worker(self._follow(client), group="link")

    def drop(self) -> None:
        """This connection is over."""
        if self.client is not None:
            self._app.run_worker(self.client.close(), group="link")
        self.client = None
        self._is_beating = False

    def send(self, request: Request) -> bool:
        """Ask the controller, without waiting; the answer is Answered. False: there is no connection."""
        if self.client is None:
            return False
        numbered = msgspec.structs.replace(request, id=self.client.next_id())
        self._app.run_worker(self._exchange(self.client, numbered), group="requests")
        return True

    def beat(self) -> None:
        """Beat as soon as everything that was drawn has left for the terminal. Never twice for one picture."""
        if self.client is not None and not self._is_beating:
            self._is_beating = True
            self._app.call_after_refresh(self._begin_beat)

    async def _connect(self) -> None:
        try:
            client = await self._dial()
        except UnreachableError as why:
            self._app.post_message(LinkLost(None, str(why)))
            return
        self._app.post_message(Connected(client))

    async def _listen(self, client: Client) -> None:
        async for snapshot in client.snapshots():
            self._app.post_message(SnapshotArrived(snapshot))
        self._app.post_message(LinkLost(client, LOST))

    async def _follow(self, client: Client) -> None:
        async for event in client.events():
            self._app.post_message(EventArrived(event))

    async def _exchange(self, client: Client, request: Request) -> None:
        try:
            reply = await client.request(request)
        except UnreachableError as why:
            reply = Refused(id=0, code="lost", reason=NOT_SENT if isinstance(request, Stop) else str(why))
        self._app.post_message(Answered(request, reply))

    async def _begin_beat(self) -> None:
        driver = self._app._driver  # noqa: SLF001 - the library gives the driver nowhere else
        if isinstance(driver, TableDriver):
            if driver.takes_up_again():
                self._app.refresh(layout=True)
            driver.touch()
            self._beat_when_drained(driver)
        else:
            await self._beat()

    def _beat_when_drained(self, driver: TableDriver) -> None:
        if driver.has_drained:
            self._app.run_worker(self._beat(), group="requests")
        else:
            self._app.set_timer(DRAIN_S, lambda: self._beat_when_drained(driver))

    async def _beat(self) -> None:
        self._is_beating = False
        if self.client is None:
            return
        try:
            await self.client.beat()
        except UnreachableError:
            return  # the end of the snapshots tells it
