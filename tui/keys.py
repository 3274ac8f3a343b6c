"""Which keys count. Stop keys always do; the others must not be an echo of something else."""

from typing import Final

from devices.model import NS_PER_MS

STOP_ALL: Final = frozenset({"f12", "ctrl+c"})
STOP_LARGE: Final = frozenset({"escape", "space", "s"})
STOPS: Final = STOP_ALL | STOP_LARGE
LEAVE: Final = "ctrl+q"  # has its own refusal
# Keys that answer a question: held down they would answer the questions after it too.
ANSWERS: Final = frozenset({"enter", "u", *"0123456789"})
REPEAT_NS: Final = 100 * NS_PER_MS  # chosen: keyboards repeat every 25 to 50 ms, people press twice in 100 to 200 ms
CLOSED_NS: Final = 500 * NS_PER_MS  # the product's half a second before *start* can be confirmed


class KeyGuard:
    """Says of each key whether it counts. Knows no screen and reads no clock."""

    def __init__(self) -> None:
        self._closed_until_ns = 0
        self._answered: tuple[str, int] = ("", 0)

    def close(self, now_ns: int) -> None:
        """For half a second only stop keys count: something is about to be confirmed, or has just been stopped."""
        self._closed_until_ns = now_ns + CLOSED_NS

    def takes(self, key: str, now_ns: int) -> bool:
        """Whether this press counts. A held key that answers counts once, however long it is held."""
        if key in STOPS or key == LEAVE:
            return True
        if key in ANSWERS:
            before, pressed_ns = self._answered
            self._answered = (key, now_ns)
            if key == before and now_ns - pressed_ns < REPEAT_NS:
                return False
        return now_ns >= self._closed_until_ns
