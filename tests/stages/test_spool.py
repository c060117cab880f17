from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.errors import UsageFailure
from dmrefresh.stages.spool import Spool, spool


@given(st.lists(st.binary(max_size=5000), max_size=20))
def test_what_was_kept_comes_out_again_any_number_of_times(blocks: list[bytes]) -> None:
    with spool(0) as kept:
        assert list(kept.keep(blocks)) == blocks
        assert b"".join(kept.blocks()) == b"".join(blocks)
        assert b"".join(kept.blocks()) == b"".join(blocks)
        assert list(kept.keep([b"another"])) == [b"another"]
        assert b"".join(kept.blocks()) == b"another"


def test_the_file_has_no_name_and_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    with spool(3) as kept:
        list(kept.keep([b"abc"]))
        assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_too_little_room_is_said_before_anything_is_fetched() -> None:
    with pytest.raises(UsageFailure) as caught, spool(1 << 60):
        pass
    assert caught.value.hint is not None
    assert "TMPDIR" in caught.value.hint


def test_a_full_disk_is_said() -> None:
    class Full:
        def seek(self, offset: int) -> None: ...

        def truncate(self) -> None: ...

        def write(self, block: bytes) -> int:
            with Path("/dev/full").open("wb", buffering=0) as full:
                return full.write(block)

    with pytest.raises(UsageFailure, match="No space left"):
        list(Spool(Full()).keep([b"x"]))  # type: ignore[arg-type]
