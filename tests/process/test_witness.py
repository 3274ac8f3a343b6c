"""A motor with a load cell in its rope, as real processes: the controller tells the one what the other reads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modctl.clinic import library
from modctl.config import Layout
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Answer, Done, Refused, Start, Subscribe
from tests.process.small_site import (
    ANSWERS,
    CLOCK,
    PIN,
    add_patient,
    controller,
    data,
    entries,
    inject,
    lay_down,
    simulators,
    truth,
    view,
    wait_for,
)

SITE = """
[[unit]]
name = "pull-1"
model = "iris-orca"
link = "serial:run/bench/pull-1"
witness = "cell-1"

[[unit]]
name = "cell-1"
model = "laumas-tlb"
link = "serial:run/bench/cell-1"
"""
BENCH = """
[[sim]]
name = "pull-1"
model = "iris-orca"
address = "run/bench/pull-1"

[[sim]]
name = "cell-1"
model = "laumas-tlb"
address = "run/bench/cell-1"
pulled_by = "pull-1"
"""
PRESET = """
schema = "modctl-preset/1"
id = "pull"
title = "A laboratory's own"
modality = "traction"
models = ["iris-orca"]
region = "hip"
duration_ms = 60_000
cap = 60
start_level = 60
demo_target = 60
source = "made up for tests"
mark = "chosen"
checked_on = "2026-11-23"
evidence = "extrapolated"

[settings]
"""


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A site with a motor, a cell and a preset, and its simulators."""
    layout = lay_down(tmp_path / "site", ())
    layout.site_toml.write_text(layout.site_toml.read_text() + SITE)
    layout.bench_toml.write_text(BENCH)
    (layout.presets / "pull.toml").write_text(PRESET)
    preset = library.parse(PRESET.encode(), "pull.toml")
    approval = library.Approval(id=preset.id, sha256=preset.sha256, by="test", at_utc="2026-01-01T00:00:00.000Z")
    with (layout.presets / library.APPROVALS).open("a") as approvals:
        approvals.write(library.approval_text(approval))
    add_patient(layout, "P-2")  # weighed today: a pull is bounded by the weight
    with simulators(layout):
        yield layout


def wait_ready(client: BlockingClient) -> str:
    """Ask for the session until both units are there; its name."""
    until = CLOCK.mono_ns() + 10_000_000_000
    while True:
        start = Start(id=client.next_id(), unit="pull-1", patient="P-2", preset="pull", file_answers=True)
        answer = client.request(start)
        if isinstance(answer, Done):
            assert answer.session is not None
            return answer.session
        assert isinstance(answer, Refused)
        assert CLOCK.mono_ns() < until, answer.reason


def test_a_cell_that_reads_nothing_any_more_lets_the_motor_go(layout: Layout) -> None:
    """Both agree through the ramp; then the cell is lost, and nothing pulls."""
    with controller(layout) as serving:
        client = serving.client(attends=False)
        client.sign_in("therapist", PIN)
        session = wait_ready(client)
        client.request(Subscribe(id=client.next_id()))
        while gate := view(client, session).gate:
            answer = Answer(id=client.next_id(), session=session, gate=gate, answer=ANSWERS[gate], took_ms=1)
            assert isinstance(client.request(answer), Done), gate
        wait_for(client, session, "running")
        until = CLOCK.mono_ns() + 8_000_000_000
        while truth(layout, "pull-1").output < 60:
            assert CLOCK.mono_ns() < until, view(client, session)
        inject(layout, "cell-1", "no-value")
        seen = wait_for(client, session, "ended")
        client.close()
        serving.end()

    assert ("faulted", "witness_silent") == (seen.outcome, seen.reason)
    assert not truth(layout, "pull-1").energized
    limits = [data(entry)["limit"] for entry in entries(layout, "limit.breached")]
    assert ["tlb-witness"] == limits
