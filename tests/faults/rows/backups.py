"""Backups: how they are made, stored and taken."""

from __future__ import annotations

from tests.faults.row import NONE, Row

TITLE = "Backups"

ROWS = (
    Row("86a", "pg_dump fails at its start.", NONE),
    Row("86b", "pg_dump fails in the middle of a table's rows.", NONE),
    Row("86c", "The server ends the session of pg_dump, ten times, at any moment.", f"{NONE}; it is begun again"),
    Row("86d", "pg_dump says that it ended well, and wrote nothing, a part, or all but the end marker.", NONE),
    Row("86e", "pg_dump gets SIGKILL, fifty times, at any moment.", f"{NONE}; it is begun again"),
    Row("86f", "pg_dump gets SIGKILL once.", "it is begun again, and what is stored is whole"),
    Row("87a", "GnuPG gets SIGKILL, fifty times, at any moment.", f"{NONE}; it is begun again"),
    Row("87b", "The compressor runs out of memory, fifty times, at any piece.", NONE),
    Row(
        "87c",
        "The whole run gets SIGKILL at any moment.",
        "no object, or a whole one; parts may be left, which nobody takes for one",
    ),
    Row(
        "88a",
        "The disk under a worker's ciphertext is full, or the worker is ended or killed while it sends.",
        "exit 24 (143, 137); nothing stored, and no file left",
    ),
    Row(
        "89a",
        "S3 refuses a presigned POST: another name or ACL than was signed, too much, expired, a wrong signature.",
        "exit 24, not tried again; S3's code and reason are said, nothing of what was signed, and nothing is stored",
    ),
    Row(
        "89b",
        "S3 answers a presigned POST with 500, 502 or 503.",
        "tried again, four times in all; then exit 24, which says whether it may be stored all the same",
    ),
    Row(
        "89c",
        "The connection of a presigned POST is cut before all is sent, or after it is stored and before the answer.",
        "the same content is sent again under the same name; exit 24 where no answer ever comes: nothing stored in the "
        "first case, an unknown outcome in the other",
    ),
    Row("89d", "S3 answers a presigned POST with the status of a success, and an error.", "a failure; tried again"),
    Row(
        "90",
        "A backup is larger than what a presigned POST takes.",
        "a warning before the dump begins where the database's size makes it likely; exit 24 as soon as it is too "
        "large, and nothing is sent",
    ),
    Row(
        "91a",
        "Between the storing of a backup and its reading back the object is changed, cut short, or lacks a row.",
        "exit 13; no note says that it is whole, and nobody could have deleted it",
    ),
    Row(
        "91b",
        "What lies beside a dump and says that it was read back is about another object, or cannot be read; or the "
        "object was changed since.",
        "it does not count, and a warning says why; exit 13 where the bytes are others, and nothing published",
    ),
    Row(
        "92",
        "The private key is not on the machine that makes a backup, or SOPS cannot decrypt it there.",
        "stored, exit 31 unless that is asked for; `check-dump --record` reads it back elsewhere",
    ),
    Row(
        "93",
        "Slack is not there, refuses, answers 429 or 500, or never answers; the run succeeds, fails, or is ended by a "
        "signal.",
        "the exit code and the data are those of a run of which nobody is told; a warning says that Slack was not told",
    ),
    Row(
        "94",
        "Two backups of one name are made at once.",
        "the first to be whole is stored and read back; exit 11 for the other, of which nothing is left",
    ),
    Row(
        "95",
        "A backup of each version of PostgreSQL is refreshed into another one, and restored there by psql.",
        "the same definitions, the same rows, the same values in every column that no rule changes",
    ),
    Row(
        "111",
        "The newest dump was never read back, or none was.",
        "an older one that was is taken, and a warning names the newer; where none was, a warning, or exit 10 by "
        "setting",
    ),
    Row(
        "112",
        "A dump is not what its own note says: it has other rows, or another name, or it was taken from the target.",
        "exit 13 for the rows, and for the name where dumps are signed; 15 for the target; the old data",
    ),
    Row(
        "S8",
        "The newest dump by its name is empty, too old, of a time to come, or much smaller than those before it.",
        "an empty one is passed over; else exit 10 with the mend, or a warning by setting or for one that was named",
    ),
    Row(
        "110",
        "A presigned POST has expired, expires while the dump is made, or is valid for less than may be needed.",
        "exit 24 before the dump begins, or as soon as it has expired, and nothing stored; a warning before it begins",
    ),
)
