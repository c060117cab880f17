"""Free text, which may hide anything and is therefore replaced as a whole."""

from __future__ import annotations

from sanitisers.families.form import Family, Form, Pick, PickByLength, Source, cut_text

# Texts of 4 to 2,048 characters, in pools for each power of two.
_FIRST, _LAST = 2, 11


def _of_length(source: Source, limit: int) -> str:
    """Sentences of between three quarters and the whole of `limit` characters."""
    text = ""
    while len(text) < limit * 3 // 4:
        text = f"{text} {source.faker.sentence(nb_words=8).strip()}".strip()
    return cut_text(text, limit)


def _lorem(source: Source) -> Form:
    pools = []
    for power in range(_FIRST, _LAST + 1):
        # Fewer of the long ones: the engine copies the pools once a block.
        count = max(8, min(128, 16384 >> power))
        pools.append(tuple(_of_length(source, 2**power) for _ in range(count)))
    return Form((PickByLength(_FIRST, tuple(pools)),))


def _words(source: Source) -> Form:
    return Form((Pick(source.texts(lambda: " ".join(source.faker.words(3)).capitalize())),))


FAMILIES = (
    Family(
        "text.lorem", "sentences about as long as the original, at most 2,048 characters", _lorem, cut=True, common=True
    ),
    Family("text.words", "three words, for titles", _words, cut=True, common=True),
)
