"""Dumps in encodings other than UTF-8, from real servers into real servers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.dump.text.transcoding import transcoder_for
from dmrefresh.errors import ChecksFailed, DumpRefused, TargetUnfit
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.strategies.publish import publish
from fixtures.parts.postgres import Cluster, installed_majors
from sanitisers.ruleset.loading import parse_ruleset
from tests.postgres.databases import Database, events

MakeDatabase = Callable[[int], Database]

KEY = bytes(32)
OF_CLIENTS = {"SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004"}
WITHOUT_CODEC = {"EUC_TW", "MULE_INTERNAL"}

WORDS = {
    # encoding: a column's name, a person, a literal of a default, a table's name, a key of JSON
    "LATIN1": ("prénom", "Zoé Brontë", "naïf ½", "élève", "clé"),
    "WIN1252": ("prénom", "Zoë Œuvré", "50 € – “x”", "élève", "clé"),
    "EUC_JP": ("氏名", "髙橋　一郎①", "～－￠", "生徒", "鍵"),
}
RULES = """\
ruleset: 1
defaults:
  id: keep
tables:
  {table}:
    columns:
      {column}: person.name
      kept: keep (the whole of the encoding)
      doc: {{json: {{{key}: keep, who: person.name}}}}
  untouched:
    columns:
      kept: keep (the whole of the encoding)
"""

_KNOWN = """
    CREATE FUNCTION pg_temp.known(seq bytea, enc name) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RETURN convert_from(seq, enc); EXCEPTION WHEN others THEN RETURN NULL; END $$
