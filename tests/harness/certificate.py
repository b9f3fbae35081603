"""Certificates for servers under test, good ones and bad ones."""

import base64
import datetime
import hashlib
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

USAGES = {"serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
          "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH}


def make_certificate(folder, name="vpn.example", days=(-1, 30), usage="serverAuth", subject=None):
    """A self-signed certificate, valid from..to days from now; returns the paths of it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject or name)])
    now = datetime.datetime.utcnow()
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .add_extension(x509.ExtendedKeyUsage([USAGES[usage]]), False)
        .sign(key, hashes.SHA256()))
    paths = [os.path.join(str(folder), f"own.{kind}") for kind in ("crt", "key")]
    with open(paths[0], "wb") as f:
        f.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(os.open(paths[1], os.O_CREAT | os.O_WRONLY, 0o600), "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption()))
    return paths


class Leaf:
    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key


def _write(path, data, mode=0o644):
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "wb") as f:
        f.write(data)
    return path


def _sign(subject, issuer, key, issuer_key, extensions):
    now = datetime.datetime.utcnow()
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=1))
               .not_valid_after(now + datetime.timedelta(days=30)))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def make_ca(folder):
    """A root; returns the path of its certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = _sign("test root", "test root", key, key,
                [(x509.BasicConstraints(ca=True, path_length=None), True)])
    return _write(os.path.join(str(folder), "root.crt"), pem), key


def make_leaf(folder, ca_key, label, name="vpn.example"):
    """A server's certificate from that root: paths of it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = _sign(name, "test root", key, ca_key,
                [(x509.SubjectAlternativeName([x509.DNSName(name)]), False),
                 (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)])
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    base = os.path.join(str(folder), label)
    return Leaf(_write(base + ".crt", pem), _write(base + ".key", private, 0o600))


def pin_of(path):
    """The pin as curl writes it: SHA-256 of the SubjectPublicKeyInfo."""
    with open(path, "rb") as f:
        key = x509.load_pem_x509_certificate(f.read()).public_key()
    spki = key.public_bytes(serialization.Encoding.DER,
                            serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256//" + base64.b64encode(hashlib.sha256(spki).digest()).decode()
