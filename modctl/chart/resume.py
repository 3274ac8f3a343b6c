"""Where a chart ends and who may continue it: the last signed head, the entries after it, the key in force.

The head's frontier is stored beside its note and believed only because it hashes to the root that was signed; so
opening costs what was written since the last session's end, not the whole chart. The verifier reads the whole.
"""

from typing import Final

import msgspec

from modctl.chart.anchor import Head
from modctl.chart.body import BodyError, decode_body, decode_record
from modctl.chart.errors import ChartUnreadableError, KeysError, NoteError
from modctl.chart.keys import KeyFolder
from modctl.chart.note import Seal, SigningKey, VerifierKey, parse_checkpoint, parse_note, parse_vkey, seal
from modctl.chart.schema import NOT_INPUTS
from modctl.chart.sqlite import Connection
from modctl.chart.tlog import Frontier, leaf_hash
from modctl.records import Genesis, KeyRotated, Record

FIRST_EPOCH: Final = 1

_FIRST: Final = "SELECT body FROM entry WHERE seq = 1"
_ROTATIONS: Final = f"SELECT seq, body FROM entry WHERE kind = 'key.rotated' AND {NOT_INPUTS} ORDER BY seq DESC LIMIT 2"  # noqa: S608 - fixed text
_LAST_HEAD: Final = "SELECT size, note, frontier FROM checkpoint ORDER BY size DESC LIMIT 1"
_AFTER: Final = "SELECT seq, body, leaf FROM entry WHERE seq > ? ORDER BY seq"
_VERIFY: Final = "Nothing was written. Ask `modctl chart verify` what is wrong."


class State(msgspec.Struct, frozen=True):
    """The chart's end. ``head`` is None only while the chart is being made."""

    tree: Frontier
    head: Head | None
    epoch: int
    key: SigningKey


class _Epoch(msgspec.Struct, frozen=True):
    number: int
    after_seq: int  # its key signs heads larger than this
    vkey: VerifierKey


def read_genesis(connection: Connection) -> Genesis:
    """The chart's first entry. ChartUnreadableError when there is none, as after a creation that was interrupted."""
    row = connection.execute(_FIRST).fetchone()
    if row is None:
        raise ChartUnreadableError("The chart has no first entry: its creation was interrupted, or it was emptied.")
    record = _record(row[0], 1)
    if not isinstance(record, Genesis):
        raise ChartUnreadableError(f"The chart does not begin with its genesis. {_VERIFY}")
    return record


def resume(connection: Connection, genesis: Genesis, keys: KeyFolder) -> State:
    """Read where the chart ends. ChartUnreadableError when it does not fit its last head, KeysError without its key."""
    epochs = _last_epochs(connection, genesis)
    current = epochs[-1]
    key = keys.load(current.number)
    if key.verifier != current.vkey:
        raise KeysError(f"the key of epoch {current.number} is not the one that the chart announced. {_VERIFY}")
    head, tree = _last_head(connection, genesis.origin, epochs)
    for seq, body, leaf in connection.execute(_AFTER, (head.size,)):
        if seq != tree.size + 1 or leaf != leaf_hash(body):
            raise ChartUnreadableError(f"Entry {seq}, after the last signed head, is not as it was written. {_VERIFY}")
        tree.append(leaf)
    return State(tree, head, current.number, key)


def _last_epochs(connection: Connection, genesis: Genesis) -> tuple[_Epoch, ...]:
    """The current epoch, and before it the one whose key may have signed the last head."""
    epochs = [_Epoch(FIRST_EPOCH, 0, _vkey(genesis.vkey))]
    for seq, body in reversed(connection.execute(_ROTATIONS).fetchall()):
        record = _record(body, seq)
        if isinstance(record, KeyRotated):
            epochs.append(_Epoch(record.epoch, seq, _vkey(record.vkey)))
    return tuple(epochs)


def _last_head(connection: Connection, origin: str, epochs: tuple[_Epoch, ...]) -> tuple[Head, Frontier]:
    row = connection.execute(_LAST_HEAD).fetchone()
    if row is None:
        raise ChartUnreadableError(f"The chart has no signed head. {_VERIFY}")
    size, note, packed = row
    signer = [epoch.vkey for epoch in epochs if epoch.after_seq < size][-1]
    try:
        parsed = parse_note(note)
        checkpoint = parse_checkpoint(parsed.text)
        tree = Frontier.from_bytes(size, packed)
    except (NoteError, ValueError) as why:
        raise ChartUnreadableError(f"The last signed head does not parse ({why}). {_VERIFY}") from why
    fits = (origin, size, tree.root()) == (checkpoint.origin, checkpoint.size, checkpoint.root)
    if not fits or seal(parsed, signer) is not Seal.GOOD:
        raise ChartUnreadableError(f"The head of {size} entries is not the one that was signed. {_VERIFY}")
    return Head(origin, size, checkpoint.root, note), tree


def _record(body: bytes, seq: int) -> Record:
    try:
        return decode_record(decode_body(body))
    except BodyError as why:
        raise ChartUnreadableError(f"Entry {seq} does not parse ({why}). {_VERIFY}") from why


def _vkey(text: str) -> VerifierKey:
    try:
        return parse_vkey(text)
    except NoteError as why:
        raise ChartUnreadableError(f"The chart announces no usable key ({why}). {_VERIFY}") from why
