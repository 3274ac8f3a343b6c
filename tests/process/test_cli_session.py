"""The command line against a real controller and real simulators: sessions, stops, refusals, lost terminals."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pexpect
import pytest

from tests.process.cli_runs import END_S, MODCTL, Done, ended, run, started, truth

START = ("session", "start", "--unit", "estim-1", "--patient", "P-001", "--preset", "hip-post-tha-tens")
DEMO = ("--as", "therapist", "--answers", "demo")
STREAM = {
    "session.requested",
    "session.refused",
    "session.started",
    "setpoint",
    "sample",
    "session.paused",
    "session.resumed",
    "limit.breached",
    "alarm",
    "override",
    "session.ended",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A simulated site with its simulators and its controller running."""
    root = tmp_path_factory.mktemp("cli") / "site"
    subprocess.run([MODCTL, "init", str(root), "--simulated"], check=True, capture_output=True)
    simulators = started("sim", "run", "--site", str(root), until="cold-1")
    controller = started("serve", "--site", str(root), until="ready ")
    try:
        yield root
    finally:
        status = ended(controller)
        ended(simulators)
    assert status == 0


@pytest.fixture(scope="module")
def ran(site: Path) -> Done:
    """One session that ran to its end."""
    return run(site, *START, *DEMO, "--duration", "10s", "--set", "current_ua=3000")


def test_a_combination_runs_to_its_end_from_one_command(site: Path) -> None:
    """Two units, one file of answers, one stream: each event says whose it is, and both end."""
    with_tens = ("--preset", "hip-oa-combined-ultrasound", "--with", "estim-1:hip-oa-combined-tens")
    combined = ("session", "start", "--unit", "ultrasound-1", "--patient", "P-001", *with_tens)
    done = run(site, *combined, *DEMO, "--duration", "10s")
    requested = {one["unit"]: one for one in done.objects if one["kind"] == "session.requested"}
    ends = {one["session"]: one for one in done.objects if one["kind"] == "session.ended"}

    assert (0, {"ultrasound-1", "estim-1"}) == (done.status, set(requested)), done.talk
    assert ["completed"] * 2 == [one["outcome"] for one in ends.values()]
    assert {requested["ultrasound-1"]["session"]} == {one["group"] for one in requested.values()}
    assert {one["session"] for one in requested.values()} == set(ends)


def test_a_session_runs_to_its_end_and_is_told_as_it_is_charted(site: Path, ran: Done) -> None:
    """The contract of the stream: its kinds, its order, its fields, and that the last word is the end."""
    done = ran

    kinds = [row["kind"] for row in done.objects]
    assert done.status == 0
    assert set(kinds) <= STREAM
    assert ["session.requested", "session.started"] == [kind for kind in kinds if str(kind).startswith("session.")][:2]
    last = done.objects[-1]
    assert ("session.ended", "completed", 10_000, 10_000) == (
        last["kind"],
        last["outcome"],
        last["planned_ms"],
        last["delivered_ms"],
    )
    assert all({"seq", "at_utc", "mono_ns", "session"} <= set(row) for row in done.objects)
    levels = [dict(row["levels"])["current_ua"] for row in done.objects if row["kind"] == "setpoint" and row["levels"]]  # type: ignore[call-overload]
    assert levels == sorted(levels)
    assert max(levels) == 3_000
    assert truth(site, "estim-1")["energized"] is False


def test_the_record_of_a_session_can_be_read_replayed_and_verified(site: Path, ran: Done) -> None:
    """What ran is listed first, shown with every answer and its source, runs again the same, and is sound."""
    newest = run(site, "session", "list", "--limit", "1").objects[0]
    shown = run(site, "session", "show", str(newest["session"]))
    replayed = run(site, "session", "replay")
    verified = run(site, "chart", "verify")

    wanted = {"session", "unit", "patient", "preset", "started_at_utc", "outcome", "planned_ms", "delivered_ms"}
    assert wanted <= set(newest)
    assert newest["session"] == ran.objects[0]["session"]
    answers = {row["gate"]: (row["answer"], row["source"]) for row in shown.objects if row["kind"] == "gate.answered"}
    assert answers["identify"] == ("confirmed", "file")
    assert answers["sign"] == ("signed", "file")
    assert shown.objects[-1]["kind"] == "session.ended"
    assert (0, True) == (replayed.status, replayed.objects[0]["same"])
    assert (0, "unanchored") == (verified.status, verified.objects[0]["verdict"])


