"""What a ruleset is, on one page."""

from __future__ import annotations

from dmrefresh.jobs.topics.page import columns, page, paragraph
from sanitisers.families import FAMILIES

_ABOUT = """A ruleset is a YAML file in the shape of the data: table, column, rule. What no rule covers stops the run
before anything is sent, with the lines to paste. `dmrefresh sanitisers suggest` writes a whole one."""
EXAMPLE = """\
# yaml-language-server: $schema=ruleset.schema.json
ruleset: 1
defaults:                       # for numbers, dates and the like, never for text or documents
  id: keep
  "*_id": keep (numbers that join tables)
  boolean: keep
tables:
  users:
    columns:
      name: person.name as person by email
      email: person.email as person
      phone: person.phone
      role: keep (one of four words)
      failed_logins: {value: 0}
  orders:
    rows: deleted_at is null    # only these rows go on
    columns:
      note: text.redact
      placed_on: date.shift 30 days
      delivery:
        json:                   # closed: a key that is not named is dropped
          status: keep (one of four words)
          street: address.street
  audit_events: empty
"""
RULES = {
    "keep (why)": "it stays; the reason is for whoever reads the file next",
    "null": "it becomes NULL",
    "a family": "a fake, the same wherever the same original stands; see below",
    "{value: x}": "the same everywhere",
    "{one_of: [a, b]}": "one of these",
    '{template: "S-{id}"}': "a text made of other columns",
    '{pattern: "[A-Z]{2}"}': "a text of this form",
    "text.redact": "what looks personal in it is taken out",
    "date.shift 30 days": "a date, moved by 1 to 30 days",
    "number.noise 10 %": "a number, moved by up to a tenth",
    "{bcrypt: word}": "the hash of this password",
    "{json: …}": "a document, key by key",
    "{each: rule}": "an array, element by element",
}
"""The rules that most rulesets are made of, and what becomes of a value."""
COMMANDS = {
    "dmrefresh sanitisers suggest": "a whole ruleset from a dump or a database",
    "dmrefresh sanitisers check": "all that would stop a run",
    "dmrefresh sanitisers explain TABLE.COLUMN": "which rule, which line, and why",
    "dmrefresh sanitisers preview": "rows before, by their shapes, and after",
    "dmrefresh sanitisers schema": "what editors complete by: > ruleset.schema.json",
}
"""The commands about rulesets."""


def text() -> str:
    """What the topic says."""
    example = "\n".join(f"  {line}" for line in EXAMPLE.splitlines())
    families = ((name, family.about) for name, family in FAMILIES.items())
    return page(
        "Rulesets",
        paragraph(_ABOUT),
        example,
        "Rules",
        columns(RULES.items()),
        "Families",
        columns(families),
        "Commands",
        columns(COMMANDS.items()),
    )
