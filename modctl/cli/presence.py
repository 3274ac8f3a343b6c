"""Who is at this terminal in plain mode: it locks when nobody touches it, and a session goes from hand to hand.

Rule 1: a lock takes away starting, raising and answering, never stopping, pausing, lowering or being told.
Rule 2: whoever signs in here while a session runs has it from then on, and that is charted.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from devices.model import NS_PER_S
from modctl.cli.common import say
from modctl.cli.typed_line import TypedLine
from modctl.ipc.client import BlockingClient
from modctl.ipc.hands import Lock, TakeOver
from modctl.ipc.messages import Done, Refused, SessionView, SignIn, Snapshot

HAND_OVER: Final = "h"
UNLOCKS: Final = ("\r", "\n")
CALM: Final = "-pwl"  # keys that a locked terminal still takes, beside the stop keys
MAX_NAME_CHARS: Final = 32
MAX_PIN_CHARS: Final = 64  # chosen: longer than any PIN, short enough to be no paste
LOCKED: Final = (
    "Locked: nobody touched this terminal. Enter asks for your PIN. s stops, p pauses, - lowers, w says all."
)
WHO: Final = "Who works here now? Type the name, then Enter (empty: {user}). Ctrl-C and Escape stop."
PIN: Final = "PIN of {user}, then Enter. It is not shown."


class Presence:
    """Changed by keys, snapshots and answers. ``user``: who began; nobody is locked out where no person answers."""

    def __init__(self, client: BlockingClient, user: str, now_ns: int, *, is_person: bool) -> None:
        self._client = client
        self._user = user
        self._is_person = is_person
        self._touched_ns = now_ns
        self._name: TypedLine | None = None
        self._pin: TypedLine | None = None
        self._coming = user  # who is signing in
        self._sign_in_id = 0
        self._take_over_ids: set[int] = set()
        self.is_locked = False

    @property
    def is_typing(self) -> bool:
        """Keys are a name or a PIN now."""
        return self._name is not None or self._pin is not None

    def touched(self, now_ns: int) -> None:
        """Somebody is here."""
        self._touched_ns = now_ns

    def see(self, snapshot: Snapshot, now_ns: int) -> None:
        """Lock once nobody has been here for as long as the site says."""
        after_ns = snapshot.lock_after_s * NS_PER_S
        if not self._is_person or self.is_locked or not after_ns or now_ns - self._touched_ns < after_ns:
            return
        self.is_locked = True
        self._client.send(Lock(id=self._client.next_id()))
        say(LOCKED)

    def takes(self, key: str) -> bool:
        """The key is about who is here, or is one that a locked terminal does not take."""
        return self.is_typing or (self._is_person and key == HAND_OVER) or (self.is_locked and key not in CALM)

    def key(self, key: str) -> None:
        """A name, a PIN, or the wish to give one."""
        if self._name is not None:
            name = self._name.key(key)
            if name is not None:
                self._name, self._coming = None, name or self._user
                self._ask_pin()
        elif self._pin is not None:
            pin = self._pin.key(key)
            if pin is not None:
                self._pin = None
                self._sign_in_id = self._client.next_id()
                self._client.send(SignIn(id=self._sign_in_id, user=self._coming, pin=pin))
        elif key == HAND_OVER:
            self._name = TypedLine(MAX_NAME_CHARS)
            say(WHO.format(user=self._user))
        elif key in UNLOCKS:
            self._coming = self._user
            self._ask_pin()
        else:
            say(LOCKED)

    def give_up(self) -> None:
        """Nobody signs in after all."""
        self._name = self._pin = None
        say(LOCKED if self.is_locked else "Nothing was handed over.")

    def answered(self, answer: Done | Refused, views: Mapping[str, SessionView]) -> bool:
        """What the controller says of a sign-in or of a session taken over. False: it is about something else."""
        if answer.id in self._take_over_ids:
            self._take_over_ids.discard(answer.id)
            say(answer.reason if isinstance(answer, Refused) else f"{answer.session} is in the hands of {self._user}.")
            return True
        if answer.id != self._sign_in_id:
            return False
        if isinstance(answer, Refused):
            say(f"{answer.reason} {LOCKED if self.is_locked else ''}".strip())
            return True
        self.is_locked, self._user = False, self._coming
        say(f"{self._user} is signed in as {answer.role}.")
        self.take_over([one.session for one in views.values() if one.person not in ("", self._user)])
        return True

    def take_over(self, sessions: Sequence[str]) -> None:
        """Ask for these sessions; the controller charts from whom and to whom."""
        for session in sessions:
            number = self._client.next_id()
            self._take_over_ids.add(number)
            self._client.send(TakeOver(id=number, session=session))

    def _ask_pin(self) -> None:
        self._pin = TypedLine(MAX_PIN_CHARS, hidden=True)
        say(PIN.format(user=self._coming))
