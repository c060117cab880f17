"""What S3 answers where it does not do what it was asked, as failures that name what it was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dmrefresh.errors import DumpDamaged, Failure, NoSuchDump, SourceUnreachable, UsageFailure

_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "NotFound"}
_REPLACED = {"412", "PreconditionFailed"}
_WILL_HEAL = {"BadDigest", "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"}
_WILL_HEAL_BY_STATUS = {429, 500, 502, 503, 504}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_ELSEWHERE = {
    "301",
    "307",
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
}
_HINTS = {
    "400": "have the credentials expired, or is it another region's bucket?",
    "InvalidAccessKeyId": "S3 does not know these credentials: are they of the right account?",
    "InvalidToken": "S3 does not know these credentials: log in again",
    "RequestTimeTooSkewed": "set this machine's clock",
    "SignatureDoesNotMatch": "the secret key is not that of the access key",
}
_RIGHTS = "do the credentials grant List and Get?"


class SourceRefused(SourceUnreachable):
    """S3 answered, and the answer was no: trying again does not help until somebody changes something."""

    retry = False
    way_on = "`dmrefresh doctor` looks at the bucket, and at what may be done in it"


class NotAllowed(SourceRefused):
    """Whoever asks may not do what was asked for."""


class NoCredentials(SourceRefused):
    """Nothing was asked of S3: there is nothing to ask it with."""


class Replaced(SourceUnreachable):
    """There is another object of the same name by now; whoever looks it up again gets that one."""


class Gone(NoSuchDump):
    """An object that was found is there no more; whoever looks again may find another."""

    retry = True


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what boto3 raises inside the block into failures that name `what`.

    Raises:
        DumpDamaged: the bytes received do not fit S3's own checksum.
        NoSuchDump: the object or bucket is not there.
        SourceRefused: no credentials, or S3 says no.
        SourceUnreachable: no answer, or one that may heal.
        UsageFailure: the settings make no valid request.
    """
    from botocore import exceptions
    from urllib3.exceptions import HTTPError

    try:
        yield
    except exceptions.ClientError as error:
        raise _from_answer(what, error.response) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound):
        raise NoCredentials(f"There are no AWS credentials for {what}.", hint="set AWS_PROFILE, or log in") from None
    except _logged_out():
        raise NoCredentials(f"The AWS credentials for {what} need somebody to log in.", hint="log in again") from None
    except (exceptions.InvalidConfigError, exceptions.ConfigParseError, exceptions.ConfigNotFound):
        hint = "look at ~/.aws/config and AWS_PROFILE, or log in"
        raise NoCredentials(f"The settings of AWS give no credentials for {what}.", hint=hint) from None
    except exceptions.CredentialRetrievalError:
        hint = "does `aws sts get-caller-identity` work?"
        raise SourceUnreachable(f"The AWS credentials for {what} could not be had.", hint=hint) from None
    except RuntimeError as error:
        if "still expired" not in str(error):  # botocore's words for credentials that nobody renews
            raise
        raise _expired(what) from None
    except (exceptions.ParamValidationError, exceptions.NoRegionError, ValueError):
        raise UsageFailure(
            f"The settings for {what} make no valid request.",
            hint="look at its name, `region` and `endpoint_url` in dmrefresh.toml",
        ) from None
    except exceptions.FlexibleChecksumError:
        raise DumpDamaged(f"{what} is damaged: its bytes do not fit the checksum that S3 keeps.") from None
    # An answer that breaks off is urllib3's own error where it is one of S3's refusals.
    except (exceptions.BotoCoreError, HTTPError, OSError):
        raise SourceUnreachable(f"S3 does not answer for {what}.", hint="is the network up?") from None


def _logged_out() -> tuple[type[Exception], ...]:
    """What boto3 raises where a person must log in; not every version of it knows all of these."""
    from botocore import exceptions

    names = "SSOError", "LoginError", "TokenRetrievalError", "NoAuthTokenError", "RefreshWithMFAUnsupportedError"
    return tuple(getattr(exceptions, name) for name in names if hasattr(exceptions, name))


def _from_answer(what: str, answer: Mapping[str, Any]) -> Failure:
    said, about = answer.get("Error", {}), answer.get("ResponseMetadata", {})
    code = str(said.get("Code", ""))
    if code in _MISSING:
        return NoSuchDump(f"There is no {what}.", hint="`dmrefresh dumps` lists what there is; is the bucket right?")
    if code in _WILL_HEAL or "Throttl" in code or about.get("HTTPStatusCode") in _WILL_HEAL_BY_STATUS:
        return SourceUnreachable(f"S3 cannot serve {what} now ({code}).", hint="run it again in a while")
    if code in _REPLACED:
        return Replaced(f"{what} was replaced while it was read.", hint="run it again")
    if code in _EXPIRED:
        return _expired(what)
    if code == "InvalidObjectState":
        return SourceRefused(f"{what} is archived.", hint="restore the object from the archive first")
    if code in _ELSEWHERE:
        region = about.get("HTTPHeaders", {}).get("x-amz-bucket-region") or said.get("Region")
        named = f": {region}" if region else ""
        return SourceRefused(f"S3 has {what} in another region ({code}).", hint=f"set `region` to the bucket's{named}")
    if code.startswith("KMS.") or "kms:" in str(said.get("Message", "")):
        hint = "do the credentials grant kms:Decrypt on the bucket's key, and is that key enabled?"
        return SourceRefused(f"S3 may not use the KMS key of {what} ({code}).", hint=hint)
    if code in _HINTS:
        return SourceRefused(f"S3 refuses {what} ({code}).", hint=_HINTS[code])
    return NotAllowed(f"S3 refuses {what} ({code}).", hint=_RIGHTS)


def _expired(what: str) -> NoCredentials:
    return NoCredentials(f"The AWS credentials for {what} have expired.", hint="log in again")
