"""What S3, and the way to it, may do."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "S3, and the way to it"

ROWS = (
    Row("57a", "S3 says 500 or 503 a few times when the dump is asked for.", "published in the first attempt"),
    Row("57b", "S3 says 503 to every request for the dump.", "exit 20 in bounded time; nothing touched"),
    Row("57c", "S3 says 500 a few times when the dump is looked for.", "published"),
    Row(
        "57d",
        "S3 says 500, 503 or 429, or refuses connections, in the middle of the download.",
        "it is waited for, and the download goes on at its byte",
    ),
    Row("57e", "A refusal of S3's breaks off in its own text.", "asked again; no fault of ours"),
    Row("58a", "The connection is cut in the middle of the download, again and again.", "published; one attempt"),
    Row(
        "58b",
        "A read is cut short: at its first byte, its last one, in between.",
        "exactly the rest is asked for, of the same version and content; every byte arrives",
    ),
    Row(
        "59a",
        "The download is reset, then silent, then brings a byte now and then.",
        "each is noticed within `silence`; published; one attempt",
    ),
    Row("59b", "S3 is silent for ever, from the middle of the download on.", "exit 20; it is said at which byte"),
    Row("59c", "The connection is reset in the middle of the download.", "the download goes on at its byte"),
    Row("59d", "S3 falls silent: before its answer, after the headers, in the middle.", "see 59c"),
    Row("59e", "A byte comes now and then, for ever.", "see 59c"),
    Row("59f", "A download comes to nothing, in whatever way, again and again.", "given up after six tries; see 59b"),
    Row(
        "60b",
        "Another object takes the name while the dump is read.",
        "its bytes are never put after those of the first; where there are versions, the one that was found is read on",
    ),
    Row("61a", "The dump is deleted while it is read, and there is no other.", "exit 10; nothing touched"),
    Row("61b", "The dump is deleted while it is read.", "told as that; whoever looks again may find another"),
    Row("62a", "S3 sends the whole dump again where the rest is asked for.", "exit 20; nothing touched"),
    Row("62b", "S3 sends another range than was asked for, once.", "a new attempt; published"),
    Row("62c", "See 62a.", "told before a byte of it is taken"),
    Row("62d", "The Content-Range has another beginning, end or length, or is none.", "see 62c"),
    Row("62e", "The answer is of another ETag than the dump that was found.", "see 62c"),
    Row(
        "62f",
        "The answer is longer or shorter than the dump that was found.",
        "see 62c; 13 where only the bytes say so",
    ),
    Row("63a", "A byte is changed on the way, and no digest is noted anywhere.", "exit 13 by gpg's verdict"),
    Row(
        "63b",
        "A byte is changed on the way, in what was resumed too.",
        "exit 13 by the SHA-256 that is noted, or the checksum that S3 keeps of the whole; never by one of its parts",
    ),
    Row("64a", "There is no dump of the stage.", "exit 10; nothing touched"),
    Row("64b", "All dumps of the stage are empty.", "exit 10; nothing touched"),
    Row("64c", "There are more than a thousand dumps.", "the newest by its name, on whichever page"),
    Row("64d", "The newest dump was not read back.", "the newest that was; newer ones are named"),
    Row("64e", "Two dumps were stored under one name.", "the later one"),
    Row("64f", "A dump is of a time to come.", "exit 10 if by more than a day"),
    Row("65a", "The credentials expire in the middle of the download.", "exit 20, not tried again; log in again"),
    Row("65b", "The dump may be seen and not be read.", "exit 20, not tried again"),
    Row("65c", "The dump is in an archive.", "exit 20, not tried again; restore it first"),
    Row("65d", "The key in KMS may not be used.", "exit 20, not tried again; no name of it is said"),
    Row("65e", "What 65a to 65d say, at once and in the middle.", "asked once, and told for what it is"),
    Row("66a", "The bucket is in another region.", "exit 20, not tried again; the region is named"),
    Row("66b", "S3 sends the download somewhere else.", "see 66a"),
)
