"""What the server says becomes a sentence that holds nothing of a row."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from dmrefresh.postgres.failures import from_server
from fixtures.parts.postgres import Cluster, installed_majors

VALUE = "Zorblax Quimbly"
SAID = """
CREATE FUNCTION said(value text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION '%', value USING ERRCODE = '23514', TABLE = value, COLUMN = value, CONSTRAINT = value;
END $$;
CREATE TABLE spoken (name text CHECK (said(name)));
CREATE TABLE grown_up (age integer CONSTRAINT grown CHECK (age > 17))
"""


@pytest.mark.parametrize("major", installed_majors())
def test_a_function_that_calls_a_value_a_name_is_not_believed(
    cluster_for: Callable[[int], Cluster], major: int
) -> None:
    with psycopg.connect(cluster_for(major).url()) as connection:
        connection.execute(SAID)
        with pytest.raises(psycopg.errors.CheckViolation) as caught, connection.transaction():
            connection.execute("INSERT INTO spoken VALUES (%s)", (VALUE,))
        assert caught.value.diag.constraint_name == VALUE
        failure = from_server(caught.value, "while the rows of spoken were loaded")
        assert VALUE not in f"{failure.what} {failure.hint} {failure.state}"
        with pytest.raises(psycopg.errors.CheckViolation) as caught, connection.transaction():
            connection.execute("INSERT INTO grown_up VALUES (17)")
        assert "constraint grown" in from_server(caught.value, "while …").what  # what the server itself names
        connection.rollback()
