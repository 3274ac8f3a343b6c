"""One entry of each kind, byte for byte: a kind, once released, stays readable and is written the same way for ever.

After a kind was added or grew a field with a default: ``MODCTL_REGENERATE=1 pytest tests/unit/chart/test_golden.py``.
A line that was released must then still be read by ``test_released_lines_are_still_read``.
"""

import os
from pathlib import Path

from modctl.chart.body import check_canonical, decode_body, decode_record, encode_body
from modctl.records import KINDS, Draft, SessionStarted
from tests.unit.chart.charts import sample, stamp

GOLDEN = Path(__file__).with_name("golden.jsonl")


def written() -> list[bytes]:
    """One entry of each kind as this program writes it, in the order of ``KINDS``."""
    drafts = [Draft(data=sample(record), session="s-1", actor="therapist") for record in KINDS.values()]
    return [encode_body(seq, draft, stamp(seq)) for seq, draft in enumerate(drafts, start=1)]


def test_every_kind_is_written_as_before() -> None:
    """Field order is byte order: a field that moves changes every hash that is computed after an update."""
    if os.environ.get("MODCTL_REGENERATE") == "1":
        GOLDEN.write_bytes(b"".join(body + b"\n" for body in written()))

    assert GOLDEN.read_bytes().splitlines() == written()


def test_released_lines_are_still_read() -> None:
    """A chart of last year verifies with the program of this year."""
    for line in GOLDEN.read_bytes().splitlines():
        entry = decode_body(line)
        check_canonical(line, entry)

        assert isinstance(decode_record(entry), KINDS[entry.kind])


def test_a_treatment_without_a_known_head_is_written_as_before() -> None:
    """What was released without these members must run again to the same bytes."""
    body = encode_body(1, Draft(data=sample(SessionStarted, head="", load=""), session="s-1"), stamp(1))
    entry = decode_body(body)
    check_canonical(body, entry)

    assert body.endswith(b'"program":"program"}}')
    assert sample(SessionStarted, head="", load="") == decode_record(entry)
