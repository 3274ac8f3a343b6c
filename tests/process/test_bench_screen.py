"""``modctl bench`` on a real terminal: a controller, simulators, a run on a load, a stop, a fault, a hold."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from modctl.config import Layout
from tests.process import small_site as site

ROWS, COLUMNS = 24, 80
WAIT_S = 20  # the longest that a step may take on a busy machine; nothing waits that long when it works
F12 = b"\x1b[24~"
CTRL_Q = b"\x11"


class Terminal:
    """The bench on a terminal: keys in, a screen to look at."""

    def __init__(self, layout: Layout) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._child = pexpect.spawn(
            str(site.MODCTL),
            ["--site", str(layout.root), "bench"],
            dimensions=(ROWS, COLUMNS),
            env={**os.environ, "TERM": "xterm-256color"},
            timeout=WAIT_S,
        )

    def sees(self, words: str) -> None:
        """Wait until these words stand on the screen."""
        until_ns = site.CLOCK.mono_ns() + WAIT_S * 1_000_000_000
        while words not in self.text():
            assert site.CLOCK.mono_ns() < until_ns, f"{words!r} never came:\n{self.text()}"
            self._stream.feed(self._child.read_nonblocking(65_536, timeout=WAIT_S))

    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    def types(self, keys: bytes) -> None:
        """Bytes as a keyboard sends them."""
        self._child.send(keys)

    def enters(self, asked: str, words: str) -> None:
        """Wait for a question, then answer it with a line."""
        self.sees(asked)
        self.types(words.encode() + b"\r")

    def waits_until_keys_count(self) -> None:
        """For half a second after the last question, and after a stop, only stop keys do."""
        time.sleep(0.6)

    def leaves(self) -> int:
        """Ctrl+Q; the exit status."""
        self.types(CTRL_Q)
        self._child.expect(pexpect.EOF)
        self._child.wait()
        return int(self._child.exitstatus or 0)

    def close(self) -> None:
        """Leave nothing running."""
        self._child.close(force=True)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[tuple[Layout, Terminal]]:
    """A small site that runs, and the technician's screen before it."""
    layout = site.lay_down(tmp_path / "site")
    with site.simulators(layout), site.controller(layout) as running:
        terminal = Terminal(layout)
        try:
            yield layout, terminal
        finally:
            terminal.close()
        assert 0 == running.end()


@pytest.mark.slow
def test_a_technician_at_the_bench(bench: tuple[Layout, Terminal]) -> None:
    """What is true stands beside what is reported, a stop key switches off at once, and a fault shows as what it is."""
    layout, terminal = bench
    terminal.enters("who works here", "technician")
    terminal.enters("PIN:", site.PIN)
    terminal.sees("technician is signed in")
    terminal.types(b"\r")
    terminal.sees("calibration")
    terminal.types(b"r")
    terminal.enters("load on the output", "500 ohm")
    terminal.enters("pulse_width_us", "200")
    terminal.enters("period_us", "10000")
    terminal.enters("current_ua", "5000")
    terminal.enters("seconds", "60")
    terminal.enters("type nobody", "nobody")
    terminal.enters("Is nobody connected?", "")
    terminal.enters("Is the load connected?", "")
    terminal.sees("> Not yet")
    terminal.waits_until_keys_count()
    terminal.types(b"\x1b[B")
    terminal.sees("> Start now")
    terminal.types(b"\r")
    terminal.sees("■ ENERGIZED")

    terminal.sees("TRUE ■")
    assert site.truth(layout, "estim-1").energized
    terminal.types(F12)
    terminal.sees("□ STOPPED")
    assert not site.truth(layout, "estim-1").energized

    terminal.waits_until_keys_count()
    terminal.types(b"f")
    terminal.sees(">○ silence")
    terminal.types(b"\r")
    terminal.sees("faults now: silence")
    terminal.sees("reported ? UNKNOWN")
    assert ("silence",) == site.truth(layout, "estim-1").faults
    terminal.types(b"c")
    terminal.sees("faults now: none")

    terminal.types(b"\x7f")
    terminal.sees("identity")
    terminal.types(b"h")
    terminal.enters("why estim-1 is taken out of service", "cable worn")
    terminal.sees("out of service at every table")
    assert "Zzcanary" not in terminal.text()
    assert 0 == terminal.leaves()
