import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

import sanitisers
from sanitisers.families import FAMILIES

PACKAGE = Path(sanitisers.__file__).parent


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, sanitisers; print(*{'numpy', 'pyarrow', 'faker', 'pydantic', 'ruamel'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"\n"


@pytest.mark.parametrize("name", sanitisers.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(sanitisers, name) is not None


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = sanitisers.nothing_of_the_kind


def test_nothing_here_knows_the_pipeline() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert "import dmrefresh" not in path.read_text()
        assert "from dmrefresh" not in path.read_text()


def test_rulesets_that_ship_are_found_by_name() -> None:
    path = sanitisers.ships("digitalmarketplace")
    assert path is not None
    assert path.is_file()
    assert sanitisers.ships("nothing") is None
    assert sanitisers.ships("../sanitisers/digitalmarketplace") is None


def test_a_wheel_holds_each_ruleset_with_the_sql_it_names(tmp_path: Path) -> None:
    code = f"import uv_build; print(uv_build.build_wheel({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        for ruleset in PACKAGE.glob("*.yaml"):
            assert archive.read(f"sanitisers/{ruleset.name}") == ruleset.read_bytes()
        assert "sanitisers/digitalmarketplace.after_load.sql" in names


def test_families_are_named_after_what_they_replace() -> None:
    assert all(name == family.name and family.about for name, family in FAMILIES.items())
