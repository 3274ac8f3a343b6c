"""Attacks on real chart files: what shows in the file alone, what only against a head kept elsewhere, and what never.

The attacker has the file and leaves no trace in the schema; where a key is stolen the test says so. An exact set of
findings is expected: an attack that nothing can show is in here too, and says so by an empty set.
"""

import random

import pytest

from modctl.chart.errors import ChartUnreadableError
from modctl.chart.grammar import Code
from modctl.chart.sqlite import open_writer
from modctl.chart.verify import Judgement, verify_file
from tests.tamper.conftest import Target
from tests.tamper.forger import Attack, Forger, attacked, both, codes, cut_after, edit, sql

NONE: frozenset[Code] = frozenset()


def delete(*seqs: int) -> Attack:
    """Rows taken out, nothing else touched."""
    return sql(*(f"DELETE FROM entry WHERE seq = {seq}" for seq in seqs))  # noqa: S608 - numbers of this file


def keep(*seqs: int) -> Attack:
    """Only these entries stay, in this order, renumbered and hashed anew."""

    def attack(forger: Forger) -> None:
        bodies = forger.bodies()
        forger.rewrite([bodies[seq - 1] for seq in seqs])

    return attack


PATIENT = (b'"patient":"p-2"', b'"patient":"p-7"')
ALL = range(1, 27)

ATTACKS = [
    # id, attack, findings in the file alone, further findings against the head of 25 entries
    ("01 edit a field", edit(11, *PATIENT, fit=False), {Code.LEAF, Code.CHECKPOINT}, {Code.DIFFERS}),
    ("01 edit a field and its hash", edit(11, *PATIENT), {Code.CHECKPOINT}, {Code.DIFFERS}),
    (
        "01 edit the hash of a preset",
        edit(11, b'"preset_sha256":"p', b'"preset_sha256":"q'),
        {Code.CHECKPOINT},
        {Code.DIFFERS},
    ),
    ("02 edit a hash", sql("UPDATE entry SET leaf = zeroblob(32) WHERE seq = 12"), {Code.LEAF}, NONE),
    ("03 insert", keep(*range(1, 13), 12, *range(13, 27)), {Code.CHECKPOINT}, {Code.DIFFERS}),
    ("04 delete in the middle", delete(14), {Code.GAP, Code.CHECKPOINT}, {Code.DIFFERS}),
    ("04 delete and renumber", keep(*range(1, 14), *range(15, 27)), {Code.CHECKPOINT}, {Code.DIFFERS}),
    (
        "04 delete a session",
        keep(*range(1, 10), *range(18, 27)),
        {Code.CHECKPOINT, Code.ROTATION, Code.CHECKPOINT_BEYOND},
        {Code.CUT_OFF},
    ),
    ("05 delete the first", delete(1), {Code.GAP, Code.GENESIS, Code.CHECKPOINT, Code.SIMULATED}, {Code.FOREIGN}),
    (
        "06 reorder rows",
        sql(
            "UPDATE entry SET seq = -13 WHERE seq = 13",
            "UPDATE entry SET seq = 13 WHERE seq = 14",
            "UPDATE entry SET seq = 14 WHERE seq = -13",
        ),
        {Code.BODY, Code.CHECKPOINT},
        {Code.DIFFERS},
    ),
    ("06 reorder and renumber", keep(*range(1, 13), 14, 13, *range(15, 27)), {Code.CHECKPOINT}, {Code.DIFFERS}),
    (
        "07 swap two sessions",
        keep(1, *range(10, 17), 9, *range(2, 9), *range(17, 27)),
        {Code.CHECKPOINT, Code.TIME},
        {Code.DIFFERS},
    ),
    ("09 delete the tail, heads left", delete(*range(18, 27)), {Code.CHECKPOINT_BEYOND}, {Code.CUT_OFF}),
    ("09 delete the tail", cut_after(17), NONE, {Code.CUT_OFF}),
    ("09 delete the tail within a session", cut_after(13), NONE, {Code.CUT_OFF}),
    ("09 delete what no head covers", cut_after(25), NONE, NONE),
    ("10 delete everything", cut_after(0), {Code.GENESIS}, {Code.FOREIGN}),
    ("12 rewrite what no head covers", edit(26, b'"screen"', b'"signal"'), NONE, NONE),
    (
        "12 edit, and drop the heads from there on",
        both(edit(11, *PATIENT), sql("DELETE FROM checkpoint WHERE size > 10")),
        {Code.ROTATION, Code.CHECKPOINT_MISSING},
        {Code.DIFFERS},
    ),
    (
        "12 edit, and drop all heads",
        both(edit(11, *PATIENT), sql("DELETE FROM checkpoint")),
        {Code.ROTATION, Code.CHECKPOINT_MISSING},
        {Code.DIFFERS},
    ),
    ("12 edit, and cut back to an unsigned entry", both(cut_after(10), edit(10, *PATIENT)), NONE, {Code.CUT_OFF}),
    ("13 drop a trigger", sql("CREATE TRIGGER quiet BEFORE DELETE ON entry BEGIN SELECT 1; END"), {Code.SCHEMA}, NONE),
    ("13 drop an index", sql("DROP INDEX entry_by_kind"), {Code.SCHEMA}, NONE),
    ("13 mark it as something else", sql("PRAGMA user_version = 2"), {Code.SCHEMA}, NONE),
    ("14 a view over the entries", sql("CREATE VIEW better AS SELECT * FROM entry"), {Code.SCHEMA}, NONE),
    (
        "rotation that skips an epoch",
        edit(17, b'"epoch":3', b'"epoch":4'),
        {Code.ROTATION, Code.CHECKPOINT},
        {Code.DIFFERS},
    ),
    (
        "announced key that is none",
        edit(17, b'"vkey":"modctl', b'"vkey":"modctl+'),
        {Code.ROTATION, Code.CHECKPOINT},
        {Code.DIFFERS},
    ),
    (
        "announced key of another name",
        edit(17, b'"vkey":"modctl.chart/', b'"vkey":"modctl.chart/x'),
        {Code.ROTATION, Code.CHECKPOINT},
        {Code.DIFFERS},
    ),
    ("another spelling of the same entry", edit(26, b'"seq":26', b'"seq": 26'), {Code.BODY}, NONE),
    ("number of another entry", edit(26, b'"seq":26', b'"seq":27'), {Code.BODY}, NONE),
    ("format of another version", edit(26, b'"v":1', b'"v":2'), {Code.BODY}, NONE),
    ("genesis twice", keep(*range(1, 27), 1), {Code.GENESIS, Code.CHECKPOINT_MISSING, Code.TIME}, NONE),
    (
        "head that says another size",
        sql("UPDATE checkpoint SET size = 26 WHERE size = 25"),
        {Code.ROTATION, Code.CHECKPOINT},
        NONE,
    ),
    ("14 a head that was moved", sql("UPDATE checkpoint SET size = 12 WHERE size = 11"), {Code.CHECKPOINT}, NONE),
    (
        "14 a frontier that was changed",
        sql("UPDATE checkpoint SET frontier = zeroblob(length(frontier)) WHERE size = 25"),
        {Code.CHECKPOINT},
        NONE,
    ),
    (
        "14 a head that does not parse",
        sql("UPDATE checkpoint SET note = x'00' WHERE size = 25"),
        {Code.CHECKPOINT, Code.ROTATION, Code.CHECKPOINT_MISSING},
        NONE,
    ),
]


