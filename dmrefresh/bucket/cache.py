"""Copies of dumps that a machine keeps, so that the next refresh need not fetch them.

A copy holds an object's bytes as they lie in the bucket, and is given here once it was proved what they are: encrypted,
as gpg has said, or cleaned and signed. It is a folder that appears in one step when it is whole, with a note of which
object it is. Whoever uses one has asked S3 first, so it is never a stale one; and every byte is compared before it is
believed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from dmrefresh.bucket.store import DumpRef
from dmrefresh.errors import UsageFailure
from dmrefresh.machine.folders import make_private, private_folder, sweep
from dmrefresh.measured import Measured

KEPT = 2
"""How many copies are kept of each bucket, the newest dumps."""
ROOM = 1 << 30
"""Bytes that must be left on the disk: a database on it may be what is refreshed."""
_OBJECT, _NOTE, _PART = "object", "note.json", "part-"
_LONGEST = 64 << 10
"""Bytes of a note."""
_FOLDER = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class CacheUnusable(UsageFailure):
    """Copies cannot be kept, or read, on this machine; a refresh goes on without."""


class CopyDamaged(CacheUnusable):
    """A copy was not what its note says; it is gone now."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What is known of a copy.

    Attributes:
        endpoint, bucket, key, version_id, etag: which object it is a copy of, and which version.
        size, sha256: of its bytes; the digest is hexadecimal.
        taken: when the dump was taken by its name, else when it was stored (ISO 8601).
        kept: since when it is here (ISO 8601).
    """

    endpoint: str
    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: int
    sha256: str
    taken: str
    kept: str

    @property
    def folder(self) -> str:
        """The name of its folder: one for each version of an object."""
        which = "\0".join((self.endpoint, self.bucket, self.key, self.version_id or "", self.etag))
        return hashlib.sha256(which.encode()).hexdigest()[:32]

    @property
    def age(self) -> datetime:
        """When the dump was taken."""
        return datetime.fromisoformat(self.taken)

    def is_of(self, endpoint: str, dump: DumpRef) -> bool:
        """Whether it is of this very version of the object, as S3 tells of it now."""
        ours = (self.endpoint, self.bucket, self.key, self.version_id, self.etag, self.size)
        theirs = (endpoint, dump.bucket, dump.key, dump.version_id, dump.etag, dump.size)
        return ours == theirs and dump.sha256 in (None, self.sha256)


def copy_of(endpoint: str, dump: DumpRef, sha256: str) -> Copy:
    """What a copy of this object is noted as, made now.

    Args:
        endpoint: the URL of the store that the bucket is in.
        dump: the object, as S3 tells of it.
        sha256: hexadecimal digest of the bytes that were fetched.
    """
    taken = (dump.taken or dump.modified).isoformat()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Copy(endpoint, dump.bucket, dump.key, dump.version_id, dump.etag, dump.size, sha256, taken, now)


def folder_of_this_machine() -> Path:
    """Where copies lie: in the user's folder for what can be made again; below ~ itself where this user has no home."""
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("dmrefresh")) / "dumps"
    except RuntimeError:
        return Path("~/.cache/dmrefresh/dumps")


