"""``modctl session``: run one, and read the record of those that were."""

import contextlib
import itertools
import os
from pathlib import Path

import click
import msgspec

from modctl.cli.board import sessions_now
from modctl.cli.common import COPY, ZONE, Context, emit, emit_raw, finish, pass_context, print_line
from modctl.cli.durations import DURATION
from modctl.cli.record import amend_session, late_entry, sign_session
from modctl.cli.report import report
from modctl.cli.taking_over import attend_session
from modctl.errors import Exit, UsageError
from modctl.ipc.hands import StartWith
from modctl.ipc.messages import SessionRow


class SessionLine(SessionRow, frozen=True, kw_only=True, tag_field="kind", tag="session"):
    """One session of the list. ``outcome`` None: it has not ended, nothing is settled and ``delivered_ms`` is 0."""


class ReplayLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session.replay"):
    """What running a session again showed."""

    session: str
    same: bool
    decisions: int
    first_difference: int | None


@click.group()
def session() -> None:
    """Run a session, and the record of sessions."""


session.add_command(report)


@session.command(name="start")
@click.option("--unit", help="The unit's name in the site.")
@click.option("--patient", required=True, help="The patient's reference.")
@click.option("--preset", help="An id of the library.")
@click.option("--with", "beside", metavar="UNIT:PRESET", help="The other half of a combination.")
@click.option("--repeat", is_flag=True, help="The patient's last session once more, in six keys; needs no preset.")
@click.option("--as", "user", required=True, help="Who runs it; the PIN is asked.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=INTEGER", help="A canonical parameter; the level's is the target."
)
@click.option("--duration", "duration_ms", type=DURATION, help="Shorter or longer than the preset. Example: 20min.")
@click.option("--answers", metavar="FILE", help="Simulated sites: a TOML file, or the word demo.")
@click.option("--head", default="", help="Serial number of the head in your hand, where the unit cannot tell.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@click.option(
    "--override", "overrides", multiple=True, metavar="LIMIT=REASON", help="Open a soft limit, with a reason."
)
@click.option("--second", metavar="USER", help="The second person, where a limit takes one; the PIN is asked.")
@click.option("--second-pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def start_session(
    context: Context,
    *,
    unit: str | None,
    patient: str,
    preset: str | None,
    beside: str | None,
    repeat: bool,
    user: str,
    head: str,
    settings: tuple[str, ...],
    duration_ms: int | None,
    answers: str | None,
    pin_file: Path | None,
    overrides: tuple[str, ...],
    second: str | None,
    second_pin_file: Path | None,
) -> None:
    """Run one session to its end and print each event. Asks the questions at the table first; starts from off.

    A soft limit that is met is opened by a reason, asked at the terminal or given with --override; a hard one by
    nobody. What was opened is charted: modctl session list --overrides.

    While it runs: + raises, - lowers, p pauses, r resumes, s stops; the first Ctrl-C stops. Closing the terminal
    stops it too. Example: modctl session start --unit ultrasound-1 --patient P-001
    --preset hip-oa-ultrasound-1mhz --as therapist --answers demo --duration 15s

    With --with two sessions are one treatment: ultrasound, and stimulation through its head. One confirmation starts
    both, what ends one ends the other; keys 1 and 2 choose which half + - r mean. Example: --unit ultrasound-1
    --preset hip-oa-combined-ultrasound --with estim-1:hip-oa-combined-tens
    """
    from modctl.cli.attend import Attendant
    from modctl.cli.keys import Keys
    from modctl.cli.openings import asked_for, typed
    from modctl.cli.reach import controller, pin_for, scripted_pin, typed_pin
    from modctl.ipc.messages import Start

    if repeat and (preset is not None or answers is not None):
        raise UsageError(
            "--repeat takes the preset of the last session, and a person answers: no --preset, no --answers."
        )
    if not repeat and (unit is None or preset is None):
        raise UsageError("--unit and --preset say what is done; or --repeat for the patient's last session once more.")
    wanted = tuple(setting(text) for text in settings)
    given = None if answers is None else _answers(context, answers, preset or "")
    scripted = _demo_pin(pin_file, answers) or scripted_pin(context, pin_file)
    second_pin = "" if second is None else pin_for(context, second, second_pin_file)
    opened = asked_for(overrides, second or "", second_pin)
    client = controller(context, attends=True)
    client.sign_in(user, typed_pin(user) if scripted is None else scripted)
    request = Start(
        id=client.next_id(),
        unit=unit or "",
        patient=patient,
        preset=preset or "",
        set=wanted,
        duration_ms=duration_ms,
        file_answers=given is not None,
        partner=None if beside is None else _half(beside),
        repeat=repeat,
        body_weight_kg=None if given is None or "body_weight" not in given else int(given["body_weight"]),
        overrides=opened,
        head=head,
    )
    keys = Keys()
    if given is None and not keys.is_terminal:
        raise UsageError("The questions at the table are answered at a terminal, and there is none here.")
    asks = typed if given is None else None
    with keys.listening(), contextlib.closing(client):
        ended = Attendant(client, keys, context, user, given, asks).run(request)
    finish(ended)


