"""What is in the source distribution and in the wheel: all that runs, and nothing that tests."""

from __future__ import annotations

import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

from dmrefresh import __version__
from tests.packaging.conftest import CHECKOUT, Built

PACKAGES = ("dmrefresh", "sanitisers")


def of_checkout() -> set[str]:
    """Every file of the packages, code or not, by its path in the checkout."""
    return {
        str(path.relative_to(CHECKOUT))
        for package in PACKAGES
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def names(built: Built) -> set[str]:
    """The files of the wheel."""
    with zipfile.ZipFile(built.wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_holds_the_packages_whole_and_nothing_else(built: Built) -> None:
    of_packages = {name for name in names(built) if name.startswith(PACKAGES) and ".dist-info/" not in name}
    assert of_packages == of_checkout()
    assert {Path(name).parts[0] for name in names(built) - of_packages} == {f"dmrefresh-{__version__}.dist-info"}


def test_the_source_distribution_holds_what_builds_it_and_no_tests(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "PKG-INFO"} <= found
    assert of_checkout() <= found
    assert {Path(name).parts[0] for name in found if "/" in name} == set(PACKAGES)


def test_nothing_but_extras_asks_for_the_parts_of_the_demo(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        text = archive.read(f"dmrefresh-{__version__}.dist-info/METADATA").decode()
    asked = [one for one in Parser().parsestr(text).get_all("Requires-Dist") or [] if "extra ==" not in one]
    assert len(asked) > 10
    for part in ("pytest", "seaweedfs", "sops", "pgserver", "pyrage", "uv-build", "uv_build", "mkdocs"):
        assert not [one for one in asked if part in one.lower()], part
