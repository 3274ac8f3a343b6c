"""``modctl session sign``, ``amend`` and ``late-entry``: what people do to a record after the session's end."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from modctl.cli.common import Context, emit, pass_context
from modctl.errors import UsageError


class AddedLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session.added"):
    """Something was added to a session's record."""

    session: str
    what: str


@click.command(name="sign")
@click.argument("wanted", metavar="[SESSION]", required=False)
@click.option("--as", "user", required=True, help="Who signs; the PIN is asked.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def sign_session(context: Context, wanted: str | None, *, user: str, pin_file: Path | None) -> None:
    """Sign a session's record (default: the last one), with a therapist's PIN.

    Whose session it was signs what was performed, others sign as reviewed. A record that was amended after it was
    signed is signed again. Example: modctl session sign --as kim
    """
    from modctl.cli.afterwards import add
    from modctl.cli.records import named
    from modctl.ipc.hands import SignSession

    session = named(context, wanted)
    add(context, user, pin_file, SignSession(id=0, session=session))
    emit(AddedLine(session=session, what="signed"), f"{session}: signed by {user}")


@click.command(name="amend")
@click.argument("wanted", metavar="[SESSION]", required=False)
@click.option("--as", "user", required=True, help="Whose session it was; the PIN is asked.")
@click.option("--field", required=True, help="The question whose answer was wrong, for example pain_after.")
@click.option("--value", required=True, help="The right answer, in the words of the question.")
@click.option("--reason", required=True, help="Why, in words.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def amend_session(
    context: Context, wanted: str | None, *, user: str, field: str, value: str, reason: str, pin_file: Path | None
) -> None:
    """Put one statement of a session right (default: the last one). The old value stays in the chart beside the new.

    Example: modctl session amend --as kim --field pain_after --value 3 --reason "patient corrected it"
    """
    from modctl.cli.afterwards import add
    from modctl.cli.records import named
    from modctl.ipc.hands import Amend

    session = named(context, wanted)
    add(context, user, pin_file, Amend(id=0, session=session, field=field, value=value, reason=reason))
    emit(AddedLine(session=session, what="amended"), f"{session}: {field} amended to {value} by {user}")


@click.command(name="late-entry")
@click.argument("wanted", metavar="[SESSION]", required=False)
@click.option("--as", "user", required=True, help="Whose session it was; the PIN is asked.")
@click.option("--about", required=True, metavar="TIME", help="The time it is about, for example 2026-11-23T10:05.")
@click.option("--text", "words", required=True, help="What is added, in words.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def late_entry(
    context: Context, wanted: str | None, *, user: str, about: str, words: str, pin_file: Path | None
) -> None:
    """Add a statement to a session (default: the last one), with the time it is about and the time it was made.

    A time without a zone is the site's. Example: modctl session late-entry --as kim --about 2026-11-23T10:05
    --text "skin red for an hour"
    """
    from modctl.cli.afterwards import add
    from modctl.cli.records import named
    from modctl.ipc.hands import LateEntry

    session, about_utc = named(context, wanted), _utc(context, about)
    add(context, user, pin_file, LateEntry(id=0, session=session, about_utc=about_utc, text=words))
    emit(AddedLine(session=session, what="late_entry"), f"{session}: late entry by {user} about {about_utc}")


def _utc(context: Context, about: str) -> str:
    from modctl.clock import utc_text
    from modctl.config import load_site

    try:
        moment = datetime.fromisoformat(about)
    except ValueError as why:
        raise UsageError(f"--about {about}: write a time as 2026-11-23T10:05. Nothing was added.") from why
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(load_site(context.site).site.timezone))
    return utc_text(moment)
