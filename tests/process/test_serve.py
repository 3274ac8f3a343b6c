"""The controller as a process: it is ready in time, runs sessions, ends in order, and lets nobody in beside it."""

import signal
import subprocess
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from modctl.chart.receipt import read_receipt, verify_receipt
from modctl.chart.verify import Judgement, verify_file
from modctl.config import Layout
from modctl.ipc.client import BlockingClient
from modctl.ipc.evidence import ExportChart, TakeCheckpoint, VerifyChart
from modctl.ipc.messages import (
    Done,
    Entries,
    Event,
    ListPatients,
    ListSessions,
    ListUnits,
    Refused,
    Start,
    Stop,
    Subscribe,
)
from tests.process.small_site import (
    CLOCK,
    MODCTL,
    PIN,
    Controller,
    begin,
    controller,
    data,
    entries,
    lay_down,
    simulators,
    truth,
    view,
    wait_for,
    wait_off,
)

READY_MS = 5_000  # product contract


def test_it_is_ready_in_time_and_names_units_that_are_missing(tmp_path: Path) -> None:
    """A station starts with cables unplugged: that must not keep the other tables waiting."""
    layout = lay_down(tmp_path / "site")
    with controller(layout) as running:
        with closing(running.client()) as client:
            units = client.request(ListUnits(id=client.next_id()))

        assert isinstance(units, Done)
        assert {"estim-1": "missing", "ultrasound-1": "missing"} == {
            unit.name: unit.state for unit in units.units or ()
        }
        assert "estim-1" in running.log()
        assert 0 == running.end()


