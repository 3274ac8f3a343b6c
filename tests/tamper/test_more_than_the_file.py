"""Attacks by whoever has more than the file: an older copy, another chart, a stolen key, a second station.

The number in a test's name is the tamper class. An empty set of findings says what cannot be shown, and stays so.
"""

import shutil
from pathlib import Path

import msgspec

from modctl.chart.export import copy_chart
from modctl.chart.grammar import Code
from modctl.chart.note import SigningKey, parse_private_key
from modctl.chart.sqlite import open_reader
from modctl.records import Draft, KeyRotated, StopPressed
from tests.tamper.conftest import Target
from tests.tamper.forger import Forger, attacked, both, codes, cut_after, edit, signed_by
from tests.unit.chart.charts import make_chart, open_chart, run_session, stamp

NONE: frozenset[Code] = frozenset()
PATIENT = (b'"patient":"p-2"', b'"patient":"p-7"')


def origin_of(target: Target) -> str:
    """The chart's name, as its first key has it."""
    return target.genesis_vkey.partition("+")[0]


def stolen(target: Target) -> SigningKey:
    """The one private key that the site still has."""
    (path,) = (target.site / "keys").glob("epoch-*.key")
    return parse_private_key(path.read_text())


def test_11_an_older_copy_is_found_by_any_later_head(target: Target) -> None:
    """In the file alone it is a sound chart: it was one."""
    store = open_chart(target.site)
    older = target.site / "older.db"
    copy_chart(store.connection, older)
    run_session(store, "s-4", second=100)
    head = store.head.note
    store.close()

    assert NONE == codes(older)
    assert NONE == codes(older, [target.head])
    assert {Code.CUT_OFF} == codes(older, [head])


def test_12_rechained_heads_of_another_key_are_not_signed(target: Target) -> None:
    """The attacker makes every head fit with a key of his own."""
    own = SigningKey(origin_of(target), bytes(range(32)))
    chart = attacked(target.site, both(edit(11, *PATIENT), signed_by(own, from_size=11)))

    assert {Code.CHECKPOINT} == codes(chart)
    assert {Code.CHECKPOINT, Code.DIFFERS} == codes(chart, [target.head])


def test_12_22_a_chart_made_anew_is_only_told_from_outside(target: Target, tmp_path: Path) -> None:
    """Everything rewritten from the genesis with new keys is a sound chart, but another one."""
    shutil.rmtree(tmp_path / "site")
    store = make_chart(tmp_path / "site", seed=99)
    run_session(store, "s-1", second=10, patient="p-7")
    vkey = store.genesis.vkey
    store.close()

    assert NONE == codes(target.chart)
    assert NONE == codes(target.chart, genesis_vkey=vkey)
    assert {Code.GENESIS_KEY} == codes(target.chart, genesis_vkey=target.genesis_vkey)
    assert {Code.FOREIGN} == codes(target.chart, [target.head])


def test_22_a_chart_rewritten_under_the_same_name_is_only_told_from_outside(target: Target) -> None:
    """Every key replaced by the attacker's own, every head signed anew: sound, and not this chart."""
    own = SigningKey(origin_of(target), bytes(range(32)))

    def swap(forger: Forger) -> None:
        bodies = [body.replace(b"p-2", b"p-7") for body in forger.bodies()]
        keys = [b"+".join((b"", *body.split(b"+")[1:])).partition(b'"')[0] for body in bodies]
        own_key = str(own.verifier).removeprefix(own.name).encode()
        forger.rewrite([body.replace(key, own_key) if key else body for body, key in zip(bodies, keys, strict=True)])
        forger.sign_again(own)

    chart = attacked(target.site, swap)

    assert NONE == codes(chart)
    assert {Code.GENESIS_KEY} == codes(chart, genesis_vkey=target.genesis_vkey)
    assert {Code.DIFFERS} == codes(chart, [target.head])


def test_15_a_real_session_grafted_into_a_simulated_chart_is_found(target: Target) -> None:
    """At the end, where no head says no: neither the site's kind nor a signature fits."""

    def graft(forger: Forger) -> None:
        bodies = forger.bodies()
        real = (
            bodies[10].replace(b'"simulated":true', b'"simulated":false').replace(b'"session":"s-2"', b'"session":"x"')
        )
        forger.rewrite(
            [*bodies, real.replace(b'"mono_ns":20', b'"mono_ns":120').replace(b'time_ns":20', b'time_ns":120')]
        )

    assert {Code.SIMULATED, Code.CHECKPOINT_MISSING} == codes(attacked(target.site, graft))


