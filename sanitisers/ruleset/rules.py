"""What a rule says about one column, or about one key of a document. Each is a small frozen model."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_serializer,
    field_validator,
    model_validator,
)

from sanitisers.ruleset.mistakes import mistake, reading
from sanitisers.ruleset.patterns import parse_pattern
from sanitisers.ruleset.scalars import SpeltFloat, SpeltInt, spelt
from sanitisers.ruleset.surface import column_surface, json_surface, names, only_keep, tag
from sanitisers.ruleset.words import TemplateField, known_family, parse_template

Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(names)]


class Rule(BaseModel):
    """What all rules have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Keep(Rule):
    """Every value stays as it is, for the reason given."""

    reason: str | None = None


class Null(Rule):
    """Every value becomes NULL."""


class Chosen(Rule):
    """A rule whose outcome is chosen by a keyed function, of the value itself unless it says otherwise.

    Attributes:
        identity: values with the same identity share their chances: what stands for one person goes together.
        by: columns of the row (in a document, keys of the same object) of which the first that has a value decides.
        nulls: `replace` replaces NULL as well, which only `by` can tell apart.
    """

    identity: str | None = Field(default=None, alias="as")
    by: Names = ()
    nulls: Literal["stay", "replace"] = "stay"

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _nulls_are_told_apart(self) -> Chosen:
        if self.nulls == "replace" and not self.by:
            raise mistake("`nulls: replace` wants `by`, or all of them would become the same")
        return self


class Fake(Chosen):
    """Every value becomes a fake of a family; NULL and the empty string stay.

    Attributes:
        family: its word.
        unique: whether no two originals may get the same fake.
    """

    family: str = Field(alias="fake")
    unique: bool = False

    @field_validator("family")
    @classmethod
    def _known(cls, word: str) -> str:
        return reading(lambda: known_family(word))


class Pattern(Chosen):
    """Every value becomes a text of a pattern such as `[A-Z]{2}-[0-9]{6}`; NULL and the empty string stay."""

    pattern: str
    unique: bool = False

    @field_validator("pattern")
    @classmethod
    def _parses(cls, text: str) -> str:
        reading(lambda: parse_pattern(text))
        return text


class OneOf(Chosen):
    """Every value becomes one of a list; NULL and the empty string stay."""

    values: tuple[str, ...] = Field(alias="one_of", min_length=1)

    @field_validator("values", mode="before")
    @classmethod
    def _texts(cls, values: object) -> object:
        if not isinstance(values, list | tuple):
            raise mistake("`one_of` holds a list")
        if not all(isinstance(value, str | int | float) for value in values):
            raise mistake("`one_of` holds texts, numbers, true and false; nothing else can be one of them")
        return tuple(spelt(value) for value in values)


class Function(Chosen):
    """Every value becomes what a function of the team's own makes of it, found by its dotted path."""

    path: str = Field(alias="function")

    @field_validator("path")
    @classmethod
    def _dotted(cls, path: str) -> str:
        if not all(part.isidentifier() for part in path.split(".")) or "." not in path:
            raise mistake("`function` is a dotted path, such as `ourteam.sanitisers.badge`")
        return path


class Shift(Chosen):
    """Every date moves by up to so many days, forth or back; what has no day (infinity) stays."""

    days: int = Field(default=30, ge=1, le=36500)


class Noise(Chosen):
    """Every number moves by up to so many per cent, up or down, with as many decimals as it had."""

    percent: float = Field(default=10, ge=0.01, le=100)


class Redact(Rule):
    """Of a text only what looks personal, and what is personal in its row, is taken out."""


class Constant(Rule):
    """Every value becomes the same one; NULL and the empty string stay, unless the constant is null."""

    value: Any
    nulls: Literal["stay", "replace"] = "stay"

    @field_validator("value")
    @classmethod
    def _scalar(cls, value: object) -> object:
        if isinstance(value, str | int | float | bool | list | dict) or value is None:
            return value
        return str(value)  # a date or a time, where it comes from no file

    @field_serializer("value")
    def _as_written(self, value: object) -> object:
        return {"spelt": spelt(value)} if isinstance(value, SpeltInt | SpeltFloat) else value


class Template(Rule):
    """Every value becomes a text with other columns of the row in it; NULL and the empty string stay."""

    template: str
    nulls: Literal["stay", "replace"] = "stay"

    @field_validator("template")
    @classmethod
    def _parses(cls, text: str) -> str:
        reading(lambda: parse_template(text))
        return text

    @property
    def parts(self) -> tuple[str | TemplateField, ...]:
        """Texts and columns in the order of the template."""
        return parse_template(self.template)


class Bcrypt(Rule):
    """Every value becomes the same bcrypt hash (cost 12) of a password that everybody may know.

    Attributes:
        password: what everybody may know.
        locked: a predicate; rows for which it is not false get the hash of a password that nobody knows, on targets
            that are not local.
    """

    password: str = Field(alias="bcrypt", min_length=1)
    locked: str | None = None

    @field_validator("locked", mode="before")
    @classmethod
    def _says_something(cls, condition: object) -> object:
        if condition is None:
            raise mistake("`locked` is empty: say for which rows, or leave it out")
        return condition


class JsonObject(Rule):
    """What becomes of each key of an object; `*` stands for those that are not named."""

    keys: dict[str, JsonRule] = Field(alias="<keys>")


class Json(Rule):
    """The keys of a document that are named are kept or replaced, the rest is dropped.

    Attributes:
        document: what becomes of each key.
        rest: `keep` keeps the keys of the outermost object that are not named.
        only_with: a document without this key becomes `{}`.
    """

    document: JsonObject
    rest: Annotated[Keep | None, BeforeValidator(only_keep)] = None
    only_with: str | None = None


class Each(Rule):
    """A rule for every element of an array."""

    each: ColumnRule


class Fields(Rule):
    """What becomes of each field of a composite value; all of them are named."""

    fields: dict[str, ColumnRule]


class Entries(Rule):
    """What becomes of each key of an hstore; `*` stands for those that are not named, which else are dropped."""

    entries: dict[str, ColumnRule]
    rest: Annotated[Keep | None, BeforeValidator(only_keep)] = None


_Common: TypeAlias = (
    Annotated[Keep, Tag("<keep>")]
    | Annotated[Null, Tag("<null>")]
    | Annotated[Fake, Tag("<fake>")]
    | Annotated[Constant, Tag("<constant>")]
    | Annotated[Bcrypt, Tag("<bcrypt>")]
    | Annotated[Pattern, Tag("<pattern>")]
    | Annotated[OneOf, Tag("<oneof>")]
    | Annotated[Shift, Tag("<shift>")]
    | Annotated[Noise, Tag("<noise>")]
    | Annotated[Redact, Tag("<redact>")]
)
JsonRule: TypeAlias = Annotated[
    _Common | Annotated[JsonObject, Tag("<jsonobject>")], Discriminator(tag), BeforeValidator(json_surface)
]
ColumnRule: TypeAlias = Annotated[
    _Common
    | Annotated[Template, Tag("<template>")]
    | Annotated[Function, Tag("<function>")]
    | Annotated[Json, Tag("<json>")]
    | Annotated[Each, Tag("<each>")]
    | Annotated[Fields, Tag("<fields>")]
    | Annotated[Entries, Tag("<entries>")],
    Discriminator(tag),
    BeforeValidator(column_surface),
]
for _model in (JsonObject, Json, Each, Fields, Entries):
    _model.model_rebuild()
