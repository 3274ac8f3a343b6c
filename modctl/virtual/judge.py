"""A judge of charts: entries and the units' own truth in, broken rules out. It shares nothing with the engine.

Rule a: nothing is energized without a durable start before it.
Rule b: no output lies above what was commanded, nor a command above a limit, for longer than a reaction takes.
Rule c: nothing is energized after an end, a pause or a word of off; where off was not seen, the chart says so.
Rule d: every second of a session stands in one account, and the accounts are what the entries and the unit show.
Rule e: what was truly given lies inside the stated bounds of the dose (thermal dose is of the skin, and not judged).
Rule f: nothing comes on from off without a person's charted act, and one act brings it on once.
Rule g: a unit has one session at a time.
Rule i: nothing stays energized while the chart has not got an entry for two seconds and the time that a stop takes.
Rule h: entries are numbered without holes or doubles, and every request has exactly one end.

The reaction of rule b is the sum of what the chart itself states for the session: settling and confirming samples of
the level's limits (two minutes for a heated pad, whose sensor follows slowly; half a second for a rope, whose force
is noisy; one sample elsewhere), the age up to which a sample counts, the deadline of a stop, and the unit's own lease.
"""

import heapq
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from modctl.virtual.judge_course import Course
from modctl.virtual.judge_terms import (
    ANSWER_MS,
    BEAT_NS,
    BEHIND_NS,
    DEAF,
    LIES,
    LINGERS_NS,
    NOTICE_NS,
    NS_PER_MS,
    NS_PER_S,
    OWN_PACE_MS,
    SELF_WILLED,
    UNSTOPPABLE,
    Answer,
    Ended,
    Entry,
    Finding,
    Levels,
    Named,
    Requested,
    Rule,
    entry_of,
)
from modctl.virtual.truth import TruthLine

# Truth is told when somebody looks at the unit, at most this much after it was so (an idle unit is asked twice a
# second, one without power not at all): what is newer is not judged yet.
HORIZON_NS: Final = 30 * NS_PER_S
ON_A_QUIET_DISK: Final[Mapping[int, int]] = MappingProxyType({})


class _Behind(msgspec.Struct, frozen=True):
    """An entry is not durable for too long by now; with a course: its unit has had the time that a stop takes."""

    course: Course | None = None


class _Unit:
    """What is known of one unit at the moment that is judged."""

    def __init__(self, name: str) -> None:
        self.truth = TruthLine(unit=name, at_ns=0, energized=False, output=0)
        self.course: Course | None = None  # its session from start to end
        self.was_used = False
        self.leave_ns: int | None = None  # from when on it may come on, by an act that brought nothing on yet
        self.is_paused = False
        self.is_in_doubt = False  # the chart says that its output is not known to be off
        self.unnoticed_ns: int | None = None  # since when it is on by itself and the chart is silent
        self.fault_seen_ns: dict[str, int] = {}

    def had(self, faults: frozenset[str], at_ns: int) -> bool:
        """Is, or was a little before, one of these faults on."""
        if not faults.isdisjoint(self.truth.faults):
            return True
        return any(self.fault_seen_ns.get(fault, -LINGERS_NS) > at_ns - LINGERS_NS for fault in faults)


