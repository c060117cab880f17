"""Measures how fast dmrefresh is, side by side with what people do by hand: `python -m bench [PART ...]`.

Each PART answers one question; without any, all are measured. What was found goes into bench/results.json, each part
in place of what was there of it. `python -m bench page` writes docs/explanation/speed.md and its charts from that file
alone.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from bench import page, results
from bench.measure import ClientFailedError
from bench.method import METHOD
from bench.part import Setting
from bench.parts import PARTS
from bench.say import say
from fixtures.parts.gnupg import GnupgMissingError, gpg
from fixtures.parts.postgres import installed_majors

_CHECKOUT = Path(__file__).resolve().parents[1]
_PAGE = "page"


def main(arguments: list[str] | None = None) -> int:
    """Measure the parts that are asked for, write down and print what was found.

    Args:
        arguments: of the command line; those of the process where None.

    Returns:
        The exit status: 0; 1 where a side failed or does not hold what it should; 2 where it cannot begin.
    """
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    if options.parts == [_PAGE]:
        page.write(results.read(options.results))
        return 0
    try:
        gpg()
        for name in options.parts:
            found = PARTS[name](_setting(options))
            results.replace(options.results, name, found)
            say(name, found)
    except GnupgMissingError as missing:
        print(missing, file=sys.stderr)
        return 2
    except ClientFailedError as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; everything that was started is gone.", file=sys.stderr)
        return 130
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=f"{__doc__}\n{METHOD}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}, or {_PAGE} alone [all parts]")
    parser.add_argument("--megabytes", type=_positive, help="about how large the plain dump is [as each part has it]")
    parser.add_argument("--rounds", type=_positive, help="rounds that count [as each part has it]")
    parser.add_argument("--sizes", type=_sizes, help="of the dumps of `growth`, in megabytes [100,1000,5000]")
    parser.add_argument("--major", type=int, default=16, choices=installed_majors(), help="PostgreSQL's version [16]")
    parser.add_argument("--fsync", action="store_true", help="let the server wait for its disk [it does not]")
    parser.add_argument(
        "--keep", type=Path, default=_CHECKOUT / ".bench", help="where dumps and keys stay for the next time [.bench]"
    )
    parser.add_argument("--results", type=Path, default=results.FILE, help="the figures [bench/results.json]")
    options = parser.parse_args(arguments)
    options.parts = options.parts or list(PARTS)
    if options.parts != [_PAGE] and (unknown := [name for name in options.parts if name not in PARTS]):
        parser.error(f"there is no part `{unknown[0]}`; there are {', '.join(PARTS)}")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it is at least 1")
    return number


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_positive(one) for one in text.split(","))


def _setting(options: argparse.Namespace) -> Setting:
    return Setting(
        keep=options.keep,
        say=_say,
        megabytes=options.megabytes,
        rounds=options.rounds,
        sizes=options.sizes,
        major=options.major,
        fsync=options.fsync,
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
