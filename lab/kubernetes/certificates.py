"""Keys and certificates: one authority, one certificate to serve with, one for the API server as a client."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=825)
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True)
class Pair:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def ensure_certificates(folder: Path, addresses: Sequence[str], names: Sequence[str]) -> None:
    """Make every key and certificate of the node below ``folder``, unless good ones are there.

    ``serving`` is valid for ``addresses`` and ``names``; ``api-client`` is how the API server shows the
    kubelet who it is; ``service-account.key`` signs service accounts' tokens.
    """
    if _good(folder / "serving.crt"):
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = _authority()
    serving = _signed(authority, "slipway-lab", "", [*map(_address, addresses), *map(x509.DNSName, names)])
    client = _signed(authority, "kube-apiserver-kubelet-client", "system:masters", [])
    _write(folder / "service-account.key", _pem(ec.generate_private_key(ec.SECP256R1())))
    _save(folder / "authority", authority)
    _save(folder / "api-client", client)
    _save(folder / "serving", serving)


def _good(path: Path) -> bool:
    if not path.is_file():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc - RENEW_BEFORE > datetime.now(UTC)


def _authority() -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("slipway-lab authority", "")
    builder = _builder(name, name, key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return Pair(key, builder.sign(key, hashes.SHA256()))


def _signed(authority: Pair, common_name: str, organisation: str, valid_for: list[x509.GeneralName]) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if valid_for else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = _builder(
        _name(common_name, organisation), authority.certificate.subject, key.public_key()
    ).add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if valid_for:
        builder = builder.add_extension(x509.SubjectAlternativeName(valid_for), critical=False)
    return Pair(key, builder.sign(authority.key, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
    )


def _name(common_name: str, organisation: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def _address(address: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(address))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _save(path: Path, pair: Pair) -> None:
    _write(path.with_suffix(".key"), _pem(pair.key))
    _write(path.with_suffix(".crt"), pair.certificate.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
