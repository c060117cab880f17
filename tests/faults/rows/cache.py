"""The copies of encrypted dumps that a machine keeps."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "The cache of encrypted dumps"

ROWS = (
    Row(
        "C1", "A dump is refreshed from a second time.", "S3 is asked whether it is still the same; nothing is fetched"
    ),
    Row("C2", "A dump is stored again under its name.", "it is fetched, and its old copy goes"),
    Row(
        "C3",
        "A copy has a flipped bit, is cut short, goes on, is a link, or is without its note.",
        "it is thrown away, with a warning, and the dump is fetched in the same attempt",
    ),
    Row("C4", "A copy changes while it is read.", "the attempt is made again, without it"),
    Row("C5", "What is fetched is damaged, or not encrypted.", "no copy of it is kept, in no attempt"),
    Row("C6", "More dumps are refreshed from than are kept.", "of each bucket there are copies of the newest two"),
    Row(
        "C7",
        "The disk of the cache is full, fills up while a copy is written, or is read only.",
        "published; a warning, no copy, nothing half of one",
    ),
    Row(
        "C8",
        "The folder of copies belongs to somebody else, others may write to it, or it is none.",
        "no copy is used or kept, with a warning; the dump is fetched",
    ),
    Row("C9", "A run is killed while it writes a copy.", "there is no copy, and the next run removes what there is"),
    Row(
        "C10", "Two refreshes keep a copy of the same dump at once.", "both are published, and there is one whole copy"
    ),
    Row(
        "C11",
        "A cleaned dump is refreshed from, once and again.",
        "a copy is kept once its signature has held; without it none",
    ),
)
