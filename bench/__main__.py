"""Loads one encrypted dump twice over, as people do it by hand and as dmrefresh does it, and compares.

A, the plain pipeline: fetch | gpg -d | gzip -d | psql -X -q -v ON_ERROR_STOP=1, into a new empty database.
B, the refresh:        dmrefresh clean-and-apply, with a ruleset that keeps every row and replaces what is personal.

The same on both sides: the object (both download it from the same S3 store on this machine), the server, the
owning role, TCP on loopback, nothing left over from the run before (old database dropped, checkpoint, sync).
A and B take turns, A first in one round and B first in the next, after one round that does not count.

B pays for more, and all of it is in its time: starting Python, SOPS, a throw-away keyring, the swap, the checks,
ANALYZE, and dropping the data of the round before, which A never has. A's keyring is ready before the clock starts.
psql does not ANALYZE, so A is shown without and with it.

Not compared: networks (S3 and server are on this machine), a server with other work to do, readers during the
load, and the server's own memory and CPU seconds. A replaces nothing; B's fakes are not as long as the originals,
so the data's size on the server is shown for both. Peak memory is the largest sum, at one moment, of the
high-water marks of the programs that run then, read from /proc every 50 ms; A's downloader and the gpg-agents
are left out of it. CPU seconds are the clients' (A's without its downloader).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from bench import figures, machine, production
from bench.compare import MismatchError, compare
from bench.ground import Ground, prepared
from bench.measure import ClientFailedError
from fixtures.parts.gnupg import GnupgMissingError, gpg
from fixtures.parts.postgres import installed_majors

_CHECKOUT = Path(__file__).resolve().parents[1]
_MEGABYTES = (200, 1000)


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison and print it.

    Args:
        arguments: of the command line; those of the process where None.

    Returns:
        The exit status: 0; 1 where a side failed or the two hold different rows; 2 where it cannot begin.
    """
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        gpg()
        return _run(options)
    except GnupgMissingError as missing:
        print(missing, file=sys.stderr)
        return 2
    except (ClientFailedError, MismatchError) as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; everything that was started is gone.", file=sys.stderr)
        return 130


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--megabytes",
        type=int,
        action="append",
        help=f"about how large the plain dump is; may be given again [{', '.join(map(str, _MEGABYTES))}]",
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count [5]")
    parser.add_argument("--major", type=int, default=16, choices=installed_majors(), help="PostgreSQL's version [16]")
    parser.add_argument("--fsync", action="store_true", help="let the server wait for its disk [it does not]")
    parser.add_argument(
        "--keep", type=Path, default=_CHECKOUT / ".bench", help="where dumps and keys stay for the next time [.bench]"
    )
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    options = parser.parse_args(arguments)
    options.megabytes = options.megabytes or list(_MEGABYTES)
    if options.rounds < 1 or min(options.megabytes) < 1:
        parser.error("--rounds and --megabytes are at least 1")
    return options


def _run(options: argparse.Namespace) -> int:
    options.keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    credentials = production.keys(options.keep)
    dumps = [production.dump(options.keep, size, options.major, credentials, _say) for size in options.megabytes]
    with prepared(credentials, options.major, fsync=options.fsync) as ground:
        surroundings = _surroundings(ground)
        figures.say_surroundings(surroundings)
        results = []
        for dump in dumps:
            results.append(compare(ground, dump, options.rounds, _say))
            figures.say_result(results[-1])
    if options.json is not None:
        written = {"surroundings": surroundings, "sizes": [figures.as_dict(result) for result in results]}
        options.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return 0


def _surroundings(ground: Ground) -> dict[str, str]:
    """Everything that the figures depend on, by name, in sentences."""
    return {"machine": machine.hardware(), "programs": machine.programs(), "server": ground.server()}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
