"""``modctl patient`` and ``modctl user``: who is in ``people.db``. Identities live apart from the chart."""

import re
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from modctl.cli.common import Context, emit, pass_context, say
from modctl.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from modctl.controller.accounts import People

REF: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")  # it is charted, so it must not be a name
ROLES: Final = ("therapist", "assistant", "auditor", "technician", "administrator")
WEIGHT_KG: Final = (10, 400)  # chosen: outside of it somebody mistyped; traction's limit stands on this number
G_PER_KG: Final = 1_000


class PatientLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="patient"):
    """A patient as the command line shows one: without identity."""

    ref: str
    side: str
    body_weight_known: bool


class UserLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="user"):
    """One account."""

    name: str
    role: str
    locked_until_utc: str | None
    once: bool


@click.group()
def patient() -> None:
    """Patients of the site; the chart knows them by reference only."""


@patient.command(name="add")
@click.argument("ref")
@click.option("--name", required=True, help="As it is spoken at the table.")
@click.option("--birth-date", required=True, metavar="YYYY-MM-DD", help="The second identifier.")
@click.option("--side", type=click.Choice(["left", "right", "both"]), required=True, help="Of the prescription.")
@click.option("--weight-kg", type=click.IntRange(*WEIGHT_KG), help="Body weight; traction needs it.")
@pass_context
def add_patient(context: Context, ref: str, *, name: str, birth_date: str, side: str, weight_kg: int | None) -> None:
    """Add a patient under REF, a reference that says nothing about the person.

    Example: modctl patient add P-004 --name "Dora Example" --birth-date 1957-02-13 --side left --weight-kg 70
    """
    from devices.model import label
    from modctl.clock import SystemClock
    from modctl.controller.accounts import Patient

    if not REF.fullmatch(ref):
        raise UsageError(f"{ref!r}: a reference has letters, digits and hyphens, at most 32.")
    try:
        born = date.fromisoformat(birth_date).isoformat()
    except ValueError as why:
        raise UsageError(f"{birth_date!r} is no date; write YYYY-MM-DD.") from why
    shown = label(name).strip()
    if not shown:
        raise UsageError("The name is empty.")
    weight_g = None if weight_kg is None else weight_kg * G_PER_KG
    weighed = None if weight_kg is None else SystemClock().stamp().at_utc
    people = _people(context)
    people.add_patient(
        Patient(ref=ref, name=shown, birth_date=born, side=side, body_weight_g=weight_g, weighed_at_utc=weighed)
    )
    people.close()
    emit(PatientLine(ref=ref, side=side, body_weight_known=weight_g is not None), f"{ref}  added")


@patient.command(name="list")
@pass_context
def list_patients(context: Context) -> None:
    """List references, without names: those are shown at the table, to who is signed in."""
    people = _people(context)
    for row in people.patients():
        known = row.body_weight_g is not None
        line = f"{row.ref}  {row.side}  body weight {'known' if known else 'not known'}"
        emit(PatientLine(ref=row.ref, side=row.side, body_weight_known=known), line)
    people.close()


@click.group()
def user() -> None:
    """Users of the site and their PINs."""


@user.command(name="add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the person may do.")
@pass_context
def add_user(context: Context, name: str, *, role: str) -> None:
    """Add a user; prints a PIN that serves once, to set an own one.

    Example: modctl user add kim --role therapist
    """
    from modctl.cli.laying import FirstPin, once_pin
    from modctl.config import NAME
    from modctl.controller.accounts import Role, User
    from modctl.controller.pin_check import verifier_of

    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r}: small letters, digits and hyphens, at most 32.")
    pin = once_pin()
    people = _people(context)
    people.add_user(User(name=name, role=Role(role), verifier=verifier_of(pin), is_once=True))
    people.close()
    emit(FirstPin(user=name, role=role, pin=pin, once=True), f"{name}  {role}  PIN {pin}, for once")


@user.command(name="list")
@pass_context
def list_users(context: Context) -> None:
    """List users with their roles and locks."""
    people = _people(context)
    for row in people.users():
        record = UserLine(name=row.name, role=row.role, locked_until_utc=row.locked_until_utc, once=row.is_once)
        locked = f"  locked until {row.locked_until_utc}" if row.locked_until_utc else ""
        emit(record, f"{row.name}  {row.role}{locked}")
    people.close()


@user.command(name="pin")
@click.argument("name")
@click.option("--reset", is_flag=True, help="For who forgot it: print a new PIN that serves once.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites: the old PIN, then the new one.")
@pass_context
def set_pin(context: Context, name: str, *, reset: bool, pin_file: Path | None) -> None:
    """Set a user's PIN: the old one is asked, then the new one twice. Also opens a lock.

    Example: modctl user pin kim
    """
    from modctl.cli.laying import FirstPin, once_pin
    from modctl.controller.pin_check import verifier_of

    people = _people(context)
    account = people.user(name)
    if account is None:
        raise UsageError(f"There is no user {name!r}.")
    if reset:
        pin = once_pin()
        people.set_pin(name, verifier_of(pin), is_once=True)
        emit(FirstPin(user=name, role=account.role, pin=pin, once=True), f"{name}  PIN {pin}, for once")
    else:
        old, new = _old_and_new(context, name, pin_file)
        verifier = verifier_of(new)
        _check_old(people, name, old)
        people.set_pin(name, verifier, is_once=False)
        say(f"{name} has a new PIN.")
    people.close()


def _people(context: Context) -> "People":
    from modctl.config import Layout
    from modctl.controller.accounts import People

    return People(Layout(context.site).people)


def _old_and_new(context: Context, name: str, pin_file: Path | None) -> tuple[str, str]:
    if pin_file is not None:
        from modctl.cli.reach import simulated_site

        simulated_site(context, "--pin-file is read")
        lines = pin_file.read_text(encoding="utf-8").split()
        if len(lines) != 2:  # noqa: PLR2004  # the old one and the new one
            raise UsageError(f"{pin_file}: must hold the old PIN and the new one, each on its line.")
        return lines[0], lines[1]
    if not sys.stdin.isatty():
        raise RefusedError("A PIN is set at a terminal, and there is none here. Nothing was changed.")
    old: str = click.prompt(f"Present PIN of {name}", hide_input=True, err=True)
    new: str = click.prompt("New PIN", hide_input=True, confirmation_prompt=True, err=True)
    return old, new


def _check_old(people: "People", name: str, old: str) -> None:
    """As a sign-in: counted, locked, and a PIN that serves once is right here."""
    from modctl.cli.reach import check_pin

    check_pin(people, name, old, once_counts=True)
