"""Receipts: what is proven of one session, and that nothing else is believed."""

import base64
import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modctl.chart.errors import ChartRefusedError, NoteError
from modctl.chart.export import write_receipt
from modctl.chart.grammar import Code
from modctl.chart.receipt import Trust, head_in, is_receipt, read_receipt, verify_receipt
from modctl.records import Draft, StopPressed
from modctl.reports import receipt as words
from tests.unit.chart.charts import make_chart, run_session, stamp


@pytest.fixture
def taken(tmp_path: Path) -> tuple[Path, str]:
    """The receipt of the second of three sessions, taken after a later entry, and the chart's first key."""
    store = make_chart(tmp_path / "site")
    for number in (1, 2, 3):
        run_session(store, f"s-{number}", second=10 * number)
    store.append([(Draft(data=StopPressed(unit=None, source="screen"), actor="therapist"), stamp(99))])
    store.checkpoint()
    write_receipt(store.connection, "s-2", tmp_path / "r.json", with_keys=True)
    store.close()
    return tmp_path / "r.json", store.genesis.vkey


def test_a_receipt_holds_by_its_own_key_and_by_the_charts_first(taken: tuple[Path, str]) -> None:
    """The two differ in what they are worth, and the verdict says which it is."""
    receipt = read_receipt(taken[0].read_bytes())
    alone, known = verify_receipt(receipt), verify_receipt(receipt, taken[1])

    assert ((), Trust.OWN) == (alone.findings, alone.trust)
    assert ((), Trust.KNOWN) == (known.findings, known.trust)
    assert ["session.requested", "session.started", "setpoint", "session.ended"] == [e.kind for e in known.entries]
    assert {"s-2"} == {entry.session for entry in known.entries}
    assert verify_receipt(receipt, alone.signer).findings == ()


def test_without_the_keys_it_does_not_hold_against_the_first(tmp_path: Path) -> None:
    """Shorter, and it says what it cannot show; the key that signed still counts."""
    store = make_chart(tmp_path / "site")
    run_session(store, "s-1", second=10)
    store.append([(Draft(data=StopPressed(unit=None, source="screen")), stamp(99))])
    store.checkpoint()
    receipt = write_receipt(store.connection, "s-1", tmp_path / "r.json", with_keys=False)
    store.close()

    assert [Code.ROTATION] == [finding.code for finding in verify_receipt(receipt, store.genesis.vkey).findings]
    assert () == verify_receipt(receipt, verify_receipt(receipt).signer).findings


def test_under_a_head_that_announces_a_key_the_old_one_signed(tmp_path: Path) -> None:
    """The last head of a site that stopped after a session: of exactly the announcement's size, by the key before."""
    store = make_chart(tmp_path / "site")
    run_session(store, "s-1", second=10)
    receipt = write_receipt(store.connection, "s-1", tmp_path / "r.json", with_keys=True)
    store.close()
    verdict = verify_receipt(receipt, store.genesis.vkey)

    assert ((), store.genesis.vkey) == (verdict.findings, verdict.signer)


def test_an_outsider_verifies_an_entry_as_a_tlog_proof(taken: tuple[Path, str]) -> None:
    """Nothing but JSON, base64 and SHA-256: the steps of c2sp.org/tlog-proof on what ``FORMAT.md`` 8 says."""
    receipt = json.loads(taken[0].read_text())
    _, size, root = receipt["head"].split("\n")[:3]
    for entry in receipt["entries"]:
        node, here, last = hashlib.sha256(b"\0" + entry["body"].encode()).digest(), entry["seq"] - 1, int(size) - 1
        for line in entry["proof"]:
            sibling = base64.b64decode(line)
            is_right = here & 1 or here == last
            node = hashlib.sha256(b"\1" + (sibling + node if is_right else node + sibling)).digest()
            while is_right and here and not here & 1:
                here, last = here >> 1, last >> 1
            here, last = here >> 1, last >> 1

        assert base64.b64encode(node).decode() == root


def test_a_session_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """And so is what no head covers: nothing is written."""
    store = make_chart(tmp_path / "site")
    store.append([(Draft(data=StopPressed(unit=None, source="screen"), session="late"), stamp(1))])
    for session in ("s-9", "late"):
        with pytest.raises(ChartRefusedError, match="no session"):
            write_receipt(store.connection, session, tmp_path / "r.json", with_keys=True)
    store.close()

    assert not (tmp_path / "r.json").exists()


def test_nothing_is_replaced(taken: tuple[Path, str], tmp_path: Path) -> None:
    """An earlier receipt may be the evidence."""
    store = make_chart(tmp_path / "other")
    with pytest.raises(ChartRefusedError, match="replaces nothing"):
        write_receipt(store.connection, "s-1", taken[0], with_keys=True)
    store.close()


def test_the_words_say_what_it_does_not_show(taken: tuple[Path, str]) -> None:
    """A patient reads them, and a payer's lawyer."""
    alone = verify_receipt(read_receipt(taken[0].read_bytes()))
    known = verify_receipt(read_receipt(taken[0].read_bytes()), taken[1])

    assert "SIMULATED" in words.title(alone)
    assert "the key that the receipt itself names" in words.proves(alone)[1]
    assert "you gave" in words.proves(known)[1]
    assert [line.split(":")[0] for line in words.proves_not(alone)[1:]] == [
        line.split(":")[0] for line in words.proves_not(known)
    ]
    assert any("all entries" in line for line in words.proves_not(known))


def test_a_receipt_serves_as_a_head_from_outside(taken: tuple[Path, str]) -> None:
    """Who has one can hold the whole chart against it."""
    content = taken[0].read_bytes()

    assert is_receipt(content)
    assert json.loads(content)["head"].encode() == head_in(content)
    assert b"a note" == head_in(b"a note")


@pytest.mark.parametrize(
    "content", [b"{}", b'{"kind":"chart.receipt"}', b"{" * 100_000, b'{"kind":"\\ud800"}', b"\xff"]
)
def test_what_is_no_receipt_is_said_to_be_none(content: bytes) -> None:
    """The wrong file is a mistake of words, not a traceback."""
    with pytest.raises(NoteError):
        read_receipt(content)


def test_a_receipt_without_entries_is_none(taken: tuple[Path, str]) -> None:
    """It would be sound of nothing."""
    emptied = msgspec.structs.replace(read_receipt(taken[0].read_bytes()), entries=())
    with pytest.raises(NoteError, match="proves nothing"):
        read_receipt(msgspec.json.encode(emptied))


@given(st.text(max_size=20), st.text(max_size=20), st.lists(st.text(max_size=50), max_size=3), st.integers())
def test_a_made_up_receipt_raises_nothing_else(session: str, body: str, proof: list[str], seq: int) -> None:
    """It comes from anywhere."""
    entry = {"seq": seq, "body": body, "proof": proof}
    head = "modctl.chart/x\n1\n" + base64.b64encode(bytes(32)).decode() + "\n\n— x " + "A" * 88 + "\n"
    made = {"kind": "chart.receipt", "v": 1, "session": session, "head": head, "entries": [entry], "keys": []}
    try:
        receipt = read_receipt(json.dumps(made).encode())
    except NoteError:
        return

    assert verify_receipt(receipt).findings
