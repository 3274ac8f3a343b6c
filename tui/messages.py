"""What happens on the screens. Workers and widgets post these; the app alone acts on them."""

from dataclasses import dataclass

from textual.message import Message

from modctl.ipc.messages import Done, Event, Refused, Request, Snapshot, Start
from tui.client import Client


@dataclass
class Connected(Message):
    """The controller said hello."""

    client: Client


@dataclass
class LinkLost(Message):
    """There is no connection, or not any more. ``client`` None: it never was one."""

    client: Client | None
    why: str


@dataclass
class SnapshotArrived(Message):
    """Newest controller state. Older ones still queued are worthless."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """The newest wins."""
        return isinstance(message, SnapshotArrived)


@dataclass
class EventArrived(Message):
    """One charted entry, none is dropped."""

    event: Event


@dataclass
class Answered(Message):
    """The controller's answer to one request."""

    asked: Request
    reply: Done | Refused


class Tick(Message):
    """Four times a second: ages are looked at again."""

    def can_replace(self, message: Message) -> bool:
        """One waiting is enough."""
        return isinstance(message, Tick)


@dataclass
class Asked(Message):
    """A screen wants the controller to do something. Its ``id`` is filled in when it is sent."""

    request: Request


class Wish(Message):
    """What a person wants to see next; nothing is asked of the controller by that."""


@dataclass
class UnitChosen(Wish):
    """The next session is on this unit."""

    unit: str


@dataclass
class PatientChosen(Wish):
    """The next session is for this patient; ``name`` is what the list said of them."""

    patient: str
    name: str


@dataclass
class SignedWith(Message):
    """A person said who they are."""

    user: str
    pin: str


class ConfirmShown(Message):
    """The question that starts output has just appeared: keys do not count for half a second."""


class Finished(Wish):
    """A person has read the end of the session shown large."""


class NextSession(Wish):
    """A person wants to prepare another session while the others go on."""


class ReadMap(Message):
    """A person asks what the keys do."""


class ReadActions(Message):
    """A person asks what can be done now."""


class Leaving(Message):
    """A person wants to leave this screen for good."""


@dataclass
class TabChosen(Wish):
    """Another session belongs to the front; ``number`` None: the next one."""

    number: int | None


@dataclass
class Noticed(Message):
    """One line for a person."""

    text: str


@dataclass
class BesideWanted(Wish):
    """A second unit belongs to the session that would be asked for now."""

    start: Start


@dataclass
class BesideChosen(Wish):
    """This is the second unit."""

    unit: str


@dataclass
class LatchShown(Wish):
    """A person wants to clear the fault of a unit."""

    unit: str


class Unlocking(Wish):
    """Somebody is back at a locked screen."""


class RoundShown(Wish):
    """A person wants to look at the day's checks."""


class SteppedBack(Message):
    """A person wants one step back; nothing is energized by that, and nothing is stopped."""
