"""Whatever goes wrong, no sentence of ours, of the server's or of a library's has a value in it."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dmrefresh.errors import Failure
from tests.dump.writing import USERS, a_dump
from tests.faults.case import Case
from tests.faults.test_dump_text import Listening, refresh
from tests.jobs.scene import DMREFRESH
from tests.postgres.databases import Database
from tests.proof import Proof

ROOT = Path(__file__).parents[2]

CHATTY = """
import logging, threading, warnings

def unclosed(value):
    try:
        yield value
    finally:
        raise LookupError(value)

def quote(value, chance):
    logging.getLogger("a library").error("cannot read %s", value)
    warnings.warn(f"cannot read {value}")
    thread = threading.Thread(target=lambda: int(value))
    thread.start()
    thread.join()
    next(unclosed(value))
    return "made up"

def fail(value, chance):
    quoted = value
    raise ValueError(quoted)
"""
ROWS = b"COPY public.users (id, email) FROM stdin;\n1\tjane.canary@gov.uk\n\\.\n"


@pytest.mark.fault("L5")
@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
@pytest.mark.parametrize(("function", "code"), [("quote", 0), ("fail", 14)])
def test_what_threads_generators_warnings_and_logs_quote_is_not_shown(
    tmp_path: Path, proof: Proof, function: str, code: int, debug: tuple[str, ...]
) -> None:
    (tmp_path / "ours.py").write_text(CHATTY)
    ruleset = tmp_path / "rules.yaml"
    ruleset.write_text(
        f"ruleset: 1\ntables:\n  users:\n    columns:\n      id: keep\n      email: {{function: ours.{function}}}\n"
    )
    argv = [DMREFRESH, "sanitise", "--ruleset", str(ruleset), *debug]
    done = subprocess.run(argv, input=a_dump(USERS, ROWS), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    assert b"canary" not in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    if function == "quote":
        assert done.stdout.count(b"made up") == 1
        assert done.stderr.count(b"a fault of dmrefresh's own, beside what it was doing") == 2
        assert (b"in unclosed" in done.stderr or b" unclosed\n" in done.stderr) is bool(debug)
    proof.happened("what went wrong is named by its kind alone")


PERSON = "jane.canary@gov.uk"
"""What a rule replaces: the server never hears of it."""
SAID = "Zorblax Quimbly"
"""What is kept: the server hears of it, and quotes it; we do not."""
PEOPLE = """CREATE TABLE public.people (
    id integer,
    email text,
    said {type}{more}
);
"""
REFUSED = {
    "a text for a number": ("integer", "", b""),
    "a text that is too long": ("character varying(3)", "", b""),
    "none where one must be": ("text NOT NULL", "", b""),
    "a check": ("text", f",\n    CONSTRAINT fits CHECK ((said <> '{SAID}'::text))", b""),
    "a generated column": ("text", ",\n    number integer GENERATED ALWAYS AS ((said)::integer) STORED", b""),
    "a key": ("text", "", b"ALTER TABLE ONLY public.people\n    ADD CONSTRAINT said_key UNIQUE (said);\n"),
    "an exclusion": (
        "text",
        "",
        b"ALTER TABLE ONLY public.people\n    ADD CONSTRAINT none_twice EXCLUDE USING btree (said WITH =);\n",
    ),
    "a foreign key": (
        "text",
        "",
        b"ALTER TABLE ONLY public.people\n    ADD CONSTRAINT known FOREIGN KEY (said) REFERENCES public.words(word);\n",
    ),
    "an index": ("text", "", b"CREATE INDEX people_number ON public.people USING btree (((said)::integer));\n"),
    "a check that comes later": (
        "text",
        "",
        b"ALTER TABLE public.people\n    ADD CONSTRAINT fits CHECK (((said)::integer > 0));\n",
    ),
}
"""By what the server refuses because of a value: the type of a column, more of the table, and what follows the rows."""
RULES = """  people:
    columns:
      id: keep (a number)
      email: person.email
      said: keep (as it is)
  words:
    columns:
      word: keep (a word)
