"""The Merkle tree against its own definition, published vectors and another implementation."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from pymerkle import verify_consistency as peer_verify_consistency
from pymerkle import verify_inclusion as peer_verify_inclusion

from modctl.chart.tlog import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    inclusion_proofs,
    leaf_hash,
    node_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# certificate-transparency-go, testonly: the inputs and the roots after each of them.
CT_INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    """The leaf hashes of ``count`` different entries."""
    return [leaf_hash(b"entry %d" % number) for number in range(count)]


def defined_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha256(b"\x01" + defined_root(hashes[:split]) + defined_root(hashes[split:])).digest()


def test_published_roots_come_out() -> None:
    """Other people's logs use the same tree; ours must be theirs."""
    tree = Frontier()
    roots = []
    for entry in CT_INPUTS:
        tree.append(leaf_hash(bytes.fromhex(entry)))
        roots.append(tree.root().hex())

    assert CT_ROOTS == roots


def test_an_empty_tree_has_the_root_of_nothing() -> None:
    """RFC 6962 2.1 fixes it, and a verifier meets it on an emptied chart."""
    assert EMPTY_ROOT == Frontier().root() == tree_root([]) == defined_root([])


@pytest.mark.parametrize("count", range(130))
def test_the_frontier_gives_the_root_of_the_definition(count: int) -> None:
    """Appending is a shortcut; the definition is what others verify by."""
    assert defined_root(leaves(count)) == tree_root(leaves(count))


def test_an_entry_cannot_be_shown_as_an_inner_node() -> None:
    """Domain separation (RFC 6962 2.1): without it two entries could be forged into one."""
    left, right = leaves(2)

    assert node_hash(left, right) != leaf_hash(left + right)


@given(st.integers(min_value=0, max_value=300), st.integers(min_value=0, max_value=40))
def test_a_stored_frontier_goes_on_as_if_it_had_never_stopped(count: int, more: int) -> None:
    """A restarted controller appends to the same tree."""
    tree = Frontier()
    for leaf in leaves(count):
        tree.append(leaf)
    resumed = Frontier.from_bytes(count, tree.to_bytes())
    for leaf in leaves(count + more)[count:]:
        resumed.append(leaf)

    assert tree_root(leaves(count + more)) == resumed.root()
    assert count + more == resumed.size


def test_a_copied_frontier_is_independent() -> None:
    """A batch that is not committed must leave no trace in the tree."""
    tree = Frontier()
    tree.append(leaf_hash(b"a"))
    tree.copy().append(leaf_hash(b"b"))

    assert leaf_hash(b"a") == tree.root()


@pytest.mark.parametrize(("size", "packed"), [(1, b""), (2, bytes(64)), (3, bytes(63)), (0, bytes(32))])
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, packed: bytes) -> None:
    """Half a frontier would give a root of something else."""
    with pytest.raises(ValueError, match="frontier nodes"):
        Frontier.from_bytes(size, packed)


@pytest.mark.parametrize("count", range(1, 34))
def test_every_leaf_is_proven_and_nothing_else(count: int) -> None:
    """A receipt shows one entry without the chart; it must not show any other."""
    hashes = leaves(count)
    root = tree_root(hashes)
    for index, leaf in enumerate(hashes):
        proof = inclusion_proof(hashes, index)

        assert verify_inclusion(leaf, index, count, root, proof)
        assert not verify_inclusion(leaf_hash(b"another"), index, count, root, proof)
        assert not verify_inclusion(leaf, index, count, leaf_hash(b"another root"), proof)
        assert not verify_inclusion(leaf, index, count, root, (*proof, bytes(32)))
        assert not verify_inclusion(leaf, (index + 1) % count, count, root, proof) or count == 1
        for at in range(len(proof)):
            forged = (*proof[:at], bytes(32), *proof[at + 1 :])

            assert not verify_inclusion(leaf, index, count, root, forged)
            assert not verify_inclusion(leaf, index, count, root, proof[:at])


