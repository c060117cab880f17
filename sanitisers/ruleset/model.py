"""What a ruleset says. Each rule is a small frozen model; `words` turns the short spellings into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, field_validator
from pydantic_core import PydanticCustomError

from sanitisers.ruleset.words import Problem, TemplateField, is_word, parse_off, parse_template, parse_word

Scalar: TypeAlias = str | int | float | bool | None


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Keep(_Model):
    """Every value stays as it is, for the reason given."""

    reason: str | None = None


class Null(_Model):
    """Every value becomes NULL."""


class Fake(_Model):
    """Every value becomes a fake of a family; NULL and the empty string stay."""

    family: str


class Constant(_Model):
    """Every value becomes the same one; NULL and the empty string stay, unless the constant is null."""

    value: Any

    @field_validator("value")
    @classmethod
    def _scalar(cls, value: object) -> object:
        if isinstance(value, str | int | float | bool | list | dict) or value is None:
            return value
        return str(value)  # a date or a time, which YAML reads as such


class Template(_Model):
    """Every value becomes a text with other columns of the row in it; NULL and the empty string stay."""

    template: str

    @field_validator("template")
    @classmethod
    def _parses(cls, text: str) -> str:
        _pydantic(lambda: parse_template(text))
        return text

    @property
    def parts(self) -> tuple[str | TemplateField, ...]:
        """Texts and columns in the order of the template."""
        return parse_template(self.template)


class Bcrypt(_Model):
    """Every value becomes the same bcrypt hash (cost 12) of a password that everybody may know."""

    password: str = Field(alias="bcrypt", min_length=1)


class Empty(_Model):
    """All rows of the table are dropped."""


def _pydantic(parse: Any) -> Any:
    try:
        return parse()
    except Problem as problem:
        raise PydanticCustomError("ruleset", "{problem}", {"problem": str(problem)}) from None


_RULE_MODELS: dict[str, type[_Model]] = {"keep": Keep, "null": Null, "fake": Fake, "template": Template}


def _word(raw: object) -> object:
    """A rule that is written as one word, as the model it stands for; anything else as it is."""
    if raw is None:
        return Null()
    if isinstance(raw, str):
        kind, values = _pydantic(lambda: parse_word(raw))
        return _RULE_MODELS[kind](**values)
    return raw


_KEYS_OF_RULES = {"value": "constant", "template": "template", "bcrypt": "bcrypt", "json": "json"}


def _column_surface(raw: object) -> object:
    raw = _word(raw)
    if isinstance(raw, BaseModel):
        return raw
    found = _KEYS_OF_RULES.keys() & raw.keys() if isinstance(raw, Mapping) else set()
    if not isinstance(raw, Mapping) or len(found) != 1:
        raise PydanticCustomError(
            "ruleset", "a rule is one word, or a map with one of `value`, `template`, `bcrypt` and `json`"
        )
    if "json" in found:
        document = raw["json"]
        if not isinstance(document, Mapping):
            raise PydanticCustomError("ruleset", "`json` holds a map of keys to rules")
        return {"document": {"<keys>": document}, **{k: v for k, v in raw.items() if k != "json"}}
    return raw


def _refuse_word(raw: Mapping[str, object]) -> None:
    """`{value: text.lorem}` is most likely meant for a key called `value`."""
    for key, value in raw.items():
        if isinstance(value, str) and is_word(value):
            raise PydanticCustomError(
                "ruleset",
                "`{value}` is the name of a rule; for a key called `{key}` write {json: {{key}: …}}",
                {"value": value, "key": key},
            )


def _json_surface(raw: object) -> object:
    """Inside a document a map is the next level, but for `{value: …}`, `{bcrypt: …}` and `{json: {…}}`.

    The last of them is for documents that have a single key called `value`, `bcrypt` or `json`.
    """
    raw = _word(raw)
    if isinstance(raw, Template) or (isinstance(raw, Mapping) and raw.keys() == {"template"}):
        raise PydanticCustomError("ruleset", "a template belongs to a column, a document has no columns")
    if isinstance(raw, BaseModel):
        return raw
    if not isinstance(raw, Mapping):
        raise PydanticCustomError("ruleset", "a rule for a key is one word or a map of the keys below it")
    if raw.keys() in ({"value"}, {"bcrypt"}):
        _refuse_word(raw)
        return raw
    if raw.keys() == {"json"} and isinstance(raw["json"], Mapping):
        raw = raw["json"]
    return {"<keys>": raw}


def _tag(raw: Any) -> str:
    if isinstance(raw, BaseModel):
        return f"<{type(raw).__name__.lower()}>"
    for key, tag in (("<keys>", "<jsonobject>"), ("document", "<json>"), *_KEYS_OF_RULES.items()):
        if key in raw:
            return tag if tag.startswith("<") else f"<{tag}>"
    raise AssertionError("the surface lets nothing else through")


def _rest(raw: object) -> object:
    raw = _word(raw)
    if not isinstance(raw, Keep):
        raise PydanticCustomError("ruleset", "`rest` can only be `keep (why)`; without it the rest is dropped")
    return raw


def _default(raw: object) -> object:
    raw = _word(raw)
    if not isinstance(raw, Keep):
        raise PydanticCustomError("ruleset", "a line of `defaults:` can only say `keep` or `keep (why)`")
    return raw


def _reasoned(section: str) -> BeforeValidator:
    """A line of a section in which everything is kept for a reason."""

    def line(raw: object) -> object:
        raw = _word(raw)
        if not isinstance(raw, Keep) or raw.reason is None:
            raise PydanticCustomError(
                "ruleset", "a line of `{section}:` says `keep (why)`, with the reason", {"section": section}
            )
        return raw

    return BeforeValidator(line)


def _file_name(name: str | None) -> str | None:
    if name is not None and (not name.endswith(".sql") or "/" in name or "\\" in name):
        raise PydanticCustomError("ruleset", "`after_load` names an .sql file that lies beside the ruleset")
    return name


def _leak_place(name: str) -> str:
    if not all(name.partition(".")):
        raise PydanticCustomError("ruleset", "it names a table and a column, and may name keys in its documents")
    return name


def _leak_check(raw: object) -> object:
    reason = _pydantic(lambda: parse_off(raw)) if isinstance(raw, str) else None
    if reason is None:
        raise PydanticCustomError("ruleset", "it says `off (why)`, with the reason; without the line it is on")
    return reason


def _table(raw: object) -> object:
    if raw == "empty":
        return Empty()
    if not isinstance(raw, Mapping):
        raise PydanticCustomError("ruleset", "a table is `empty` or has `columns:`")
    if "rows" in raw:
        raise PydanticCustomError(
            "ruleset", "`rows:` is not understood yet: rows can only be dropped all at once (`empty`)"
        )
    return raw


class JsonObject(_Model):
    """What becomes of each key of an object; `*` stands for those that are not named."""

    keys: dict[str, JsonRule] = Field(alias="<keys>")


class Json(_Model):
    """The keys of a document that are named are kept or replaced, the rest is dropped.

    Attributes:
        document: what becomes of each key.
        rest: `keep` keeps the keys of the outermost object that are not named.
        only_with: a document without this key becomes `{}`.
    """

    document: JsonObject
    rest: Annotated[Keep | None, BeforeValidator(_rest)] = None
    only_with: str | None = None


_Common: TypeAlias = (
    Annotated[Keep, Tag("<keep>")]
    | Annotated[Null, Tag("<null>")]
    | Annotated[Fake, Tag("<fake>")]
    | Annotated[Constant, Tag("<constant>")]
    | Annotated[Bcrypt, Tag("<bcrypt>")]
)
JsonRule: TypeAlias = Annotated[
    _Common | Annotated[JsonObject, Tag("<jsonobject>")], Discriminator(_tag), BeforeValidator(_json_surface)
]
ColumnRule: TypeAlias = Annotated[
    _Common | Annotated[Template, Tag("<template>")] | Annotated[Json, Tag("<json>")],
    Discriminator(_tag),
    BeforeValidator(_column_surface),
]


class Columns(_Model):
    """What becomes of the columns of a table."""

    columns: dict[str, ColumnRule] = Field(default_factory=dict)


def _table_tag(raw: Any) -> str:
    return "<empty>" if isinstance(raw, Empty) else "<columns>"


TableRule: TypeAlias = Annotated[
    Annotated[Empty, Tag("<empty>")] | Annotated[Columns, Tag("<columns>")],
    Discriminator(_table_tag),
    BeforeValidator(_table),
]


class Ruleset(_Model):
    """A ruleset as its file has it.

    Attributes:
        version: of the syntax; 1 is all there is.
        locale: of the fakes, one of Faker's.
        defaults: lines that cover the columns without a rule of their own: a type word of
            `columns.TYPE_WORDS`, a column's name, or a pattern of names.
        tables: by name, those outside the schema `public` as `schema.table`.
        literals: objects whose definitions may hold what looks like personal data, by name as tables are, and why.
        after_load: the name of a file beside this one, with SQL that runs once the sanitised rows are loaded.
        checks: queries that must give true after that, by what they check.
        script: what stands in the file that `after_load` names.
        leak_check: why nothing is looked for in what is kept; None where it is.
        leaks: columns, and paths in documents, that the leak check leaves alone, and why.
        file: its name, for messages.
        lines: where in it each thing stands, for messages.
    """

    version: Literal[1] = Field(alias="ruleset")
    locale: str = "en_GB"
    defaults: dict[str, Annotated[Keep, BeforeValidator(_default)]] = Field(default_factory=dict)
    tables: dict[str, TableRule] = Field(default_factory=dict)
    literals: dict[str, Annotated[Keep, _reasoned("literals")]] = Field(default_factory=dict)
    after_load: Annotated[str | None, AfterValidator(_file_name)] = None
    checks: dict[str, str] = Field(default_factory=dict)
    script: str = Field(default="", alias="<script>")
    leak_check: Annotated[str | None, BeforeValidator(_leak_check)] = None
    leaks: dict[Annotated[str, AfterValidator(_leak_place)], Annotated[Keep, _reasoned("leaks")]] = Field(
        default_factory=dict
    )
    file: str = Field(default="", exclude=True)
    lines: dict[tuple[str, ...], int] = Field(default_factory=dict, exclude=True)

    def at(self, *path: str) -> str:
        """`file:line: path` of a thing, for the beginning of a message."""
        return place(self.file, self.lines, path)


def place(file: str, lines: Mapping[tuple[str, ...], int], path: tuple[str, ...]) -> str:
    """`file:line: path`; the line is that of the nearest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return f"{file}:{lines[path[:length]]}: {'.'.join(path)}"
    return f"{file}: {'.'.join(path)}" if path else file


JsonObject.model_rebuild()