class Cache:
    """The copies in a folder that nobody else may enter.

    Args:
        folder: where; it is made when the first copy is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def copies(self) -> list[Copy]:
        """What is here, the newest dump first; nothing of it is read.

        Raises:
            CacheUnusable: the folder cannot be read, or others may write to it.
        """
        with self._usable():
            found = [copy for folder in self._folders() if (copy := _noted(folder)) is not None]
        return sorted(found, key=lambda copy: (copy.age, copy.kept), reverse=True)

    def whole(self, endpoint: str, dump: DumpRef) -> tuple[Copy, BufferedReader] | None:
        """The copy of an object, all of which was compared with its note; None where there is none.

        Args:
            endpoint: the URL of the store that the bucket is in.
            dump: the object, as S3 tells of it now.

        Returns:
            the copy, and its bytes, to be closed by the caller; they stay readable whoever throws the copy away.

        Raises:
            CopyDamaged: there was one, and it is thrown away.
            CacheUnusable: the folder cannot be read, or others may write to it.
        """
        with self._usable():
            folder = self.folder / copy_of(endpoint, dump, "").folder
            if folder not in self._folders():
                return None
            copy = _noted(folder)
            if copy is not None and copy.folder == folder.name and not copy.is_of(endpoint, dump):
                return None  # S3 tells of another digest or size by now: it is of no use, and goes with the next one
            with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
                file = stack.enter_context(_opened(folder / _OBJECT))
                if copy is not None and hashlib.file_digest(file, "sha256").hexdigest() == copy.sha256:
                    file.seek(0)
                    stack.pop_all()
                    return copy, file
            shutil.rmtree(folder, ignore_errors=True)
        raise CopyDamaged(f"The copy of {dump.key} on this machine is damaged.")

    def add(self, copy: Copy, blocks: Iterable[bytes]) -> bool:
        """Keep a copy, unless there are newer ones enough; what it displaces goes.

        Args:
            copy: what it is.
            blocks: the object's bytes, of which it was proved that they are encrypted, or cleaned and signed.

        Returns:
            whether it is here now.

        Raises:
            CacheUnusable: it cannot be kept: the disk is full, the folder cannot be written to.
        """
        with self._usable():
            self._make()
            sweep(self.folder, _PART)
            there = _noted(self.folder / copy.folder)
            if there is not None and (there.sha256, there.size) == (copy.sha256, copy.size):
                return True  # another run has kept it meanwhile
            if not self._make_room(copy):
                return False
            if shutil.disk_usage(self.folder).free < copy.size + ROOM:
                raise CacheUnusable(f"{self.folder} has no room for a copy of {copy.key}.")
            # Not synced to the disk: what a power cut leaves of it is compared before it is used.
            with private_folder(self.folder, _PART) as part:
                new = part / copy.folder
                new.mkdir(mode=0o700)
                _write(new / _OBJECT, _measured(blocks, copy))
                _write(new / _NOTE, [json.dumps({"dmrefresh": 1, **asdict(copy)}, indent=2).encode() + b"\n"])
                _appear(new, self.folder / copy.folder)
        return True

    def discard(self, copy: Copy) -> None:
        """Throw a copy away."""
        shutil.rmtree(self.folder / copy.folder, ignore_errors=True)

    def clear(self) -> list[Copy]:
        """Throw everything away but what another run is writing just now; returns the copies that were here.

        Raises:
            CacheUnusable: the folder cannot be read or written to, or others may write to it.
        """
        gone = self.copies()
        with self._usable():
            for folder in self._folders():
                shutil.rmtree(folder)
            sweep(self.folder, _PART)
        return gone

    def _make_room(self, copy: Copy) -> bool:
        """Throw away what this copy displaces, and what is no copy; False where it has no place among the newest."""
        others = [one for one in self.copies() if (one.endpoint, one.bucket) == (copy.endpoint, copy.bucket)]
        others = [one for one in others if one.folder != copy.folder]
        if sum(one.age > copy.age for one in others if one.key != copy.key) >= KEPT:
            return False
        for folder in self._folders():
            if folder.name == copy.folder or _noted(folder) is None:
                shutil.rmtree(folder, ignore_errors=True)
        stale = [one for one in others if one.key == copy.key]
        older = [one for one in others if one.key != copy.key][KEPT - 1 :]
        for one in (*stale, *older):
            self.discard(one)
        return True

    def _folders(self) -> list[Path]:
        """The folders of copies, whole or not; none where nobody has kept one yet."""
        if not self.folder.exists():
            return []
        self._see_to_rights()
        return [one for one in self.folder.iterdir() if _FOLDER.fullmatch(one.name)]

    def _make(self) -> None:
        """Make the folder, and those above it that are missing, for their owner alone whatever the umask says."""
        make_private(self.folder)
        self._see_to_rights()

    def _see_to_rights(self) -> None:
        """See that nobody else can have put anything here, nor can look at it."""
        about = self.folder.stat()
        if about.st_uid != os.geteuid():
            raise CacheUnusable(f"{self.folder} belongs to somebody else.")
        if about.st_mode & 0o022:
            raise CacheUnusable(f"Others may write to {self.folder}.", hint="remove it: nothing is lost with it")
        if about.st_mode & 0o777 != 0o700:
            self.folder.chmod(0o700)

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        """What goes wrong with the folder inside the block, as one kind of failure."""
        if not self.folder.is_absolute():  # it would be one called ~
            raise CacheUnusable(
                "This user has no home that copies could be kept in.",
                hint="leave them out (cache under [dumps]), or put XDG_CACHE_HOME where there is room",
            )
        try:
            yield
        except OSError as error:
            raise CacheUnusable(
                f"{self.folder} cannot be used: {error.strerror or 'an error'}.",
                hint="leave it out (cache under [dumps]), or put XDG_CACHE_HOME where there is room",
            ) from None


def _opened(path: Path) -> BufferedReader:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb")


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for block in blocks:
            file.write(block)


def _appear(new: Path, place: Path) -> None:
    """Rename a folder to a name that no other run has given to its own meanwhile; else that one stays."""
    try:
        new.rename(place)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise


def _measured(blocks: Iterable[bytes], copy: Copy) -> Iterator[bytes]:
    """The blocks; at their end, whether they are what the copy is noted as."""
    measured = Measured()
    yield from measured.all_of(blocks)
    if (measured.sha256, measured.size) != (copy.sha256, copy.size):
        raise CacheUnusable(f"What was to be kept of {copy.key} is not what was fetched.")


def _noted(folder: Path) -> Copy | None:
    """What a copy's note says; None where it is no such note, whatever else it is."""
    try:
        with _opened(folder / _NOTE) as file:
            said = json.loads(file.read(_LONGEST))
        if said.pop("dmrefresh") != 1:
            return None
        found = Copy(**said)
        texts = {**asdict(found), "version_id": found.version_id or ""}
        right = type(texts.pop("size")) is int and all(isinstance(text, str) for text in texts.values())
        right = right and _DIGEST.fullmatch(found.sha256) is not None and found.age.tzinfo is not None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found if right else None