def test_a_session_runs_to_its_planned_end(tmp_path: Path) -> None:
    """The whole chain over the socket: gates, durable start, output, end, and a chart that verifies."""
    layout = lay_down(tmp_path / "site", ["ultrasound-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "ultrasound-1", duration_ms=10_000)
        wait_for(client, session, "running")
        assert truth(layout, "ultrasound-1").energized
        ended = wait_for(client, session, "ended", seconds=20)

        assert "completed" == ended.outcome
        assert abs(ended.delivered_ms - 10_000) <= 100
        assert not truth(layout, "ultrasound-1").energized
        assert 0 == running.end()
    assert Judgement.UNANCHORED is verify_file(layout.chart).verdict
    kinds = [entry.kind for entry in entries(layout) if entry.session == session]
    assert kinds.index("session.started") < kinds.index("setpoint")
    assert 1 == kinds.count("session.ended")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_first(tmp_path: Path, number: signal.Signals) -> None:
    """Whoever ends the controller ends the output, with the proof in the chart."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "estim-1")
        wait_for(client, session, "running")
        status = running.end(number)

        assert 0 == status
        assert not truth(layout, "estim-1").energized
    (ended,) = entries(layout, "session.ended")
    assert ("stopped", f"stop:{number.name}") == (data(ended)["outcome"], data(ended)["reason"])
    (stopped,) = entries(layout, "controller.stopped")
    assert data(stopped)["off_confirmed"]


def test_a_second_controller_is_refused_and_told_who_has_the_site(tmp_path: Path) -> None:
    """Two controllers on one unit are hazard H31."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with controller(layout) as running:
        command = [str(MODCTL), "--site", str(layout.root), "serve"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

        assert 4 == second.returncode
        assert str(running.process.pid) in second.stderr
        assert running.process.poll() is None


def test_a_stop_needs_nobody(tmp_path: Path) -> None:
    """Anybody at any screen may stop, without a PIN, and is told what was reached."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "estim-1")
        wait_for(client, session, "running")
        with closing(running.client()) as stranger:
            answer = stranger.request(Stop(id=stranger.next_id()))

        assert isinstance(answer, Done)
        (unit,) = answer.stopped or ()
        assert ("estim-1", True) == (unit.unit, unit.off)
        assert not truth(layout, "estim-1").energized


def test_what_needs_a_person_is_refused_without_one(tmp_path: Path) -> None:
    """The peer's account admits a process; the signed-in person decides what is done."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        start = Start(id=0, unit="estim-1", patient="P-1", preset="hip-chronic-ache-tens")
        nobody = client.request(start)
        client.sign_in("technician", PIN)
        technician = client.request(start)
        patients = client.request(ListPatients(id=client.next_id()))

        assert isinstance(nobody, Refused)
        assert "sign_in" == nobody.code
        assert isinstance(technician, Refused)
        assert "role" == technician.code
        assert isinstance(patients, Refused)
        assert "role" == patients.code


def test_patients_are_not_in_what_others_see(tmp_path: Path) -> None:
    """A technician's snapshot and the controller's own messages name nobody."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "estim-1")
        mine = view(client, session)
        with closing(running.client()) as other:
            other.sign_in("technician", PIN)
            other.request(Subscribe(id=other.next_id()))
            theirs = view(other, session)

        assert "Zzcanary Test" == mine.patient_name
        assert ("", "") == (theirs.patient, theirs.patient_name)
        assert 0 == running.end()
        assert "zzcanary" not in running.log().lower()


def test_the_end_of_the_connection_is_a_lost_screen_at_once(tmp_path: Path) -> None:
    """A closed terminal, a killed screen, a dropped ssh: nobody watches the skin any more (hazard H10)."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running:
        client = running.client()
        session = begin(client, "estim-1")
        wait_for(client, session, "running")
        client.close()
        gone_ns = CLOCK.mono_ns()
        told = wait_off(layout, "estim-1")

        assert told.changed_at_mono_ns - gone_ns < 500_000_000
        assert 0 == running.end()
    (ended,) = entries(layout, "session.ended")
    assert str(data(ended)["reason"]).startswith("screen_lost")


def test_a_screen_that_stops_beating_is_lost_after_a_second(tmp_path: Path) -> None:
    """A frozen screen still holds its connection: only the missing beat shows it (hazard H09)."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client(attends=True)) as client:
        begin(client, "estim-1")
        last_ns = CLOCK.mono_ns()
        client.next_message(1)
        told = wait_off(layout, "estim-1")

        assert told.changed_at_mono_ns - last_ns < 1_800_000_000
        assert 0 == running.end()
    (ended,) = entries(layout, "session.ended")
    assert "screen_lost:its screen is frozen" == data(ended)["reason"]


def test_events_come_without_a_gap_and_resume_where_they_were_left(tmp_path: Path) -> None:
    """The stream of a session is evidence: a client that comes back misses nothing and gets nothing twice."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "estim-1", duration_ms=10_000)
        wait_for(client, session, "ended", seconds=20)
        with closing(running.client()) as late:
            late.request(Subscribe(id=late.next_id(), since=0, snapshots=False))
            seen = [_event(late) for _ in range(20)]
        with closing(running.client()) as later:
            later.request(Subscribe(id=later.next_id(), since=20, snapshots=False))
            seen += [_event(later) for _ in range(10)]
        page = client.request(Entries(id=client.next_id(), session=session))
        sessions = client.request(ListSessions(id=client.next_id()))

        assert list(range(1, 31)) == [event.seq for event in seen]
        assert isinstance(page, Done)
        assert page.entries
        assert isinstance(sessions, Done)
        assert [session] == [row.session for row in sessions.sessions or ()]
        assert 0 == running.end()
    assert [entry.seq for entry in entries(layout)][:30] == [event.seq for event in seen]


def test_the_live_chart_is_verified_signed_and_copied_by_the_controller(tmp_path: Path) -> None:
    """Nobody else may open it while it is written; the copy says of itself that it was taken, and what for."""
    anchors, layout = tmp_path / "anchors", lay_down(tmp_path / "site", ["estim-1"])
    anchors.mkdir()
    text = layout.site_toml.read_text().replace("simulated = true\n", f'simulated = true\nanchors = ["{anchors}"]\n')
    layout.site_toml.write_text(text)
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "estim-1", duration_ms=10_000)
        wait_for(client, session, "ended", seconds=20)
        signed = client.request(TakeCheckpoint(id=client.next_id()))
        assert isinstance(signed, Done)
        judged = client.request(VerifyChart(id=client.next_id(), checkpoint=signed.note))
        receipt = tmp_path / "receipt.json"
        asked = ExportChart(
            id=client.next_id(), path=str(receipt), purpose="asked for", form="receipt", session=session, with_keys=True
        )
        assert isinstance(client.request(asked), Done)
        nobodys = msgspec.structs.replace(asked, id=client.next_id(), path=f"{receipt}-2", session="s-9")
        assert isinstance(client.request(nobodys), Refused)
        copied = client.request(ExportChart(id=client.next_id(), path=str(tmp_path / "copy.db"), purpose="audit"))
        again = client.request(ExportChart(id=client.next_id(), path=str(tmp_path / "copy.db"), purpose="audit"))

        assert isinstance(judged, Done)
        assert b'"verdict":"anchored"' in bytes(judged.verdict or b"")
        assert isinstance(copied, Done)
        assert isinstance(again, Refused)
        assert 0 == running.end()
    heads = [path.read_bytes() for path in anchors.iterdir()]
    verdict = verify_file(tmp_path / "copy.db", anchors=[*heads, (signed.note or "").encode()])
    assert heads
    assert Judgement.ANCHORED is verdict.verdict
    proven = verify_receipt(read_receipt(receipt.read_bytes()), layout.keys.joinpath("genesis.vkey").read_text())
    assert () == proven.findings
    assert "session.ended" in {entry.kind for entry in proven.entries}
    copy = Layout(tmp_path)
    copy.chart = tmp_path / "copy.db"
    assert "audit" == data(entries(copy, "chart.exported")[-1])["purpose"]


def test_a_client_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    """One stuck screen must not keep the stop of another from being answered (hazard H48)."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        stuck = running.client()
        stuck.request(Subscribe(id=stuck.next_id(), since=0))
        for _ in range(2_000):
            stuck.send(ListUnits(id=stuck.next_id()))
        begun_ns = CLOCK.mono_ns()
        answer = client.request(Stop(id=client.next_id()))
        took_ms = (CLOCK.mono_ns() - begun_ns) // 1_000_000
        stuck.close()

        assert isinstance(answer, Done)
        assert took_ms < 1_000


def test_a_site_with_a_long_path_says_where_its_socket_is(tmp_path: Path) -> None:
    """A socket's path holds about a hundred bytes; a site's path may be longer."""
    folder = tmp_path / ("x" * 60) / ("y" * 60)
    folder.mkdir(parents=True)
    layout = lay_down(folder / "site", ["estim-1"])
    with controller(layout) as running:
        with closing(running.client()) as client:
            answer = client.request(ListUnits(id=client.next_id()))
        elsewhere = Path(layout.socket_path.read_text().strip())

        assert isinstance(answer, Done)
        assert 0 == running.end()
    assert not elsewhere.exists()
    assert not layout.socket_path.exists()


def test_it_starts_again_after_a_kill(tmp_path: Path) -> None:
    """A lock dies with its holder: nobody has to clean up after a crash."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout):
        with controller(layout) as running:
            running.process.kill()
            running.process.wait()
        again = Controller(layout)
        try:
            took_ms = again.wait_ready()

            assert took_ms < READY_MS
            assert 0 == again.end()
        finally:
            again.close()
    (acted,) = entries(layout, "guard.acted")
    assert "eof" == data(acted)["reason"]


def _event(client: BlockingClient) -> Event:
    """The next event of a client that takes no snapshots."""
    message = client.next_message(5)
    assert isinstance(message, Event)
    return message
