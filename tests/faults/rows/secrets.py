"""How a secret, or an original value, might get out sideways."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "Secrets and personal data"

ROWS = (
    Row(
        "L1",
        "A backup and a refresh run with passwords, a tunnel, commands of the target's, and a webhook.",
        "no secret is an argument of any process",
    ),
    Row(
        "L2",
        "The same, with secrets of others in the environment.",
        "GnuPG, SOPS, pg_dump and the target's commands get the variables that they need, and no other",
    ),
    Row(
        "L3",
        "The server refuses something because of a value: a type, a length, a check, a key, an index, a generated one.",
        "exit 22 with the SQLSTATE, table, line, column and constraint; never a word of the server's, whose own text "
        "of an error no code of ours passes on",
    ),
    Row(
        "L4",
        "The same; and a refresh that fails late, or that reads what is damaged.",
        "no original is in the target's own log: it was replaced before the server heard of it",
    ),
    Row(
        "L5",
        "A rule's own function has a library log and warn of a value, fails in a thread, in a generator that nobody "
        "closed, or by itself; with `--debug` and without.",
        "the kind of fault and the place in the code are said; no text of an exception, and no local variable",
    ),
    Row(
        "L6",
        "Personal data in a default, a check, a comment, a label, a bound, a predicate, a policy, a rule, a trigger or "
        "in the text of a view or a routine; passwords in subscriptions and servers; settings of roles and databases.",
        "exit 14 with the object's name, or left out and counted; neither a server nor a filter is given it",
    ),
    Row(
        "L7",
        "A dump has statistics of its columns (`pg_dump --statistics`), which are values of rows.",
        "left out; the target makes its own",
    ),
    Row("L8", "A column of the dump is in no rule.", "see 49"),
    Row("L9", "Rows come as INSERT statements.", "exit 17; no server and no filter is given one of them"),
    Row(
        "L10",
        "The columns of the rows come in another order, without a list, or with an identity that is always made.",
        "published: a column is known by its name",
    ),
    Row(
        "L11",
        "Generated columns, indexes, statistics, triggers and materialised views are computed from the rows.",
        "published: they are computed from what was replaced",
    ),
    Row(
        "L12",
        "Somebody knows the ruleset, and guesses originals.",
        "without the key no guess can be tested; it is another in each run unless one is set, and is published nowhere",
    ),
    Row(
        "L13",
        "A run is looked at while it has the key and rows in memory, and is told to leave a core.",
        "no file on a disk has anything in clear, the keyring lies in memory for its owner alone, and there is no core",
    ),
    Row(
        "L14",
        "Runs that succeed and that fail are told to Slack and to a webhook; libraries would log what is sent.",
        "no secret, no value and no URL in what is sent, printed or reported",
    ),
    Row(
        "L15",
        "SOPS fails and complains of the key in clear, or hands out what is no key.",
        "exit 12 with SOPS's exit status; nothing of what it said",
    ),
)