@pytest.mark.parametrize(("attack", "alone", "more"), [pytest.param(*row[1:], id=row[0]) for row in ATTACKS])
def test_an_attack_shows_where_it_can(target: Target, attack: Attack, alone: set[Code], more: set[Code]) -> None:
    """The number is the tamper class; what the file alone cannot show, the head kept elsewhere does or nothing does."""
    chart = attacked(target.site, attack)

    assert alone == codes(chart)
    assert alone | more == codes(chart, [target.head])


def test_without_an_attack_nothing_is_found(target: Target) -> None:
    """The same chart through the same hands: what the attacks find is theirs."""
    chart = attacked(target.site, lambda _forger: None)

    assert Judgement.UNANCHORED is verify_file(chart).verdict
    verdict = verify_file(chart, [target.head, target.early_head], target.genesis_vkey)

    assert (Judgement.ANCHORED, 26, 25, 1, 25) == (
        verdict.verdict,
        verdict.entries,
        verdict.last_checkpoint,
        verdict.unsigned,
        verdict.anchored,
    )


def test_a_finding_names_the_first_bad_entry(target: Target) -> None:
    """And up to where all is as it was signed."""
    verdict = verify_file(attacked(target.site, edit(12, b'"cause":"person"', b'"cause":"resume"')))
    (finding,) = verdict.findings

    assert (Code.CHECKPOINT, 16, 11) == (finding.code, finding.seq, verdict.last_checkpoint)
    assert "Up to entry 11 all is as it was signed" in finding.text


def test_14_a_column_that_lies_is_not_read(target: Target) -> None:
    """Columns are made from the body by the schema's own text; another text is another chart."""
    lie = (
        "PRAGMA writable_schema = 1",
        "UPDATE sqlite_schema SET sql = replace(sql, '$.data.patient', '$.data.unit') WHERE name = 'entry'",
        "PRAGMA writable_schema = 0",
    )

    assert codes(attacked(target.site, sql(*lie))) >= {Code.SCHEMA}


def test_14_an_index_that_hides_an_entry_is_found(target: Target) -> None:
    """The search would miss the session; the entries themselves are untouched."""
    hide = (
        "DROP INDEX entry_by_kind",
        "CREATE INDEX entry_by_kind ON entry (kind) WHERE kind <> 'inputs' AND seq <> 11",
        "PRAGMA writable_schema = 1",
        "UPDATE sqlite_schema SET sql = replace(sql, ' AND seq <> 11', '') WHERE name = 'entry_by_kind'",
        "PRAGMA writable_schema = 0",
    )

    assert {Code.FILE} == codes(attacked(target.site, sql(*hide)))


def test_13_a_dropped_trigger_is_found(target: Target) -> None:
    """Whoever took the guard rail off had a reason."""
    connection = open_writer(target.chart)
    connection.execute("DROP TRIGGER entry_no_delete")
    connection.close()

    assert {Code.SCHEMA} == codes(target.chart)


def test_10_a_chart_that_is_gone_is_unreadable(target: Target) -> None:
    """That is another end than broken."""
    target.chart.unlink()

    with pytest.raises(ChartUnreadableError):
        verify_file(target.chart)


@pytest.mark.parametrize("seed", range(8))
def test_no_flipped_byte_of_the_file_goes_unseen(target: Target, seed: int) -> None:
    """A failing disk, or a hand at the hex editor: either nothing that is read has changed, or it is found."""
    sound, rng = target.chart.read_bytes(), random.Random(seed)
    content = Forger(attacked(target.site, lambda _forger: None)).content()
    seen = 0
    for _ in range(25):
        at = rng.randrange(len(sound))
        damaged = sound[:at] + bytes([sound[at] ^ (1 << rng.randrange(8))]) + sound[at + 1 :]
        target.chart.write_bytes(damaged)
        try:
            verdict = verify_file(target.chart, [target.head])
        except ChartUnreadableError:
            seen += 1
            continue
        if verdict.verdict is Judgement.BROKEN:
            seen += 1
        else:
            assert content == Forger(target.chart).content()

    assert seen > 0
