"""The worked example of ``FORMAT.md`` is what the program does; its list of what follows no end is the program's."""

from pathlib import Path

from modctl.chart.grammar import SIGNED_KINDS, STREAM_KINDS
from modctl.chart.keys import KeyFolder
from modctl.chart.note import parse_vkey
from modctl.chart.store import ChartStore, NewChart
from modctl.records import Draft, StopPressed
from tests.unit.chart.charts import stamp


def described(root: Path) -> str:
    """The document."""
    return (root / "modctl" / "chart" / "FORMAT.md").read_text()


def test_the_worked_example_comes_out_byte_for_byte(root: Path, tmp_path: Path) -> None:
    """An outsider builds a verifier on it; a document that is off by a byte costs an afternoon."""
    keys = KeyFolder(tmp_path / "keys", lambda count: bytes(range(count)))
    new = NewChart(site="Clinic A", simulated=True, program="modctl 0.1.0")
    store = ChartStore.create(tmp_path / "chart.db", keys, new, stamp(0))
    store.append([(Draft(data=StopPressed(unit=None, source="screen"), actor="therapist"), stamp(5))])
    head = store.checkpoint().head
    stored = store.connection.execute("SELECT body, leaf FROM entry ORDER BY seq").fetchall()
    store.close()
    key = parse_vkey(store.genesis.vkey)
    example = [
        *(f"Entry {seq}, {len(body)} bytes:\n\n    {body.decode()}\n" for seq, (body, _) in enumerate(stored, start=1)),
        *(f"leaf {seq}  {leaf.hex()}\n" for seq, (_, leaf) in enumerate(stored, start=1)),
        f"root    {head.root.hex()}\n",
        f"The public key is {key.public.hex()}, its key id {key.key_id.hex()}.",
        "".join(f"    {line}\n" if line else "\n" for line in head.note.decode().splitlines()),
    ]
    text = described(root)

    assert [] == [part for part in example if part not in text]


def test_the_rules_name_the_kinds_that_the_program_means(root: Path) -> None:
    """A kind that is added to the rule must be added to the rule book."""
    text = described(root)
    shortened = {kind.replace("session.", ".") for kind in STREAM_KINDS}

    assert [] == sorted(kind for kind in SIGNED_KINDS if f"`{kind}`" not in text)
    assert [] == sorted(kind for kind in shortened if f"`{kind}`" not in text and f"`session{kind}`" not in text)
