"""The Merkle tree of RFC 6962, section 2.1 (RFC 9162 has the same hashes): values in, values out.

A chart's entry with sequence number ``seq`` is the leaf with index ``seq - 1``; a tree of size n covers entries 1 … n.
Leaves and nodes are hashed with different first bytes, so that a node can never be shown as an entry.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()  # RFC 6962 2.1: the hash of an empty list is that of an empty string


def leaf_hash(body: bytes) -> bytes:
    """SHA-256(0x00 ‖ body)."""
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: all that appending and the root need.

    It holds one node for each set bit of ``size``, the largest subtree first. Equal roots of equal size mean equal
    nodes, so a frontier that was stored can be held against a signed root before it is trusted.
    """

    __slots__ = ("_nodes", "size")

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        if len(nodes) != size.bit_count() or any(len(node) != HASH_BYTES for node in nodes):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} frontier nodes of {HASH_BYTES} bytes")
        self.size = size
        self._nodes = list(nodes)

    @classmethod
    def from_bytes(cls, size: int, packed: bytes) -> "Frontier":
        """What ``to_bytes`` gave. ValueError where the length does not fit the size."""
        return cls(size, [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)])

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """The nodes, the largest subtree first. From the last to the first: the path of the leaf that comes next."""
        return tuple(self._nodes)

    def to_bytes(self) -> bytes:
        """The nodes, the largest subtree first, without separators."""
        return b"".join(self._nodes)

    def copy(self) -> "Frontier":
        """An independent frontier of the same tree."""
        return Frontier(self.size, self._nodes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the right."""
        node, rest = leaf, self.size
        while rest & 1:
            node = node_hash(self._nodes.pop(), node)
            rest >>= 1
        self._nodes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree's root hash."""
        if not self._nodes:
            return EMPTY_ROOT
        root = self._nodes[-1]
        for node in reversed(self._nodes[:-1]):
            root = node_hash(node, root)
        return root


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of one leaf (RFC 6962 2.1.1), from the leaf upwards. IndexError outside the tree."""
    return inclusion_proofs(leaves, [index])[index]


def inclusion_proofs(leaves: Sequence[bytes], indexes: Iterable[int]) -> Mapping[int, tuple[bytes, ...]]:
    """The audit paths of several leaves of one tree; every subtree is hashed once. IndexError outside the tree."""
    wanted = sorted(set(indexes))
    outside = [index for index in wanted if not 0 <= index < len(leaves)]
    if outside:
        raise IndexError(f"no leaf {outside[0]} in a tree of {len(leaves)}")
    return _paths(leaves, 0, len(leaves), wanted)[1] if wanted else {}


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows ``leaf`` at ``index`` in the tree of ``size`` with ``root`` (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, here, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            node = node_hash(sibling, node)
            here, last = _next_left_turn(here, last)
        else:
            node = node_hash(node, sibling)
        here >>= 1
        last >>= 1
    return last == 0 and node == root


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """That the first ``old_size`` leaves are a prefix of these (RFC 6962 2.1.2). IndexError outside 1 … size."""
    if not 0 < old_size <= len(leaves):
        raise IndexError(f"no tree of {old_size} inside one of {len(leaves)}")
    return _subproof(leaves, old_size, known=True)


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the old tree is a prefix of the new one (RFC 9162 2.1.4.2)."""
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    path = list(proof)
    if old_size & (old_size - 1) == 0:  # the old tree is a whole subtree: its root starts the path
        path.insert(0, old_root)
    if not path:
        return False
    here, last = old_size - 1, new_size - 1
    while here & 1:  # the old tree's last leaf is a right child: what it completes is one node of both trees
        here >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            here, last = _next_left_turn(here, last)
        else:
            new = node_hash(new, sibling)
        here >>= 1
        last >>= 1
    return last == 0 and old == old_root and new == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (RFC 6962 2.1: k)."""
    return 1 << ((size - 1).bit_length() - 1)


def _paths(
    leaves: Sequence[bytes], first: int, size: int, wanted: Sequence[int]
) -> tuple[bytes, dict[int, tuple[bytes, ...]]]:
    """The root over ``size`` leaves from ``first`` on, and the path of each wanted one (sorted) up to that root."""
    if not wanted:
        return tree_root(leaves[first : first + size]), {}
    if size == 1:
        return leaves[first], {first: ()}
    middle = first + _split(size)
    at = bisect_left(wanted, middle)
    left, of_left = _paths(leaves, first, middle - first, wanted[:at])
    right, of_right = _paths(leaves, middle, first + size - middle, wanted[at:])
    paths = {index: (*path, right) for index, path in of_left.items()}
    return node_hash(left, right), paths | {index: (*path, left) for index, path in of_right.items()}


def _subproof(leaves: Sequence[bytes], old_size: int, *, known: bool) -> tuple[bytes, ...]:
    """RFC 6962 2.1.2, SUBPROOF; ``known``: the verifier has this subtree's old root already."""
    if old_size == len(leaves):
        return () if known else (tree_root(leaves),)
    split = _split(len(leaves))
    if old_size <= split:
        return (*_subproof(leaves[:split], old_size, known=known), tree_root(leaves[split:]))
    return (*_subproof(leaves[split:], old_size - split, known=False), tree_root(leaves[:split]))


def _next_left_turn(here: int, last: int) -> tuple[int, int]:
    """Climb while the path runs along the right edge without a sibling."""
    while here & 1 == 0 and here != 0:
        here >>= 1
        last >>= 1
    return here, last
