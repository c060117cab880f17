"""Stores standard input as an object, in parts, as `aws s3 cp - s3://BUCKET/KEY` would: `uploader.py BUCKET KEY`.

The credentials are boto3's to find; AWS_ENDPOINT_URL_S3 says where the store is.
"""

from __future__ import annotations

import sys

import boto3
from botocore.config import Config


def main(bucket: str, key: str) -> None:
    """Store it."""
    client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    client.upload_fileobj(sys.stdin.buffer, bucket, key)


if __name__ == "__main__":
    main(*sys.argv[1:])
