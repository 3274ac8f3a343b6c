"""A simulated unit in a process of its own, on a real pseudo-terminal: what other people's clients are let loose on."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from devices.bench import Ask, Reply, Request, TruthIs, line_of, reply_of

PATIENCE_S = 10
SERVE = """
import sys
from pathlib import Path
from devices.sim.rack import Wanted
from devices.sim.server import serve
serve([Wanted(name=sys.argv[1], model=sys.argv[2], address=sys.argv[3])], Path(sys.argv[4]),
      lambda listing: print(listing.address, flush=True))
"""


class Bench:
    """The unit, past its line."""

    def __init__(self, name: str, address: str, control: Path) -> None:
        self.address = address
        self._name = name
        self._control = control

    def ask(self, request: Request) -> Reply:
        """One request of the control socket."""
        with socket.socket(socket.AF_UNIX) as peer, contextlib.ExitStack() as stack:
            peer.settimeout(PATIENCE_S)
            peer.connect(str(self._control))
            peer.sendall(line_of(request))
            return reply_of(stack.enter_context(peer.makefile("rb")).readline())

    def truth(self) -> TruthIs:
        """What the unit really does."""
        reply = self.ask(Ask(name=self._name))
        assert isinstance(reply, TruthIs)
        return reply


@contextlib.contextmanager
def simulated(name: str, model: str, folder: Path, serve: str = SERVE) -> Iterator[Bench]:
    """The process with its line and control socket. ``serve``: another program of the same four arguments."""
    control = folder / "sim.sock"
    arguments = [sys.executable, "-c", serve, name, model, str(folder / name), str(control)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Bench(name, process.stdout.readline().strip(), control)
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0
