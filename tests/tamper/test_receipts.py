"""Attacks on receipts: whoever has the file changes what it says, leaves out, adds, or signs it himself."""

import json
from collections.abc import Callable

import msgspec
import pytest

from modctl.chart.errors import ChartRefusedError
from modctl.chart.export import write_receipt
from modctl.chart.grammar import Code
from modctl.chart.note import Checkpoint, SigningKey, checkpoint_text, sign
from modctl.chart.receipt import Receipt, Trust, make_receipt, read_receipt, verify_receipt
from modctl.chart.sqlite import open_reader
from modctl.chart.tlog import leaf_hash, tree_root
from tests.tamper.conftest import Target
from tests.tamper.forger import attacked, sql

Made = dict[str, "list[dict[str, object]]"]


def receipt_of(target: Target, session: str) -> Receipt:
    """The receipt that the site gives."""
    reader = open_reader(target.chart)
    try:
        return write_receipt(reader, session, target.site / f"{session}.json", with_keys=True)
    finally:
        reader.close()


def found(receipt: Receipt, vkey: str | None = None, outside: tuple[bytes, ...] = ()) -> set[Code]:
    """The kinds of findings."""
    return {finding.code for finding in verify_receipt(receipt, vkey, outside).findings}


def edit(at: int, old: str, new: str) -> Callable[[Made], None]:
    """Another text in one entry."""

    def attack(made: Made) -> None:
        body = str(made["entries"][at]["body"])
        assert old in body
        made["entries"][at]["body"] = body.replace(old, new)

    return attack


def swap(made: Made) -> None:
    """Two entries change places."""
    made["entries"][2], made["entries"][3] = made["entries"][3], made["entries"][2]


def renumber(made: Made) -> None:
    """An entry is shown under the number of another."""
    made["entries"][2]["seq"] = made["entries"][3]["seq"]


def without_genesis(made: Made) -> None:
    """Whose chart it is, and whether it is simulated, is left out."""
    del made["entries"][0]


def without_signer(made: Made) -> None:
    """The announcement of the key is left out: the head is then held against the one before."""
    del made["entries"][-1]


def short_proof(made: Made) -> None:
    """A path that ends below the root."""
    proof = made["entries"][2]["proof"]
    assert isinstance(proof, list)
    proof.pop()


def without_a_key(made: Made) -> None:
    """One step of the way from the first key is missing."""
    del made["keys"][0]


ATTACKS = [
    ("edit", edit(2, '"unit":"estim-1"', '"unit":"estim-2"'), {Code.PROOF}),
    (
        "edit the genesis",
        edit(0, '"simulated":true', '"simulated":false'),
        {Code.PROOF, Code.GENESIS_KEY},
    ),
    ("swap", swap, {Code.GAP}),
    ("renumber", renumber, {Code.PROOF, Code.GAP}),
    ("no genesis", without_genesis, {Code.GENESIS, Code.GENESIS_KEY}),
    ("no announcement", without_signer, {Code.CHECKPOINT}),
    ("short proof", short_proof, {Code.PROOF}),
    ("a key left out", without_a_key, {Code.ROTATION}),
]


@pytest.mark.parametrize(("attack", "codes"), [pytest.param(*row[1:], id=row[0]) for row in ATTACKS])
def test_a_changed_receipt_does_not_hold(target: Target, attack: Callable[[Made], None], codes: set[Code]) -> None:
    """Each change is found, by whoever has the chart's first key."""
    made = json.loads(msgspec.json.encode(receipt_of(target, "s-2")))
    attack(made)

    assert codes == found(read_receipt(json.dumps(made).encode()), target.genesis_vkey)


def test_an_entry_that_is_left_out_does_not_show(target: Target) -> None:
    """What no receipt can prove: that it is complete. Its words say so."""
    receipt = receipt_of(target, "s-2")
    less = msgspec.structs.replace(receipt, entries=(*receipt.entries[:2], *receipt.entries[3:]))

    assert set() == found(less, target.genesis_vkey)


def test_entries_of_another_session_are_not_taken_for_this_one(target: Target) -> None:
    """A patient must not carry home somebody else's session under his own name."""
    receipt = receipt_of(target, "s-2")

    assert {Code.RECEIPT} == found(msgspec.structs.replace(receipt, session="s-3"))


def test_a_receipt_that_somebody_else_signed_holds_only_by_its_own_key(target: Target) -> None:
    """Without a key from elsewhere a forger's receipt is as good as the site's; with one it is nothing."""
    receipt = receipt_of(target, "s-2")
    origin = target.genesis_vkey.partition("+")[0]
    own = SigningKey(origin, bytes(range(32)))
    first = receipt.entries[0].body.replace(target.genesis_vkey, str(own.verifier))
    rest = [entry.body.replace("estim-1", "estim-9") for entry in receipt.entries if '"session":"s-2"' in entry.body]
    bodies = {1: first.encode()}
    bodies |= {seq: _numbered(body, seq) for seq, body in enumerate(rest, start=2)}
    leaves = [leaf_hash(body) for body in bodies.values()]
    head = sign(checkpoint_text(Checkpoint(origin, len(leaves), tree_root(leaves))), own)
    forged = make_receipt("s-2", head, leaves, bodies, {})

    assert (Trust.OWN, ()) == (verify_receipt(forged).trust, verify_receipt(forged).findings)
    assert {Code.GENESIS_KEY} == found(forged, target.genesis_vkey)


def test_a_receipt_is_held_against_a_head_from_outside(target: Target, other: Target) -> None:
    """Of the same size it must be the same; another chart's, or another size, says so."""
    receipt = receipt_of(target, "s-2")
    head = receipt.head.encode()

    assert set() == found(receipt, outside=(head,))
    assert {Code.DIFFERS} == found(receipt, outside=(target.early_head,))
    assert {Code.FOREIGN} == found(receipt, outside=(other.head,))


def test_no_receipt_is_written_of_a_chart_that_was_edited(target: Target) -> None:
    """It would not hold; better to say so where the chart is."""
    chart = attacked(target.site, sql("UPDATE entry SET leaf = zeroblob(32) WHERE seq = 12"))
    reader = open_reader(chart)
    with pytest.raises(ChartRefusedError, match="would not hold"):
        write_receipt(reader, "s-2", chart.parent / "r.json", with_keys=True)
    reader.close()

    assert not (chart.parent / "r.json").exists()


def _numbered(body: str, seq: int) -> bytes:
    entry = json.loads(body)
    entry["seq"] = seq
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()
