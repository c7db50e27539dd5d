"""Merkle trees against the vectors of the transparency community."""

import base64
import json

import pytest

from audit import merkle
from tests.shared import shared_data

LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    bytes(range(0x50, 0x58)),
    bytes(range(0x60, 0x70)),
]
EIGHT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_the_root_of_the_reference_tree() -> None:
    assert merkle.root_of(LEAVES).hex() == EIGHT
    assert merkle.root_of([]) == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 20))
def test_every_leaf_of_a_tree_can_be_proven_and_no_other(size: int) -> None:
    leaves = [bytes([n]) * 3 for n in range(size)]
    root = merkle.root_of(leaves)
    for index, leaf in enumerate(leaves):
        proof = merkle.inclusion_proof(leaves, index)
        for data, holds in ((leaf, True), (leaf + b"!", False)):
            found = merkle.is_included(merkle.leaf_hash(data), index=index, size=size, proof=proof, root=root)
            assert found is holds


def test_inclusion_proofs_of_the_published_vectors() -> None:
    vectors = json.loads((shared_data("vectors/merkle") / "transparency-dev-merkle.json").read_text())
    checked = 0
    for vector in vectors:
        if not vector["path"].startswith("inclusion/"):
            continue
        proof = [base64.b64decode(node) for node in vector["proof"] or []]
        holds = merkle.is_included(
            base64.b64decode(vector["leafHash"] or ""),
            index=vector["leafIdx"],
            size=vector["treeSize"],
            proof=proof,
            root=base64.b64decode(vector["root"] or ""),
        )
        assert holds is not vector["wantErr"], vector["path"]
        checked += 1
    assert checked > 50
