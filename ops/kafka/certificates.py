"""An authority of the broker's own, and a certificate that it gives to 127.0.0.1: for TLS in tests."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM: who signed, whom clients trust, and the broker's key with its certificate."""

    authority: Path
    keystore: Path


def certificates(directory: Path) -> Certificates:
    """Make them."""
    found = Certificates(directory / "ca.pem", directory / "broker.pem")
    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _signed(_name("an authority of the tests"), signer, signer, None)
    leaf = _signed(_name("127.0.0.1"), key, signer, root)
    found.authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    found.keystore.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    return found


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _signed(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    root: x509.Certificate | None,
) -> x509.Certificate:
    """A certificate for the subject's key; of the authority itself where there is no ``root``."""
    now = datetime.now(UTC)
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(root.subject if root else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=root is None, path_length=None), critical=True)
    )
    if root is not None:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        unsigned = unsigned.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return unsigned.sign(signer, hashes.SHA256())
