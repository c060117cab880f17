"""The questions of `init`: each is asked of somebody at a terminal unless an option or the environment has answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.init import answers as checks
from dmrefresh.jobs.init.answers import RULESETS, Answers, LookedAt
from dmrefresh.jobs.init.setting_up import refuse_to_overwrite

T = TypeVar("T")

_WELCOME = """\
Three questions. What stands in [brackets] is taken where you only press return; `-` says nothing.
No answer needs a password. The database to be refreshed is only named here, and nothing of it is changed."""
_NO_WAY = "Nothing says what becomes of the data."


class Asking(Protocol):
    """Somebody who can be asked."""

    def say(self, text: str = "") -> None:
        """A line that wants no answer."""

    def ask(self, question: str, check: Callable[[str], T], default: str | None = None) -> T:
        """An answer that holds."""

    def ask_if_any(self, question: str, check: Callable[[str], T], default: str | None = None) -> T | None:
        """An answer that holds, or None."""

    def choose(self, ways: list[str]) -> int:
        """The place of the chosen way."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the options say; None where they say nothing."""

    bucket: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    stage: str | None = None
    credentials_repo: str | None = None
    recipient: str | None = None
    url: str | None = None
    target: str | None = None
    ruleset: str | None = None
    latest: bool = False
    dump: str | None = None
    file: str | None = None
    database: str | None = None
    name: str | None = None

    def checked(self) -> Options:
        """The same, each as it is written.

        Raises:
            UsageFailure: an option says what cannot be, or two exclude each other.
        """
        ways = (self.ruleset, self.latest or None, self.dump, self.file, self.database)
        if sum(one is not None for one in ways) > 1:
            raise UsageFailure(
                "--ruleset, --latest, --dump, --file and --from-database exclude each other.", hint="give one of them"
            )
        return Options(
            bucket=_of("--bucket", checks.bucket, self.bucket),
            region=_of("--region", checks.word, self.region),
            endpoint_url=_of("--endpoint-url", checks.endpoint, self.endpoint_url),
            stage=_of("--stage", checks.stage, self.stage),
            credentials_repo=_of("--credentials-repo", checks.folder, self.credentials_repo),
            recipient=_of("--recipient", checks.recipient, self.recipient),
            url=_of("--url", checks.place, self.url),
            target=_of("--target", checks.called, self.target),
            ruleset=_of("--ruleset", checks.ruleset, self.ruleset),
            latest=self.latest,
            dump=_of("--dump", checks.word, self.dump),
            file=_of("--file", lambda said: str(checks.dump_file(said)), self.file),
            database=_of("--from-database", checks.place, self.database),
            name=_of("--name", checks.called, self.name),
        )


def answered(said: Options, asker: Asking | None, file: Path, environ: Mapping[str, str], *, force: bool) -> Answers:
    """Everything that the settings are written from.

    Args:
        said: what the options say.
        asker: whom to ask for the rest; None where there is nobody, and defaults are taken.
        file: the settings file that is to be written.
        environ: the environment, which answers what no option does where nobody is asked, and else proposes.
        force: whether files that are there are written anew.

    Raises:
        UsageFailure: an answer cannot be, a file is there already, or nobody says what becomes of the data.
    """
    said = said.checked()
    refuse_to_overwrite(Answers(), file, force=force)
    from_environment = _Environment(environ)
    if asker is not None:
        asker.say(_WELCOME)
    dumps = _dumps(said, asker, from_environment)
    target, place = _target(said, asker, from_environment)
    ruleset, looked = _data(said, asker, dumps.bucket)
    name = said.name or _named(looked, place) or "own"
    if looked is not None and said.name is None and asker is not None:
        name = asker.ask(f"   What to call it: the NAME in NAME{RULESETS}", checks.called, name)
    answers = Answers(
        bucket=dumps.bucket,
        region=dumps.region,
        endpoint_url=said.endpoint_url or from_environment.endpoint_url,
        stage=dumps.stage,
        credentials_repo=dumps.repo,
        recipient=dumps.recipient,
        target=target,
        place=place,
        ruleset=ruleset,
        looked=looked,
        name=name,
    )
    refuse_to_overwrite(answers, file, force=force)
    return answers