class Judge:
    """Reads a chart and the truth beside it as they grow; findings appear in ``findings``.

    ``pace_ms``: how often a unit in a session is asked what it does.
    """

    def __init__(self, pace_ms: int = OWN_PACE_MS) -> None:
        self._lag_ns = (pace_ms + ANSWER_MS) * NS_PER_MS
        self.findings: list[Finding] = []
        self.sessions = 0  # judged to their end
        self._units: dict[str, _Unit] = {}
        self._courses: dict[str, Course] = {}
        self._queue: list[tuple[int, int, int, TruthLine | Entry | _Behind]] = []
        self._numbers = 0
        self._seq = 0
        self._newest_ns = 0

    def entry(self, body: bytes, durable_ns: int | None = None) -> None:
        """The next entry of the chart, as its bytes stand there; ``durable_ns``: since when."""
        entry = entry_of(body, durable_ns)
        self._behind(entry)
        self._seq += 1
        if entry.seq != self._seq:
            self._find(Rule.COURSE, entry, "", f"entry {entry.seq} stands where {self._seq} belongs")
            self._seq = entry.seq
        if entry.kind != "inputs":
            self._push(entry.at_ns, 1, entry)

    def truth(self, line: TruthLine) -> None:
        """The next line of the truth log."""
        self._push(line.at_ns, 0, line)

    def finish(self) -> None:
        """The chart ends here: everything is judged, and what is still open is a finding."""
        self._settle(self._newest_ns + 1)
        for session, course in self._courses.items():
            if course.ended_ns is None:
                self._found(Rule.COURSE, self._newest_ns, course.unit, session, "it was requested and has no end")

    def _behind(self, entry: Entry) -> None:
        late_ns = entry.at_ns + BEHIND_NS + BEAT_NS
        if entry.durable_ns > late_ns:
            self._push(late_ns, 2, _Behind())

    def _push(self, at_ns: int, order: int, what: TruthLine | Entry | _Behind) -> None:
        heapq.heappush(self._queue, (at_ns, order, self._number(), what))
        if at_ns > self._newest_ns:
            self._newest_ns = at_ns
            self._settle(at_ns - HORIZON_NS)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _settle(self, before_ns: int) -> None:
        while self._queue and self._queue[0][0] < before_ns:
            at_ns, _order, _number, what = heapq.heappop(self._queue)
            if isinstance(what, TruthLine):
                self._on_truth(what)
            elif isinstance(what, _Behind):
                self._on_behind(what, at_ns)
            else:
                self._on_entry(what)

    # What units do.

    def _on_truth(self, line: TruthLine) -> None:
        unit = self._unit(line.unit)
        before = unit.truth
        self._pass_time(unit, line.at_ns)
        for fault in (*before.faults, *line.faults):
            unit.fault_seen_ns[fault] = line.at_ns
        unit.truth = line
        if unit.course is not None:
            unit.course.gives(line)
        if line.energized and not before.energized:
            self._came_on(unit, line.at_ns)
        elif not line.energized:
            unit.unnoticed_ns = None

    def _came_on(self, unit: _Unit, at_ns: int) -> None:
        if unit.leave_ns is not None and unit.course is not None:
            if at_ns < unit.leave_ns:
                self._found(Rule.START, at_ns, unit.truth.unit, unit.course.session, "on before its act was durable")
            unit.leave_ns = None
            return
        if unit.is_in_doubt:
            return
        if unit.had(SELF_WILLED, at_ns):
            is_seen = unit.course is None or unit.is_paused
            unit.unnoticed_ns = at_ns if is_seen and not unit.had(DEAF | LIES, at_ns) else None
            return
        session = "" if unit.course is None else unit.course.session
        if unit.course is not None:
            self._found(Rule.ACT, at_ns, unit.truth.unit, session, "it came on from off, and nobody did anything")
        elif unit.was_used:
            self._found(Rule.END, at_ns, unit.truth.unit, session, "it came on after its session had ended")
        else:
            self._found(Rule.START, at_ns, unit.truth.unit, session, "it came on before any start was charted")

    def _pass_time(self, unit: _Unit, now_ns: int) -> None:
        """What only time shows."""
        since_ns = unit.unnoticed_ns
        if since_ns is not None and now_ns - since_ns > NOTICE_NS:
            unit.unnoticed_ns = None
            if not unit.had(DEAF | LIES, now_ns):
                self._found(Rule.ACT, since_ns, unit.truth.unit, "", "it is on by itself, and the chart is silent")
        if unit.course is not None:
            unit.course.pass_time(now_ns)
            excess = unit.course.excess_at(now_ns)
            if excess is not None and not unit.had(unit.course.excuses_of_output(), now_ns):
                self._found(Rule.LEVEL, now_ns, unit.truth.unit, unit.course.session, excess)

    def _on_behind(self, behind: _Behind, at_ns: int) -> None:
        """Everything that is on gets the time that its stop takes; what has not ended by then should have."""
        if behind.course is None:
            running = [unit.course for unit in self._units.values() if unit.course is not None]
            for course in running:
                heapq.heappush(self._queue, (at_ns + course.stop_ns, 2, self._number(), _Behind(course=course)))
            return
        course = behind.course
        unit = self._unit(course.unit)
        if unit.course is course and unit.truth.energized and not unit.had(UNSTOPPABLE, at_ns):
            self._found(Rule.BEHIND, at_ns, course.unit, course.session, "it goes on, and the chart is seconds behind")

    # What the chart says.

    def _on_entry(self, entry: Entry) -> None:
        said = entry.said
        if isinstance(said, Named) and entry.kind != "session.started":
            self._on_unit_entry(entry, self._unit(said.unit), said)
        elif isinstance(said, Requested):
            self._on_requested(entry, said)
        elif entry.session is not None:
            course = self._courses.get(entry.session)
            if course is None:
                self._find(Rule.COURSE, entry, "", f"{entry.kind} without a request")
                return
            unit = self._unit(course.unit)
            self._pass_time(unit, entry.at_ns)
            self._on_session_entry(entry, course, unit)

    def _on_requested(self, entry: Entry, said: Requested) -> None:
        session = entry.session or ""
        if session in self._courses:
            self._find(Rule.COURSE, entry, said.unit, "this id is requested twice")
            return
        self._courses[session] = Course(session, said, self._lag_ns)

    def _on_unit_entry(self, entry: Entry, unit: _Unit, said: Named) -> None:
        self._pass_time(unit, entry.at_ns)
        if entry.kind in ("output.uncommanded", "unit.latched"):
            unit.unnoticed_ns = None
            unit.is_in_doubt = unit.is_in_doubt or entry.kind == "output.uncommanded" or said.output != "off"
        elif entry.kind == "output.off_confirmed" or said.off_confirmed:
            self._hold_to_off(entry, unit, said.unit)
        elif not unit.truth.energized:
            unit.is_in_doubt = False  # acknowledged with a person's word, and the word is true

    def _hold_to_off(self, entry: Entry, unit: _Unit, name: str) -> None:
        unit.is_in_doubt = False
        if unit.truth.energized and not unit.had(LIES, entry.at_ns):
            self._find(Rule.END, entry, name, f"{entry.kind} says off, and the unit is on")
        unit.is_in_doubt = unit.truth.energized  # said once

    def _on_session_entry(self, entry: Entry, course: Course, unit: _Unit) -> None:
        said = entry.said
        if isinstance(said, Answer):
            course.answered(said, entry.actor)
        elif isinstance(said, Levels):
            problem = course.commanded(said, is_off=unit.course is not course or unit.is_paused)
            if problem is not None:
                self._find(problem[0], entry, course.unit, problem[1])
        elif isinstance(said, Ended):
            self._on_ended(entry, said, course, unit)
        elif entry.kind == "session.started":
            self._on_started(entry, course, unit)
        elif entry.kind == "session.paused":
            course.paused(entry.at_ns)
            unit.is_paused, unit.leave_ns = True, None
            self._hold_to_off(entry, unit, course.unit)
        elif entry.kind == "session.resumed":
            if not unit.is_paused or entry.actor is None:
                self._find(Rule.ACT, entry, course.unit, "resumed by nobody, or without a pause")
            course.resumed(entry.at_ns)
            unit.is_paused, unit.leave_ns = False, entry.durable_ns

    def _on_started(self, entry: Entry, course: Course, unit: _Unit) -> None:
        if not course.is_confirmed:
            self._find(Rule.ACT, entry, course.unit, "started, and nobody had confirmed the start")
        if unit.course is not None:
            self._find(Rule.UNIT, entry, course.unit, f"started while {unit.course.session} goes on")
        if course.started_ns is not None:
            self._find(Rule.COURSE, entry, course.unit, "started twice")
        if unit.truth.energized and not unit.had(LIES | SELF_WILLED, entry.at_ns):
            self._find(Rule.START, entry, course.unit, "the unit was on before its start was charted")
        course.started(entry.at_ns, unit.truth)
        unit.course, unit.was_used = course, True
        unit.is_paused, unit.is_in_doubt, unit.leave_ns = False, False, entry.durable_ns

    def _on_ended(self, entry: Entry, said: Ended, course: Course, unit: _Unit) -> None:
        if course.ended_ns is not None:
            self._find(Rule.COURSE, entry, course.unit, "ended twice")
            return
        course.ended_ns = entry.at_ns
        self.sessions += 1
        if unit.course is not course:
            return
        unit.course, unit.is_paused, unit.leave_ns = None, False, None
        if said.off_after_ms is not None:
            self._hold_to_off(entry, unit, course.unit)
        else:
            unit.is_in_doubt = True
        seen = frozenset(fault for fault, at_ns in unit.fault_seen_ns.items() if at_ns >= course.begun_ns - LINGERS_NS)
        for rule, text in course.account(said, seen | frozenset(unit.truth.faults)):
            self._find(rule, entry, course.unit, text)

    # Small pieces.

    def _unit(self, name: str) -> _Unit:
        return self._units.setdefault(name, _Unit(name))

    def _find(self, rule: Rule, entry: Entry, unit: str, text: str) -> None:
        self._found(rule, entry.at_ns, unit, entry.session or "", text)

    def _found(self, rule: Rule, at_ns: int, unit: str, session: str, text: str) -> None:
        self.findings.append(Finding(rule=rule, at_ns=at_ns, unit=unit, session=session, text=text))


def judge(
    bodies: Iterable[bytes], truths: Iterable[TruthLine], durable_ns: Mapping[int, int] = ON_A_QUIET_DISK
) -> tuple[Finding, ...]:
    """Judge a whole chart at once: its entries in order, and everything that units truly did while it was written.

    ``durable_ns``: since when an entry is on the disk, by its number, where that took longer than on a quiet one.
    """
    one = Judge()
    lines = sorted(truths, key=lambda line: line.at_ns)
    told = 0
    for body in bodies:
        entry = entry_of(body)
        at_ns = entry.at_ns
        while told < len(lines) and lines[told].at_ns <= at_ns:
            one.truth(lines[told])
            told += 1
        one.entry(body, durable_ns.get(entry.seq))
    for line in lines[told:]:
        one.truth(line)
    one.finish()
    return tuple(one.findings)
