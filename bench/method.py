"""How all of it is measured, for --help and for the page."""

METHOD = """\
The same on all sides of a part: the object (all download it from the same S3 store on this machine), the server, the
owning role, TCP on loopback, nothing left over from the run before (old database dropped, checkpoint, sync). The sides
take turns, each round begins with another one, and one round before the first does not count.

A refresh pays for more than the plain pipeline, and all of it is in its time: starting Python, SOPS, a throw-away
keyring, the swap, the checks, ANALYZE, and dropping the data of the round before, which the pipeline never has. The
pipeline's keyring is ready before the clock starts. psql does not ANALYZE, so it is shown without and with it. After
each run the database is looked at: every table must have the rows that it should have.

Not compared: networks (S3 and server are on this machine), a server with other work to do, readers during the load,
and the server's own memory and CPU seconds. The pipeline replaces nothing. Peak memory is the largest sum, at one
moment, of the high-water marks of the programs that run then, read from /proc every 50 ms; the pipeline's downloader
and the gpg-agents are left out of it. CPU seconds are the clients' (the pipeline's without its downloader)."""