class _Environment:
    """What the environment proposes; what cannot be is as if it was not there."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        def one(check: Callable[[str], str], *names: str) -> str | None:
            for name in names:
                if environ.get(name):
                    try:
                        return check(environ[name])
                    except UsageFailure:
                        continue
            return None

        self.bucket = one(checks.bucket, "DMREFRESH_DUMPS_BUCKET")
        self.region = one(checks.word, "DMREFRESH_DUMPS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")
        self.endpoint_url = one(checks.endpoint, "DMREFRESH_DUMPS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
        self.stage = one(checks.stage, "DMREFRESH_DUMPS_STAGE")
        self.repo = one(checks.folder, "DM_CREDENTIALS_REPO", "DMREFRESH_KEYS_CREDENTIALS_REPO")
        self.place = checks.place_of(environ)


def _of(option: str, check: Callable[[str], T], said: str | None) -> T | None:
    """What an option says, checked; the option's name goes into what is told."""
    if said is None:
        return None
    try:
        return check(said)
    except UsageFailure as failure:
        raise UsageFailure(f"{option}: {failure.what}", hint=failure.hint) from None


@dataclass(frozen=True, slots=True)
class _Dumps:
    """Where the dumps are, and who can open them."""

    bucket: str | None
    region: str | None
    stage: str
    repo: str | None
    recipient: str | None


def _dumps(said: Options, asker: Asking | None, environment: _Environment) -> _Dumps:
    bucket, region = said.bucket or environment.bucket, said.region or environment.region
    stage, repo = said.stage or environment.stage or "production", said.credentials_repo or environment.repo
    recipient = said.recipient
    if asker is None:
        return _Dumps(bucket, region, stage, repo, recipient)
    asker.say("\n1 of 3  Where are the encrypted dumps?")
    if said.bucket is None:
        bucket = asker.ask_if_any("   The bucket's name; nothing if there is none yet", checks.bucket, bucket)
    if bucket is None:
        return _Dumps(None, region, stage, repo, recipient)
    if said.region is None:
        region = asker.ask_if_any("   Its region", checks.word, region or "eu-west-1")
    if said.stage is None:
        stage = asker.ask("   Whose dumps: the word that their names begin with", checks.stage, stage)
    if said.credentials_repo is None:
        repo = asker.ask_if_any("   The folder in which SOPS files hold the private key", checks.folder, repo)
    if repo is not None and recipient is None:
        question = "   Whose key backups are encrypted to; nothing if this machine makes none"
        recipient = asker.ask_if_any(question, checks.recipient)
    return _Dumps(bucket, region, stage, repo, recipient)


def _target(said: Options, asker: Asking | None, environment: _Environment) -> tuple[str, str | None]:
    """What is refreshed: what it is called, and where it is."""
    place = said.url
    if asker is None:
        return said.target or "local", place or environment.place
    asker.say("\n2 of 3  Which database is to be refreshed?")
    if place is None:
        asker.say("   Its URL looks like postgresql://me@localhost/shop_copy; its password stands in ~/.pgpass.")
        place = asker.ask_if_any("   The URL; nothing if there is none yet", checks.place, environment.place)
    if place is not None and said.target is None:
        return asker.ask("   What to call it", checks.called, "local"), place
    return said.target or "local", place


def _data(said: Options, asker: Asking | None, bucket: str | None) -> tuple[str | None, LookedAt | None]:
    """The ruleset that is there, or what one is suggested from."""
    if said.ruleset is not None:
        return said.ruleset, None
    if said.latest or said.dump is not None:
        if bucket is None:
            raise UsageFailure("There is no bucket to take a dump from.", hint="add --bucket NAME, or --file DUMP")
        return None, LookedAt(dump=said.dump)
    if said.file is not None or said.database is not None:
        return None, LookedAt(file=None if said.file is None else Path(said.file), database=said.database)
    if asker is None:
        raise UsageFailure(
            _NO_WAY, hint="add --ruleset NAME, or --latest, --file DUMP or --from-database URL to have one suggested"
        )
    asker.say("\n3 of 3  What becomes of the data? A ruleset says it, column by column.")
    ways = ["suggest one from the newest dump of the bucket"] if bucket is not None else []
    ways += [
        "suggest one from a live database, whose rows pg_dump reads",
        "suggest one from a dump on this machine",
        "take one that is there",
    ]
    way = asker.choose(ways) + (bucket is None)
    if way == 1:
        return None, LookedAt(database=asker.ask("   The database's URL without a password", checks.place))
    if way == 2:
        return None, LookedAt(file=asker.ask("   The dump: plain, gzipped or encrypted", checks.dump_file))
    if way == 3:
        question = "   A YAML file, or the name of one that ships"
        return asker.ask(question, checks.ruleset, "digitalmarketplace"), None
    return None, LookedAt()


def _named(looked: LookedAt | None, place: str | None) -> str | None:
    """What a suggested ruleset is called: after the database, else after the file, else after the target's."""
    if looked is not None and looked.database is not None:
        return checks.database_name(looked.database)
    if looked is not None and looked.file is not None:
        return checks.name_of(looked.file.name.split(".")[0])
    return None if place is None else checks.database_name(place)
