"""What there is in a database, as SQL: all that has an owner and lies in a schema, and a digest of what is asked."""

from __future__ import annotations

OWNED = """
    SELECT c.tableoid AS classid, c.oid, c.relnamespace AS place, c.relowner AS owner
    FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL SELECT p.tableoid, p.oid, p.pronamespace, p.proowner FROM pg_catalog.pg_proc p
    UNION ALL SELECT t.tableoid, t.oid, t.typnamespace, t.typowner FROM pg_catalog.pg_type t
    UNION ALL SELECT x.tableoid, x.oid, x.oprnamespace, x.oprowner FROM pg_catalog.pg_operator x
    UNION ALL SELECT x.tableoid, x.oid, x.opcnamespace, x.opcowner FROM pg_catalog.pg_opclass x
    UNION ALL SELECT x.tableoid, x.oid, x.opfnamespace, x.opfowner FROM pg_catalog.pg_opfamily x
    UNION ALL SELECT x.tableoid, x.oid, x.collnamespace, x.collowner FROM pg_catalog.pg_collation x
    UNION ALL SELECT x.tableoid, x.oid, x.connamespace, x.conowner FROM pg_catalog.pg_conversion x
    UNION ALL SELECT x.tableoid, x.oid, x.stxnamespace, x.stxowner FROM pg_catalog.pg_statistic_ext x
    UNION ALL SELECT x.tableoid, x.oid, x.cfgnamespace, x.cfgowner FROM pg_catalog.pg_ts_config x
    UNION ALL SELECT x.tableoid, x.oid, x.dictnamespace, x.dictowner FROM pg_catalog.pg_ts_dict x
"""
"""Rows of (classid, oid, place, owner): of which catalogue, itself, in which schema, and whose."""

IN_ITS_OWN_RIGHT = """NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = o.classid AND d.objid = o.oid AND d.deptype IN ('e', 'i'))"""
"""Of an object `o`: an extension's objects are its own matter; what came with another object by itself (row types,
arrays, multiranges and their constructors) goes with that one."""

DIGEST = """coalesce(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
    pg_catalog.string_agg(said, ';' ORDER BY said), pg_catalog.getdatabaseencoding())), 'hex'), '')"""
"""Of the column `said` of all rows, in whatever order they come. Servers that keep to FIPS know no md5."""
