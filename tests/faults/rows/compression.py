"""What is done to the compressed text."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "The compression"

ROWS: tuple[Row, ...] = (
    Row("15a", "the compressed text ends in the middle", "exit 13: it ends too early"),
    Row(
        "15b",
        "the compressed text lacks its checksum and length, or the last byte of them",
        "exit 13: it ends too early",
    ),
    Row("15c", "there is nothing but gzip's header", "exit 13: it ends too early"),
    Row("16a", "a bit of gzip's checksum is flipped", "exit 13"),
    Row("16b", "a bit of the length that gzip notes is flipped", "exit 13"),
    Row("17", "the dump is in two gzip members, cut in the middle of a row", "published, every row"),
    Row("18", "two whole dumps are there, one after the other", "exit 17: something follows the end marker"),
    Row("19a", "zeros follow the compressed text", "published"),
    Row("19b", "rubbish follows the compressed text", "exit 13"),
    Row("20", "what is encrypted is not compressed", "exit 13"),
    Row("21", "an object of 1 MiB unpacks to a line of 1 GiB", "exit 17, and never that much in memory"),
    Row("22", "the bytes come one at a time", "the same text as in one piece"),
)