@pytest.mark.parametrize("count", range(1, 34))
def test_every_earlier_tree_is_proven_a_prefix_and_nothing_else(count: int) -> None:
    """A witness that kept an old head is shown that nothing before it changed."""
    hashes = leaves(count)
    root = tree_root(hashes)
    for old in range(1, count + 1):
        old_root, proof = tree_root(hashes[:old]), consistency_proof(hashes, old)

        assert verify_consistency(old, old_root, count, root, proof)
        assert not verify_consistency(old, leaf_hash(b"another"), count, root, proof)
        assert not verify_consistency(old, old_root, count, leaf_hash(b"another"), proof)
        assert not verify_consistency(old, old_root, count, root, (*proof, bytes(32)))
        for at in range(len(proof)):
            forged = (*proof[:at], bytes(32), *proof[at + 1 :])

            assert not verify_consistency(old, old_root, count, root, forged)
            assert not verify_consistency(old, old_root, count, root, proof[:at])


def test_a_rewritten_prefix_has_no_proof() -> None:
    """The proof of the rewritten tree does not carry the head that was signed before."""
    hashes = leaves(20)
    rewritten = [leaf_hash(b"edited"), *hashes[1:]]
    proof = consistency_proof(rewritten, 7)

    assert not verify_consistency(7, tree_root(hashes[:7]), 20, tree_root(rewritten), proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    """Asking for it is our bug; being shown one is a refusal."""
    with pytest.raises(IndexError, match="no leaf"):
        inclusion_proof(leaves(size), index)

    assert not verify_inclusion(leaf_hash(b""), index, size, EMPTY_ROOT, ())


@pytest.mark.parametrize(("old", "size"), [(0, 4), (5, 4)])
def test_a_tree_outside_the_tree_has_no_proof(old: int, size: int) -> None:
    """The empty tree is a prefix of everything, so a proof of it would say nothing."""
    with pytest.raises(IndexError, match="no tree"):
        consistency_proof(leaves(size), old)

    assert not verify_consistency(old, EMPTY_ROOT, size, tree_root(leaves(size)), ())


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 31, 64, 100])
def test_another_implementation_agrees_on_roots_and_proofs(count: int) -> None:
    """pymerkle was written by somebody else, from the same RFC."""
    hashes, root = leaves(count), tree_root(leaves(count))
    peer = InmemoryTree(algorithm="sha256")
    for number in range(count):
        peer.append_entry(b"entry %d" % number)
    for index, leaf in enumerate(hashes):
        old_root = tree_root(hashes[: index + 1])
        peer_verify_inclusion(leaf, root, peer.prove_inclusion(index + 1, count))
        peer_verify_consistency(old_root, root, peer.prove_consistency(index + 1, count))

    assert peer.get_root() == root


@pytest.mark.parametrize(("index", "size"), [(1, 1), (-1, 1), (2, 1), (0, 0)])
def test_no_proof_shows_a_leaf_outside_the_tree(index: int, size: int) -> None:
    """The one leaf of a tree is its root, and stands at its beginning alone."""
    (leaf,) = leaves(1)

    assert verify_inclusion(leaf, 0, 1, leaf, ())
    assert not verify_inclusion(leaf, index, size, leaf, ())


@given(st.integers(0, 40), st.data())
def test_several_proofs_at_once_are_those_of_each(count: int, data: st.DataObject) -> None:
    """A receipt proves thirty entries of one tree; each subtree is hashed once, and every path is as it was."""
    made = leaves(count)
    wanted = data.draw(st.lists(st.integers(0, count - 1))) if count else []

    assert {index: inclusion_proof(made, index) for index in wanted} == inclusion_proofs(made, wanted)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31])
def test_the_right_edge_is_the_path_of_the_next_leaf(size: int) -> None:
    """How a receipt shows a key's announcement as the last entry under its head."""
    made = leaves(size + 1)
    tree = Frontier()
    for leaf in made[:-1]:
        tree.append(leaf)

    assert inclusion_proof(made, size) == tuple(reversed(tree.nodes))
