"""The ruleset: what a file says (model, rules), how it is read (loading, surface, words), what helps to write it.

Whoever adds a rule comes to these places:

- here: its model in `rules` and in the unions there; its spelling in `words`, where it is one word, or in
  `surface._TAGS` and, for documents, `surface._IN_DOCUMENTS`, where it is a map; `key_lists`, where names are below it;
  `loading._KNOWN_KEYS`; `editors`;
- in `making`: `edits`, where it is made into an edit of the engine, and `documents`; `grouping`, where a keyed
  function chooses; `uniqueness`, where two originals may become the same; `own_people`, where its originals are
  somebody's;
- in `engine`: the edit itself (`edits.Edit` says what one is), and `watch`, where the leak check must not look for its
  originals, or has to look at what it leaves of them;
- in `showing`: `describing`, and `previewing._MADE_UP`, where nothing of an original is in what it writes;
- in `suggesting.writing._RULES`, where a document's key of that name may be taken for it.

`tests/sanitisers/plainly.py` does the same in a plain way; the reference for people is `docs/reference/ruleset.md`.
"""

from __future__ import annotations
