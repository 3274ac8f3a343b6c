"""What a scenario leaves behind, as an auditor gets it: the chart's own bytes, read again and held against its grammar.

The bytes are those that the writer would hash; a genesis stands in front, as in every chart.
"""

from collections.abc import Sequence

import msgspec

from modctl.chart.body import decode_body, decode_record, encode_body
from modctl.chart.grammar import Grammar
from modctl.engine.replay import Replayed, replay
from modctl.records import Draft, Entry, Genesis, SessionRequested
from tests.scenario.table import Table

GENESIS = Genesis(site="made-up", simulated=True, origin="made-up", vkey="made-up", program="modctl test")


def bodies(table: Table) -> list[bytes]:
    """Every entry's bytes, in order."""
    first = table.chart.entries[0][1]
    drafts = [(Draft(data=GENESIS), first), *table.chart.entries]
    return [encode_body(seq, draft, stamp) for seq, (draft, stamp) in enumerate(drafts, start=1)]


def entries(table: Table) -> list[Entry]:
    """Every entry, decoded from its bytes."""
    return [decode_body(body) for body in bodies(table)]


def findings(table: Table) -> list[str]:
    """What a verifier says against the chart; nothing for a sound one."""
    grammar = Grammar()
    return [finding.text for entry in entries(table) for finding in grammar.read(entry, decode_record(entry))]


def replays(table: Table) -> Sequence[Replayed]:
    """Every session of the table that had a setup, run again from its chart."""
    of: dict[str, list[Entry]] = {}
    for entry in entries(table):
        if entry.session is not None:
            of.setdefault(entry.session, []).append(entry)
    return [replay(one) for one in of.values() if _has_setup(one[0])]


def _has_setup(entry: Entry) -> bool:
    requested = msgspec.json.decode(entry.data, type=SessionRequested)
    return bytes(requested.setup) != b"null"


def prove(table: Table) -> None:
    """Whatever happened at this table: its chart is sound, and every decision can be run again."""
    assert [] == findings(table)
    assert [] == [replayed.session for replayed in replays(table) if not replayed.same]
