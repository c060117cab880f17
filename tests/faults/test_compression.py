"""What is done to the compressed text, within a message that GnuPG finds in order: through the command itself."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace

import pytest

from dmrefresh.dump.reader import read_dump
from dmrefresh.stages.gzip import gunzip
from tests.faults.conftest import Made
from tests.jobs.scene import Scene
from tests.jobs.small import bodies
from tests.proof import Proof

pytestmark = pytest.mark.usefixtures("smaller_dumps_are_taken")


def put(scene: Scene, packed: bytes) -> None:
    """Store what is compressed already as the newest dump."""
    scene.put(scene.encrypt(packed, compress=False))


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        pytest.param(slice(None, -5000), "ends too early", marks=pytest.mark.fault("15a"), id="in the middle"),
        pytest.param(slice(None, -8), "ends too early", marks=pytest.mark.fault("15b"), id="without its trailer"),
        pytest.param(slice(None, -1), "ends too early", marks=pytest.mark.fault("15b"), id="without its last byte"),
        pytest.param(slice(None, 10), "ends too early", marks=pytest.mark.fault("15c"), id="after its header"),
    ],
)
def test_compressed_text_that_ends_early_is_damage(made: Made, proof: Proof, kept: slice, says: str) -> None:
    scene, text = made
    put(scene, gzip.compress(text)[kept])
    proof.refused(scene, 13, says=says)


@pytest.mark.parametrize(
    "position",
    [
        pytest.param(-7, marks=pytest.mark.fault("16a"), id="checksum"),
        pytest.param(-3, marks=pytest.mark.fault("16b"), id="length"),
    ],
)
def test_a_flip_in_what_gzip_notes_of_the_text_is_damage(made: Made, proof: Proof, position: int) -> None:
    scene, text = made
    packed = bytearray(gzip.compress(text))
    packed[position] ^= 4
    put(scene, bytes(packed))
    proof.refused(scene, 13, says="checksum or structure is wrong")


@pytest.mark.fault("17")
def test_a_dump_in_two_members_is_one_dump(made: Made, proof: Proof) -> None:
    scene, text = made
    middle = text.index(b"canary", len(text) // 2) + 3
    put(scene, gzip.compress(text[:middle]) + gzip.compress(text[middle:]))
    ended = proof.published(scene)
    assert (ended.report["rows"], bodies(scene)) == (2000, {"canary"})


@pytest.mark.fault("18")
@pytest.mark.parametrize("members", [1, 2])
def test_two_dumps_one_after_the_other_are_none(made: Made, proof: Proof, members: int) -> None:
    scene, text = made
    put(scene, gzip.compress(text * 2) if members == 1 else gzip.compress(text) * 2)
    proof.refused(scene, 17, says="follows the end marker of the dump")


@pytest.mark.fault("19a")
def test_zeros_after_the_compressed_text_are_padding(made: Made, proof: Proof) -> None:
    scene, text = made
    put(scene, gzip.compress(text) + bytes(1000))
    ended = proof.published(scene)
    assert (ended.report["rows"], bodies(scene)) == (2000, {"canary"})


@pytest.mark.parametrize(
    "rubbish",
    [b"rubbish", bytes(10) + b"x", b"\x1f"],
    ids=["text", "text behind zeros", "half of a member's beginning"],
)
@pytest.mark.fault("19b")
def test_rubbish_after_the_compressed_text_is_damage(made: Made, proof: Proof, rubbish: bytes) -> None:
    scene, text = made
    put(scene, gzip.compress(text) + rubbish)
    proof.refused(scene, 13, says="follows the end of the compressed dump|ends too early")


@pytest.mark.parametrize("how", ["plain", "zlib"])
@pytest.mark.fault("20")
def test_what_is_not_gzip_is_damage(made: Made, proof: Proof, how: str) -> None:
    scene, text = made
    put(scene, text if how == "plain" else zlib.compress(text))
    proof.refused(scene, 13, says="is not gzip data")


@pytest.mark.slow
@pytest.mark.fault("21")
def test_a_small_object_that_unpacks_to_one_enormous_line_does_not_fill_the_memory(made: Made, proof: Proof) -> None:
    scene, text = made
    scene = replace(scene, more=f"{scene.more}\n[limits]\nrow_mib = 64")
    size, block = 1 << 30, b"x" * (1 << 20)
    begin = text.index(b"canary")
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = [packer.compress(text[:begin])] + [packer.compress(block) for _ in range(size // len(block))]
    packed.append(packer.compress(text[begin:]) + packer.flush())
    put(scene, b"".join(packed))
    ended = proof.refused(scene, 17, says="row_mib")
    assert ended.peak < size  # of which it would need several


@pytest.mark.fault("22")
def test_a_byte_at_a_time_is_the_same_dump(made: Made, proof: Proof) -> None:
    _, text = made
    packed = gzip.compress(text)
    singly = [packed[at : at + 1] for at in range(len(packed))]
    whole = list(read_dump(gunzip([packed])))
    assert b"".join(gunzip(singly)) == text
    assert list(read_dump(text[at : at + 1] for at in range(len(text))))[-1] == whole[-1]
    proof.happened("the same text, and the same rows")
