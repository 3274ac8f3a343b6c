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
