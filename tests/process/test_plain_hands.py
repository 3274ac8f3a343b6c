"""Plain mode at real terminals: words beside an answer, a head named by a key, a lock, a session that changes hands."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.process.cli_runs import MODCTL, ended, run, started, truth

LOCK_S = 5
TENS = ("session", "start", "--unit", "estim-1", "--patient", "P-002", "--preset", "hip-post-tha-tens")
OTHER = {"estim-1": "estim-3", "P-002": "P-001"}
MUTE = """
[[unit]]
name = "estim-3"
model = "hasomed-p24"
link = "serial:run/bench/estim-3"

[[unit.accessory]]
kind = "head"
serial = "H-5"

[[unit.accessory]]
kind = "head"
serial = "H-1"
"""
SIM = """
[[sim]]
name = "estim-3"
model = "hasomed-p24"
address = "run/bench/estim-3"
seed = 33
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A simulated site that locks terminals after a few seconds; one console does not tell which head it has."""
    root = tmp_path_factory.mktemp("plain") / "site"
    subprocess.run([MODCTL, "init", str(root), "--simulated"], check=True, capture_output=True)
    config = root / "site.toml"
    laid = config.read_text("utf-8").replace('timezone = "UTC"\n', f'timezone = "UTC"\nlock_after_s = {LOCK_S}\n')
    config.write_text(laid + MUTE, "utf-8")
    bench = root / "bench.toml"
    bench.write_text(bench.read_text("utf-8") + SIM, "utf-8")
    simulators = started("sim", "run", "--site", str(root), until="cold-1")
    controller = started("serve", "--site", str(root), until="ready ")
    try:
        yield root
    finally:
        ended(controller)
        ended(simulators)


def terminal(site: Path, *arguments: str) -> "pexpect.spawn[str]":
    """A command at a terminal of its own; the first PIN is not asked."""
    environment = {**os.environ, "TERM": "dumb", "MODCTL_PIN": "1234"}
    words = [*arguments, "--site", str(site)]
    return pexpect.spawn(MODCTL, words, encoding="utf-8", timeout=20, env=environment, dimensions=(24, 200))


def answered(at: "pexpect.spawn[str]", *pairs: tuple[str, str]) -> None:
    """Wait for the last line of each question, then press."""
    for last_line, keys in pairs:
        at.expect(last_line)
        at.send(keys)


BEFORE = (
    ("somebody else", "1"),
    ("cannot be asked", "1"),
    ("not asked today", "1"),
    ("x for 10", "4"),
    ("to 150, then Enter", "95\r"),
    ("not looked at", "1"),
    ("not tested", "1"),
    ("Not placed", "1"),
)


def test_words_a_lock_and_two_pairs_of_hands(site: Path) -> None:
    """One story: a therapist begins, goes away, and an assistant takes the session over at the same terminal."""
    at = terminal(site, *TENS, "--as", "therapist", "--duration", "60s", "--set", "current_ua=1000")
    answered(at, *BEFORE[:3])
    at.expect("x for 10")
    at.send("n")
    at.expect("Because")
    at.send("asleep s\x7fso\r")  # an s and a space are letters here; a backspace takes one back
    answered(at, *BEFORE[4:])
    at.expect("Start now")
    assert at.expect([pexpect.TIMEOUT, "STARTED"], timeout=0.6) == 0
    at.send("2")
    at.expect("ENERGIZED")
    at.expect("Locked")
    at.send("+")
    at.expect("Locked")
    assert truth(site, "estim-1")["energized"] is True
    at.send("\r")
    at.expect("PIN of therapist")
    at.send("4711s\r")  # also a PIN may hold an s
    at.expect("not right")
    at.send("h")
    at.expect("Who works here now")
    at.send("assistant\r")
    at.expect("PIN of assistant")
    at.send("1234\r")
    at.expect("assistant is signed in as assistant")
    at.expect("in the hands of assistant")
    at.send("s")
    at.expect("STOPPED")
    at.sendintr()
    at.expect(pexpect.EOF)
    at.close()

    shown = run(site, "session", "show").objects
    words = [row["text"] for row in shown if row["kind"] == "text"]
    handed = [(row["from_person"], row["to_person"]) for row in shown if row["kind"] == "session.handed_over"]
    assert ["asleep so"] == words
    assert [("therapist", "assistant")] == handed
    assert truth(site, "estim-1")["energized"] is False


def test_a_session_is_taken_over_from_another_terminal(site: Path) -> None:
    """The one that it was taken from may close its terminal; the one that has it now may not."""
    first = terminal(site, *TENS, "--as", "therapist", "--answers", "demo", "--duration", "60s")
    first.expect("ENERGIZED")
    second = terminal(site, "session", "attend", "--as", "assistant")
    second.expect("in the hands of assistant")
    first.close(force=True)
    second.send("w")
    second.expect("ENERGIZED")
    assert truth(site, "estim-1")["energized"] is True
    second.send("h\x1b")  # a name is being typed: Escape stops what is energized
    second.expect("STOPPED")
    second.close(force=True)

    assert truth(site, "estim-1")["energized"] is False


def test_which_head_is_asked_and_answered_with_a_key(site: Path) -> None:
    """Two heads on one console: the person reads the number off the head, and it is charted."""
    at = terminal(site, *(OTHER.get(word, word) for word in TENS), "--as", "therapist")
    at.expect("Which head of estim-3 is in your hand")
    at.expect("1 H-5")
    at.expect("2 H-1")
    at.send("1")
    answered(at, *BEFORE[:-1])
    at.expect("Head in the hand: serial number H-5")
    at.send("s")
    at.expect(pexpect.EOF)
    at.close()

    assert at.exitstatus != 0
