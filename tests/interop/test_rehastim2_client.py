"""The published Python client pysciencemode drives the simulated RehaStim 2 over a real pseudo-terminal.

It runs in a process of its own: its threads end with nothing else. Its known habits: it feeds the watchdog up to
1.6 s apart, so the unit's is set to 2.5 s here; it leaves out an escape before packet numbers and commands 10, 15,
85, 129 and 240.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.bench import Inject, Injected
from protocols.sciencemode import Packet
from protocols.sciencemode2 import Command as Said
from protocols.sciencemode2 import Pulse, decode, init_list, request, start_list
from tests.interop.sim_process import Bench, simulated

pytest.importorskip("pysciencemode")

SERVE = """
import sys
from pathlib import Path
from devices.sim.catalog import Kind
from devices.sim.rack import Wanted
from devices.sim.server import serve
from devices.sim.units.rehastim2 import SimRehastim2
serve([Wanted(name=sys.argv[1], model=sys.argv[2], address=sys.argv[3])], Path(sys.argv[4]),
      lambda listing: print(listing.address, flush=True),
      {sys.argv[2]: Kind(lambda name, seed, _framing: SimRehastim2(name, seed, watchdog_ms=2500), None)})
"""
CLIENT = """
import os, sys
from pysciencemode import Channel, Device, Rehastim2
unit = Rehastim2(sys.argv[1])
def channels(first, second):
    return [Channel(mode="Single", no_channel=1, amplitude=first, pulse_width=300, device_type=Device.Rehastim2),
            Channel(mode="Single", no_channel=5, amplitude=second, pulse_width=250, device_type=Device.Rehastim2)]
def say(word):  # one write on a line of its own: the library's threads print too
    sys.stdout.write("\\n> " + word + "\\n")
    sys.stdout.flush()
say("connected")
for line in sys.stdin:
    word, *numbers = line.split()
    if word == "init":
        unit.init_channel(stimulation_interval=50, list_channels=channels(*map(int, numbers)), inter_pulse_interval=8)
    elif word == "start":
        unit.start_stimulation(upd_list_channels=channels(*map(int, numbers)))
    elif word == "pause":
        unit.pause_stimulation()
    elif word == "end":
        unit.end_stimulation()
    else:
        os._exit(0)
    say(word)
"""
FRAMES = """
import sys
from pysciencemode.utils import packet_construction
for line in sys.stdin:
    number, command, data = line.split(",")
    octets = list(bytes.fromhex(data)) or None
    print(packet_construction(int(number), command, octets).hex(), flush=True)
"""


class Client:
    """The client's process, told what to do line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def reads(self) -> str:
        """Its next word for us, past what the library prints; empty when it is gone."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("> "):
                return line[2:].strip()
        return ""

    def does(self, order: str) -> None:
        """Give one order and wait until it is carried out."""
        assert self._process.stdin is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        assert order.split(maxsplit=1)[0] == self.reads()

    def dies(self) -> None:
        """No last word, as after a crash."""
        self._process.kill()
        self._process.wait(timeout=10)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The simulator's process, with a pseudo-terminal and its control socket."""
    with simulated("estim-1", "hasomed-rehastim2", tmp_path, SERVE) as bench:
        yield bench


@pytest.fixture
def client(bench: Bench) -> Iterator[Client]:
    """The client, connected: it has heard an Init and accepted it."""
    arguments = [sys.executable, "-c", CLIENT, bench.address]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        one = Client(process)
        try:
            assert one.reads() == "connected"
            yield one
        finally:
            one.dies()


def test_the_client_connects_starts_changes_pauses_and_stops(bench: Bench, client: Client) -> None:
    """What it calls a pause is a start with 0 mA: running, without current."""
    assert bench.truth().state == "off"
    client.does("init 20 15")
    assert (bench.truth().state, bench.truth().energized) == ("channel list initialised", False)
    client.does("start 20 15")
    assert bench.truth().channels == (20_000, 0, 0, 0, 15_000, 0, 0, 0)
    client.does("start 10 5")
    assert bench.truth().channels == (10_000, 0, 0, 0, 5_000, 0, 0, 0)
    client.does("pause")
    assert (bench.truth().energized, bench.truth().output) == (True, 0)
    client.does("end")
    assert (bench.truth().state, bench.truth().energized) == ("off", False)


def test_the_client_keeps_the_unit_running_and_its_death_ends_it(bench: Bench, client: Client) -> None:
    """As long as it feeds the watchdog, and not much longer."""
    client.does("init 20 15")
    client.does("start 20 15")
    until = time.monotonic() + 5
    while time.monotonic() < until:
        time.sleep(0.5)
        assert bench.truth().output == 20_000

    client.dies()
    time.sleep(3)

    assert (bench.truth().state, bench.truth().output) == ("waits to be accepted", 0)


def test_a_lost_electrode_stops_what_the_client_started(bench: Bench, client: Client) -> None:
    """The unit does not ask who is at the other end."""
    client.does("init 20 15")
    client.does("start 20 15")
    assert isinstance(bench.ask(Inject(name="estim-1", fault="contact-loss")), Injected)

    assert (bench.truth().energized, bench.truth().output) == (False, 0)


def test_the_client_says_what_we_say() -> None:
    """Frame by frame, where it keeps to the document: the same packet, whatever it escapes beyond need."""
    ours = [
        ("StopChannelListMode", request(Said.STOP_CHANNEL_LIST_MODE, 4)),
        ("Watchdog", request(Said.WATCHDOG, 255)),
        ("InitChannelListMode", init_list(2, (1, 2, 3, 4), 25_000)),
        ("InitChannelListMode", init_list(3, (1,), 1_000_000)),
        *(
            ("StartChannelListMode", start_list(6, (Pulse(ma * 1000, us),)))
            for ma in (0, 10, 15, 85, 126)
            for us in (20, 240, 500)
        ),
    ]
    packets = [decode(frame) for _, frame in ours]
    lines = [f"{packet.number},{name},{packet.payload.hex()}" for (name, _), packet in zip(ours, packets, strict=True)]
    run = subprocess.run(
        [sys.executable, "-c", FRAMES], input="\n".join(lines), capture_output=True, text=True, check=True, timeout=30
    )

    theirs = [decode(bytes.fromhex(line)) for line in run.stdout.split()]

    assert packets == theirs
    assert Packet(Said.WATCHDOG, 255) in theirs
