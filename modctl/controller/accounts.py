"""Who is who: ``people.db`` with users, patients and texts. Identities live here and never in the chart.

Rule 1: a PIN is checked by a helper process; nothing here hashes, and nobody waits (``PinCheck`` is polled).
Rule 2: an unknown user is checked as long as a known one.
Rule 3: wrong PINs lock the account for a growing time. A stop needs no sign-in, so no lock ever stands before it.
"""

import subprocess
import sys
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from devices.model import label
from modctl.chart.sqlite import Connection, Cursor, SqliteError, open_writer
from modctl.clock import utc_text
from modctl.controller import pin_check, texts
from modctl.errors import RefusedError, UnreachableError, UsageError

MAX_TRIES: Final = 5  # chosen: room for gloves; the sixth guess of 10 000 waits
FIRST_LOCK_S: Final = 60  # chosen; doubled with each further wrong PIN
LONGEST_LOCK_S: Final = 3_600  # chosen: an hour; longer locks only invite shared accounts

# Of a PIN that nobody has: what an unknown user's guess is held against, so that it takes as long (argon2id, RFC 9106).
NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$Qd3mIoFHJ4xXI0LvJ2vPGbbWAcBYo3SZoFRpBxBnXDA"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS user (
  name TEXT PRIMARY KEY, role TEXT NOT NULL, verifier TEXT NOT NULL, is_once INTEGER NOT NULL,
  failures INTEGER NOT NULL, locked_until_utc TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS patient (
  ref TEXT PRIMARY KEY, name TEXT NOT NULL, birth_date TEXT NOT NULL, side TEXT NOT NULL, body_weight_g INTEGER,
  weighed_at_utc TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS told (
  commitment TEXT PRIMARY KEY, salt BLOB NOT NULL, text TEXT NOT NULL, about TEXT NOT NULL
) STRICT;
"""


_PATIENT: Final = "ref, name, birth_date, side, body_weight_g, weighed_at_utc"


class Role(StrEnum):
    """What a person may do; the controller decides by it."""

    THERAPIST = "therapist"
    ASSISTANT = "assistant"
    AUDITOR = "auditor"
    TECHNICIAN = "technician"
    ADMINISTRATOR = "administrator"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """One account. ``is_once``: the PIN was made by somebody else and only serves to set an own one."""

    name: str
    role: Role
    verifier: str
    is_once: bool = False
    failures: int = 0
    locked_until_utc: str | None = None


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """Identity of a patient; the chart knows only ``ref``. ``side`` is of the prescription in force."""

    ref: str
    name: str
    birth_date: str  # YYYY-MM-DD
    side: str  # left | right | both
    body_weight_g: int | None = None
    weighed_at_utc: str | None = None  # None with a weight: nobody knows how old it is


class SignInResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a sign-in ended. ``word`` is for the chart, ``sentence`` for the person."""

    user: str
    role: Role | None
    word: str  # ok | wrong_pin | locked | unknown
    sentence: str = ""


class PinCheck:
    """A PIN being checked in its helper process. Wait on ``fileno`` (readable at the end) or look with ``result``."""

    def __init__(self, name: str, known: User | None, pin: str) -> None:
        self.name = name
        self.known = known
        verifier = NOBODY if known is None else known.verifier
        self._helper = subprocess.Popen(
            [sys.executable, "-P", "-m", pin_check.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
        )
        if self._helper.stdin is None or self._helper.stdout is None:
            raise AssertionError("both were asked to be pipes")
        question = msgspec.json.encode(pin_check.Question(verifier, pin))
        self._helper.stdin.write(question)  # a few hundred bytes: a pipe takes them at once
        self._helper.stdin.close()
        self._ended = self._helper.stdout

    def fileno(self) -> int:
        """A pipe that reaches its end when the helper has ended."""
        return self._ended.fileno()

    def result(self) -> bool | None:
        """True: the PIN is right; False: it is not, or could not be checked; None: not known yet. Never waits."""
        status = self._helper.poll()
        if status is None:
            return None
        self._ended.close()
        return self.known is not None and status == pin_check.RIGHT

    def wait(self) -> bool:
        """The result, waited for: for commands, not for the controller."""
        self._helper.wait()
        return self.result() is True

    def abandon(self) -> None:
        """Nobody wants to know any more."""
        self._helper.kill()
        self._helper.wait()
        self._ended.close()


class People:
    """One open ``people.db``, for the thread that opened it. Raises UnreachableError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise UnreachableError(f"There is no {path}. A site is laid down with: modctl init {path.parent}")
        self._connection = open_writer(path)
        self._add_missing_columns()

    @classmethod
    def create(cls, path: Path) -> "People":
        """A new, empty file that only its owner can read."""
        path.touch(mode=0o600, exist_ok=False)
        connection: Connection = open_writer(path)
        connection.executescript(_SCHEMA)
        connection.close()
        return cls(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # Users

    def add_user(self, user: User) -> None:
        """Add one account; RefusedError where the name is taken."""
        row = (user.name, user.role, user.verifier, int(user.is_once), user.failures, user.locked_until_utc)
        if self._execute("INSERT OR IGNORE INTO user VALUES (?, ?, ?, ?, ?, ?)", row).rowcount == 0:
            raise RefusedError(f"There is a user {user.name!r} already. Nothing was changed.")

    def user(self, name: str) -> User | None:
        """One account by name."""
        return next((user for user in self.users() if user.name == name), None)

    def users(self) -> tuple[User, ...]:
        """All accounts, by name."""
        rows = self._execute("SELECT * FROM user ORDER BY name", ())
        return tuple(
            User(
                name=row[0],
                role=Role(row[1]),
                verifier=row[2],
                is_once=bool(row[3]),
                failures=row[4],
                locked_until_utc=row[5],
            )
            for row in rows
        )

    def set_pin(self, name: str, verifier: str, *, is_once: bool) -> None:
        """Give an account another PIN; its lock goes with the old one."""
        query = "UPDATE user SET verifier = ?, is_once = ?, failures = 0, locked_until_utc = NULL WHERE name = ?"
        if self._execute(query, (verifier, int(is_once), name)).rowcount == 0:
            raise UsageError(f"There is no user {name!r}.")

    # Sign-in

    def begin_sign_in(self, name: str, pin: str, now: datetime) -> "PinCheck | SignInResult":
        """Start checking a PIN, or say at once that the account is locked. ``now`` is aware."""
        user = self.user(name)
        if user is not None and user.locked_until_utc is not None and utc_text(now) < user.locked_until_utc:
            return _locked(user)
        return PinCheck(name, user, pin[: pin_check.MAX_PIN_CHARS + 1])

    def finish_sign_in(self, check: PinCheck, now: datetime, *, is_right: bool) -> SignInResult:
        """Count the result and say it; ``is_right`` is what the check gave."""
        user = self.user(check.name)
        if check.known is None or user is None:
            return SignInResult(user=label(check.name), role=None, word="unknown", sentence=_NOT_RIGHT)
        if not is_right:
            return self._failed(user, now)
        self._execute("UPDATE user SET failures = 0, locked_until_utc = NULL WHERE name = ?", (user.name,))
        if user.is_once:
            sentence = f"This PIN was given out for once. Set your own first: modctl user pin {user.name}"
            return SignInResult(user=user.name, role=None, word="wrong_pin", sentence=sentence)
        return SignInResult(user=user.name, role=user.role, word="ok")

    def _failed(self, user: User, now: datetime) -> SignInResult:
        failures = user.failures + 1
        until = None
        if failures >= MAX_TRIES:
            lock_s = min(FIRST_LOCK_S << min(failures - MAX_TRIES, 10), LONGEST_LOCK_S)
            until = utc_text(now + timedelta(seconds=lock_s))
        query = "UPDATE user SET failures = ?, locked_until_utc = ? WHERE name = ?"
        self._execute(query, (failures, until, user.name))
        if until is None:
            return SignInResult(user=user.name, role=None, word="wrong_pin", sentence=_NOT_RIGHT)
        return _locked(msgspec.structs.replace(user, locked_until_utc=until))

    # Patients

    def add_patient(self, patient: Patient) -> None:
        """Add one patient; RefusedError where the reference is taken."""
        weight = (patient.body_weight_g, patient.weighed_at_utc)
        row = (patient.ref, patient.name, patient.birth_date, patient.side, *weight)
        if self._execute(f"INSERT OR IGNORE INTO patient ({_PATIENT}) VALUES (?, ?, ?, ?, ?, ?)", row).rowcount == 0:  # noqa: S608 - names of this module
            raise RefusedError(f"There is a patient {patient.ref!r} already. Nothing was changed.")

    def patients(self) -> tuple[Patient, ...]:
        """All patients, by reference. What is shown of their names was made safe when it came in."""
        rows = self._execute(f"SELECT {_PATIENT} FROM patient ORDER BY ref", ())  # noqa: S608 - names of this module
        return tuple(
            Patient(
                ref=row[0],
                name=row[1],
                birth_date=row[2],
                side=row[3],
                body_weight_g=row[4],
                weighed_at_utc=row[5],
            )
            for row in rows
        )

    def patient(self, ref: str) -> Patient | None:
        """One patient by reference."""
        return next((patient for patient in self.patients() if patient.ref == ref), None)

    def weigh(self, ref: str, body_weight_g: int, at_utc: str) -> None:
        """Keep a patient's weight with its date."""
        query = "UPDATE patient SET body_weight_g = ?, weighed_at_utc = ? WHERE ref = ?"
        self._execute(query, (body_weight_g, at_utc, ref))

    # Texts

    def keep(self, sealed: texts.Sealed, about: str) -> None:
        """Keep a free text, before its commitment is charted. ``about`` names its session."""
        row = (sealed.commitment, sealed.salt, sealed.text, about)
        self._execute("INSERT INTO told VALUES (?, ?, ?, ?)", row)

    def told(self, commitment: str) -> texts.Told:
        """The text behind a commitment, if it is kept here and still is what was committed to."""
        row = self._execute("SELECT salt, text FROM told WHERE commitment = ?", (commitment,)).fetchone()
        if row is None:
            return texts.Told(state=texts.NOT_KEPT)
        salt, text = row
        if texts.commitment(salt, text) != commitment:
            return texts.Told(state=texts.ALTERED)
        return texts.Told(state=texts.KEPT, text=text)

    def forget(self, commitment: str) -> None:
        """Forget one text: what it was committed to stays in the chart and says nothing."""
        self._execute("DELETE FROM told WHERE commitment = ?", (commitment,))

    def _add_missing_columns(self) -> None:
        """A file from before weights had dates: its weights have none, so they are asked for again."""
        columns = {row[1] for row in self._execute("PRAGMA table_info(patient)", ())}
        if columns and "weighed_at_utc" not in columns:
            self._execute("ALTER TABLE patient ADD COLUMN weighed_at_utc TEXT", ())

    def _execute(self, query: str, values: tuple[str | int | bytes | None, ...]) -> Cursor:
        try:
            return self._connection.execute(query, values)
        except SqliteError as why:
            raise UnreachableError(f"people.db cannot be used: {why}. No session is touched by this.") from why


_NOT_RIGHT: Final = "User or PIN is not right. Nothing was started; a stop needs no sign-in."


def _locked(user: User) -> SignInResult:
    sentence = f"{user.name} is locked until {user.locked_until_utc} after wrong PINs. A stop needs no sign-in."
    return SignInResult(user=user.name, role=None, word="locked", sentence=sentence)
