"""The fault matrix: what goes wrong, and what must come of it; `python -m tests.faults` writes it down.

Rows about the text of a dump are cases of one table (`dump_text`), of which the sentences come as well. Every other one
stands in ROWS and is proved by the tests that name it: `@pytest.mark.fault("D5", "73a")`. `test_matrix` compares.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.dump_text import CASES

LETTERS = {
    23: "",
    24: "",
    25: "abc",
    26: "ab",
    27: "ab",
    28: "abcd",
    29: "abcdefg",
    30: "abc",
    31: "abcdefghijk",
    32: "",
    33: "abcdefghi",
    34: "abc",
    35: "abcde",
    36: "abc",
    37: "abcd",
    38: "",
    39: "abcdef",
    40: "abcd",
    41: "",
    42: "ab",
    43: "bc",
    44: "abcd",
    45: "abc",
    46: "abcdefg",
    47: "abcde",
    48: "abcd",
    102: "",
    103: "",
    109: "",
}
"""The rows about the text of a dump, and how many cases each of them has."""

OF_THE_TEXT = [*(f"{row}{letter}" for row, letters in LETTERS.items() for letter in letters or ("",)), "D11", "D12"]


@dataclass(frozen=True)
class Row:
    """A row that tests prove which are marked with its id.

    Attributes:
        id: the row of the fault matrix, with a letter where that row names several things.
        done: what is done, or happens.
        outcome: what must come of it.
        open: whether no test proves it yet. Who writes one marks it, and takes this away.
    """

    id: str
    done: str
    outcome: str
    open: bool = False


_OLD = "the old data, whole, for everybody who may read it; the next run clears up and succeeds"
_EITHER = "`schema` and `database`: "
_NONE = "exit 24; no object, no part, no process"

ROWS = (
    Row("42c", "A row has 256 MiB.", "the reader takes three times as much memory at most"),
    Row("43a", "A dump has 20,000 tables.", "the reader takes 3,000 bytes for each at most"),
    Row(
        "D1",
        "Something fails between the renames of the two databases and the commit.",
        f"neither is renamed: {_OLD}",
    ),
    Row(
        "D2",
        "What holds the target database cannot be ended.",
        "exit 21 after two tries; the target is open all the same, with the old data; the next run succeeds",
    ),
    Row(
        "D3",
        "New data takes the place of the old.",
        f"{_EITHER}owners, rights, default privileges, comments, the connection limit and the settings of the database "
        "and of roles in it are those of before",
    ),
    Row("D4a", "A second refresh of a target begins, by either strategy.", "exit 11 at once; the first is unharmed"),
    Row(
        "D4b",
        "The session that holds the lock on the target loses it, as behind a pool that deals out transactions.",
        "exit 21 before the swap, with what to do; the old data",
    ),
    Row(
        "D5",
        "`database`: a prepared transaction, a replication slot (in use or not) or a subscription holds the target.",
        "exit 15 before anything is done; all of them named, none of them lost",
    ),
    Row(
        "D6",
        "A session keeps a lock on a table of the target.",
        "the new data is published; `schema`: nobody waits behind the refresh, and the next run drops the old tables; "
        "`database`: the session is ended",
    ),
    Row(
        "D7",
        "The load fails after it has set the sequences.",
        f"{_EITHER}the target's own sequences stand where they stood",
    ),
    Row("D8", "The publisher gets SIGTERM or SIGKILL in the middle of a table's rows.", f"{_EITHER}{_OLD}"),
    Row("D9", "A dump in SQL_ASCII holds bytes that are not UTF-8.", "exit 17 with line and byte; nothing published"),
    Row(
        "D10",
        "A dump is in another encoding than UTF-8.",
        "rules see the text, and the target holds what psql would have restored",
    ),
    Row(
        "D13",
        "A disk of the target is full: of its data, its temporary files, or its write-ahead log.",
        f"{_EITHER}exit 15, not tried again, and it is said which disk; if the server goes down with its log and ends "
        f"ours first, 21; {_OLD}, once there is room",
    ),
    Row("D14a", "The target is marked as production.", "exit 15; nothing touched"),
    Row(
        "D14b", "The target's host, however it is written, is one of production's.", "exit 15, whatever reason is given"
    ),
    Row("D14c", "The target has the name of a production database.", "exit 15; nothing touched"),
    Row("D14d", "The target's server has production's identifier, and the database its name.", "exit 15"),
    Row("D14e", "The target is remote and nobody has typed its name.", "exit 2; nothing touched"),
    Row("D14f", "The target is marked as production while it is loaded.", f"{_EITHER}exit 15 before the commit"),
    Row(
        "D15a",
        "`database`: the sessions that are ended come back at once, again and again.",
        "they see the old rows, then the new, and never neither",
    ),
    Row("D15b", "`database`: a session ends only after the first try of the swap.", "the second try publishes"),
    Row(
        "67",
        "The connection breaks in the middle of the rows.",
        f"{_EITHER}the second attempt publishes, from a clean start; nothing lies about",
    ),
    Row(
        "68a",
        "An administrator ends the sessions of a refresh, at any of its steps.",
        f"{_EITHER}a failure that is tried again; {_OLD}; from the commit on the new data",
    ),
    Row("68b", "The server is restarted in the middle of the rows.", "the second attempt publishes"),
    Row("68c", "The server is killed in the middle of the rows.", "the second attempt publishes"),
    Row("68d", "The target is lost at every attempt.", "exit 21 after the third; the old data"),
    Row(
        "68e",
        "The connection is cut, or the server restarted, stopped at once or killed, at any step of a refresh.",
        f"{_EITHER}{_OLD}; from the server's answer to the COMMIT on the new data, and the refresh says so",
    ),
    Row("69", "A disk of the target is full.", "see D13"),
    Row("70a", "Two runs on one target.", "exit 11 for the second; the first is unharmed"),
    Row("70b", "Two runs on two targets of one server.", f"{_EITHER}both are published"),
    Row("71a", "Six sessions read the target all the time, and reconnect at once.", f"{_EITHER}old rows, then new"),
    Row("71b", "A session is idle in a transaction on the target.", f"{_EITHER}published; `database` ends it"),
    Row(
        "72",
        "The publisher or the server dies in the middle of the swap.",
        f"{_EITHER}the target lets its application in; {_OLD}",
    ),
    Row("73a", "`database`: what holds the database itself.", "see D5"),
    Row(
        "73b",
        "`schema`: a prepared transaction, replication slots and a subscription in the target.",
        "published, and they are still there; the old tables are dropped once the transaction has ended",
    ),
    Row("74a", "The role is none but the owner; for `database` with CREATEDB.", f"{_EITHER}published"),
    Row("74b", "`database`: the role may not create databases.", "exit 16 before anything is done, with the grant"),
    Row(
        "75a",
        "The command is given a target that is marked as production.",
        "exit 15 until a reason is in the settings",
    ),
    Row("75b", "The command is given a target with production's name or identifier.", "exit 15"),
    Row("75c", "The command is given a target on production's host, behind a tunnel.", "exit 15, and no tunnel"),
    Row(
        "76",
        "The role, the database, or the role in it has a statement_timeout and a lock_timeout.",
        f"{_EITHER}published",
    ),
    Row("77", "A materialised view of the dump cannot be filled.", f"{_EITHER}exit 22 with its line; the old data"),
    Row("78a", "The server counts other rows than the stream.", f"{_EITHER}exit 22 with both numbers; the old data"),
    Row("78b", "A sequence is behind the numbers of its column.", f"{_EITHER}exit 22 with its name; the old data"),
    Row("79", "The target's name has 63 bytes, quotes and letters outside ASCII.", f"{_EITHER}published, twice over"),
    Row("86a", "pg_dump fails at its start.", _NONE),
    Row("86b", "pg_dump fails in the middle of a table's rows.", _NONE),
    Row("86c", "The server ends the session of pg_dump, ten times, at any moment.", f"{_NONE}; it is begun again"),
    Row("86d", "pg_dump says that it ended well, and wrote nothing, a part, or all but the end marker.", _NONE),
    Row("86e", "pg_dump gets SIGKILL, fifty times, at any moment.", f"{_NONE}; it is begun again"),
    Row("86f", "pg_dump gets SIGKILL once.", "it is begun again, and what is stored is whole"),
    Row("87a", "GnuPG gets SIGKILL, fifty times, at any moment.", f"{_NONE}; it is begun again"),
    Row("87b", "The compressor runs out of memory, fifty times, at any piece.", _NONE),
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
        "96a",
        "The server's answer to the COMMIT is lost.",
        f"{_EITHER}the outcome is asked for: the refresh says that it is published, and it is",
    ),
    Row("96b", "The connection is lost before the COMMIT is sent.", f"{_EITHER}exit 21; {_OLD}"),
    Row(
        "96c", "Nobody tells what became of the COMMIT.", f"{_EITHER}exit 23, with the question to ask; no new attempt"
    ),
    Row(
        "96d",
        "The server is killed, and gives the transaction's number to somebody else's.",
        f"{_EITHER}exit 23: it is not taken for ours; the old data",
    ),
    Row(
        "96e",
        "The server is killed while it is at the COMMIT.",
        f"{_EITHER}the refresh says which of the two it is, old or new, and it is",
    ),
    Row(
        "97",
        "Statements with enum, domain and composite parameters were prepared before a refresh.",
        "they go on reading and writing after it, and after the next",
    ),
    Row("98a", "A REPEATABLE READ snapshot is older than the swap.", "it sees the new rows, and never none"),
    Row("98b", "A transaction writes before the swap and after it.", "a foreign key error: it has to be repeated"),
    Row("98c", "`select *` was prepared before a refresh.", "it fails where the columns have changed, and only there"),
    Row(
        "99a",
        "`schema`: a view, a foreign key, a publication, an event trigger or the like outside depends on the data.",
        "exit 15 before anything is done; it is named, and nothing of it is lost",
    ),
    Row("99b", "`schema`: a temporary view of another session depends on the data.", "exit 15; it is named and stays"),
    Row("100a", "A dump of 2,000 tables.", f"{_EITHER}exit 15: more than half of the server's locks"),
    Row(
        "100b",
        "A dump of as many tables as are taken.",
        f"{_EITHER}others can take the other half of the locks meanwhile",
    ),
    Row("101", "After the load a script breaks a deferred foreign key.", "it is found before the commit"),
    Row("102", "Row-level security is forced in the dump.", f"{_EITHER}counts are right, and it is forced afterwards"),
    Row("104", "There are limits for idle sessions, idle transactions and whole transactions.", "see 76"),
    Row(
        "105",
        "A personal value is in a column that is kept.",
        "exit 14, never visible; with verify_first never on the target's disk",
    ),
    Row("106", "Ordinary data is the same as made-up data, or a placeholder.", "no false alarm"),
    Row(
        "107",
        "A bucket of cleaned dumps holds a raw one, or one without our mark, changed, renamed or signed by others.",
        "exit 13 before anything of it is read",
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
        "108",
        "A command after the refresh fails.",
        "exit 30: the data is new, and it is said which commands did not run",
    ),
    Row(
        "110",
        "A presigned POST has expired, expires while the dump is made, or is valid for less than may be needed.",
        "exit 24 before the dump begins, or as soon as it has expired, and nothing stored; a warning before it begins",
    ),
)


def required() -> list[str]:
    """The ids that must be proved: by a case of the text's table, or by a test that is marked."""
    return sorted({*OF_THE_TEXT, *(row.id for row in ROWS if not row.open)})