def test_16_another_stations_session_is_found(target: Target, other: Target) -> None:
    """Its entries at the end are signed by nobody, its heads are of another chart."""
    stranger = Forger(other.chart)
    session = [body.replace(b'"session":"s-1"', b'"session":"x"') for body in stranger.bodies()[1:8]]
    (note, frontier) = stranger.connection.execute("SELECT note, frontier FROM checkpoint WHERE size = 9").fetchone()
    stranger.done()
    mixed = attacked(target.site, lambda forger: forger.rewrite([*forger.bodies(), *session]))

    assert {Code.CHECKPOINT_MISSING, Code.TIME} == codes(mixed)
    shutil.rmtree(mixed.parent)

    def swap_head(forger: Forger) -> None:
        row = (note, frontier)
        forger.connection.execute("UPDATE checkpoint SET note = ?, frontier = ? WHERE size = 9", row)

    assert {Code.CHECKPOINT} == codes(attacked(target.site, swap_head))
    assert {Code.FOREIGN} == codes(target.chart, [other.head])


def test_17_a_stolen_key_does_not_reach_behind_the_last_rotation(target: Target) -> None:
    """What the erased keys signed cannot be signed again."""
    again = both(edit(11, *PATIENT), signed_by(stolen(target), from_size=11))

    assert {Code.CHECKPOINT} == codes(attacked(target.site, again))


def test_17_a_stolen_key_cannot_continue_from_an_older_end(target: Target) -> None:
    """Cut back, the chart is in an epoch whose key is gone."""
    again = both(cut_after(9), edit(8, b'"outcome":"completed"', b'"outcome":"stopped"'), signed_by(stolen(target), 8))

    assert {Code.CHECKPOINT} == codes(attacked(target.site, again))


def test_17_what_the_stolen_keys_own_epoch_wrote_is_told_only_by_a_head_of_it(target: Target) -> None:
    """From the last rotation on the thief is the site, to whoever has nothing else."""
    store = open_chart(target.site)
    head = store.checkpoint().head.note
    store.close()
    key = stolen(target)
    chart = attacked(target.site, both(edit(26, b'"screen"', b'"signal"'), signed_by(key, from_size=26)))

    assert NONE == codes(chart)
    assert NONE == codes(chart, [target.head])
    assert {Code.DIFFERS} == codes(chart, [head])


def test_17_a_stolen_key_cannot_speak_for_another_chart(target: Target) -> None:
    """A head counts under the chart's own name, whoever holds its key."""
    key = stolen(target)

    def sign_as_another(forger: Forger) -> None:
        forger.append_head("modctl.chart/another/00000000", key)

    assert {Code.CHECKPOINT} == codes(attacked(target.site, sign_as_another))


def test_17_a_key_announced_under_another_name_is_none_of_this_chart(target: Target) -> None:
    """Its heads would be read as another chart's."""
    stranger = str(SigningKey("modctl.chart/another/00000000", bytes(32)).verifier)
    store = open_chart(target.site)
    store.append([(Draft(data=KeyRotated(epoch=5, vkey=stranger)), stamp(100))])
    store.close()

    assert {Code.ROTATION} == codes(target.chart)


def test_18_19_a_forked_chart_cannot_satisfy_both_heads(target: Target) -> None:
    """Two clones of one station go on, each shown to another auditor: together they know."""
    clone = target.site.with_name("clone")
    shutil.copytree(target.site, clone)
    heads = []
    for site, seed in ((target.site, 3), (clone, 4)):
        store = open_chart(site, seed=seed)
        run_session(store, f"after-{seed}", second=100)
        heads.append(store.head.note)
        store.close()
    mine, theirs = heads

    assert NONE == codes(target.chart, [mine]) == codes(clone / "chart.db", [theirs])
    assert {Code.DIFFERS} == codes(target.chart, [mine, theirs])
    assert {Code.DIFFERS} == codes(clone / "chart.db", [mine, theirs])


def test_20_a_wall_clock_that_was_set_back_proves_nothing_and_breaks_nothing(target: Target) -> None:
    """The wall clock is a label; order is the chart's, and a head's arrival elsewhere is the only outside time."""
    store = open_chart(target.site)
    back = msgspec.structs.replace(stamp(100), at_utc="2025-03-02T08:00:00.000Z")
    store.append([(Draft(data=StopPressed(unit=None, source="screen")), back)])
    store.close()

    assert NONE == codes(target.chart, [target.head])


def test_23_an_edited_copy_does_not_fit_the_head_that_came_with_it(target: Target) -> None:
    """Two files were taken away; one of them was improved."""
    reader = open_reader(target.chart)
    out = target.site.with_name("out")
    out.mkdir()
    head = copy_chart(reader, out / "chart.db").read_bytes()
    reader.close()
    improved = attacked(out, edit(16, b'"outcome":"completed"', b'"outcome":"stopped"'))

    assert {Code.CHECKPOINT} == codes(improved)
    assert {Code.CHECKPOINT, Code.DIFFERS} == codes(improved, [head])


def test_24_chart_and_anchor_rewound_together_are_sound(target: Target) -> None:
    """Only a third place tells; the documentation says so, and so does this."""
    chart = attacked(target.site, cut_after(9))

    assert NONE == codes(chart, [target.early_head])
    assert {Code.CUT_OFF} == codes(chart, [target.early_head, target.head])
