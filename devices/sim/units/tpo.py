"""A simulated Sonic Concepts TPO, from what published clients send it and print of its answers (UCL, Donders).

It speaks with names before its numbers, as newer firmware does, or says OK to what it is told, as older does.
Chosen where no client shows it: after power on the front panel has control, and what is set or started then is E1;
burst, period, timer and frequency are E1 while it sonicates, the power is taken; a latched error answers everything but
questions, ABORT and CLEARERROR; START while sonicating is E1; the licence of newer firmware is accepted; a restart
takes 2 s and ends with the greeting; every line is answered, also one that is cut or too long (E1).
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from devices.bench import Parameters
from devices.model import NS_PER_MS, MonoNs
from devices.sim.speaker import Effect, Speaker

CAN: Final = frozenset(
    {
        *("reboot", "hang", "wrong-identity", "firmware-changed", "timer-early", "timer-late", "frozen"),
        *("run-away", "over-deliver", "under-deliver", "clip", "stuck-on", "stuck-off", "uncommanded-on"),
        *("ignore-stop", "slow-stop", "accept-ignore", "apply-late", "apply-twice", "state-mismatch"),
    }
)
BOOT_NS: Final = 2_000 * NS_PER_MS
LONGEST: Final = 256
US_PER_MS: Final = 1_000
TIMER_MAX_US: Final = 600_000_000

# Name -> label, smallest and largest value, grid, decimals and unit of the answer. Set in µs, mW, µm or counts.
SETTINGS: Final[Mapping[str, tuple[str, int, int, int, int, str]]] = {
    "LOCAL": ("Local", 0, 1, 1, 0, ""),
    "GLOBALFREQ": ("Global frequency", 100_000, 10_000_000, 1, 0, ""),
    "GLOBALPOWER": ("Global power", 0, 30_000, 1, 3, ""),
    "BURST": ("Burst length", 10, 120_000_000, 10, 3, " ms"),
    "PERIOD": ("Burst period", 10, 120_000_000, 10, 3, " ms"),
    "TIMER": ("Timer", 0, TIMER_MAX_US, 10, 3, " ms"),
    "RAMPMODE": ("Ramp mode", 0, 5, 1, 0, ""),
    "RAMPLENGTH": ("Ramp length", 10, 100_000, 10, 3, " ms"),
    "TRIGGERMODE": ("Trigger Mode", 0, 2, 1, 0, ""),
    "VOLUME": ("Sound volume", 0, 3, 1, 0, ""),
    "FOCUS": ("Focus", 33_600, 75_200, 100, 3, " mm"),
    "ENFORCELIMITS": ("Enforce Power Limits", 0, 1, 1, 0, ""),
}
AT_BOOT: Final[Mapping[str, int]] = {
    "LOCAL": 1,
    "GLOBALFREQ": 500_000,
    "GLOBALPOWER": 0,
    "BURST": 80,
    "PERIOD": 20_000,
    "TIMER": 0,
    "RAMPMODE": 0,
    "RAMPLENGTH": 4_000,
    "TRIGGERMODE": 0,
    "VOLUME": 2,
    "FOCUS": 41_900,
    "ENFORCELIMITS": 1,
}
NOT_WHILE_ON: Final = frozenset({"BURST", "PERIOD", "TIMER", "GLOBALFREQ", "LOCAL", "RAMPMODE", "TRIGGERMODE"})
NOT_ASKED: Final = frozenset({"LOCAL", "GLOBALFREQ"})
_SET = re.compile(r"([A-Za-z]+)=(\d{1,10})")


class SimTpo(Speaker):
    """One generator with a transducer in water."""

    model = "sonic-concepts-tpo"
    ucum = "mW"
    boot_ns = BOOT_NS

    def __init__(self, name: str, seed: int, *, dialect: Literal["names", "ok"] = "names") -> None:
        super().__init__(name, seed, CAN)
        self._has_names = dialect == "names"
        self._unasked = b""
        self._values = dict(AT_BOOT)
        self._error = ""
        self._is_on = False
        self._ends_ns: int | None = None
        self._has_greeted = False

    # The seam

    def hear(self, received: bytes, now_ns: MonoNs) -> bytes:
        """One answer to every line."""
        answers = []
        for octet in received:
            if octet not in (13, 10):
                if len(self._received) <= LONGEST:
                    self._received.append(octet)
                continue
            text = self._received.decode("latin-1")
            self._received.clear()
            if text:
                answers.append(self._answer(text, now_ns))
                self._settle(now_ns)
        return b"".join(answer.encode() + b"\r\n" for answer in answers)

    def state(self) -> str:
        """Whether bursts come."""
        return "sonicating" if self._is_on else "idle"

    def unasked(self, now_ns: MonoNs) -> bytes:
        """The greeting, once after each start."""
        if not self._has_greeted and now_ns >= self._boots_until_ns and not self._faults.is_hung(now_ns):
            self._has_greeted = True
            version = "5.11" if self._faults.has("firmware-changed") else "5.10"
            self._unasked += f"Sonic Concepts TPO-203 (SIM) Version {version}\r\n".encode()
        said, self._unasked = self._unasked, b""
        return said

    def wire_variant(self, kind: str, reply: bytes, request: bytes, parameters: Parameters) -> bytes | None:
        """An answer with another content, in good lines: what a wire alone cannot make."""
        match kind:
            case "exception":
                return b"E%d\r\n" % ((dict(parameters)["code"] - 1) % 3 + 1)
            case "foreign":
                return b"Ramp length: 4.000 ms\r\n" if request.strip() else None
            case "forge":
                return _forged(reply)
            case "two-answer":
                return reply + _forged(reply)
            case "oversize":
                return b"x" * dict(parameters)["bytes"] + b"\r\n"
            case _:
                return None

    # Time

    def coming(self) -> list[tuple[int, Effect]]:
        """The timer's end, and the greeting after a restart."""
        due: list[tuple[int, Effect]] = []
        if self._is_on and self._ends_ns is not None:
            due.append((self._ends_ns + self._faults.timer_shift_ms() * NS_PER_MS, self._stop))
        if not self._has_greeted and self._boots_until_ns:
            due.append((self._boots_until_ns, self._booted))
        return due

    def power_on(self, now_ns: MonoNs) -> None:
        """Everything as at delivery; the greeting comes when it is up."""
        self._values = dict(AT_BOOT)
        self._error = ""
        self._stop(now_ns)
        self._has_greeted = False

    def true_channels(self, now_ns: MonoNs) -> tuple[int, ...]:
        """The power of the bursts."""
        return (self._faults.true_amplitude(self._values["GLOBALPOWER"] if self._is_on else 0, now_ns),)

    def could_put_out(self) -> bool:
        """It sonicates; also at a power of nothing."""
        return self._is_on and not self._faults.has("stuck-off")

    def _booted(self, now_ns: MonoNs) -> None:
        self._unasked += self.unasked(now_ns)

    def _stop(self, _now_ns: MonoNs) -> None:
        self._is_on = False
        self._ends_ns = None

    # Lines

    def _answer(self, text: str, now_ns: MonoNs) -> str:
        if text.endswith("?"):
            return self._asked(text[:-1].upper(), now_ns)
        if text == "ABORT":
            self._follow(self._faults.fate_of_stop(now_ns), self._stop, now_ns)
            return "Treatment aborted" if self._has_names else "OK"
        if text == "CLEARERROR":
            self._error = ""
            return "Error cleared" if self._has_names else "OK"
        if not self._error:
            answer = self._started(now_ns) if text == "START" else self._set(text, now_ns)
            if answer not in ("E1", "E2"):
                return answer
            self._error = answer
        return self._error

    def _asked(self, name: str, now_ns: MonoNs) -> str:
        if name == "SYSTEMSTATE":
            is_on = self._output > 0 or self._is_on
            if self._faults.has("state-mismatch"):
                is_on = not is_on
            return str(self._told(name, int(is_on), now_ns))
        if name == "XDRLIST":
            return f"SIM{self._serial(7):07d} CTX"
        if name not in SETTINGS or name in NOT_ASKED:
            return "E3"
        return self._printed(name, self._told(name, self._values[name], now_ns))

    def _printed(self, name: str, value: int) -> str:
        label, _, _, _, places, unit = SETTINGS[name]
        number = f"{value // 1000}.{value % 1000:03d}" if places else str(value)
        return f"{label}: {number}{unit}" if self._has_names else f"{number}{unit}"

    def _set(self, text: str, now_ns: MonoNs) -> str:
        match = _SET.fullmatch(text)
        name = match[1].upper() if match else ""
        if match is None or name not in SETTINGS:
            return "E1"
        value = int(match[2])
        _, low, high, grid, _, _ = SETTINGS[name]
        if not low <= value <= high or value % grid:
            return "E2"
        if (self._values["LOCAL"] and name != "LOCAL") or (self._is_on and name in NOT_WHILE_ON):
            return "E1"
        timed = {**self._values, name: value}
        if not (timed["TIMER"] or TIMER_MAX_US) >= timed["PERIOD"] >= timed["BURST"]:
            return "E2"
        self._follow(self._faults.fate_of_command(now_ns), lambda _at_ns: self._hold(name, value), now_ns)
        return self._printed(name, value) if self._has_names else "OK"

    def _hold(self, name: str, value: int) -> None:
        self._values[name] = value

    def _started(self, now_ns: MonoNs) -> str:
        if self._values["LOCAL"] or self._is_on:
            return "E1"
        self._follow(self._faults.fate_of_command(now_ns), self._run, now_ns)
        return "Treatment started" if self._has_names else "OK"

    def _run(self, now_ns: MonoNs) -> None:
        timer_us = self._values["TIMER"]
        self._is_on = True
        self._ends_ns = now_ns + timer_us * US_PER_MS if timer_us else None


def _forged(reply: bytes) -> bytes:
    """The same line with its last digit another one; a line without digits says that nothing was started."""
    for at in range(len(reply) - 1, -1, -1):
        if chr(reply[at]).isdigit():
            return reply[:at] + (b"0" if reply[at : at + 1] != b"0" else b"1") + reply[at + 1 :]
    return b"E1\r\n"
