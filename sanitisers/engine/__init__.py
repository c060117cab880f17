"""The columnar engine: blocks of COPY lines in, blocks of COPY lines out, no Python for each row.

Begin with `table`, which takes a block; `piecing`, which puts it together anew; and `edits`, where an Edit says what
becomes of a column. Each fast way gives what its exact way gives, and tests hold one against the other.

- Blocks and values: `values`, `spans`, `alphabets`, `bits`; `grid` and `lines` of COPY text, `copy_text` of one value.
- Fakes: `prf` is where chance comes from, `choosing` what decides, `fakes` what is made of both.
- Other edits: `remaking` (with `dates` and `noise`), `redacting` and `locking`; `refused` is how an edit says no.
- Which rows go on: `deciding`, with `comparing`.
- Documents: `documents`, by the tree of `document_rules`. The exact way is `document_walk`, with `raw_json`. The fast
  one is `document_blocks`: `json_tokens`, `json_nesting` and `json_keys` read, `document_nodes` decides,
  `document_families` and `document_fakes` make, `document_spans` shows what was there. `document_texts` has strings.
- Arrays, composites, hstores: `boxes`, by what `shapes` says of a type. The exact way is what `box_text` says of
  `array_text`, `record_text` and `hstore_text`; the fast one is `flat_boxes` and `flat_writing`.
- What is searched: `watch` says what is shown as an original and what as kept; `kept_documents` has the strings of
  documents. `looks` finds what looks personal, by `suspects` and `plain_characters`. `telling` knows which values are
  worth it, `traces` finds what tells a person in them: `emails`, `numbers`, `dialled`, `digits`, `whole_values`.
  `sightings` remembers where, `chance` weighs it.
- What is told of it: `tally`.
"""
