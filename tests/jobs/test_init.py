"""The first use: from nothing to settings and a ruleset, without a bucket, and every command that is named works."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.init import answers as checks
from dmrefresh.jobs.init.answers import Answers, LookedAt
from dmrefresh.jobs.init.writing import settings_text
from dmrefresh.settings.model import Settings
from fixtures.parts.postgres import Cluster
from sanitisers import load_ruleset
from tests.jobs.scene import DMREFRESH

SHOP = (Path(__file__).with_name("shop.sql")).read_text()
DUMP = """\
--
-- PostgreSQL database dump
--

-- Dumped from database version 16.4
-- Dumped by pg_dump version 16.4

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
CREATE TABLE public.customer (id integer NOT NULL, full_name text, contact_email text);
COPY public.customer (id, full_name, contact_email) FROM stdin;
1\tVimbara Tharro\tvimbara@mail.example
2\tOlvik Brann\tolvik@mail.example
\\.


--
-- PostgreSQL database dump complete
--

"""


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [DMREFRESH, *arguments]
    environ = os.environ | environment
    return subprocess.run(
        argv, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def shell(folder: Path, command: str, *more: Path) -> subprocess.CompletedProcess[str]:
    """A command as somebody would paste it, with these folders on the PATH before all others."""
    here = os.environ | {"PATH": os.pathsep.join(map(str, (*more, Path(DMREFRESH).parent, os.environ["PATH"])))}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=here,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def named(said: str) -> list[str]:
    """The commands that a closing message names, the first one first."""
    lines = said.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("Next: "))
    return [
        lines[at].removeprefix("Next: "),
        *(line.strip().partition("  # ")[0] for line in lines[at:] if "  # " in line),
    ]


@pytest.fixture(scope="module")
def shop(cluster_for: Callable[[int], Cluster]) -> tuple[str, str, Path]:
    """A shop's database, an empty one beside it, and where the programs of this PostgreSQL are."""
    cluster = cluster_for(16)
    cluster.create_role_and_database("init_shopkeeper", "init_shop")
    cluster.create_role_and_database("init_developer", "init_copy")
    source = cluster.url("init_shop", "init_shopkeeper")
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute(SHOP)
    return source, cluster.url("init_copy", "init_developer"), cluster.bin("pg_dump").parent


def test_from_a_live_database_without_a_bucket_to_a_sanitised_copy_by_pasting_what_is_said(
    shop: tuple[str, str, Path], tmp_path: Path
) -> None:
    source, target, programs = shop
    done = run(tmp_path, "init", "--from-database", source, "--url", target, "--target", "copy", "--yes")
    assert done.returncode == 0, done.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["dmrefresh.toml", "init_shop.dmrefresh.yaml"]
    assert set(load_ruleset(tmp_path / "init_shop.dmrefresh.yaml").tables) >= {"customer", "staff"}
    check, pipe = named(done.stdout)
    checked = shell(tmp_path, check)
    assert checked.returncode == 0, checked.stderr
    assert "init_shop.dmrefresh.yaml: fits" in checked.stdout
    loaded = shell(tmp_path, pipe, programs)
    assert loaded.returncode == 0, loaded.stderr
    with psycopg.connect(source) as before, psycopg.connect(target) as after:
        query = "SELECT array_agg(contact_email ORDER BY id) FROM customer"
        originals, fakes = (one.execute(query).fetchone() for one in (before, after))
    assert originals is not None
    assert fakes is not None
    assert len(fakes[0]) == len(originals[0]) == 300
    assert not set(originals[0]) & set(fakes[0])


def test_from_a_file_what_is_said_next_works(tmp_path: Path) -> None:
    (tmp_path / "my shop.sql").write_text(DUMP)
    done = run(tmp_path, "init", "--file", "my shop.sql", "--name", "shop")
    assert done.returncode == 0, done.stderr
    assert "Vimbara" not in done.stdout + done.stderr + (tmp_path / "shop.dmrefresh.yaml").read_text()
    (preview,) = named(done.stdout)
    shown = shell(tmp_path, preview)
    assert shown.returncode == 0, shown.stderr
    assert "customer" in shown.stdout


