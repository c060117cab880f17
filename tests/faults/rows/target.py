"""What happens to a target, or is in its way, while it is refreshed."""

from __future__ import annotations

from tests.faults.row import EITHER, OLD, Row

TITLE = "The target"

ROWS = (
    Row(
        "67",
        "The connection breaks in the middle of the rows.",
        f"{EITHER}the second attempt publishes, from a clean start; nothing lies about",
    ),
    Row(
        "68a",
        "An administrator ends the sessions of a refresh, at any of its steps.",
        f"{EITHER}a failure that is tried again; {OLD}; from the commit on the new data",
    ),
    Row("68b", "The server is restarted in the middle of the rows.", "the second attempt publishes"),
    Row("68c", "The server is killed in the middle of the rows.", "the second attempt publishes"),
    Row("68d", "The target is lost at every attempt.", "exit 21 after the third; the old data"),
    Row(
        "68e",
        "The connection is cut, or the server restarted, stopped at once or killed, at any step of a refresh.",
        f"{EITHER}{OLD}; from the server's answer to the COMMIT on the new data, and the refresh says so",
    ),
    Row("69", "A disk of the target is full.", "see D13"),
    Row("70a", "Two runs on one target.", "exit 11 for the second; the first is unharmed"),
    Row("70b", "Two runs on two targets of one server.", f"{EITHER}both are published"),
    Row("71a", "Six sessions read the target all the time, and reconnect at once.", f"{EITHER}old rows, then new"),
    Row("71b", "A session is idle in a transaction on the target.", f"{EITHER}published; `database` ends it"),
    Row(
        "72",
        "The publisher or the server dies in the middle of the swap.",
        f"{EITHER}the target lets its application in; {OLD}",
    ),
    Row("73a", "`database`: what holds the database itself.", "see D5"),
    Row(
        "73b",
        "`schema`: a prepared transaction, replication slots and a subscription in the target.",
        "published, and they are still there; the old tables are dropped once the transaction has ended",
    ),
    Row("74a", "The role is none but the owner; for `database` with CREATEDB.", f"{EITHER}published"),
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
        f"{EITHER}published",
    ),
    Row("77", "A materialised view of the dump cannot be filled.", f"{EITHER}exit 22 with its line; the old data"),
    Row("78a", "The server counts other rows than the stream.", f"{EITHER}exit 22 with both numbers; the old data"),
    Row("78b", "A sequence is behind the numbers of its column.", f"{EITHER}exit 22 with its name; the old data"),
    Row("79", "The target's name has 63 bytes, quotes and letters outside ASCII.", f"{EITHER}published, twice over"),
    Row(
        "96a",
        "The server's answer to the COMMIT is lost.",
        f"{EITHER}the outcome is asked for: the refresh says that it is published, and it is",
    ),
    Row("96b", "The connection is lost before the COMMIT is sent.", f"{EITHER}exit 21; {OLD}"),
    Row("96c", "Nobody tells what became of the COMMIT.", f"{EITHER}exit 23, with the question to ask; no new attempt"),
    Row(
        "96d",
        "The server is killed, and gives the transaction's number to somebody else's.",
        f"{EITHER}exit 23: it is not taken for ours; the old data",
    ),
    Row(
        "96e",
        "The server is killed while it is at the COMMIT.",
        f"{EITHER}the refresh says which of the two it is, old or new, and it is",
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
    Row("100a", "A dump of 2,000 tables.", f"{EITHER}exit 15: more than half of the server's locks"),
    Row(
        "100b",
        "A dump of as many tables as are taken.",
        f"{EITHER}others can take the other half of the locks meanwhile",
    ),
    Row("101", "After the load a script breaks a deferred foreign key.", "it is found before the commit"),
    Row("102", "Row-level security is forced in the dump.", f"{EITHER}counts are right, and it is forced afterwards"),
    Row("104", "There are limits for idle sessions, idle transactions and whole transactions.", "see 76"),
)
