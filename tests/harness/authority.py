"""A certificate authority of somebody else: certificates of users, good and bad, and revocation lists."""

import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness.certificate import USAGES

UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM)


class Authority:
    def __init__(self, folder, name="Corp Root", signed_by=None, like_azure=False):
        """like_azure: keyCertSign without basicConstraints, as New-SelfSignedCertificate makes a root."""
        self.folder, self.name, self.issuer = str(folder), name, signed_by
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.serials = {}
        b = self._builder(name, self.key, (-1, 300), signed_by or self)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        b = b.add_extension(usage, True)
        if not like_azure:
            b = b.add_extension(x509.BasicConstraints(True, None), True)
        self.certificate = b.sign((signed_by or self).key, hashes.SHA256())
        self.file = self._write(f"{name}.crt", _pem(self.certificate))

    def _write(self, name, octets):
        path = os.path.join(self.folder, name.replace(" ", "-"))
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644), "wb") as f:
            f.write(octets)
        return path

    @staticmethod
    def _builder(subject, key, days, issuer):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer.name))
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now + datetime.timedelta(days=days[0]))
                .not_valid_after(now + datetime.timedelta(days=days[1])))

    def issue(self, cn, upn=None, email=None, usage="clientAuth", days=(-1, 30), file=None, passphrase=None):
        """A PEM file with certificate, chain and key; returns its path."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = []
        if upn:
            der = upn.encode()
            names.append(x509.OtherName(UPN, bytes([0x0c, len(der)]) + der))
        if email:
            names.append(x509.RFC822Name(email))
        b = self._builder(cn, key, days, self)
        if names:
            b = b.add_extension(x509.SubjectAlternativeName(names), False)
        if usage:
            b = b.add_extension(x509.ExtendedKeyUsage([USAGES[usage]]), False)
        certificate = b.sign(self.key, hashes.SHA256())
        self.serials[file or cn] = certificate
        secret = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase \
            else serialization.NoEncryption()
        octets = _pem(certificate) + (_pem(self.certificate) if self.issuer else b"") + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
        return self._write(f"{file or cn}.pem", octets)

    def thumbprint(self, file):
        return self.serials[file].fingerprint(hashes.SHA1()).hex()

    def crl(self, *revoked, days=(-1, 30), file="list.crl", der=False):
        now = datetime.datetime.utcnow()
        b = (x509.CertificateRevocationListBuilder().issuer_name(_name(self.name))
             .last_update(now + datetime.timedelta(days=days[0]))
             .next_update(now + datetime.timedelta(days=days[1])))
        for name in revoked:
            b = b.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(self.serials[name].serial_number)
                .revocation_date(now - datetime.timedelta(days=1)).build())
        made = b.sign(self.key, hashes.SHA256())
        return self._write(file, made.public_bytes(
            serialization.Encoding.DER if der else serialization.Encoding.PEM))