@session.command(name="list")
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@click.option("--overrides", "overridden", is_flag=True, help="Only sessions in which a soft limit was opened.")
@COPY
@ZONE
@pass_context
def list_sessions(
    context: Context,
    *,
    words: tuple[str, ...],
    limit: int,
    overridden: bool,
    copy: Path | None,
    zone_name: str | None,
) -> None:
    """List sessions, the newest first. WORDS narrow the list; all of them must fit.

    Words: patient:P-001 unit:estim-1 by:therapist preset:ID outcome:faulted session:ID since:2026-03-01
    until:2026-03-31 override early simulated. Early: less than 95 % of what was planned.

    Example, for an audit: modctl session list by:therapist since:2026-03-01 override --chart copy.db
    """
    from modctl import text
    from modctl.chart.reader import OPEN
    from modctl.cli.records import session_rows

    asked = (*words, "override") if overridden and "override" not in words else words
    for row in itertools.islice(session_rows(context, asked, copy, zone_name), limit):
        said = {name: getattr(row, name) for name in SessionLine.__struct_fields__}
        is_open = row.outcome == OPEN
        record = SessionLine(
            **{**said, "outcome": None if is_open else row.outcome, "delivered_ms": row.delivered_ms or 0}
        )
        delivered = f"{text.clock(record.delivered_ms)} of {text.clock(row.planned_ms)}"
        opened = (f"{row.overrides} opened",) if row.overrides else ()
        record_is = "AMENDED after signing" if row.amended else "signed" if row.signed else "not signed"
        who = (f"BENCH RUN on {row.load}, no patient",) if row.load else (row.patient, row.preset)
        ends = opened if row.load else (*opened, record_is)  # nobody signs what was no treatment
        parts = (row.started_at_utc, row.session, row.unit, *who, delivered, *ends)
        emit(record, f"{text.outcome(record.outcome)}  " + "  ".join(parts))


@session.command(name="show")
@click.argument("wanted", metavar="[SESSION]", required=False)
@COPY
@pass_context
def show_session(context: Context, wanted: str | None, copy: Path | None) -> None:
    """Show the events of a session (default: the last one) as the chart holds them, answers included.

    The end is printed last; what was answered after it stands before it, with its later number. What people wrote is
    printed where this site still keeps it, and held against its commitment: exit 1 when it was altered.
    """
    from modctl.cli.records import wanted_entries
    from modctl.cli.texts import Texts, told
    from modctl.reports.telling import ENDED, Teller, answered, flat, flat_sample, record_of, samples

    found = wanted_entries(context, wanted, copy)
    teller, texts = Teller(), Texts(context)
    for entry in sorted(found, key=lambda entry: (entry.kind == ENDED, entry.seq)):
        if context.json:
            for sample in samples(entry):
                emit_raw(flat_sample(entry, sample))
            if entry.kind != "inputs":
                emit_raw(flat(entry))
        else:
            for line in (*teller.lines(entry), *answered(entry)):
                print_line(line)
        written = None if entry.kind == "inputs" else texts.of(entry, record_of(entry))
        if written is not None:
            emit(written, told(written))
    texts.close()
    finish(Exit.FINDINGS if texts.is_altered else Exit.OK)


@session.command(name="replay")
@click.argument("wanted", metavar="[SESSION]", required=False)
@COPY
@pass_context
def replay_session(context: Context, wanted: str | None, copy: Path | None) -> None:
    """Run a session's charted inputs through the same decisions again (default: the last session) and compare.

    Exit 1 when a decision differs: then the program or the chart is not what it was.
    """
    from modctl.cli.records import wanted_entries
    from modctl.engine.replay import NotReplayableError, replay

    try:
        replayed = replay(wanted_entries(context, wanted, copy))
    except NotReplayableError as why:
        raise UsageError(f"This session cannot be run again: {why}.") from why
    record = ReplayLine(**msgspec.structs.asdict(replayed))
    same = "the same" if replayed.same else f"DIFFERENT, first at entry {replayed.first_difference}"
    emit(record, f"{replayed.session}: {replayed.decisions} decisions, {same}")
    finish(Exit.OK if replayed.same else Exit.FINDINGS)


for _added in (sessions_now, attend_session, sign_session, amend_session, late_entry):
    session.add_command(_added)


def setting(text: str) -> tuple[str, int]:
    """NAME=INTEGER as a pair; UsageError says how to write it."""
    name, equals, value = text.partition("=")
    try:
        return name, int(value)
    except ValueError as why:
        wrong = f"{value!r} is no whole number" if equals else "there is no ="
        raise UsageError(f"--set {text}: write NAME=INTEGER, in the parameter's own unit; {wrong}.") from why


def _half(text: str) -> StartWith:
    unit, _, preset = text.partition(":")
    if not unit or not preset:
        raise UsageError(f"--with {text}: write UNIT:PRESET.")
    return StartWith(unit=unit, preset=preset)


def _answers(context: Context, answers: str, preset: str) -> dict[str, str]:
    from modctl.cli.answers import DEMO, read_answers
    from modctl.cli.laying import DEMO_ANSWERS
    from modctl.cli.reach import simulated_site
    from modctl.clinic.library import load_library
    from modctl.config import Layout

    simulated_site(context, "--answers is read")
    found = next((row for row in load_library(Layout(context.site).presets) if row.id == preset), None)
    if found is None:
        raise UsageError(f"There is no preset {preset!r}; see modctl preset list.")
    return dict(read_answers(DEMO_ANSWERS if answers == DEMO else Path(answers), found.modality))


def _demo_pin(pin_file: Path | None, answers: str | None) -> str | None:
    """The PIN that ``--answers demo`` implies, where none is given; the site was seen to be simulated."""
    from modctl.cli.answers import DEMO
    from modctl.cli.laying import DEMO_PIN
    from modctl.cli.reach import PIN_VARIABLE

    is_given = pin_file is not None or PIN_VARIABLE in os.environ
    return DEMO_PIN if answers == DEMO and not is_given else None
