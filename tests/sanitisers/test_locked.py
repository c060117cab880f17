"""Accounts that nobody can log in to once their rows have left this machine."""

from __future__ import annotations

import re

import bcrypt
import pytest

from sanitisers import RulesetError, compile_ruleset
from sanitisers.making.hashing import PasswordHash
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.columns import SCHEMA, Column
from tests.sanitisers.making import KEY, sanitiser

KNOWN = b"Password1234"
_ENUM = re.search(r"CREATE TYPE user_roles_enum AS ENUM \((.*?)\);", SCHEMA.read_text(), re.DOTALL)
assert _ENUM is not None
ROLES = tuple(re.findall("'([^']+)'", _ENUM[1]))
COLUMNS = [
    Column("id", "integer", not_null=True),
    Column("role", "public.user_roles_enum", enum=True, labels=ROLES),
    Column("name"),
    Column("active", "boolean"),
    Column("password", not_null=True),
]


def hashes(condition: str, rows: bytes, *, remote: bool = True, key: bytes = KEY) -> list[bytes]:
    """What the passwords of the rows become."""
    lines = f'password: {{bcrypt: {KNOWN.decode()}, locked: "{condition}"}}'
    columns = f"id, role, active: keep\n      name: person.name\n      {lines}\n"
    text = f"ruleset: 1\ntables:\n  t:\n    columns:\n      {columns}"
    made = compile_ruleset(parse_ruleset(text, "r.yaml"), {"t": COLUMNS}, key, remote=remote)
    done = bytes(made.table("t", [column.name for column in COLUMNS]).apply(rows).rows)
    return [line.split(b"\t")[4] for line in done.splitlines()]


USERS = b"".join(b"%d\t%s\tn\tt\tsecret\n" % (number, role.encode()) for number, role in enumerate(ROLES, 1))


@pytest.mark.parametrize("remote", [True, False], ids=["remote", "local"])
def test_by_every_role_it_is_told_who_can_log_in(remote: bool) -> None:
    found = hashes("role NOT IN ('buyer', 'supplier')", USERS, remote=remote)
    assert len(found) == len(ROLES) == 9
    opens = {one: bcrypt.checkpw(KNOWN, one) for one in set(found)}
    assert len(opens) == (2 if remote else 1)
    for role, one in zip(ROLES, found, strict=True):
        assert re.fullmatch(rb"\$2b\$12\$[./A-Za-z0-9]{53}", one)
        assert opens[one] is (role in ("buyer", "supplier") or not remote), role


def test_who_is_unknown_is_locked_and_who_has_no_password_gets_none() -> None:
    rows = b"1\t\\N\tn\tt\tsecret\n2\tbuyer\tn\t\\N\tsecret\n3\tadmin\tn\tt\t\n4\tadmin\tn\tt\t\\N\n"
    unknown, free, empty, null = hashes("role <> 'buyer'", rows)
    assert not bcrypt.checkpw(KNOWN, unknown)
    assert bcrypt.checkpw(KNOWN, free)
    assert (empty, null) == (b"", b"\\N")
    assert hashes("NOT active", rows)[1] == unknown


def test_the_row_as_production_has_it_decides_not_what_it_becomes() -> None:
    rows = (
        b"1\tadmin\tZorblax Quimbly\tt\tsecret\n2\tadmin\tZorblax\\040Quimbly\tt\tsecret\n3\tadmin\tother\tt\tsecret\n"
    )
    first, again, other = hashes("name = 'Zorblax Quimbly'", rows)
    assert first == again != other
    assert bcrypt.checkpw(KNOWN, other)


def test_the_password_that_nobody_knows_comes_from_the_key_of_the_run() -> None:
    (one,), (again,), (other,) = (hashes("TRUE", b"1\tbuyer\tn\tt\tx\n", key=key) for key in (KEY, KEY, KEY[::-1]))
    assert one == again != other
    assert one[:29] != hashes("FALSE", b"1\tbuyer\tn\tt\tx\n")[0][:29]  # nor have both the same salt


@pytest.mark.parametrize("remote", [True, False])
def test_a_condition_that_is_not_understood_is_refused_wherever_the_rows_go(remote: bool) -> None:
    with pytest.raises(
        RulesetError, match=r"^r\.yaml:7: tables\.t\.columns\.password\.locked: `opn` is no label"
    ) as one:
        hashes("role = 'opn'", b"", remote=remote)
    assert len(one.value.messages) == 1
    with pytest.raises(RulesetError, match=r"locked: `lower\(…\)` is a function.*belongs in `after_load`$"):
        hashes("lower(name) = 'a'", b"", remote=remote)


@pytest.mark.parametrize("rule", ["{each: {bcrypt: x, locked: active}}", "{fields: {a: {bcrypt: x, locked: active}}}"])
def test_a_condition_about_the_row_has_no_place_inside_a_value(rule: str) -> None:
    text = f"ruleset: 1\ntables:\n  t:\n    columns:\n      id, role, active, name: keep\n      password: {rule}\n"
    with pytest.raises(RulesetError, match="`locked` is for a column of passwords, not for what is in one"):
        compile_ruleset(parse_ruleset(text, "r.yaml"), {"t": COLUMNS}, KEY)


def test_a_hash_that_cannot_be_made_stops_the_rows_that_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = bcrypt.hashpw

    def out_of_memory(password: bytes, salt: bytes) -> bytes:
        if salt.startswith(b"$2b$12"):
            raise MemoryError
        return real(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", out_of_memory)
    made = PasswordHash(b"any", bcrypt.gensalt(4)[7:], 12)
    with pytest.raises(MemoryError):
        made.text()


@pytest.mark.parametrize(
    "document", [b'{"p": "x", "n": "Ann"}', b'{"\\\\u0070": "x", "n": "Ann"}'], ids=["block", "walk"]
)
def test_no_report_shows_a_hash_to_try_passwords_on(document: bytes) -> None:
    made = sanitiser(
        [Column("d", "jsonb"), Column("p")],
        f"d: {{json: {{p: {{bcrypt: {KNOWN.decode()}}}, n: person.name}}}}\np: {{bcrypt: {KNOWN.decode()}}}",
    )
    after = bytes(made.table("t", ["d", "p"]).apply(document + b"\tx\n").rows)
    assert after.count(b"$2b$12$") == 2
    assert set(made.report()["t"].samples) == {"d.n"}
