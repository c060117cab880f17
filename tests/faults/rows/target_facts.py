"""What is known of targets."""

from __future__ import annotations

from tests.faults.row import EITHER, OLD, Row

TITLE = "What is known of targets"

ROWS = (
    Row(
        "D1",
        "Something fails between the renames of the two databases and the commit.",
        f"neither is renamed: {OLD}",
    ),
    Row(
        "D2",
        "What holds the target database cannot be ended.",
        "exit 21 after two tries; the target is open all the same, with the old data; the next run succeeds",
    ),
    Row(
        "D3",
        "New data takes the place of the old.",
        f"{EITHER}owners, rights, default privileges, comments, the connection limit and the settings of the database "
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
        f"{EITHER}the target's own sequences stand where they stood",
    ),
    Row("D8", "The publisher gets SIGTERM or SIGKILL in the middle of a table's rows.", f"{EITHER}{OLD}"),
    Row("D9", "A dump in SQL_ASCII holds bytes that are not UTF-8.", "exit 17 with line and byte; nothing published"),
    Row(
        "D10",
        "A dump is in another encoding than UTF-8.",
        "rules see the text, and the target holds what psql would have restored",
    ),
    Row(
        "D13",
        "A disk of the target is full: of its data, its temporary files, or its write-ahead log.",
        f"{EITHER}exit 15, not tried again, and it is said which disk; if the server goes down with its log and ends "
        f"ours first, 21; {OLD}, once there is room",
    ),
    Row("D14a", "The target is marked as production.", "exit 15; nothing touched"),
    Row(
        "D14b", "The target's host, however it is written, is one of production's.", "exit 15, whatever reason is given"
    ),
    Row("D14c", "The target has the name of a production database.", "exit 15; nothing touched"),
    Row("D14d", "The target's server has production's identifier, and the database its name.", "exit 15"),
    Row("D14e", "The target is remote and nobody has typed its name.", "exit 2; nothing touched"),
    Row("D14f", "The target is marked as production while it is loaded.", f"{EITHER}exit 15 before the commit"),
    Row(
        "D15a",
        "`database`: the sessions that are ended come back at once, again and again.",
        "they see the old rows, then the new, and never neither",
    ),
    Row("D15b", "`database`: a session ends only after the first try of the swap.", "the second try publishes"),
)