@pytest.mark.parametrize(
    ("extra", "status", "reason"),
    [
        (("--set", "current_ua=60500"), 4, "limit"),
        (("--set", "force_n=100"), 2, "unknown_parameter"),
        (("--duration", "9s"), 4, "limit"),
        (("--duration", "61min"), 4, "limit"),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_the_bound(
    site: Path, extra: tuple[str, ...], status: int, reason: str
) -> None:
    """Refused, never clamped; charted; and nothing reached the unit."""
    before = truth(site, "estim-1")["changed_at_mono_ns"]

    done = run(site, *START, *DEMO, *extra)

    refused = [row for row in done.objects if row["kind"] == "session.refused"]
    assert status == done.status
    assert [reason] == [row["reason"] for row in refused]
    if reason == "limit":
        assert {"limit", "observed", "bound", "source"} <= set(refused[0])
    assert before == truth(site, "estim-1")["changed_at_mono_ns"]


@pytest.mark.parametrize(
    ("change", "value"), [("--unit", "nothing"), ("--patient", "P-999"), ("--preset", "hip-heat-pads")]
)
def test_unknown_words_are_usage(site: Path, change: str, value: str) -> None:
    """Exit 2: the request is about nothing."""
    words = list(START)
    words[words.index(change) + 1] = value

    assert run(site, *words, *DEMO).status == 2


@pytest.mark.parametrize("missing", ["identify", "screening", "pain_before", "confirm"])
def test_a_missing_answer_is_a_closed_gate(site: Path, tmp_path: Path, missing: str) -> None:
    """Exit 4, nothing energized, whichever question it is."""
    answers = {"identify": "confirmed", "consent": "given", "screening": "none", "pain_before": 4}
    answers |= {"skin_before": "intact", "placement": "placed", "confirm": "start"}
    path = tmp_path / "answers.toml"
    path.write_text(
        "".join(f"{key} = {value!r}\n" for key, value in answers.items() if key != missing), encoding="utf-8"
    )

    done = run(site, *START, "--as", "therapist", "--answers", str(path), env={"MODCTL_PIN": "1234"})

    assert done.status == 4
    assert not {"session.started", "setpoint"} & {str(row["kind"]) for row in done.objects}
    assert done.objects[-1]["kind"] == "session.ended"


@pytest.mark.parametrize(("user", "pin"), [("therapist", "4321"), ("auditor", "1234"), ("nobody", "1234")])
def test_who_may_not_start_is_refused(site: Path, user: str, pin: str) -> None:
    """A wrong PIN and a role that does not treat are the same to the unit: nothing."""
    done = run(site, *START, "--as", user, "--answers", "demo", env={"MODCTL_PIN": pin})

    assert done.status == 4
    assert {"session.refused"} >= {row["kind"] for row in done.objects}


class Running:
    """A session that runs beside the test, told in lines."""

    def __init__(self, site: Path, *extra: str) -> None:
        self.process = subprocess.Popen(
            [MODCTL, *START, *DEMO, "--duration", "30s", "--site", str(site), *extra],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait_for(self, *words: str) -> str:
        """Lines until one holds one of the words."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if any(word in line for word in words):
                return line
        raise AssertionError(f"{words!r} were never said")

    def press(self, key: str) -> None:
        """One key, without Enter."""
        assert self.process.stdin is not None
        self.process.stdin.write(key)
        self.process.stdin.flush()

    def end(self) -> int:
        """Let it end; its status."""
        return self.process.wait(END_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        with self.process:
            self.process.wait()


def test_keys_pause_resume_and_stop(site: Path) -> None:
    """A pause is off and confirmed; nothing comes back before a person's key; s stops."""
    with Running(site) as running:
        running.wait_for("current 1.0 mA")
        running.press("p")
        running.wait_for("PAUSED")
        assert truth(site, "estim-1")["energized"] is False
        running.press("r")
        running.wait_for("RESUMED")
        assert "0.5 mA" in running.wait_for("COMMANDED")
        running.press("s")
        assert "STOPPED: it was stopped at the terminal" in running.wait_for("STOPPED")

        assert running.end() == 1
    assert truth(site, "estim-1")["energized"] is False


def test_the_first_interrupt_stops_and_further_ones_change_nothing(site: Path) -> None:
    """A person who presses Ctrl-C again and again must not cut the confirmation off."""
    with Running(site) as running:
        running.wait_for("current 1.0 mA")
        for _ in range(3):
            running.process.send_signal(signal.SIGINT)

        assert "off confirmed" in running.wait_for("STOPPED")
        assert running.end() == 1
    assert truth(site, "estim-1")["energized"] is False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_a_lost_terminal_stops_an_attended_session(site: Path, how: signal.Signals) -> None:
    """However the command ends, its connection ends, and the controller switches off."""
    with Running(site) as running:
        running.wait_for("current 1.0 mA")
        running.process.send_signal(how)
        running.end()

    stopped = run(site, "stop", "estim-1")
    newest = run(site, "session", "list", "--limit", "1").objects[0]
    assert (0, True) == (stopped.status, stopped.objects[0]["off"])
    assert newest["outcome"] == "stopped"
    assert truth(site, "estim-1")["energized"] is False


def test_a_session_that_needs_nobody_goes_on_without_its_terminal(site: Path) -> None:
    """Acceptance ES 8, with processes: the output stays, an alarm says that nobody is there, a stop stops."""
    with Running(site, "--preset", "hip-supervised-tens") as running:
        running.wait_for("current 1.0 mA")
        running.process.send_signal(signal.SIGHUP)
        running.end()

    while "left_alone" not in [event.get("alarm") for event in run(site, "session", "show").objects]:
        assert truth(site, "estim-1")["energized"] is True
    stopped = run(site, "stop", "estim-1")
    events = run(site, "session", "show").objects
    assert (0, True) == (stopped.status, stopped.objects[0]["off"])
    assert ["left_alone"] == [event["alarm"] for event in events if event["kind"] == "alarm"]
    assert ("stopped", "stop:command") == (events[-1]["outcome"], events[-1]["reason"])


def test_stop_reaches_one_unit_or_all_and_needs_nobody(site: Path) -> None:
    """One line a unit, with how long it took; a session that ran says why it ended."""
    with Running(site) as running:
        running.wait_for("current 1.0 mA")

        one = run(site, "stop", "estim-1")

        assert "from the command line" in running.wait_for("STOPPED")
        assert running.end() == 1
    assert one.status == 0
    assert [("stop", "estim-1", True)] == [(row["kind"], row["unit"], row["off"]) for row in one.objects]
    everything = run(site, "stop")
    wired = {"estim-1", "estim-2", "ultrasound-1", "traction-1", "heat-1", "cold-1"}
    assert {*wired, "hot-pack-1", "cold-pack-1"} == {row["unit"] for row in everything.objects}
    assert all(row["off"] for row in everything.objects)
    assert all(isinstance(row["after_ms"], int) for row in everything.objects if row["unit"] in wired)
    assert run(site, "stop", "nothing").status == 2


def test_a_unit_lists_what_is_known_of_it(site: Path) -> None:
    """The contract's fields, of every unit of the site."""
    rows = run(site, "unit", "list").objects

    wanted = {"name", "model", "modality", "class", "address", "state", "simulated", "verified", "lease_ms"}
    assert all(wanted <= set(row) for row in rows)
    assert {"ready"} == {row["state"] for row in rows}
    assert {True} == {row["simulated"] for row in rows}


def test_a_faulted_unit_is_out_of_use_until_a_person_acknowledges(site: Path) -> None:
    """A fault latches the unit; the next start says so; a person's name takes the latch away."""
    with Running(site) as running:
        running.wait_for("current 1.0 mA")
        run(site, "sim", "inject", "estim-1", "reboot")
        running.wait_for("FAULTED", "UNCONFIRMED")
        assert running.end() == 1

    again = run(site, *START, *DEMO, "--duration", "10s")
    by_nobody = run(site, "unit", "acknowledge", "estim-1", "--as", "auditor", env={"MODCTL_PIN": "1234"})
    by_therapist = run(site, "unit", "acknowledge", "estim-1", "--as", "therapist", env={"MODCTL_PIN": "1234"})

    assert again.status == 4
    assert by_nobody.status == 4
    assert by_therapist.status == 0
    assert "ready" in [row["state"] for row in run(site, "unit", "list").objects if row["name"] == "estim-1"]


def test_a_person_at_a_terminal_is_asked_everything(site: Path) -> None:
    """PIN hidden, every question by its number, no start within half a second, s stops in the middle of an answer."""
    start = [word.replace("P-001", "P-002") for word in START]  # a first visit: nothing was said before
    arguments = [*start, "--as", "therapist", "--duration", "10s", "--set", "current_ua=1000", "--site", str(site)]
    terminal = pexpect.spawn(MODCTL, arguments, encoding="utf-8", timeout=15, env={**os.environ, "TERM": "xterm"})
    terminal.expect("PIN of therapist")
    terminal.sendline("1234")
    terminal.expect("born 1948-11-19")
    for last_line in ("somebody else", "cannot be asked", "not asked today"):
        terminal.expect(last_line)
        terminal.send("1")
    terminal.expect("x for 10")
    terminal.send("4")
    terminal.expect("then Enter")
    terminal.send("151\r95\r")
    for last_line in ("not looked at", "not tested", "Not placed"):
        terminal.expect(last_line)
        terminal.send("1")
    terminal.expect("Start now")
    terminal.send("2")
    assert terminal.expect(["STARTED", pexpect.TIMEOUT], timeout=1.0) == 1
    terminal.send("1")
    terminal.expect("Not started")
    terminal.expect("Start now")
    assert terminal.expect(["STARTED", pexpect.TIMEOUT], timeout=1.0) == 1
    terminal.send("2")
    terminal.expect("ENERGIZED")
    terminal.send("w")
    terminal.expect("not measured by this unit")
    terminal.send("s")
    terminal.expect("STOPPED")
    terminal.expect("x for 10")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 1
    assert "1234" not in str(terminal.before)


def test_the_last_session_is_repeated_with_six_keys(site: Path, ran: Done) -> None:
    """Repeat, unchanged, pain, skin, placed, start: six statements by a person, each with its age, as charted."""
    before = [row["session"] for row in run(site, "session", "list").objects]
    arguments = ["session", "start", "--repeat", "--patient", "P-001", "--as", "therapist", "--site", str(site)]
    environment = {**os.environ, "TERM": "xterm", "MODCTL_PIN": "1234"}
    terminal = pexpect.spawn(MODCTL, arguments, encoding="utf-8", timeout=15, env=environment)
    keys = 0
    for last_line, key in (
        ("r both are right", "r"),
        ("u unchanged", "u"),
        ("x for 10", "4"),
        ("not looked at", "1"),
        ("Not placed", "1"),
        ("Start now", "2"),
    ):
        terminal.expect(last_line)
        if key == "2":
            assert (
                terminal.expect([pexpect.TIMEOUT, "STARTED"], timeout=0.6) == 0
            )  # keys do not count for half a second
        terminal.send(key)
        keys += 1
    terminal.expect("ENERGIZED")
    terminal.send("s")
    terminal.expect("STOPPED")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()

    shown = run(site, "session", "show").objects
    told = [(row["gate"], row["answer"], row["source"]) for row in shown if row["kind"] == "gate.answered"]
    ages = {str(row["gate"]): row["age_s"] for row in shown if row["kind"] == "gate.answered"}
    assert keys <= 6
    assert ran.objects[0]["session"] in before
    assert [
        ("identify", "confirmed", "person"),
        ("consent", "given", "person"),
        ("screening", "none", "person"),
        ("sensation", "normal", "person"),
        ("pain_before", "4", "person"),
        ("skin_before", "intact", "person"),
        ("placement", "placed", "person"),
        ("confirm", "start", "person"),
    ] == told
    carried = {gate for gate, age in ages.items() if isinstance(age, int) and age > 0}
    assert {"consent", "screening", "sensation"} == carried


def test_the_round_counts_as_the_days_test_of_a_stop_switch(site: Path) -> None:
    """Pressed before the first patient comes, it is told as tested; unpressed it is told as open, and signed so."""
    signs = ("round", "open", "--as", "therapist")
    unpressed = run(site, *signs, env={"MODCTL_PIN": "1234"})
    run(site, "sim", "inject", "traction-1", "switch-open", "--for", "1500ms")
    pressed = run(site, *signs, "--wait", "8s", env={"MODCTL_PIN": "1234"})

    def switch(done: Done) -> object:
        return next(row["result"] for row in done.objects if row["check"] == "stop_switch")

    assert "open" == switch(unpressed)
    assert "ok" == switch(pressed)
    closed = run(site, "round", "close", "--as", "therapist", env={"MODCTL_PIN": "1234"})
    assert {"round.check"} == {row["kind"] for row in closed.objects}


def test_a_second_controller_is_refused(site: Path) -> None:
    """Two controllers on one unit is two hands on one dial."""
    second = subprocess.run(
        [MODCTL, "serve", "--site", str(site)], capture_output=True, timeout=20, check=False, text=True
    )

    assert second.returncode == 4
    assert re.search(r"process \d+", second.stderr)


WIDE = ("--set", "pulse_width_us=401")


def test_a_soft_limit_is_refused_with_its_door_and_a_hard_one_without(site: Path) -> None:
    """A script that met the limit learns what opens it; nothing opens the hard one, whatever it says."""
    soft = run(site, *START, *DEMO, *WIDE)
    hard = run(site, *START, *DEMO, "--set", "pulse_width_us=1001", "--override", "hard-es-width=because")
    no_reason = run(site, *START, *DEMO, *WIDE, "--override", "width-usual")
    refused = next(row for row in soft.objects if row["kind"] == "session.refused")

    assert (4, 4, 2) == (soft.status, hard.status, no_reason.status)
    assert ("soft_limit", "width-usual", "reason") == (refused["reason"], refused["limit"], refused["door"])
    assert "can be opened for this session with a reason" in soft.talk
    assert "site default" in soft.talk
    assert {"override"} & {str(row["kind"]) for row in hard.objects} == set()


def test_a_soft_limit_is_opened_with_a_reason_and_listed(site: Path) -> None:
    """Right after the request, before anything is energized, counted in the list."""
    with Running(site, *WIDE, "--override", "width-usual=tried before") as running:
        assert "width-usual opened up to 401" in running.wait_for("OVERRIDE", "STARTED")
        running.wait_for("current 0.5 mA")
        running.press("s")
        running.end()
    newest = run(site, "session", "list", "--overrides").objects[0]
    shown = run(site, "session", "show", str(newest["session"]))

    assert 1 == newest["overrides"]
    assert ["tried before"] == [row["text"] for row in shown.objects if row["kind"] == "text"]


def test_an_assistant_runs_a_session_and_leaves_the_signature_to_a_therapist(site: Path) -> None:
    """The session ends as it ends; only its record waits for somebody."""
    with Running(site, "--as", "assistant") as running:
        running.wait_for("current 0.5 mA")
        running.press("s")
        running.wait_for("STOPPED")

        assert 1 == running.end()
    signed = run(site, "session", "sign", "--as", "therapist", env={"MODCTL_PIN": "1234"})
    shown = run(site, "session", "show").objects

    assert 0 == signed.status
    assert [("therapist", "reviewed")] == [
        (row["actor"], row["meaning"]) for row in shown if row["kind"] == "session.signed"
    ]
