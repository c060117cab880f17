"""Files: paths and names that people have given them."""

from __future__ import annotations

from sanitisers.families.form import Family, Fixed, Form, Pick, Source


def _path(source: Source) -> Form:
    faker = source.faker
    return Form((Fixed("documents/"), Pick(source.texts(lambda: "-".join(faker.words(3)))), Fixed(".pdf")))


FAMILIES = (Family("file.path", "the path of a document that is not there", _path),)
