"""A serial line: pyserial opens, locks and configures it, then bytes move under one poll().

pyserial's own reads and writes are not used: they wait where a queued stop could not wake them. The lock is
flock on the device (what ``exclusive=True`` does): it dies with its holder, however that ends. TIOCEXCL is not
used: on a pseudo-terminal it outlives its holder, and then nobody but root opens the line again.
"""

import errno
import os
import select
import termios
from contextlib import suppress

import serial

from protocols.link import LineSettings, LinkError

READ_BYTES = 4096  # as much as the kernel keeps for one line (N_TTY_BUF_SIZE)
NS_PER_MS = 1_000_000
# What pyserial lets through: its own errors, the system's, those of the terminal layer (no OSError), bad values.
_FAMILIES = (serial.SerialException, OSError, termios.error, ValueError)
_ABSENT = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR})
_IN_USE = frozenset({errno.EAGAIN, errno.EBUSY})


class SerialLink:
    """One serial line by its path. Satisfies ``protocols.link.Link``."""

    def __init__(self, path: str, settings: LineSettings) -> None:
        self._path = path
        self._settings = settings
        self._serial: serial.Serial | None = None
        self._poll = select.poll()
        # Lives as long as the link: a wake that comes while another thread closes must not hit a stranger's file.
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def __del__(self) -> None:
        os.close(self._wake)

    def open(self) -> None:
        """Open, lock and configure; raise LinkError, holding nothing, if any of it fails."""
        self.close()
        is_pseudo = os.path.realpath(self._path).startswith("/dev/pts/")
        try:
            line = serial.Serial(
                self._path,
                baudrate=self._settings.baud,
                # A pseudo-terminal drops parity once and then refuses every later setting that asks for it.
                parity="N" if is_pseudo else self._settings.parity,
                stopbits=self._settings.stop_bits,
                rtscts=self._settings.rtscts,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except _FAMILIES as error:
            raise self._not_opened(error) from error
        if not is_pseudo:
            # Without it an FTDI adapter keeps each answer for 16 ms; a driver that has no such mode says so.
            with suppress(*_FAMILIES, NotImplementedError):
                line.set_low_latency_mode(True)
        self._serial = line
        self._poll = select.poll()
        self._poll.register(self.fileno(), select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def close(self) -> None:
        """Close and unlock; safe to call twice and on a line that is lost."""
        line, self._serial = self._serial, None
        if line is not None:
            with suppress(*_FAMILIES):
                line.close()

    def write(self, frame: bytes) -> None:
        """Hand one frame to the line without blocking; raise LinkError ``stuck`` if it does not take all of it."""
        try:
            taken = os.write(self.fileno(), frame)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            raise self._lost(error) from error
        if taken < len(frame):
            raise LinkError("stuck", f"{self._path} took {taken} of {len(frame)} bytes: nothing reads the other end")

    def read(self, timeout_ns: int) -> bytes:
        """Bytes that arrived, or ``b""`` after the timeout or a ``wake``; raise LinkError if the line is gone.

        The wait is rounded up to whole milliseconds, as poll(2) counts them.
        """
        line = self.fileno()
        try:
            ready = dict(self._poll.poll(-(-max(timeout_ns, 0) // NS_PER_MS)))
        except OSError as error:
            raise self._lost(error) from error
        if self._wake in ready:
            with suppress(BlockingIOError):
                os.eventfd_read(self._wake)
        if line not in ready:
            return b""
        try:
            received = os.read(line, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error) from error
        if not received:
            raise LinkError("lost", f"{self._path} hung up: unplugged, or another program reads the same line")
        return received

    def discard_input(self) -> None:
        """Throw away what has arrived and was not read."""
        try:
            termios.tcflush(self.fileno(), termios.TCIFLUSH)
        except (OSError, termios.error) as error:
            raise self._lost(error) from error

    def wake(self) -> None:
        """Make a ``read`` in another thread return at once. The only call that any thread may make."""
        os.eventfd_write(self._wake, 1)

    def fileno(self) -> int:
        """The line's descriptor; raise LinkError when not open."""
        if self._serial is None or self._serial.fd is None:
            raise LinkError("lost", f"{self._path} is not open")
        return self._serial.fd

    def _lost(self, error: Exception) -> LinkError:
        return LinkError("lost", f"{self._path} is gone: {_words(error)}")

    def _not_opened(self, error: Exception) -> LinkError:
        number = error.errno if isinstance(error, OSError) else None
        if number in _ABSENT:
            return LinkError("absent", f"there is no {self._path}: the unit is not plugged in or its path has changed")
        if number in _IN_USE:
            return LinkError("in_use", f"{self._path} belongs to another program; close that one first")
        return LinkError("refused", f"{self._path} cannot be used as a serial line: {_words(error)}")


def _words(error: Exception) -> str:
    """What the system says, without the error's number in front where it has words of its own."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
