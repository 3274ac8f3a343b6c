"""An attacker's tools: the file, write access, patience, and whatever keys are said to be stolen. No trace is left."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from modctl.chart import schema
from modctl.chart.grammar import Code
from modctl.chart.note import Checkpoint, SigningKey, checkpoint_text, sign
from modctl.chart.sqlite import open_writer
from modctl.chart.tlog import Frontier, leaf_hash
from modctl.chart.verify import Judgement, verify_file


class Forger:
    """Has a chart file open for writing, with the guards taken off. ``done`` puts them back."""

    def __init__(self, chart: Path) -> None:
        self.connection = open_writer(chart)
        for (name,) in self.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            self.connection.execute(f"DROP TRIGGER {name}")

    def content(self) -> list[tuple[int, bytes, bytes]]:
        """All that is evidence: entries with their hashes, heads with their notes. Closes the file."""
        rows = self.connection.execute(
            "SELECT seq, body, leaf FROM entry UNION ALL SELECT size, note, frontier FROM checkpoint"
        )
        content = rows.fetchall()
        self.connection.close()
        return content

    def done(self) -> None:
        """Leave as if nobody had been there."""
        for statement in schema.STATEMENTS:
            if statement.startswith("CREATE TRIGGER"):
                self.connection.execute(statement)
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()

    def bodies(self) -> list[bytes]:
        """The entries' bytes, in order."""
        return [body for (body,) in self.connection.execute("SELECT body FROM entry ORDER BY seq")]

    def rewrite(self, bodies: Sequence[bytes]) -> None:
        """Replace all entries, renumbered without a gap and with the hashes that fit."""
        self.connection.execute("DELETE FROM entry")
        for seq, body in enumerate(bodies, start=1):
            numbered = renumbered(body, seq)
            row = (seq, numbered, leaf_hash(numbered))
            self.connection.execute("INSERT INTO entry (seq, body, leaf) VALUES (?, ?, ?)", row)

    def sign_again(self, key: SigningKey, from_size: int = 1) -> None:
        """Make every head from a size on fit the entries as they are now, signed by ``key``."""
        sizes = [size for (size,) in self.connection.execute("SELECT size FROM checkpoint ORDER BY size")]
        tree = Frontier()
        for body in self.bodies():
            tree.append(leaf_hash(body))
            if tree.size in sizes and tree.size >= from_size:
                note = sign(checkpoint_text(Checkpoint(key.name, tree.size, tree.root())), key)
                row = (note, tree.to_bytes(), tree.size)
                self.connection.execute("UPDATE checkpoint SET note = ?, frontier = ? WHERE size = ?", row)

    def append_head(self, origin: str, key: SigningKey) -> None:
        """A head over all entries, under a name and by a key of the attacker's choice."""
        tree = Frontier()
        for body in self.bodies():
            tree.append(leaf_hash(body))
        note = sign(checkpoint_text(Checkpoint(origin, tree.size, tree.root())), key)
        row = (tree.size, note, tree.to_bytes())
        self.connection.execute("INSERT INTO checkpoint (size, note, frontier) VALUES (?, ?, ?)", row)

    def edit(self, seq: int, old: bytes, new: bytes, *, fit: bool = True) -> None:
        """Change an entry's text, and its hash unless told otherwise."""
        (body,) = self.connection.execute("SELECT body FROM entry WHERE seq = ?", (seq,)).fetchone()
        assert old in body
        edited = body.replace(old, new, 1)
        self.connection.execute("UPDATE entry SET body = ? WHERE seq = ?", (edited, seq))
        if fit:
            self.connection.execute("UPDATE entry SET leaf = ? WHERE seq = ?", (leaf_hash(edited), seq))

    def cut_after(self, seq: int) -> None:
        """Drop the entries after ``seq`` and the heads that would tell."""
        self.connection.execute("DELETE FROM entry WHERE seq > ?", (seq,))
        self.connection.execute("DELETE FROM checkpoint WHERE size > ?", (seq,))


Attack = Callable[[Forger], None]


def attacked(site: Path, attack: Attack) -> Path:
    """A copy of a site's folder with the attack done on it; gives its chart."""
    copy = site.with_name(f"{site.name}-attacked")
    shutil.copytree(site, copy)
    forger = Forger(copy / "chart.db")
    attack(forger)
    forger.done()
    return copy / "chart.db"


def codes(chart: Path, anchors: Sequence[bytes] = (), genesis_vkey: str | None = None) -> set[Code]:
    """The kinds of findings; a chart without any is never called broken, and one with some always."""
    verdict = verify_file(chart, anchors, genesis_vkey)

    assert bool(verdict.findings) is (verdict.verdict is Judgement.BROKEN)
    return {finding.code for finding in verdict.findings}


def renumbered(body: bytes, seq: int) -> bytes:
    """The same entry under another number, written as modctl writes it."""
    entry = json.loads(body)
    entry["seq"] = seq
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()


def sql(*statements: str) -> Attack:
    """Statements as they stand."""

    def attack(forger: Forger) -> None:
        for statement in statements:
            forger.connection.execute(statement)

    return attack


def both(*attacks: Attack) -> Attack:
    """One after the other."""

    def attack(forger: Forger) -> None:
        for one in attacks:
            one(forger)

    return attack


def edit(seq: int, old: bytes, new: bytes, *, fit: bool = True) -> Attack:
    """Another text in one entry."""
    return lambda forger: forger.edit(seq, old, new, fit=fit)


def cut_after(seq: int) -> Attack:
    """The end taken off, heads included."""
    return lambda forger: forger.cut_after(seq)


def signed_by(key: SigningKey, from_size: int = 1) -> Attack:
    """Heads made to fit, by the wrong key."""
    return lambda forger: forger.sign_again(key, from_size)
