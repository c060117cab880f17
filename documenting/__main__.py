"""Writes the pages of docs/reference again: python -m documenting"""

from __future__ import annotations

from documenting.pages import DOCS, PAGES


def main() -> None:
    """Write every page that has changed, and say which."""
    for name, text in PAGES.items():
        file = DOCS / name
        written = text()
        if not file.is_file() or file.read_text(encoding="utf-8") != written:
            file.write_text(written, encoding="utf-8")
            print(f"docs/{name}")


if __name__ == "__main__":
    main()