def page() -> str:
    """What docs/faults.md holds."""
    found = {
        case.id: (case.done, f"exit {case.code}, nothing published" if case.code else "published, whole")
        for case in CASES
    }
    for row in ROWS:
        found.setdefault(row.id, (row.done, row.outcome + (" (no test yet)" if row.open else "")))
    parts = [_ABOUT]
    for title, ids in (
        ("The text of a dump", [id for id in found if id[0] not in "DS" and _number(id) < 67]),
        ("What is known of targets", [id for id in found if id[0] == "D"]),
        ("The target", [id for id in found if id[0] != "D" and 67 <= _number(id) < 86]),
        ("Backups", [id for id in found if _is_of_backups(id)]),
        ("Further", [id for id in found if id[0] != "D" and _number(id) >= 96 and not _is_of_backups(id)]),
    ):
        lines = [f"| {id} | {_cell(found[id][0])} | {_cell(found[id][1])} |" for id in sorted(ids, key=_order)]
        parts.append(
            "\n".join([f"## {title}", "", "| | what is done | what comes of it |", "| --- | --- | --- |", *lines])
        )
    return "\n\n".join(parts) + "\n"


_ABOUT = """# Faults

What goes wrong, and what comes of it. Each row is tried against real servers by the tests in `tests/faults`, and by
those elsewhere that are marked with its id; what has no test yet says so. This page is made from their list:
`python -m tests.faults > docs/faults.md`."""


def _number(id: str) -> int:
    return int("".join(letter for letter in id if letter.isdigit()))


def _is_of_backups(id: str) -> bool:
    """How they are made, stored and taken."""
    return id[0] == "S" or (id[0] != "D" and (86 <= _number(id) < 96 or _number(id) >= 110))


def _order(id: str) -> tuple[int, str]:
    return _number(id), id


def _cell(text: str) -> str:
    """As a cell of a table in Markdown takes it."""
    text = text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")
    first = text[0] if text.startswith("pg_") else text[0].upper()
    return first + text[1:].rstrip(".")
