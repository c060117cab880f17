"""The defences, how each is taken out of the source, and the test that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """A piece of a file that is replaced; it stands there exactly once.

    Attributes:
        file: from the root of the project on.
        piece: the text.
        instead: what stands there then.
    """

    file: str
    piece: str
    instead: str = ""


@dataclass(frozen=True)
class Mutant:
    """The project without one defence.

    Attributes:
        test: the test that fails then, as pytest names it.
        cuts: what is taken out: every line that stands for it.
    """

    test: str
    cuts: tuple[Cut, ...]


_NEVER = "if False:"

END_MARKER = Mutant(
    "tests/dump/test_reader.py::test_a_dump_that_lost_its_end_at_any_byte_is_never_read_to_an_end",
    (
        Cut("dmrefresh/dump/text/frame.py", "if self._marker is None:", _NEVER),
        Cut(
            "dmrefresh/dump/text/frame.py",
            "if not self._closed or (self._key is not None and not self._unrestricted):",
            _NEVER,
        ),
    ),
)
END_OF_STREAM = Mutant(
    "tests/postgres/test_publish.py::test_a_stream_without_its_end_is_not_published",
    (Cut("dmrefresh/postgres/loading/load.py", 'raise DumpDamaged("The dump ends before its end marker.")', "pass"),),
)
GPG_STATUS = Mutant(
    "tests/stages/test_gpg.py::test_one_flipped_bit_is_damage",
    (Cut("dmrefresh/stages/gpg.py", "        judge(returncode, status)\n"),),
)
GZIP_END = Mutant(
    "tests/stages/test_gzip.py::test_anything_but_padding_after_the_end_is_damaged",
    (Cut("dmrefresh/stages/gzip.py", "if member is not None or pending:", _NEVER),),
)
ROW_COUNT = Mutant(
    "tests/faults/test_before_the_commit.py::test_rows_that_the_server_counts_otherwise_than_the_stream",
    (Cut("dmrefresh/postgres/loading/copying.py", "if cursor.rowcount != given:", _NEVER),),
)
ROWS_OF_THE_BACKUP = Mutant(
    "tests/dump/test_against_note.py::"
    "test_other_rows_than_the_backup_counted_are_refused_before_the_end_and_not_tried_again",
    (Cut("dmrefresh/dump/judging/against_note.py", "if not differ and not missing:", "if True:"),),
)
ALL_TABLES = Mutant(
    "tests/postgres/test_publish.py::test_a_dump_that_leaves_data_out_is_refused",
    (Cut("dmrefresh/dump/judging/completeness.py", "    if without:", "    if False:"),),
)
LEAK_CHECK = Mutant(
    "tests/dump/test_leaks.py::test_a_leak_is_refused_at_the_end_in_any_encoding",
    (Cut("dmrefresh/dump/sanitise.py", "compiled.check_leaks()", "pass"),),
)
UNLISTED_COLUMNS = Mutant(
    "tests/dump/test_sanitise.py::test_what_nobody_classified_stops_before_the_first_event",
    (Cut("sanitisers/compiling.py", "elif compiling.unclassified:", "elif False:"),),
)
STATEMENT_POLICY = Mutant(
    "tests/postgres/test_publish.py::test_a_statement_refused_after_the_rows_is_never_executed",
    (Cut("dmrefresh/dump/judging/deciding.py", "if decision.action is Action.REFUSE:", _NEVER),),
)
PRODUCTIONS_MARK = Mutant(
    "tests/postgres/test_guard.py::test_the_plain_owner_marks_a_database_and_nothing_is_published_to_it_from_then_on",
    (Cut("dmrefresh/postgres/guard.py", "if self.not_production is None and is_marked(connection):", _NEVER),),
)
PRODUCTIONS_HOSTS = Mutant(
    "tests/postgres/test_guard.py::test_a_host_of_production_is_refused_however_it_is_written_and_no_reason_lifts_that",
    (
        Cut(
            "dmrefresh/postgres/guard.py",
            "if any(_is_same(host, production) for host in hosts for production in self.production.hosts):",
            _NEVER,
        ),
    ),
)
OBJECTS_DIGEST = Mutant(
    "tests/stages/test_s3.py::test_another_object_than_was_noted_is_told_with_what_to_do",
    (Cut("dmrefresh/stages/s3.py", "if dump.sha256 is not None and ", "if False and "),),
)
ONE_OBJECT = Mutant(
    "tests/stages/test_s3.py::test_two_objects_of_a_name_are_never_spliced",
    (
        Cut("dmrefresh/stages/s3.py", ', "IfMatch": dump.etag}', "}"),
        Cut("dmrefresh/stages/s3.py", 'if answer.get("ETag", dump.etag) != dump.etag:', _NEVER),
    ),
)
KEY_IN_MEMORY = Mutant(
    "tests/machine/test_folders.py::test_a_disk_is_never_taken_for_memory",
    (Cut("dmrefresh/machine/folders.py", " and _filesystem(Path(candidate)) in _IN_MEMORY"),),
)
CHECKS_BEFORE_THE_COMMIT = Mutant(
    "tests/postgres/test_publish.py::test_a_sequence_behind_its_column_is_found_before_the_commit",
    (
        Cut(
            "dmrefresh/postgres/strategies/by_schema.py",
            "changed = check_loaded(connection, errand, loader)",
            "changed: list[int] = []",
        ),
    ),
)
PG_DUMPS_STATUS = Mutant(
    "tests/stages/test_pg_dump.py::test_a_program_that_is_killed_is_a_failure",
    (Cut("dmrefresh/stages/pg_dump.py", "if failure is not None:", _NEVER),),
)
COPYS_DIGEST = Mutant(
    "tests/jobs/test_cache.py::test_whatever_has_become_of_a_copy_it_is_not_taken_for_the_dump",
    (
        Cut("dmrefresh/bucket/cache.py", 'hashlib.file_digest(file, "sha256").hexdigest() == copy.sha256', "True"),
        Cut("dmrefresh/jobs/refresh/cached.py", "if self._measured.sha256 != copy.sha256:", _NEVER),
    ),
)
COPYS_VERSION = Mutant(
    "tests/jobs/test_cache.py::test_a_copy_is_not_taken_for_another_version_of_its_object",
    (
        Cut(
            "dmrefresh/bucket/cache.py",
            'which = "\\0".join((self.endpoint, self.bucket, self.key, self.version_id or "", self.etag))',
            'which = "\\0".join((self.endpoint, self.bucket, self.key))',
        ),
        Cut(
            "dmrefresh/bucket/cache.py",
            "return ours == theirs and dump.sha256 in (None, self.sha256)",
            "return ours[:3] == theirs[:3]",
        ),
    ),
)

EVERY = {name: mutant for name, mutant in vars().items() if isinstance(mutant, Mutant)}
"""All of them by their names."""
