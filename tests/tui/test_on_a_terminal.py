"""On a real pseudo-terminal: bytes in, bytes out, and what is left of the terminal afterwards."""

import contextlib
import os
import re
import select
import signal
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pexpect
import pyte
import pytest

ROWS, COLUMNS = 24, 80
WAIT_S = 20  # the longest that a step may take on a busy machine; nothing waits that long when it works
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?2004l", b"\x1b[?1004l", b"\x1b[<u")  # alternate screen, cursor, modes
OSC = re.compile(rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")  # titles and the like end with the byte that rings
COLOUR = re.compile(rb"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|[34]8;[25]|9[0-7]|10[0-7])")


class Terminal:
    """The little clinic on a terminal: keys in, a screen to look at, and the log of what was asked."""

    def __init__(self, log: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.log = log
        self.output = b""
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "tests.tui.fake_app", "--log", str(log), *options],
            dimensions=(ROWS, COLUMNS),
            env={**os.environ, "TERM": "xterm-256color", **(env or {})},
            timeout=WAIT_S,
        )
        self.before = termios.tcgetattr(self._child.child_fd)

    def sees(self, words: str) -> None:
        """Wait until these words stand on the screen."""
        while words not in self.text():
            self._read()

    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    def types(self, data: bytes) -> None:
        """Bytes as a keyboard sends them, all at once."""
        self._child.send(data)

    def types_until(self, data: bytes, words: str) -> None:
        """Press again and again until these words stand on the screen."""
        for _ in range(WAIT_S * 5):
            self.types(data)
            with contextlib.suppress(pexpect.TIMEOUT):
                self._read(0.2)
            if words in self.text():
                return
        pytest.fail(f"{words!r} never came:\n{self.text()}")

    def counts(self, word: str, more: int) -> None:
        """Wait until the log has so many more of these."""
        self.reaches(word, self.requests().count(word) + more)

    def reaches(self, word: str, wanted: int) -> None:
        """Wait until the log has so many of these."""
        for _ in range(WAIT_S * 50):
            if self.requests().count(word) >= wanted:
                return
            select.select([], [], [], 0.02)
        pytest.fail(f"{word} did not come {wanted} times")

    def stands_still(self) -> None:
        """The terminal takes no more bytes."""
        self._flow(termios.TCOOFF)

    def goes_on(self) -> None:
        """It takes them again."""
        self._flow(termios.TCOON)

    def requests(self) -> list[str]:
        """What was asked of the controller so far."""
        return self.log.read_text(encoding="utf-8").split("\n")[:-1]

    def signals(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self._child.kill(number)

    def ends(self) -> int:
        """Wait for the end; gives the exit status."""
        while True:
            try:
                self._read()
            except pexpect.EOF:
                break
        self._child.wait()
        return int(self._child.exitstatus if self._child.exitstatus is not None else -self._child.signalstatus)

    def modes(self) -> list[object]:
        """How the terminal is set now."""
        return termios.tcgetattr(self._child.child_fd)

    def hangs_up(self) -> None:
        """The terminal is closed under the program."""
        os.close(self._child.child_fd)
        self._child.wait()

    def close(self) -> None:
        """Leave nothing running."""
        if self._child.isalive():
            self._child.kill(signal.SIGKILL)
            self._child.wait()

    def _flow(self, action: int) -> None:
        programs_end = os.open(f"/proc/{self._child.pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
        termios.tcflow(programs_end, action)
        os.close(programs_end)

    def _read(self, timeout_s: float = WAIT_S) -> None:
        data = self._child.read_nonblocking(65_536, timeout=timeout_s)
        self.output += data
        self._stream.feed(data)


class Opens(Protocol):
    """Opens a table with options and environment."""

    def __call__(self, *options: str, env: dict[str, str] | None = None) -> Terminal:
        """Signed in, and closed after the test whatever happens."""


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    """Terminals that leave nothing running."""
    with contextlib.ExitStack() as undo:

        def opened(*options: str, env: dict[str, str] | None = None) -> Terminal:
            terminal = Terminal(tmp_path / "requests.log", "--pin", "1234", *options, env=env)
            undo.callback(terminal.close)
            return terminal

        yield opened


@pytest.fixture
def busy(opens: Opens) -> Terminal:
    """A table on which an ultrasound session runs."""
    terminal = opens("--busy")
    terminal.sees("■ ENERGIZED")
    terminal.sees("therapist")
    return terminal


@pytest.mark.parametrize("keys", [b"\x1b\r", b"\x1bs", b"\x1b ", b"\x1b\x1b", b"\x1b[24~\r", b"\x03\r", b"s\r", b" \r"])
def test_a_stop_key_with_another_key_behind_it_stops(busy: Terminal, keys: bytes) -> None:
    """Two keys within one read: the library alone takes Escape and Enter for Enter."""
    busy.types(keys)
    busy.sees("□ STOPPED")

    assert "Stop" in busy.requests()
    busy.types(b"\x11")  # Ctrl+Q
    assert 0 == busy.ends()


def test_escape_and_enter_on_the_confirm_question_start_nothing(opens: Opens) -> None:
    """The cursor stands on *start*; ten milliseconds decide."""
    terminal = opens()
    terminal.sees("Which unit?")
    for keys, words in (
        (b"1", "for which patient?"),
        (b"\x1b[B", "▶ Ada Example"),
        (b"\r", "which preset?"),
        (b"1", "Who is on the table?"),
        (b"1", "Pain now"),
        (b"5", "Start?"),
    ):
        terminal.types(keys)
        terminal.sees(words)
    terminal.types_until(b"\x1b[B", "▶ 2  Start now")  # no key is taken during the first half second
    terminal.types(b"\x1b\r")
    terminal.sees("Given up: this session is being ended.")
    terminal.types(b"\x11")

    assert 0 == terminal.ends()
    assert "Answer confirm=start" not in terminal.requests()
    assert "Stop" in terminal.requests()


SCREENS = {
    "table": (("--busy",), "■ ENERGIZED"),
    "bench": (("--bench",), "BENCH"),
    "audit": (("--audit",), "40 sessions"),
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_signal_leaves_the_terminal_as_it_was(opens: Opens, screen: str, number: signal.Signals) -> None:
    """The next person types into a terminal that works, and the status says which signal it was."""
    options, words = SCREENS[screen]
    terminal = opens(*options)
    terminal.sees(words)
    terminal.signals(number)
    status = terminal.ends()

    assert 128 + number == status
    assert terminal.before == terminal.modes()
    assert all(terminal.output.rindex(mode) > terminal.output.rindex(b"\x1b[?1049h") for mode in RESTORED)
    assert b"\x1b[?1000h" not in terminal.output  # the mouse was never on


def test_leaving_restores_the_terminal(opens: Opens) -> None:
    """The ordinary way out."""
    terminal = opens()
    terminal.sees("Which unit?")
    terminal.types(b"\x11")

    assert 0 == terminal.ends()
    assert terminal.before == terminal.modes()
    assert all(mode in terminal.output for mode in RESTORED)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_terminal_that_is_gone_ends_the_program(opens: Opens, screen: str) -> None:
    """It must not stay behind, beating for a screen that nobody sees."""
    options, words = SCREENS[screen]
    terminal = opens(*options)
    terminal.sees(words)
    terminal.hangs_up()


def test_a_terminal_that_stands_still_gets_no_beats(busy: Terminal) -> None:
    """Ctrl+S, a stalled ssh: nobody sees the screen, so it must not say that it is watched."""
    busy.counts("Beat", 2)
    busy.stands_still()
    busy.counts("Push", 2)  # what was on its way has left or not
    before = busy.requests().count("Beat")
    busy.counts("Push", 12)
    during = busy.requests().count("Beat")
    busy.goes_on()
    busy.counts("Beat", 2)

    assert before == during


def test_a_terminal_that_stands_still_keeps_its_stop_keys(busy: Terminal) -> None:
    """Frames wait for nothing: a stop is sent while not one of them leaves, and later the screen is whole again."""
    busy.stands_still()
    for _ in range(20):  # each opens or closes the map of keys: more frames than the library's queue holds
        busy.types(b"?")
        busy.counts("Push", 1)
        busy.types(b"x")
        busy.counts("Push", 1)
    busy.types(b"\x1b")
    busy.reaches("Stop", 1)
    busy.goes_on()
    busy.sees("□ STOPPED")
    busy.sees("Pain now, 0 to 10")

    assert "■" not in busy.text()


def test_no_control_byte_of_a_name_reaches_the_terminal(opens: Opens) -> None:
    """A name could write to the clipboard, or answer a question in the therapist's place."""
    terminal = opens("--busy", "--hostile")
    terminal.sees("Eve")
    terminal.sees("■ ENERGIZED")
    terminal.types(b"\x1b[24~")
    terminal.sees("□ STOPPED")
    terminal.types(b"\x11")
    terminal.ends()

    for sequence in (
        b"\x1b]52",
        b"cm0gLXJm\x07",
        b"\x1b[5n",
        b"\xc2\x9b",
        b"\x9b31m",
        "\u202e".encode(),
        b"\0",
        b"\x7f",
    ):
        assert sequence not in terminal.output


def test_without_colour_no_colour_is_sent(opens: Opens) -> None:
    """NO_COLOR (no-color.org): the words and shapes say everything."""
    terminal = opens("--busy", env={"NO_COLOR": "1"})
    terminal.sees("■ ENERGIZED")
    terminal.types(b"\x1b[24~")
    terminal.sees("□ STOPPED")
    terminal.types(b"\x11")
    terminal.ends()

    assert not COLOUR.search(terminal.output)


@pytest.mark.parametrize(("options", "is_heard"), [((), True), (("--quiet",), False)])
def test_an_alarm_rings_the_bell_of_the_terminal(opens: Opens, options: tuple[str, ...], *, is_heard: bool) -> None:
    """Eyes are on the skin. Once for a new alarm, not at every look; with ``--quiet`` never."""
    terminal = opens("--busy", "--alarm", *options)
    terminal.sees("HIGH  ultrasound-1")
    terminal.sees("1:42")  # two seconds of what is delivered
    terminal.types(b"\x1b[24~")
    terminal.sees("□ STOPPED")
    terminal.types(b"\x11")
    terminal.ends()

    assert (1 if is_heard else 0) == OSC.sub(b"", terminal.output).count(b"\x07")


@pytest.mark.parametrize("keys", [(b"q",), (b"\x03",), (b"/", b"\x03")], ids=["q", "ctrl+c", "while-typing"])
def test_leaving_the_audit_restores_the_terminal(opens: Opens, keys: tuple[bytes, ...]) -> None:
    """Ctrl+C stops nothing here, since nothing here energizes: it leaves, also out of a line that is being typed."""
    terminal = opens("--audit")
    terminal.sees("40 sessions, the newest first")
    for key in keys:
        terminal.types(key)
        if key == b"/":
            terminal.sees("filter: ")

    assert 0 == terminal.ends()
    assert terminal.before == terminal.modes()
    assert all(terminal.output.rindex(mode) > terminal.output.rindex(b"\x1b[?1049h") for mode in RESTORED)
    assert b"\x1b[?1000h" not in terminal.output


def test_the_bench_without_colour_sends_none(opens: Opens) -> None:
    """NO_COLOR, as at the table."""
    terminal = opens("--bench", env={"NO_COLOR": "1"})
    terminal.sees("ultrasound-1")
    terminal.types(b"\x11")
    terminal.ends()

    assert not COLOUR.search(terminal.output)


def test_the_audit_without_colour_sends_none(opens: Opens) -> None:
    """NO_COLOR, as at the table; the chosen row has its mark, an outcome its word."""
    terminal = opens("--audit", env={"NO_COLOR": "1"})
    terminal.sees(">2026-03-01 08:00 FAULTED")
    terminal.types(b"v")
    terminal.sees("UNANCHORED")
    terminal.types(b"q")
    terminal.ends()

    assert not COLOUR.search(terminal.output)


def test_what_is_typed_at_once_behind_a_key_goes_into_the_line(opens: Opens) -> None:
    """A filter that is pasted, or typed fast: its letters are no commands, also those that would be."""
    terminal = opens("--audit")
    terminal.sees("40 sessions, the newest first")
    terminal.types(b"/by:anna outcome:faulted early\r")
    terminal.sees("4 of 40 sessions: by:anna outcome:faulted early")
    terminal.types(b"q")

    assert 0 == terminal.ends()
