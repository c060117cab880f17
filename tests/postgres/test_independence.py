"""What may be on its way at once, and what keeps the dump's order."""

from __future__ import annotations

import pytest

from dmrefresh.dump.definitions.statements import classify
from dmrefresh.dump.events import Head, Name, Place, Statement
from dmrefresh.dump.reader import read_dump
from dmrefresh.postgres.loading.independence import Independence, collide
from tests.dump.writing import a_dump

HEAD = """
CREATE TABLE public.a (id integer);
CREATE TABLE public.b (id integer);
CREATE TABLE public.root (id integer) PARTITION BY LIST (id);
CREATE TABLE public.leaf (id integer);
CREATE TABLE public.other_leaf (id integer);
ALTER TABLE ONLY public.root ATTACH PARTITION public.leaf FOR VALUES IN (1);
ALTER TABLE ONLY public.root ATTACH PARTITION public.other_leaf FOR VALUES IN (2);
"""
ROUTINE = "CREATE FUNCTION public.f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';\n"
OPERATOR = "CREATE OPERATOR public.<~> (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer);\n"
A_KEY = "ALTER TABLE ONLY public.a ADD CONSTRAINT a_pkey PRIMARY KEY (id)"
B_KEY = "ALTER TABLE ONLY public.b ADD CONSTRAINT b_pkey PRIMARY KEY (id)"
A_INDEX = "CREATE INDEX a_id ON public.a USING btree (id)"
A_REFERENCES_B = "ALTER TABLE ONLY public.a ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES public.b(id) ON DELETE CASCADE"
LEAF_INDEX = "CREATE INDEX leaf_id ON public.leaf USING btree (id)"
ROOT_INDEX = "CREATE INDEX root_id ON ONLY public.root USING btree (id)"
"""As pg_dump writes them."""


def independence(more: str = "", calling: frozenset[Name] = frozenset()) -> Independence:
    head = next(iter(read_dump([a_dump((HEAD + more).encode())])))
    assert isinstance(head, Head)
    return Independence(head, calling)


def statement(sql: str) -> Statement:
    kind, target = classify(sql.encode(), "utf-8")
    return Statement(sql.encode(), kind, target, Place(1, 0))


def table(name: str) -> Name:
    return Name("public", name)


TOGETHER = {
    "keys of two tables": (A_KEY, B_KEY),
    "two indexes of one table": (A_INDEX, A_INDEX.replace("a_id", "more")),
    "a key and an index of another table": (A_KEY, LEAF_INDEX),
    "indexes of two partitions": (LEAF_INDEX, "CREATE INDEX o ON public.other_leaf USING btree (id)"),
    "an index with an expression of the server's": (A_INDEX.replace("(id)", "(abs(id)) WHERE (id > 0)"), B_KEY),
    "a sequence and anything": ("SELECT pg_catalog.setval('public.a_id_seq', 4, true)", A_KEY),
}
IN_ORDER = {
    "a key and an index of its table": (A_KEY, A_INDEX),
    "a foreign key and the key it needs": (B_KEY, A_REFERENCES_B),
    "a foreign key and its own table": (A_INDEX, A_REFERENCES_B),
    "two foreign keys to one table": (A_REFERENCES_B, A_REFERENCES_B.replace("public.a ", "public.leaf ")),
    "an index of the root and one of a partition": (ROOT_INDEX, LEAF_INDEX),
    "an index and its comment": (LEAF_INDEX, "COMMENT ON INDEX public.leaf_id IS 'x'"),
    "an index and its place in the root's": (
        LEAF_INDEX,
        "ALTER INDEX public.leaf_id ATTACH PARTITION public.leaf_id",
    ),
    "a key and what names its index": (A_KEY, "ALTER TABLE ONLY public.a REPLICA IDENTITY USING INDEX a_pkey"),
}
ALONE = (
    "CREATE TRIGGER t AFTER INSERT ON public.a FOR EACH ROW EXECUTE FUNCTION public.f()",
    "CREATE POLICY p ON public.a USING (true)",
    "CREATE RULE r AS ON INSERT TO public.a DO NOTHING",
    "CREATE STATISTICS public.s ON id, id FROM public.a",
    "REFRESH MATERIALIZED VIEW public.m",
    "CREATE VIEW public.v AS SELECT id FROM public.a GROUP BY id",
    "ALTER TABLE ONLY public.a ADD CONSTRAINT c CHECK ((id > 0)) NOT VALID",
    "ALTER TABLE ONLY public.a ADD CONSTRAINT e EXCLUDE USING gist (id WITH =)",
    "ALTER TABLE ONLY public.a ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES public.missing(id)",
    "CREATE INDEX i ON public.m USING btree (id)",
    "COMMENT ON INDEX public.unheard_of IS 'x'",
    "SET default_tablespace = ''",
)


@pytest.mark.parametrize("which", TOGETHER)
def test_what_touches_different_things_goes_together(which: str) -> None:
    of = independence(ROUTINE)
    one, other = (of.of(statement(sql)) for sql in TOGETHER[which])
    assert one is not None
    assert other is not None
    assert not collide(one, other)
    assert not collide(other, one)


@pytest.mark.parametrize("which", IN_ORDER)
def test_what_touches_the_same_keeps_its_order(which: str) -> None:
    of = independence()
    one, other = (of.of(statement(sql)) for sql in IN_ORDER[which])
    assert one is not None
    assert other is not None
    assert collide(one, other)
    assert collide(other, one)


@pytest.mark.parametrize("sql", ALONE)
def test_what_is_not_known_to_be_independent_waits_for_all_and_all_for_it(sql: str) -> None:
    assert independence().of(statement(sql)) is None


@pytest.mark.parametrize("expression", ["public.f(id)", "(id)::public.d", "(id OPERATOR(public.<~>) 1)"])
def test_an_index_that_may_call_code_of_the_dump_goes_alone(expression: str) -> None:
    index = statement(f"CREATE INDEX i ON public.a USING btree (({expression}))")
    assert independence(ROUTINE).of(index) is None
    assert independence().of(index) is not None  # of an extension's, then


@pytest.mark.parametrize("sql", [A_KEY, A_INDEX, A_REFERENCES_B])
def test_once_the_dump_makes_operators_whatever_compares_values_goes_alone(sql: str) -> None:
    assert independence(OPERATOR).of(statement(sql)) is None


def test_rows_go_together_but_not_with_what_is_made_of_them_nor_with_those_that_come_through_the_root() -> None:
    of = independence(calling=frozenset({table("b")}))
    a, leaf, other, root = (of.of_rows(table(name)) for name in ("a", "leaf", "other_leaf", "root"))
    assert a is not None
    assert leaf is not None
    assert other is not None
    assert root is not None
    assert not any(collide(one, two) for one, two in [(a, leaf), (leaf, other), (a, root)])
    assert all(collide(one, two) for one, two in [(a, a), (leaf, root), (root, leaf), (root, root)])
    for sql, rows in ((A_INDEX, a), (A_KEY, a), (LEAF_INDEX, leaf), (LEAF_INDEX, root), (ROOT_INDEX, leaf)):
        needs = of.of(statement(sql))
        assert needs is not None
        assert collide(rows, needs)
    assert of.of_rows(table("b")) is None  # a row may call code of the dump's


def test_rows_that_come_through_the_root_go_alone_where_a_partition_may_call_code() -> None:
    of = independence(calling=frozenset({table("leaf")}))
    assert of.of_rows(table("leaf")) is None
    assert of.of_rows(table("root")) is None
    assert of.of_rows(table("other_leaf")) is not None
