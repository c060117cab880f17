"""`python -m dmrefresh` does what `dmrefresh` does."""

from dmrefresh.cli import main

main()