"""


def sequences(encoding: str) -> list[bytes]:
    """Every sequence that may be a character of an encoding, beyond ASCII."""
    high = range(0x80, 0x100)
    found = [bytes([first]) for first in high]
    if encoding.startswith("EUC"):
        found += [bytes([first, second]) for first in high for second in high]
    if encoding.startswith("EUC_J"):
        found += [bytes([0x8F, second, third]) for second in high for third in high]
    return found


def as_the_server_reads(connection: psycopg.Connection, encoding: str) -> dict[bytes, str]:
    """What a server makes of the sequences of an encoding, those that it does not refuse."""
    found = connection.execute(
        "SELECT s, pg_temp.known(s, %s::name) FROM unnest(%s::bytea[]) s", (encoding, sequences(encoding))
    )
    return {sequence: text for sequence, text in found if text is not None}


@contextmanager
def source_in(cluster: Cluster, encoding: str) -> Iterator[Database]:
    """A database whose server encoding is this one."""
    source = Database(cluster, f"s{uuid4().hex[:12]}")
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        name = sql.Identifier(source.name)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE 'C'").format(name, encoding)
        )
        yield source
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def fill(source: Database, encoding: str) -> None:
    """A table with rules and one without, both holding all characters that the source can hold."""
    column, person, literal, table, key = WORDS[encoding]
    with psycopg.connect(source.cluster.url(), autocommit=True) as connection:
        connection.execute(_KNOWN)
        repertoire = "".join(dict.fromkeys(as_the_server_reads(connection, encoding).values()))
    with psycopg.connect(source.superuser_url, autocommit=True, client_encoding="UTF8") as connection:
        connection.execute(
            sql.SQL(
                "CREATE TABLE {table} (id integer PRIMARY KEY, {column} text DEFAULT {literal}, kept text, doc json);"
                "CREATE VIEW seen AS SELECT {column}, {literal}::text AS said FROM {table};"
                "CREATE TABLE untouched (id integer PRIMARY KEY, kept text)"
            ).format(table=sql.Identifier(table), column=sql.Identifier(column), literal=literal)
        )
        document = f'{{"{key}": "{person} \\u20ac", "who": "{person}", "gone": "{person}"}}'
        rows = [(i, person if i % 2 else "plain", char, document) for i, char in enumerate(repertoire)]
        cursor = connection.cursor()
        cursor.executemany(sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s)").format(sql.Identifier(table)), rows)
        cursor.executemany("INSERT INTO untouched VALUES (%s, %s)", [(i, char) for i, _, char, _ in rows])


def dumped(source: Database, *options: str) -> bytes:
    argv = [str(source.cluster.bin("pg_dump")), "--no-owner", "--no-acl", *options, source.superuser_url]
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout


def restored(dump: bytes, target: Database) -> None:
    psql = [str(target.cluster.bin("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", target.url]
    subprocess.run(psql, input=dump, check=True, capture_output=True)


def published(dump: bytes, target: Database, encoding: str | None = None, *, superuser: bool = False) -> None:
    """Publish a dump, sanitised where its encoding is given."""
    stream = events(dump)
    if encoding is not None:
        column, _, _, table, key = WORDS[encoding]
        ruleset = parse_ruleset(RULES.format(table=table, column=column, key=key), "rules.yaml")
        stream = sanitise(stream, ruleset, KEY)
    slip = Receipt(run=uuid4().hex, dump="a dump", ruleset="none", version="0")
    url = target.superuser_url if superuser else target.url
    publish(stream, url, lambda: slip, allow_superuser=superuser)


def compare(dump: bytes, target: Database, plain: Database, encoding: str) -> list[tuple[object, ...]]:
    """Sanitise and publish, and see that all but the ruled values are as psql restores them; those are returned."""
    column, person, literal, table, key = WORDS[encoding]
    published(dump, target, encoding)
    restored(dump, plain)
    for query in (
        f'SELECT id, kept FROM "{table}" ORDER BY id',
        "SELECT id, kept FROM untouched ORDER BY id",
        f"""SELECT id, doc->>'{key}' FROM "{table}" ORDER BY id""",
        "SELECT pg_get_viewdef('public.seen'::regclass)",
        f"""SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'public."{table}"'::regclass""",
        "SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attrelid::regclass::text !~ '^pg_' "
        "AND attnum > 0 AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) "
        "ORDER BY 1, 2",
    ):
        assert target.run(query) == plain.run(query), query
    kept = "".join(str(char) for _, char in target.run("SELECT id, kept FROM untouched ORDER BY id"))
    assert len(kept) > 100
    assert target.run(
        f'SELECT count(*) FROM "{table}" WHERE doc::text LIKE \'%{person}"%\' OR "{column}" = \'{person}\''
    ) == [(0,)]
    assert target.run(f"SELECT DISTINCT said = '{literal}' FROM seen") == [(True,)]
    return target.run(f"""SELECT DISTINCT "{column}", doc->>'who' FROM "{table}" ORDER BY 1, 2""")


@pytest.mark.parametrize("encoding", WORDS)
@pytest.mark.parametrize("major", installed_majors())
@pytest.mark.fault("D10")
def test_a_dump_of_a_server_in_this_encoding_is_sanitised_and_published_as_psql_restores_it(
    database: MakeDatabase, cluster_for: Callable[[int], Cluster], major: int, encoding: str
) -> None:
    with source_in(cluster_for(major), encoding) as source:
        fill(source, encoding)
        dump = dumped(source)
        utf8 = dumped(source, "--encoding=UTF8")
    assert f"SET client_encoding = '{encoding}'".encode() in dump
    fakes = compare(dump, database(major), database(major), encoding)
    # The same persons become the same fakes, whatever the dump is written in.
    assert fakes == compare(utf8, database(major), database(major), encoding)


def test_a_utf8_database_dumped_in_latin1_is_published_into_one_with_names_outside_it(database: MakeDatabase) -> None:
    source, target, plain = database(18), database(18), database(18)
    fill(source, "LATIN1")
    dump = dumped(source, "--encoding=LATIN1")
    target.run(f"GRANT CREATE ON SCHEMA public TO {target.name}", superuser=True)
    role = f"роль {target.name}"
    target.run(
        "CREATE TABLE таблица (id integer)",
        "CREATE TYPE тип AS ENUM ('да', 'нет')",
        "CREATE SEQUENCE номер",
        "CREATE FUNCTION функция() RETURNS text LANGUAGE sql AS $$ SELECT 'да' $$",
    )
    target.run(f'CREATE ROLE "{role}"', f'GRANT USAGE ON SCHEMA public TO "{role}"', superuser=True)
    try:
        compare(dump, target, plain, "LATIN1")
        assert target.run(f"SELECT has_schema_privilege('{role}', 'public', 'USAGE')") == [(True,)]
    finally:
        target.run(f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"', superuser=True)


@pytest.mark.parametrize("setting", ["database", "environment"])
def test_what_the_targets_sessions_would_be_encoded_in_does_not_matter(
    database: MakeDatabase, cluster_for: Callable[[int], Cluster], monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    target, plain = database(18), database(18)
    with source_in(cluster_for(18), "EUC_JP") as source:
        fill(source, "EUC_JP")
        dump = dumped(source)
    if setting == "database":
        target.run(f"ALTER DATABASE {target.name} SET client_encoding = 'LATIN1'")
    restored(dump, plain)
    if setting == "environment":
        monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    published(dump, target, "EUC_JP")
    monkeypatch.delenv("PGCLIENTENCODING", raising=False)
    query = "SELECT id, kept FROM untouched ORDER BY id"
    with psycopg.connect(target.url, client_encoding="UTF8") as connection:
        assert connection.execute(query.encode()).fetchall() == plain.run(query)


def test_a_dump_goes_into_a_target_of_its_own_encoding(cluster_for: Callable[[int], Cluster]) -> None:
    with source_in(cluster_for(18), "LATIN1") as source, source_in(cluster_for(18), "LATIN1") as target:
        fill(source, "LATIN1")
        published(dumped(source), target, "LATIN1", superuser=True)
        query = "SELECT id, kept FROM untouched ORDER BY id"
        assert target.run(query, superuser=True) == source.run(query, superuser=True)


def test_a_target_that_would_store_the_rows_unconverted_is_refused(cluster_for: Callable[[int], Cluster]) -> None:
    with source_in(cluster_for(18), "LATIN1") as source, source_in(cluster_for(18), "SQL_ASCII") as target:
        fill(source, "LATIN1")
        with pytest.raises(TargetUnfit, match="LATIN1 unconverted") as caught:
            published(dumped(source), target, superuser=True)
        assert "--encoding=UTF8" in (caught.value.hint or "")
        published(dumped(source, "--encoding=UTF8"), target, superuser=True)


def test_a_dump_in_sql_ascii_goes_in_as_utf8(database: MakeDatabase, cluster_for: Callable[[int], Cluster]) -> None:
    utf8 = database(18)
    with source_in(cluster_for(18), "SQL_ASCII") as source, source_in(cluster_for(18), "LATIN1") as latin1:
        source.run("CREATE TABLE person (prénom text DEFAULT 'é')", "INSERT INTO person VALUES ('é')", superuser=True)
        dump = dumped(source)
        assert b"SET client_encoding = 'SQL_ASCII'" in dump
        published(dump, utf8)
        published(dump, latin1, superuser=True)
        for target in (utf8, latin1):
            with psycopg.connect(target.superuser_url, client_encoding="UTF8") as connection:
                found = connection.execute("SELECT prénom, char_length(prénom) FROM person").fetchall()
            assert found == [("é", 1)]


@pytest.mark.fault("D9")
def test_bytes_in_sql_ascii_that_are_not_utf8_are_refused_at_their_place(
    database: MakeDatabase, cluster_for: Callable[[int], Cluster]
) -> None:
    target = database(18)
    with source_in(cluster_for(18), "SQL_ASCII") as source:
        source.run(
            "CREATE TABLE person (kept text)",
            "INSERT INTO person VALUES (convert_from('\\xe9', 'SQL_ASCII'))",
            superuser=True,
        )
        with pytest.raises(DumpRefused, match=r"not UTF-8 at line [0-9]+, byte [0-9]+") as caught:
            published(dumped(source), target)
    assert caught.value.exit_code == 17
    assert target.run("SELECT to_regclass('public.person')") == [(None,)]


def test_rows_that_are_not_in_the_dumps_encoding_are_refused_by_the_server_without_a_value(
    database: MakeDatabase, cluster_for: Callable[[int], Cluster]
) -> None:
    target = database(18)
    with source_in(cluster_for(18), "EUC_JP") as source:
        fill(source, "EUC_JP")
        dump = dumped(source)
    lines = dump.split(b"\n")
    at = next(i for i, line in enumerate(lines) if line.startswith(b"COPY public.untouched"))
    lines[at + 3] += b"SECRET\xff"
    with pytest.raises(ChecksFailed, match=r"untouched.*line 3 of the rows") as caught:
        published(b"\n".join(lines), target)
    assert "SECRET" not in caught.value.what


@pytest.mark.parametrize("major", installed_majors())
def test_an_encoding_is_read_as_the_server_reads_it_or_refused(
    cluster_for: Callable[[int], Cluster], major: int
) -> None:
    with psycopg.connect(cluster_for(major).url(), autocommit=True, client_encoding="UTF8") as connection:
        connection.execute(_KNOWN)
        known = connection.execute(
            "SELECT pg_encoding_to_char(i) FROM generate_series(0, 99) i WHERE pg_encoding_to_char(i) <> ''"
        ).fetchall()
        assert len(known) == 42
        for (encoding,) in known:
            if encoding in OF_CLIENTS | WITHOUT_CODEC:
                with pytest.raises(DumpRefused):
                    codec_of(encoding)
                continue
            codec = codec_of(encoding)
            if transcoder_for(encoding) is None:
                assert encoding in ("UTF8", "SQL_ASCII")
                continue
            servers = as_the_server_reads(connection, encoding)
            assert len(servers) > 80
            differing = {s.hex() for s, text in servers.items() if ours(s, codec) != text}
            assert not differing, (encoding, differing)


def ours(sequence: bytes, codec: str) -> str | None:
    try:
        return sequence.decode(codec)
    except UnicodeDecodeError:
        return None
