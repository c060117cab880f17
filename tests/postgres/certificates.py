"""A server's certificate, made for a moment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fixtures.parts.processes import private_directory, unprivileged


@contextmanager
def self_signed(host: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """A certificate for `host` that signs itself; yields its file, and the settings of a cluster that has it."""
    account = unprivileged()
    folder = private_directory(account, prefix="dmr-tls-")
    try:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        certificate, secret = folder / "server.crt", folder / "server.key"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        secret.chmod(0o600)
        if account is not None:
            for file in (certificate, secret):
                os.chown(file, account.uid, account.gid)
        yield certificate, {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(secret)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