"""


def of_people(kind: str) -> bytes:
    type_, more, after = REFUSED[kind]
    said = r"\N" if "NOT NULL" in type_ else SAID
    rows = f"COPY public.people (id, email, said) FROM stdin;\n1\t{PERSON}\t{said}\n2\t{PERSON}\t{said}\n\\.\n"
    words = b"CREATE TABLE public.words (\n    word text NOT NULL\n);\n"
    none = b"COPY public.words (word) FROM stdin;\n\\.\n"
    key = b"ALTER TABLE ONLY public.words\n    ADD CONSTRAINT words_pkey PRIMARY KEY (word);\n"
    return a_dump(PEOPLE.format(type=type_, more=more).encode(), words, rows.encode(), none, key, after)


@pytest.mark.fault("L3", "L4")
@pytest.mark.parametrize("kind", REFUSED)
def test_of_what_the_server_refuses_its_code_and_place_are_said_and_its_log_has_no_original(
    kind: str, older: Callable[[int], Database], capfd: pytest.CaptureFixture[str], proof: Proof
) -> None:
    target, listening, text = older(18), Listening(), of_people(kind)
    heard = target.cluster.log_file.stat().st_size
    with pytest.raises(Failure) as caught:
        refresh(Case("L3", kind, text, rules=RULES), text, target, listening)
    failure = caught.value
    said = f"{failure.what} {failure.hint} {failure.state} {listening.said} {''.join(capfd.readouterr())}"
    assert failure.exit_code == 22, said
    assert "SQLSTATE" in said
    assert SAID not in said
    assert "canary" not in said
    with target.cluster.log_file.open("rb") as log:
        log.seek(heard)
        written = log.read()
    assert b"ERROR" in written
    assert b"canary" not in written  # it was replaced before the server heard of it
    proof.happened(failure.what)


OURS = {
    "BlockError",
    "Interrupted",
    "Leaked",
    "LooksPersonal",
    "Misfit",
    "Needs",
    "NotUnderstood",
    "Problem",
    "RulesetError",
    "SanitiserError",
    "Unfit",
    "signals.Interrupted",
    "tomllib.TOMLDecodeError",
}
"""Exceptions of which the text is our own, or that of a parser which names places alone."""
LOOKED_AT = {
    ("dmrefresh/bucket/answers.py", "RuntimeError"),  # looked at, and not passed on
    ("dmrefresh/cli/worker.py", "ValueError"),  # of a duration on the command line
    ("dmrefresh/dump/definitions/families.py", "CycleError"),  # has names of tables
    ("dmrefresh/settings/loading.py", "UnicodeDecodeError"),  # told apart from the other kind, and not passed on
    ("dmrefresh/settings/section.py", "ValueError"),  # of a duration in the settings
    ("sanitisers/engine/remaking.py", "Exception"),  # told apart from one of ours, and not passed on
    ("sanitisers/engine/remaking.py", "SystemExit"),
}
"""Where else the text of an exception is used, and of which: each was looked at."""


@pytest.mark.fault("L3")
def test_the_text_of_an_exception_is_passed_on_only_where_it_is_our_own() -> None:
    passed_on, asked = set(), set()
    for file in [*(ROOT / "dmrefresh").rglob("*.py"), *(ROOT / "sanitisers").rglob("*.py")]:
        place, tree = str(file.relative_to(ROOT)), ast.parse(file.read_text())
        for handler in (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)):
            if any(is_text_of(handler.name, node) for body in handler.body for node in ast.walk(body)):
                kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
                passed_on |= {(place, ast.unparse(kind)) for kind in kinds if kind is not None}
        asked |= {place for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "diag"}
        assert "format_exc" not in file.read_text()
        assert "print_exc" not in file.read_text()
    assert {one for one in passed_on if one[1] not in OURS} == LOOKED_AT
    assert asked == {"dmrefresh/postgres/failures.py"}  # which takes names and numbers out of it


def is_text_of(name: str | None, node: ast.AST) -> bool:
    """Whether a piece of code makes a text of the exception that a handler has caught."""
    if name is None:
        return False
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"str", "repr", "format"}:
        return any(isinstance(one, ast.Name) and one.id == name for one in node.args)
    if isinstance(node, ast.FormattedValue):
        return isinstance(node.value, ast.Name) and node.value.id == name
    return isinstance(node, ast.Attribute) and node.attr == "args" and ast.unparse(node.value) == name
