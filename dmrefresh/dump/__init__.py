"""The text format of a dump: lexer, events, reader, statement policy, schema."""
