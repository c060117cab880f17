"""What takes a defence out of the source, and must be noticed."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "Tests of the tests"

_NOTICED = "a test of that name fails"

ROWS = (
    Row("M1", "A dump, or what is read of it, is taken for whole without its end.", _NOTICED),
    Row("M2", "What gpg says of a message is not listened to.", _NOTICED),
    Row("M3", "A gzip member may end anywhere.", _NOTICED),
    Row("M4", "Rows are not counted: those the server took, those the backup noted; tables may be without.", _NOTICED),
    Row("M5", "Leaks are not looked for.", _NOTICED),
    Row("M6", "Columns that nobody has classified pass.", _NOTICED),
    Row("M7", "Every statement is executed.", _NOTICED),
    Row("M8", "Production's mark, or its hosts, are no reason to refuse it.", _NOTICED),
    Row("M9", "The SHA-256 that is noted with an object is not compared.", _NOTICED),
    Row("M10", "A download goes on with whatever object is there.", _NOTICED),
    Row("M11", "The private key goes to any folder.", _NOTICED),
    Row("M12", "The commit comes without the checks before it.", _NOTICED),
    Row("M13", "pg_dump's exit status is not looked at.", _NOTICED),
    Row("M14", "A copy on this machine is taken for the dump, whatever is in it or has become of the dump.", _NOTICED),
)
