"""A production of one small table, for what does not depend on the size of anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psycopg

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import Scene

TABLE = "CREATE TABLE note (id integer PRIMARY KEY, body text, details json)"
RULES = """
ruleset: 1
tables:
  note:
    columns:
      id: keep (a number)
      body: keep (as it is)
      details: {json: {name: person.name}}
"""

# A tunnel without ssh: it listens on {port} and passes bytes to and fro.
_FORWARD = """
import asyncio, sys
async def pump(a, b):
    try:
        while block := await a.read(65536):
            b.write(block); await b.drain()
    except OSError: pass
    finally: b.close()
async def one(reader, writer):
    other_reader, other_writer = await asyncio.open_connection(sys.argv[2], int(sys.argv[3]))
    await asyncio.gather(pump(reader, other_writer), pump(other_reader, writer))
async def main():
    async with await asyncio.start_server(one, "127.0.0.1", int(sys.argv[1])) as server: await server.serve_forever()
asyncio.run(main())
"""


def tunnelled(folder: Path) -> str:
    """The line of settings that makes a target count as remote, though it is on this machine."""
    script = folder / "forward.py"
    script.write_text(_FORWARD)
    return f'tunnel = ["{sys.executable}", "{script}", "{{port}}", "{{host}}", "{{hostport}}"]'


def small_scene(
    production: Cluster, target: Cluster, store: ObjectStore, credentials: Credentials, folder: Path
) -> tuple[Scene, bytes]:
    """A target that holds the row `old`, and the text of a dump with 2,000 rows, stored as the newest."""
    name = f"t{uuid4().hex[:12]}"
    for cluster in (production, target):
        cluster.create_role_and_database(name, name)
    with psycopg.connect(production.url(name, name)) as connection:
        connection.execute(TABLE)
        connection.execute(
            "INSERT INTO note SELECT n, 'canary ' || md5(n::text), '{\"name\": \"Jo\"}' FROM generate_series(1, 2000) n"
        )
    with psycopg.connect(target.url(name, name)) as connection:
        connection.execute(TABLE)
        connection.execute("INSERT INTO note VALUES (1, 'old', '{}')")
    argv = [str(production.bin("pg_dump")), production.url(name, name)]
    text = subprocess.run(argv, capture_output=True, check=True).stdout
    ruleset = folder / "small.yaml"
    ruleset.write_text(RULES)
    scene = Scene(folder, store, credentials, target.url(name, name), stage=name, ruleset=str(ruleset))
    scene.put(scene.encrypt(text))
    return scene, text


def bodies(scene: Scene) -> set[str]:
    """What the target holds: the beginnings of its notes."""
    with psycopg.connect(scene.target_url) as connection:
        return {row[0].split(" ")[0] for row in connection.execute("SELECT body FROM note")}
