"""init: write the settings, and from a dump or a live database a ruleset; then say what to run next."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dmrefresh.errors import Failure, UsageFailure
from dmrefresh.jobs import new_file
from dmrefresh.jobs.init.answers import RULESETS, Answers, LookedAt
from dmrefresh.jobs.init.writing import settings_text
from dmrefresh.jobs.rulesets import suggest
from dmrefresh.jobs.rulesets.given import Given
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Settings

_INSTEAD = "dmrefresh init --force writes it anew; `dmrefresh config show` prints what it says"
_ELSEWHERE = "run dmrefresh init in a folder that exists, and where files can be made"


@dataclass(frozen=True, slots=True)
class SetUp:
    """What is there now.

    Attributes:
        settings: the settings file.
        ruleset: the file of the suggested ruleset, if one was suggested.
        summary: what was found in the data, in a line.
        look_first: how many columns want a person's look before all others.
        schema: what to run so that editors know the ruleset's words; None where they do.
        steps: what to run next, and what for: the first one first.
    """

    settings: Path
    ruleset: Path | None
    summary: str | None
    look_first: int
    schema: str | None
    steps: tuple[tuple[str, str], ...]

    def text(self) -> str:
        """What is told of it: what is there, what to look at first, and the next commands."""
        lines = [f"{self.settings} is written{'.' if self.ruleset is None else f', and so is {self.ruleset}:'}"]
        if self.summary is not None:
            lines.append(self.summary)
        if self.look_first:
            lines.append(
                f"In {self.ruleset} read the lines that say low before all others, then those that say medium."
            )
        if self.schema is not None:
            lines.append(f"So that editors know its words: {self.schema}")
        (command, why), *more = self.steps
        lines += ["", f"Next: {command}", f"      {why}"]
        if more:
            lines += ["", "Then:", *(f"  {command}  # {why}" for command, why in more)]
        return "\n".join(lines)


def ruleset_file(answers: Answers, file: Path) -> Path | None:
    """The file that the suggested ruleset is written to, beside the settings; None where none is suggested."""
    return file.parent / f"{answers.name}{RULESETS}" if answers.looked is not None else None


def refuse_to_overwrite(answers: Answers, file: Path, *, force: bool) -> None:
    """Find out before anything is read whether both files can be written.

    Raises:
        UsageFailure: one of them is there, or the folder is not.
    """
    for one in (file, ruleset_file(answers, file)):
        if one is not None:
            new_file.refuse_to_overwrite(one, force=force, instead=_INSTEAD, elsewhere=_ELSEWHERE)


def run(
    answers: Answers,
    file: Path,
    load: Callable[[], Settings],
    observer: Observer,
    *,
    force: bool,
    program: str = "dmrefresh",
) -> SetUp:
    """Write the settings, then suggest the ruleset and write it.

    Args:
        answers: what the settings say.
        file: where they are written to.
        load: reads the settings that hold once they are written.
        observer: is told about progress.
        force: write files that are there already.
        program: how the commands that are named begin.

    Raises:
        UsageFailure: a file is there, cannot be written, or would not be settings.
        Failure: what the ruleset is suggested from cannot be read. The settings are written by then, and the hint
            says how to go on.
    """
    refuse_to_overwrite(answers, file, force=force)
    if answers.target == answers.stage and answers.looked is not None and answers.looked.database is not None:
        raise UsageFailure(
            f"The target is called {answers.target}, like the database that is looked at.",
            hint="give it another name with --target, or the dumps another with --stage",
        )
    text = settings_text(answers, file)
    new_file.write(file, text, force=force, elsewhere=_ELSEWHERE)
    ruleset = ruleset_file(answers, file)
    if answers.looked is None or ruleset is None:
        return SetUp(file, None, None, 0, None, _steps(answers, program))
    try:
        done = suggest.run(_given(answers, answers.looked, load()), observer)
        suggest.write(done, ruleset, force=force)
    except Failure as failure:
        failure.state = f"{file} is written, {ruleset} is not."
        first = f"{failure.hint.rstrip('?.')}; " if failure.hint and "\n" not in failure.hint else "mend that, "
        failure.hint = f"{first}then: {program} {_suggesting(answers, answers.looked, ruleset)}"
        raise
    schema = done.missing_beside(ruleset, program)
    return SetUp(file, ruleset, done.summary(), done.look_first, schema, _steps(answers, program))


def _given(answers: Answers, looked: LookedAt, settings: Settings) -> Given:
    return Given(settings, dump=looked.dump, file=looked.file, database=_database(answers, looked))


def _database(answers: Answers, looked: LookedAt) -> str | None:
    """The database that is looked at, by the name that the settings have for it by now."""
    if looked.database is None:
        return None
    return answers.target if looked.database == answers.place else answers.stage


def _suggesting(answers: Answers, looked: LookedAt, ruleset: Path) -> str:
    """The command that suggests the ruleset by itself, without the program's name."""
    words = ["sanitisers", "suggest"]
    if looked.file is not None:
        words += ["--file", str(looked.file)]
    elif looked.database is not None:
        words += ["--from-database", str(_database(answers, looked))]
    elif looked.dump is not None:
        words += [looked.dump]
    return shlex.join([*words, "--output", str(ruleset)])


def _steps(answers: Answers, program: str) -> tuple[tuple[str, str], ...]:
    """What to run next, and what for."""
    looked, steps = answers.looked, []
    if looked is not None and looked.file is not None:
        file = shlex.quote(str(looked.file))
        steps.append((f"{program} sanitisers preview --file {file}", "rows before, by their shapes, and after"))
    elif looked is not None and looked.database is not None:
        steps.append(
            (
                f"{program} sanitisers check --database {_database(answers, looked)}",
                "holds the ruleset against what is there; no row is read",
            )
        )
    elif looked is not None:
        steps.append((f"{program} sanitisers preview", "rows before, by their shapes, and after"))
    if answers.bucket is not None:
        steps.append((f"{program} doctor", "whether programs, keys, buckets and databases have what is needed"))
    if answers.bucket is not None and looked is not None and looked.database not in (None, answers.place):
        steps.append((f"{program} backup-production --stage {answers.stage}", "makes a dump, where there is none yet"))
    if answers.bucket is not None and answers.place is not None:
        steps.append((f"{program} plan --target {answers.target}", "what a refresh would do; nothing is changed"))
        steps.append((f"{program} clean-and-apply --target {answers.target}", "does it"))
    elif answers.bucket is None and looked is not None and answers.place is not None:
        steps.append((_through_a_pipe(answers, looked, program), "a refresh without a bucket, into an empty database"))
    if not steps:
        steps.append((f"{program} doctor", "whether everything is there that is needed"))
    return tuple(steps)


def _through_a_pipe(answers: Answers, looked: LookedAt, program: str) -> str:
    into = f"psql -X -1 -v ON_ERROR_STOP=1 {shlex.quote(str(answers.place))}"
    if looked.file is not None:
        return f"{program} sanitise < {shlex.quote(str(looked.file))} | {into}"
    return f"pg_dump {shlex.quote(str(looked.database))} | {program} sanitise | {into}"