def test_the_settings_say_what_was_answered_and_hold(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    done = run(
        tmp_path, "init", "--bucket", "s3://shop-backups/", "--region", "eu-west-2", "--stage", "live",
        "--credentials-repo", "keys", "--recipient", "Shop backups", "--url", "service=copy", "--ruleset",
        "digitalmarketplace",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = run(tmp_path, "config", "show").stdout
    for line in (
        'dumps.bucket = "shop-backups"',
        'dumps.region = "eu-west-2"',
        'dumps.stage = "live"',
        f'keys.credentials_repo = "{tmp_path / "keys"}"',
        'backup.recipient = "Shop backups"',
        'ruleset.path = "digitalmarketplace"',
        'targets.local.service = "copy"',
    ):
        assert line in shown
    assert named(done.stdout) == [
        "dmrefresh doctor",
        "dmrefresh plan --target local",
        "dmrefresh clean-and-apply --target local",
    ]


def test_paths_are_written_relative_to_a_settings_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "keys").mkdir()
    (tmp_path / "shop.sql").write_text(DUMP)
    arguments = ["--credentials-repo", "keys", "--file", "shop.sql"]
    done = run(tmp_path, "--config", "conf/mine.toml", "init", *arguments)
    assert done.returncode == 0, done.stderr
    shown = run(tmp_path, "--config", "conf/mine.toml", "config", "show").stdout
    assert f'"{tmp_path}/conf/../keys"' in shown
    assert f'"{tmp_path}/conf/shop.dmrefresh.yaml"' in shown
    assert (tmp_path / "conf" / "shop.dmrefresh.yaml").is_file()
    (preview,) = named(done.stdout)
    assert shell(tmp_path, preview).returncode == 0


@pytest.mark.parametrize("there", ["dmrefresh.toml", "shop.dmrefresh.yaml"])
def test_what_is_there_is_not_overwritten_without_force(tmp_path: Path, there: str) -> None:
    (tmp_path / "shop.sql").write_text(DUMP)
    (tmp_path / there).write_text("# mine\n")
    done = run(tmp_path, "init", "--file", "shop.sql")
    assert done.returncode == 2
    assert f"{there} is there already" in done.stderr
    assert "hint: dmrefresh init --force" in done.stderr
    assert (tmp_path / there).read_text() == "# mine\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(["shop.sql", there])
    assert run(tmp_path, "init", "--file", "shop.sql", "--force").returncode == 0
    assert (tmp_path / there).read_text() != "# mine\n"


def test_without_a_terminal_nothing_is_asked_and_the_options_are_named(tmp_path: Path) -> None:
    done = run(tmp_path, "init")
    assert done.returncode == 2
    assert "--from-database" in done.stderr
    assert "--ruleset" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "given",
    [
        ["--url", "postgresql://me:s3cret-word@localhost/x"],
        ["--from-database", "host=localhost dbname=x password=s3cret-word"],
        ["--url", "postgresql://me@localhost/x?sslpassword=s3cret-word"],
        ["--endpoint-url", "https://me:s3cret-word@storage.example"],
    ],
    ids=["a url", "keywords", "a parameter", "an endpoint"],
)
def test_no_password_is_taken_or_repeated(tmp_path: Path, given: list[str]) -> None:
    done = run(tmp_path, "init", "--ruleset", "digitalmarketplace", *given)
    if "--from-database" in given:
        done = run(tmp_path, "init", *given)
    assert done.returncode == 2
    assert given[0] in done.stderr
    assert "hint: " in done.stderr
    assert "s3cret-word" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_of_what_the_environment_says_no_password_is_written(tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": "postgresql://me:s3cret-word@db.example/shop",
        "DMREFRESH_DUMPS_BUCKET": "shop-backups",
        "AWS_REGION": "eu-west-3",
    }
    done = run(tmp_path, "init", "--ruleset", "digitalmarketplace", **environment)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "dmrefresh.toml").read_text()
    assert "s3cret-word" not in text + done.stdout + done.stderr
    said = tomllib.loads(text)
    assert said["targets"]["local"]["url"] == "postgresql://me@db.example/shop"
    assert (said["dumps"]["bucket"], said["dumps"]["region"]) == ("shop-backups", "eu-west-3")


def test_where_the_data_cannot_be_read_the_settings_stay_and_the_way_on_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "init", "--from-database", "postgresql://me@127.0.0.1:1/shop")
    assert done.returncode == 21
    assert "dmrefresh.toml is written, shop.dmrefresh.yaml is not." in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["dmrefresh.toml"]
    command = done.stderr.partition("then: ")[2].strip()
    assert shlex.split(command)[:3] == ["dmrefresh", "sanitisers", "suggest"]
    assert shell(tmp_path, command).returncode == 21  # the same trouble, and no other


