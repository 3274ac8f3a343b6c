"""The session sheet as one HTML file: no script, nothing fetched, prints on one or two pages."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from devices.model import label
from modctl import sentences, text
from modctl.records import EffectiveLimit
from modctl.reports.note import dose_text, observed_text, six_lines
from modctl.reports.picture import BOTTOM, HEIGHT, TOP, WIDTH, Box, Label, Line, picture_of
from modctl.reports.sheet import Given, Moment, Sheet, note_facts

LEGEND: Final = "Dashed: commanded. Line: reported. Dotted: limit. Grey: no output. Upright: event."
NOT_A_DEVICE: Final = "modctl is not a cleared medical device."
MAX_CHARS: Final = 400  # chosen: the longest sentence of the product, twice

# On paper the banner stands at the top of every page, and every page leaves it room: it covers no line.
# Black on white, heavier where it matters: the sheet is printed, photocopied and read by people who see no colours.
STYLE: Final = """
@page { size: A4; margin: 14mm }
body { font: 10.5pt/1.35 "DejaVu Sans", Verdana, sans-serif; color: #111; max-width: 182mm; margin: 0 auto }
h1 { font-size: 15pt; margin: 0 } h2 { font-size: 11pt; margin: 5mm 0 1mm; border-bottom: 1px solid #111 }
.sim { background: #111; color: #fff; font-weight: bold; padding: 1mm 3mm; text-align: center; letter-spacing: .1em }
.state { font-size: 13pt; font-weight: bold; border: 2px solid #111; padding: 2mm 3mm; margin: 3mm 0 }
.state.bad { border-width: 5px }
table { border-collapse: collapse; width: 100% } th { text-align: left; font-weight: normal; color: #444 }
td, th { padding: .6mm 2mm .6mm 0; vertical-align: top } .num { text-align: right; white-space: nowrap }
svg { width: 100%; height: auto; margin-top: 2mm } pre { white-space: pre-wrap; font: inherit; margin: 1mm 0 }
.axis { stroke: #111; fill: none } .commanded { stroke: #111; stroke-width: 1.2; stroke-dasharray: 5 3; fill: none }
.reported { stroke: #0b5394; stroke-width: 1.8; fill: none } .limit { stroke: #111; stroke-dasharray: 1 4; fill: none }
.event { stroke: #a61c00; stroke-width: 1.2; fill: none } .gap { fill: #ddd } svg text { font-size: 11px; fill: #111 }
footer { margin-top: 5mm; border-top: 1px solid #111; font-size: 8.5pt; color: #444 }
tr { break-inside: avoid } .pair { display: flex; gap: 8mm } .pair > div { flex: 1 }
@media print {
  body { font-size: 8pt; line-height: 1.25; padding-top: 8mm; box-decoration-break: clone;
    -webkit-box-decoration-break: clone }
  h1 { font-size: 13pt } h2 { font-size: 9.5pt; margin-top: 3mm }
  .sim { position: fixed; top: 0; left: 0; right: 0 } .state { font-size: 11pt; padding: 1mm 2mm; margin: 2mm 0 }
  p { margin: 1mm 0 } td, th { padding: .2mm 2mm .2mm 0 } svg { max-height: 62mm }
  td:first-child { white-space: nowrap }
}
"""


def html_sheet(sheet: Sheet, title: str = "") -> str:
    """The whole page. Text from people and units is escaped, and its control characters are shown, not obeyed."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>Session {_safe(sheet.session)}</title><style>{STYLE}</style></head><body>",
        *_head(sheet, title),
        *_state(sheet),
        *_svg(sheet),
        '<div class="pair"><div>',
        *_table("Set, commanded, read back, delivered", value_rows(sheet)),
        "</div><div>",
        *_table("Time", account_rows(sheet)),
        "</div></div>",
        "<h2>For the note</h2><pre>",
        "\n".join(_safe(line) for line in six_lines(note_facts(sheet, title))),
        "</pre>",
        *_rows("Answers", ("question", "answer", "by", "at", "source", "took"), map(_given, sheet.answers)),
        *_rows("Events", ("at", "what", "by", "entry"), map(_moment, sheet.moments)),
        *_rows("Limits that bound it", ("limit", "bound", "source"), map(_limit, _limits(sheet))),
        *_foot(sheet),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _safe(shown: str) -> str:
    return escape(label(shown, MAX_CHARS))


def _head(sheet: Sheet, title: str) -> Iterator[str]:
    started, requested = sheet.started, sheet.requested
    if started is not None and started.simulated:
        yield '<div class="sim">SIMULATED: no patient was treated</div>'
    yield f"<h1>{_safe(title or requested.preset)}</h1>"
    where = "" if started is None else f"{started.region}, {started.side} side"
    yield f"<p>{_safe(sheet.began)} · patient {_safe(requested.patient)} · {_safe(where)}</p>"
    unit = f"{requested.unit} ({requested.model}"
    unit += ")" if started is None else f", serial {started.serial}, firmware {started.firmware})"
    yield f"<p>Unit {_safe(unit)}. Session {_safe(sheet.session)}, started by {_safe(sheet.requested_by)}.</p>"


def _state(sheet: Sheet) -> Iterator[str]:
    ended = sheet.ended
    if ended is None:
        yield '<div class="state bad">OPEN: the session has no end in this chart</div>'
        return
    bad = "" if ended.outcome in ("completed", "stopped") else " bad"
    said = f"{text.plain(text.outcome(ended.outcome))}: {sentences.reason(ended.reason)}"
    off = "" if ended.off_after_ms is None else f" Off confirmed after {ended.off_after_ms} ms."
    if ended.outcome == "unconfirmed":
        off = " Off was NOT confirmed."
    yield f'<div class="state{bad}">{_safe(said)}.{off}</div>'


def _svg(sheet: Sheet) -> Iterator[str]:
    picture = picture_of(sheet)
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{_safe(picture.says)}</title>'
    yield from (_box(box) for box in picture.boxes)
    yield from (_line(line) for line in picture.lines)
    yield from (_label(said) for said in picture.labels)
    yield "</svg>"
    yield f"<p>{_safe(picture.says)} {LEGEND}</p>"


def _box(box: Box) -> str:
    place = f'x="{box.x}" y="{TOP}" width="{box.width}" height="{HEIGHT - TOP - BOTTOM}"'
    return f'<rect class="gap" {place}><title>{_safe(box.what)}</title></rect>'


def _line(line: Line) -> str:
    points = " ".join(f"{x},{y}" for x, y in line.points)
    return f'<polyline class="{line.kind}" points="{points}"/>'


def _label(said: Label) -> str:
    return f'<text x="{said.x}" y="{said.y}" text-anchor="{said.anchor}">{_safe(said.said)}</text>'


def value_rows(sheet: Sheet) -> Iterator[tuple[str, str]]:
    """What was set, commanded, read back and delivered, each in its own words."""
    facts = note_facts(sheet, "")
    if sheet.setup is not None:
        yield "set", text.settings((*sheet.setup.settings, (sheet.level, sheet.setup.level.start)))
        context = tuple((name, value) for name, value in sheet.setup.context if name != "duration_ms")
        yield "stated, not told to the unit", text.settings(context) or "nothing"
    yield "commanded, at most", text.quantity(sheet.level, facts.highest_commanded)
    seen = max((point.value for point in sheet.reported if point.value is not None), default=None)
    yield "read back, at most", text.measured(sheet.level, seen, sheet.observed_as)
    yield "how the unit tells", observed_text(sheet.observed_as)
    doses = ", ".join(dose_text(dose) for dose in facts.dose)
    yield "delivered", doses or "no dose is defined for this level"
    if facts.contractions is not None:
        yield "contractions", str(facts.contractions)


def account_rows(sheet: Sheet) -> Iterator[tuple[str, str]]:
    """Where the time went."""
    yield "planned", text.clock(sheet.requested.planned_ms)
    ended = sheet.ended
    if ended is None:
        return
    yield "delivered", text.clock(ended.delivered_ms)
    yield "paused", text.clock(ended.paused_ms)
    yield "without contact", text.clock(ended.no_contact_ms)
    yield "unknown", text.clock(ended.unknown_ms)
    yield "energized in all", text.clock(ended.energized_ms)


def _table(heading: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"<h2>{heading}</h2><table>"
    yield from (f"<tr><th>{_safe(name)}</th><td>{_safe(value)}</td></tr>" for name, value in rows)
    yield "</table>"


def _rows(heading: str, names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"<h2>{heading}</h2><table><tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"
    yield from ("<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    yield "</table>"


def _given(given: Given) -> tuple[str, ...]:
    age = f"{given.source}, {given.age_s} s old" if given.age_s else given.source
    took = f"{given.took_ms} ms"
    return given.gate.replace("_", " "), given.answer.replace("-", " "), given.by, given.at, age, took


def _moment(moment: Moment) -> tuple[str, ...]:
    return moment.at, moment.sentence, moment.by, str(moment.seq)


def _limits(sheet: Sheet) -> tuple[EffectiveLimit, ...]:
    return () if sheet.started is None else sheet.started.limits


def _limit(limit: EffectiveLimit) -> tuple[str, ...]:
    bound = f"{limit.kind} {text.ucum(limit.bound.value, limit.bound.unit)}"
    return f"{limit.id} ({limit.tier})", bound, text.source(limit.source, limit.mark)


def _foot(sheet: Sheet) -> Iterator[str]:
    signed = f"Signed by {_safe(sheet.signed_by)}." if sheet.signed_by else "Not signed."
    program = "" if sheet.started is None else f" Written by {_safe(sheet.started.program)}."
    yield f"<footer>{signed} Chart entries {sheet.first_seq} to {sheet.last_seq}; times in {_safe(sheet.zone)}."
    yield f"{program} {NOT_A_DEVICE} The chart is the record; this page is a view of it.</footer>"
