"""What the screens need of a connection to the controller: ``modctl.ipc.client.AsyncClient`` is one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from modctl.ipc.messages import Done, Event, Refused, Request, Snapshot


class Client(Protocol):
    """One connection. Every method raises UnreachableError when it is over."""

    def next_id(self) -> int:
        """A number for the next request."""

    async def request(self, message: Request) -> Done | Refused:
        """Send one request and wait for its answer."""

    def snapshots(self) -> AsyncIterator[Snapshot]:
        """The newest state again and again, until the connection is over."""

    def events(self) -> AsyncIterator[Event]:
        """Every charted entry from now on, until the connection is over."""

    async def beat(self) -> None:
        """Tell that this screen's last frame has left for the terminal."""

    async def close(self) -> None:
        """Hang up; what this screen attends is stopped."""


Dial = Callable[[], Awaitable[Client]]
