"""In whose hands a screen, a session and its record are: locking, taking over, signing, adding, opening an incident."""

import msgspec


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Strict at the border."""


class Lock(_Message, frozen=True, kw_only=True, tag="lock"):
    """Nobody has touched this screen for a while: no start, no raise, no answer until somebody signs in again."""

    id: int


class TakeOver(_Message, frozen=True, kw_only=True, tag="take_over"):
    """The signed-in person has this session from now on, and this screen attends it."""

    id: int
    session: str


class SignSession(_Message, frozen=True, kw_only=True, tag="sign_session"):
    """Sign the record of a session that has ended."""

    id: int
    session: str


class Amend(_Message, frozen=True, kw_only=True, tag="amend"):
    """Put one statement of an ended session right. ``field`` is its gate; the old value stays."""

    id: int
    session: str
    field: str
    value: str
    reason: str


class LateEntry(_Message, frozen=True, kw_only=True, tag="late_entry"):
    """Add a statement to an ended session: the time that it is about (RFC 3339, UTC), and words."""

    id: int
    session: str
    about_utc: str
    text: str


class OpenIncident(_Message, frozen=True, kw_only=True, tag="open_incident"):
    """Chart that a session's evidence is being gathered, and take its unit out of use."""

    id: int
    session: str


class StartWith(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The other half of a combination: another unit, another preset, the same patient and time."""

    unit: str
    preset: str


class OverrideAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One soft limit to be opened for one session, by its id, with the reason in words.

    ``second_user`` and ``second_pin`` where the limit takes a second person; also where an assistant asks.
    """

    limit: str
    reason: str
    second_user: str = ""
    second_pin: str = ""


class StoppedUnit(msgspec.Struct, frozen=True, kw_only=True):
    """What ``stop`` reached on one unit. ``after_ms`` None: not confirmed within the deadline."""

    unit: str
    off: bool
    after_ms: int | None
    note: str = ""  # what a person must do where modctl cannot: take packs off
    monitored: bool = False  # stays as it is whatever is stopped


class AlarmView(msgspec.Struct, frozen=True, kw_only=True):
    """One standing alarm."""

    alarm: str
    priority: str
    text: str
    since_mono_ns: int
