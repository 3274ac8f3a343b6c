"""Packs and a tank against a real controller: the command line, an hour between two colds, a controller that dies."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from devices.model import PackAct
from modctl.config import Layout
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Acknowledge, Answer, ListUnits, Pack, Refused, SignIn, Start, Subscribe
from tests.process.small_site import Controller, controller, simulators, view, wait_for

MODCTL = str(Path(sys.executable).parent / "modctl")
TANK_UNIT = '\n[[unit]]\nname = "tank-1"\nmodel = "eurotherm-3216"\nlink = "serial:run/bench/tank-1"\n'
TANK_SIM = '\n[[sim]]\nname = "tank-1"\nmodel = "eurotherm-3216"\naddress = "run/bench/tank-1"\nseed = 9\n'
PACKS = '\n[[unit]]\nname = "hot-pack-1"\nmodel = "passive"\nlink = "none"\ntank = "tank-1"\n'
COLD = '\n[[unit]]\nname = "cold-pack-1"\nmodel = "passive-cold"\nlink = "none"\n'
SITE = '[site]\nname = "packs"\nsimulated = true\n'


def modctl(layout: Layout, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One command to its end."""
    command = [MODCTL, "--site", str(layout.root), *arguments]
    environment = {**os.environ, "MODCTL_PIN": "1234"}
    return subprocess.run(command, capture_output=True, text=True, timeout=40, check=False, env=environment)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    """A site with two packs and a tank, its simulators running."""
    root = tmp_path_factory.mktemp("site") / "packs"
    subprocess.run([MODCTL, "init", str(root), "--simulated"], check=True, capture_output=True, timeout=40)
    laid = Layout(root)
    laid.site_toml.write_text(SITE + TANK_UNIT + PACKS + COLD, encoding="utf-8")
    laid.bench_toml.write_text(TANK_SIM, encoding="utf-8")
    with simulators(laid):
        yield laid


@pytest.fixture
def running(layout: Layout) -> Iterator[Controller]:
    """A controller of it."""
    with controller(layout) as served:
        yield served


def test_a_pack_from_its_request_to_its_end_and_no_second_cold(layout: Layout, running: Controller) -> None:
    """One stream, on and off in it; the same region again is refused, with the time that has passed."""
    del running
    start = ("session", "start", "--unit", "cold-pack-1", "--patient", "P-001", "--preset", "hip-cold-pack")
    more = ("--as", "therapist", "--answers", "demo", "--duration", "10s", "--json")
    first = modctl(layout, *start, *more)
    again = modctl(layout, *start, *more)
    told = [json.loads(line) for line in first.stdout.splitlines()]
    kinds = [record["kind"] for record in told if record["kind"] not in ("sample", "setpoint")]
    refused = next(
        record for record in map(json.loads, again.stdout.splitlines()) if record["kind"].endswith("refused")
    )

    assert (0, 4) == (first.returncode, again.returncode)
    assert [
        "session.requested",
        "session.started",
        "pack.moved",
        "alarm",
        "pack.moved",
        "session.ended",
    ] == kinds
    assert ("cold-rest", 3_600_000) == (refused["limit"], refused["bound"]["value"])
    assert '"same":true' in modctl(layout, "session", "replay", told[0]["session"], "--json").stdout


def test_a_stop_names_the_tank_and_claims_nothing_of_it(layout: Layout, running: Controller) -> None:
    """Packs that lie in their tank are off; the tank stays hot, which is no finding."""
    del running
    stopped = modctl(layout, "stop", "--json")
    rows = {row["unit"]: row for row in map(json.loads, stopped.stdout.splitlines())}
    alone = modctl(layout, "stop", "tank-1")

    assert (0, 0) == (stopped.returncode, alone.returncode)
    assert {"tank-1": False, "hot-pack-1": True, "cold-pack-1": True} == {
        name: row["off"] for name, row in rows.items()
    }
    assert "take the packs off the patients; the tank stays hot" in rows["tank-1"]["note"]
    assert "the tank stays hot" in alone.stdout


def pack_on(client: BlockingClient) -> str:
    """A hot pack on a patient; its session."""
    client.request(SignIn(id=client.next_id(), user="therapist", pin="1234"))
    client.request(Subscribe(id=client.next_id()))
    start = Start(id=client.next_id(), unit="hot-pack-1", patient="P-001", preset="hip-hot-pack", duration_ms=60_000)
    answer = client.request(start)
    assert not isinstance(answer, Refused), answer.reason
    session = answer.session or ""
    while (asked := view(client, session)).gate is not None:
        gate = next(gate for gate in asked.gates if gate.gate == asked.gate)
        given = next((word for word, _ in gate.answers if word not in gate.closes), "4")
        client.request(Answer(id=client.next_id(), session=session, gate=gate.gate, answer=given, took_ms=900))
    wait_for(client, session, "starting")
    client.request(Pack(id=client.next_id(), session=session, act=PackAct.ON))
    wait_for(client, session, "running")
    return session


def test_a_pack_that_a_dead_controller_left_on_is_on_until_a_person_says_otherwise(layout: Layout) -> None:
    """A new controller has no wire to ask: it believes no off, and does not use the unit before somebody has looked."""
    with controller(layout) as served:
        with closing(served.client()) as client:
            pack_on(client)
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait(10)
    with controller(layout) as next_one, closing(next_one.client()) as client:
        client.request(SignIn(id=client.next_id(), user="therapist", pin="1234"))
        before = unit_row(client)
        without = client.request(Acknowledge(id=client.next_id(), unit="hot-pack-1"))
        stated = Acknowledge(id=client.next_id(), unit="hot-pack-1", statement="pack off, skin looked at")
        client.request(stated)

        assert ("latched", "energized") == before
        assert isinstance(without, Refused)
        assert "off_not_confirmed" == without.code
        for _ in range(50):
            if ("ready", "off") == unit_row(client):
                break
        assert ("ready", "off") == unit_row(client)


def unit_row(client: BlockingClient) -> tuple[str, str]:
    """State and output of the hot pack."""
    answer = client.request(ListUnits(id=client.next_id()))
    assert not isinstance(answer, Refused)
    return next((row.state, row.output) for row in answer.units or () if row.name == "hot-pack-1")