class Person:
    """Somebody at a terminal who types answers ahead."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [DMREFRESH, "init", *arguments],
            cwd=folder,
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
        )
        os.close(theirs)
        self.terminal = ours

    def says(self, *lines: str) -> tuple[int, str, str]:
        """Type; returns the exit code, what came on the terminal, and what was printed."""
        os.write(self.terminal, "".join(f"{line}\n" for line in lines).encode())
        seen = b""
        while True:
            try:
                block = os.read(self.terminal, 4096)
            except OSError:  # EIO: the other end is closed
                break
            if not block:
                break
            seen += block
        out, _ = self.process.communicate()
        os.close(self.terminal)
        return self.process.returncode, seen.decode(), out.decode()


def test_at_a_terminal_three_questions_are_asked_and_a_wrong_answer_again(tmp_path: Path) -> None:
    (tmp_path / "shop.sql").write_text(DUMP)
    code, seen, out = Person(tmp_path).says(
        "not a bucket", "", "postgresql://me:pass@localhost/copy", "postgresql://me@localhost/copy", "", "2",
        "absent.sql", "shop.sql", "",
    )  # fmt: skip
    assert code == 0, seen
    for question in (
        "1 of 3",
        "That is no bucket's name",
        "2 of 3",
        "There is a password in it",
        "3 of 3",
        "no such file",
    ):
        assert question in seen
    assert (tmp_path / "shop.dmrefresh.yaml").is_file()
    assert tomllib.loads((tmp_path / "dmrefresh.toml").read_text())["targets"]["local"] == {
        "url": "postgresql://me@localhost/copy"
    }
    assert "Next: dmrefresh sanitisers preview --file shop.sql" in out


def test_who_breaks_the_questions_off_has_nothing_written(tmp_path: Path) -> None:
    code, seen, _ = Person(tmp_path).says("shop-backups", "\x04")
    assert code == 2
    assert "nothing is written" in seen
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_said_what_was_done_nobody_says_that_nothing_was(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [DMREFRESH, "init", "--ruleset", "digitalmarketplace", "--url", "service=copy", "--yes"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 0
    assert b"it is done, but how cannot be shown whole" in done.stderr
    assert b"Nothing was changed" not in done.stderr
    assert (tmp_path / "dmrefresh.toml").is_file()


def test_who_presses_ctrl_c_at_a_question_is_told_that_nothing_was_written(tmp_path: Path) -> None:
    person = Person(tmp_path)
    seen = b""
    while b"1 of 3" not in seen:
        seen += os.read(person.terminal, 4096)
    person.process.send_signal(signal.SIGINT)
    code, seen_then, _ = person.says()
    assert code == 130
    assert "nothing was written" in seen_then
    assert list(tmp_path.iterdir()) == []


def test_with_a_bucket_and_a_database_the_first_dump_is_made_before_it_is_fetched(
    shop: tuple[str, str, Path], tmp_path: Path
) -> None:
    source, target, _ = shop
    done = run(
        tmp_path, "init", "--bucket", "shop-backups", "--from-database", source, "--stage", "shop", "--url", target,
        "--yes",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    steps = ("doctor", "backup-production --stage shop", "plan --target", "clean-and-apply --target")
    places = [done.stdout.index(f"dmrefresh {step}") for step in steps]
    assert places == sorted(places), done.stdout


def test_an_option_answers_its_question(tmp_path: Path) -> None:
    code, seen, _ = Person(tmp_path, "--ruleset", "digitalmarketplace", "--url", "service=x", "--target", "x").says("")
    assert code == 0
    assert "3 of 3" not in seen
    assert "Its URL" not in seen


words = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=30)


@given(words, words, st.sampled_from(["host", "dbname", "user"]), words)
def test_any_answer_comes_back_from_the_settings_as_it_was(
    bucket: str, recipient: str, keyword: str, value: str
) -> None:
    place = psycopg.conninfo.make_conninfo("", **{keyword: value})
    try:
        answers = Answers(
            bucket=checks.bucket(bucket),
            recipient=checks.recipient(recipient),
            place=checks.place(place),
            looked=LookedAt(),
        )
    except UsageFailure:
        return
    found = Settings.model_validate(tomllib.loads(settings_text(answers, Path("dmrefresh.toml"))))
    assert found.dumps.bucket == answers.bucket
    assert found.backup.recipient == answers.recipient
    assert found.targets["local"].url == answers.place
