"""The little that the end of a session needs from the chart and that no snapshot holds."""

from collections.abc import Iterable

import msgspec

from modctl import sentences
from modctl.records import UnitIdentified


class _Head(msgspec.Struct, frozen=True):
    """The head of any entry, and the fields of the few kinds that are read here. Others pass unread."""

    kind: str
    session: str | None
    actor: str | None
    at_utc: str
    data: msgspec.Raw


class _Setpoint(msgspec.Struct, frozen=True):
    levels: tuple[tuple[str, int], ...]


class _Alarm(msgspec.Struct, frozen=True):
    alarm: str
    priority: str
    text: str


class Dose(msgspec.Struct, frozen=True):
    """One delivered quantity: between its bounds, in its UCUM unit."""

    quantity: str
    lower: int
    upper: int
    unit: str


class _Ended(msgspec.Struct, frozen=True):
    dose: tuple[Dose, ...] = ()
    contractions: int | None = None


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """What the chart tells of one session beyond its view."""

    started_at_utc: str = ""
    highest: tuple[tuple[str, int], ...] = ()  # the most of each parameter that was commanded
    dose: tuple[Dose, ...] = ()
    contractions: int | None = None
    signed_by: str = ""


def journal_of(entries: Iterable[msgspec.Raw]) -> Journal:
    """Read one session's entries, in order."""
    journal = Journal()
    for entry in entries:
        journal = _read(journal, msgspec.json.decode(entry, type=_Head))
    return journal


def alarm_text(entry: msgspec.Raw) -> tuple[str | None, str] | None:
    """Session and sentence of an alarm's entry; None for every other kind. Alarms shorter than a snapshot are seen."""
    head = msgspec.json.decode(entry, type=_Head)
    if head.kind != "alarm":
        return None
    alarm = msgspec.json.decode(head.data, type=_Alarm)
    return head.session, alarm.text or sentences.alarm(alarm.alarm)


def identity_text(entry: msgspec.Raw, unit: str) -> str:
    """What this unit answered to the question who it is, as a sentence; empty for every other entry."""
    head = msgspec.json.decode(entry, type=_Head)
    if head.kind != "unit.identified":
        return ""
    told = msgspec.json.decode(head.data, type=UnitIdentified)
    if told.unit != unit:
        return ""
    fits = "as in site.toml" if told.matches else "NOT THE UNIT OF ITS ENTRY"
    serial = f"serial {told.serial or 'not told'}, firmware {told.firmware or 'not told'}"
    return f"{told.unit} answers: {told.model}, {serial}; {fits}."


def _read(journal: Journal, head: _Head) -> Journal:
    match head.kind:
        case "session.started":
            return msgspec.structs.replace(journal, started_at_utc=head.at_utc)
        case "setpoint":
            highest = dict(journal.highest)
            for name, value in msgspec.json.decode(head.data, type=_Setpoint).levels:
                highest[name] = max(value, highest.get(name, value))
            return msgspec.structs.replace(journal, highest=tuple(sorted(highest.items())))
        case "session.ended":
            ended = msgspec.json.decode(head.data, type=_Ended)
            return msgspec.structs.replace(journal, dose=ended.dose, contractions=ended.contractions)
        case "session.signed":
            return msgspec.structs.replace(journal, signed_by=head.actor or "")
        case _:
            return journal
