"""A receipt: one session's entries with the proof that each stands in the chart that one signed head is of. Pure.

Whoever has it needs neither the chart nor the site to see that nothing in it was altered; ``FORMAT.md`` 8 says the
bytes. Of c2sp.org/tlog-proof it takes the parts (index, audit path, head), not the file: that proves one entry, and a
session has thirty. Each entry here with the receipt's head is such a proof, and any tool for them reads it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal

import msgspec

from modctl.chart.body import BodyError, check_canonical, decode_body, decode_record
from modctl.chart.errors import NoteError
from modctl.chart.grammar import Code, Finding
from modctl.chart.note import (
    Checkpoint,
    Note,
    Seal,
    VerifierKey,
    from_base64,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    seal,
    to_base64,
)
from modctl.chart.tlog import Frontier, inclusion_proofs, leaf_hash, verify_inclusion
from modctl.records import Entry, Genesis, KeyRotated

MAX_BYTES: Final = 64 << 20  # chosen: 50 000 sessions' keys are 55 MB; what is larger is no receipt
INPUTS: Final = "inputs"  # telemetry: what a receipt leaves out


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict at the border: a receipt comes from anywhere."""


class ProvenEntry(_Strict, frozen=True, kw_only=True):
    """One entry's bytes as text, and its audit path from the leaf upwards, each hash in base64."""

    seq: int
    body: str
    proof: tuple[str, ...]


class Announcement(ProvenEntry, frozen=True, kw_only=True):
    """A ``key.rotated`` that is the last entry under ``head``, which the key before it signed."""

    head: str


class Receipt(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="chart.receipt"):
    """``entries``: the genesis, the announcement of the key that signed ``head``, the session's.

    ``keys``: every announcement from the chart's first key on; empty where they were left out.
    """

    v: Literal[1] = 1
    session: str
    head: str
    entries: tuple[ProvenEntry, ...]
    keys: tuple[Announcement, ...] = ()


class Trust(StrEnum):
    """By whose word the head counts."""

    KNOWN = "known"  # a key, or the head itself, that was given from outside
    OWN = "own"  # the key that the receipt itself names


class ReceiptVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt is worth: with findings, nothing. ``entries`` are those of the session that lead to the head."""

    session: str
    trust: Trust
    head: Checkpoint
    signer: str  # vkey
    genesis: Genesis | None  # proven; None where the receipt has none
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]


def make_receipt(
    session: str,
    head: bytes,
    leaves: Sequence[bytes],
    bodies: Mapping[int, bytes],
    rotations: Mapping[int, tuple[bytes, bytes]],
) -> Receipt:
    """Prove ``bodies`` (by number) under ``head``, which is of exactly ``leaves``.

    ``rotations``: of every key on the way from the first one, the number of its ``key.rotated``, its bytes, and the
    head of that size; left out, the receipt counts by its last key alone.
    """
    proofs = inclusion_proofs(leaves, [seq - 1 for seq in bodies])
    entries = tuple(
        ProvenEntry(seq=seq, body=body.decode(), proof=_encoded(proofs[seq - 1]))
        for seq, body in sorted(bodies.items())
    )
    keys = []
    tree = Frontier()
    for leaf in leaves if rotations else ():
        if tree.size + 1 in rotations:  # what stands left of a tree's last leaf is the right edge of the tree before it
            body, note = rotations[tree.size + 1]
            path = _encoded(tuple(reversed(tree.nodes)))
            keys.append(Announcement(seq=tree.size + 1, body=body.decode(), proof=path, head=note.decode()))
        tree.append(leaf)
    return Receipt(session=session, head=head.decode(), entries=entries, keys=tuple(keys))


def is_receipt(first: bytes) -> bool:
    """Whether a file that begins so is read as a receipt: no chart begins like JSON."""
    return first.lstrip()[:1] == b"{"


def head_in(content: bytes) -> bytes:
    """The head that a receipt is of; what is no receipt is taken for the head itself."""
    return read_receipt(content).head.encode() if is_receipt(content) else content


def read_receipt(content: bytes) -> Receipt:
    """NoteError when it is none, or of a version that this program does not know."""
    if len(content) > MAX_BYTES:
        raise NoteError(f"a receipt has at most {MAX_BYTES} bytes, this file {len(content)}")
    try:
        receipt = msgspec.json.decode(content, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise NoteError(f"this is no receipt that this program can read: {why}") from why
    if not receipt.entries:
        raise NoteError("a receipt without entries proves nothing")
    return receipt


def verify_receipt(receipt: Receipt, vkey: str | None = None, outside: Sequence[bytes] = ()) -> ReceiptVerdict:
    """Hold every entry against the head, and the head against its key.

    ``vkey``: the chart's first key, or the key that signed the head, as somebody else knows it. ``outside``: heads of
    the same size that were kept elsewhere. NoteError when one of them, or the receipt's own head, is malformed.
    """
    known = None if vkey is None else parse_vkey(vkey)
    heads = [parse_checkpoint(parse_note(note).text) for note in outside]
    note = parse_note(receipt.head.encode())
    return _Reading(receipt, note).verdict(known, heads)


class _Reading:
    """One reading of one receipt."""

    def __init__(self, receipt: Receipt, note: Note) -> None:
        self._receipt = receipt
        self._note = note
        self._head = parse_checkpoint(note.text)
        self._findings: list[Finding] = []
        self._genesis: Genesis | None = None
        self._signer = ""  # vkey in force at the head, as the proven entries say

    def verdict(self, known: VerifierKey | None, outside: Sequence[Checkpoint]) -> ReceiptVerdict:
        """What was found."""
        entries = self._read_entries()
        self._read_seal()
        for head in outside:
            self._hold_against(head)
        if known is not None:
            self._find_way_from(known)
        return ReceiptVerdict(
            session=self._receipt.session,
            trust=Trust.OWN if known is None and not outside else Trust.KNOWN,
            head=self._head,
            signer=self._signer,
            genesis=self._genesis,
            entries=entries,
            findings=tuple(self._findings),
        )

    def _read_entries(self) -> tuple[Entry, ...]:
        found, last = [], 0
        for proven in self._receipt.entries:
            if proven.seq <= last:
                self._find(Code.GAP, proven.seq, "the entries do not stand in their order")
            last = proven.seq
            entry = self._proven(proven, self._head, Code.PROOF)
            if entry is not None and self._belongs(entry, is_first=proven is self._receipt.entries[0]):
                found.append(entry)
        if not found:
            self._find(Code.RECEIPT, None, f"nothing in here is of session {self._receipt.session}")
        return tuple(found)

    def _proven(self, proven: ProvenEntry, head: Checkpoint, code: Code) -> Entry | None:
        """The entry, if its bytes stand at its number under the head."""
        body = proven.body.encode()
        try:
            entry = decode_body(body)
            check_canonical(body, entry)
            path = [from_base64(line) for line in proven.proof]
        except (BodyError, NoteError) as why:
            self._find(Code.BODY, proven.seq, f"not an entry as modctl writes it: {why}")
            return None
        leads = verify_inclusion(leaf_hash(body), proven.seq - 1, head.size, head.root, path)
        if entry.seq != proven.seq or not leads:
            self._find(code, proven.seq, "its bytes do not lead to the signed head: it is not what the chart holds")
            return None
        return entry

    def _belongs(self, entry: Entry, *, is_first: bool) -> bool:
        """Whether it is of the session. Keys are noted on the way."""
        announcement = _announcement(entry)
        if is_first is not (entry.kind == "genesis"):
            self._find(Code.GENESIS, entry.seq, "a receipt begins with the chart's first entry, and has it once")
        if isinstance(announcement, Genesis):
            self._genesis, self._signer = announcement, announcement.vkey
        elif isinstance(announcement, KeyRotated):
            self._signer = announcement.vkey if entry.seq < self._head.size else self._signer
        elif entry.session == self._receipt.session and entry.kind != INPUTS:
            return True
        else:
            self._find(Code.RECEIPT, entry.seq, f"{entry.kind} of {entry.session or 'no session'} does not belong here")
        return False

    def _read_seal(self) -> None:
        key = self._key(self._signer)
        if key is None:
            return
        if key.name != self._head.origin:
            self._find(Code.FOREIGN, None, f"the head is of {self._head.origin}, the key of {key.name}")
        if seal(self._note, key) is not Seal.GOOD:
            self._find(Code.CHECKPOINT, None, "the head is not signed by the key that the receipt's own entries name")

    def _hold_against(self, head: Checkpoint) -> None:
        if head.origin != self._head.origin:
            self._find(Code.FOREIGN, None, f"the head from outside is of {head.origin}")
        elif head.size != self._head.size:
            text = f"the head from outside is of {head.size} entries, the receipt's of {self._head.size}: hold both "
            self._find(Code.DIFFERS, None, f"{text}against a copy of the chart, this alone compares heads of one size")
        elif head.root != self._head.root:
            self._find(
                Code.DIFFERS, None, "the head from outside is of other entries: one of the two is not this chart's"
            )

    def _find_way_from(self, known: VerifierKey) -> None:
        """From a key that somebody else knows to the one that signed, each announced under the one before it."""
        if str(known) == self._signer:
            return
        if self._genesis is None or str(known) != self._genesis.vkey:
            self._find(Code.GENESIS_KEY, None, "the key that was given is neither the chart's first nor the head's")
            return
        if not self._receipt.keys:
            text = "the receipt does not show how the chart's first key leads to the one that signed it"
            self._find(Code.ROTATION, None, f"{text}: ask for one with its keys, or hold its head against a copy")
            return
        key: VerifierKey | None = known
        for announced in self._receipt.keys:
            key = self._next_key(announced, key)
            if key is None:
                return
        if str(key) != self._signer:
            self._find(Code.ROTATION, None, "the keys in the receipt do not lead to the one that signed it")

    def _next_key(self, announced: Announcement, key: VerifierKey | None) -> VerifierKey | None:
        """The key that one announcement leads to; None, with a finding, when it does not hold."""
        try:
            note = parse_note(announced.head.encode())
            head = parse_checkpoint(note.text)
        except NoteError as why:
            self._find(Code.ROTATION, announced.seq, f"the head of a key's announcement does not parse: {why}")
            return None
        if key is None or seal(note, key) is not Seal.GOOD or head.size != announced.seq:
            self._find(Code.ROTATION, announced.seq, "a new key is not signed for by the one before it")
            return None
        entry = self._proven(announced, head, Code.ROTATION)
        announcement = None if entry is None else _announcement(entry)
        return None if announcement is None else self._key(announcement.vkey)

    def _key(self, vkey: str) -> VerifierKey | None:
        try:
            return parse_vkey(vkey)
        except NoteError as why:
            self._find(Code.ROTATION, None, f"the receipt announces no usable key: {why}")
            return None

    def _find(self, code: Code, seq: int | None, text: str) -> None:
        self._findings.append(Finding(code, seq, text))


def _announcement(entry: Entry) -> Genesis | KeyRotated | None:
    """The entry as what announces a key; None where it does not."""
    if entry.kind not in {"genesis", "key.rotated"}:
        return None
    try:
        record = decode_record(entry)
    except BodyError:
        return None
    return record if isinstance(record, Genesis | KeyRotated) else None


def _encoded(path: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(to_base64(node) for node in path)
