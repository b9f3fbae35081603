"""A small PKI with every fault that a server's certificate can have."""

import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID


def _name(text, organization=None):
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, text)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _now():
    return datetime.datetime.utcnow()


class Authority:
    def __init__(self, name, parent=None, organization=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.parent = parent
        signer = parent or self
        self.subject = _name(name, organization)
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.subject)
            .issuer_name(signer.subject).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_now() - datetime.timedelta(days=400))
            .not_valid_after(_now() + datetime.timedelta(days=400))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False,
                                         False), True)
            .sign(signer.key, hashes.SHA256()))

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def leaf(self, name="vpn.example", days=(-1, 90), usage=ExtendedKeyUsageOID.SERVER_AUTH,
             key=None, crl=None, responder=None, freshest=None, list_issuer=None):
        """(certificate, key) signed by this authority."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder().subject_name(_name(name)).issuer_name(self.subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(_now() + datetime.timedelta(days=days[0]))
            .not_valid_after(_now() + datetime.timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
            .add_extension(x509.ExtendedKeyUsage([usage]), False))
        if crl:
            builder = builder.add_extension(x509.CRLDistributionPoints([x509.DistributionPoint(
                [x509.UniformResourceIdentifier(crl)], None, None,
                list_issuer and [x509.DirectoryName(list_issuer)])]), False)
        if freshest:
            builder = builder.add_extension(x509.FreshestCRL([x509.DistributionPoint(
                [x509.UniformResourceIdentifier(freshest)], None, None, None)]), False)
        if responder:
            builder = builder.add_extension(x509.AuthorityInformationAccess([
                x509.AccessDescription(AuthorityInformationAccessOID.OCSP,
                                       x509.UniformResourceIdentifier(responder))]), False)
        return builder.sign(self.key, hashes.SHA256()), key

    def crl(self, *revoked, days=(-1, 30), extensions=()):
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.subject)
                   .last_update(_now() + datetime.timedelta(days=days[0]))
                   .next_update(_now() + datetime.timedelta(days=days[1])))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
                .revocation_date(_now() - datetime.timedelta(days=1)).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def ocsp_response(issuer, certificate, status="GOOD", signer=None, nonce=None, days=(0, 1),
                  about=None, certificates=()):
    """DER; `signer` (certificate, key), the issuer itself when None. days[1] None: no nextUpdate."""
    signer = signer or (issuer.certificate, issuer.key)
    revoked = _now() - datetime.timedelta(days=1) if status == "REVOKED" else None
    builder = ocsp.OCSPResponseBuilder().add_response(
        about or certificate, issuer.certificate, hashes.SHA1(),
        getattr(ocsp.OCSPCertStatus, status), _now() + datetime.timedelta(days=days[0], minutes=-1),
        None if days[1] is None else _now() + datetime.timedelta(days=days[1]), revoked, None)
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer[0])
    if certificates:
        builder = builder.certificates(list(certificates))
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), False)
    return builder.sign(signer[1], hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def nonce_of(request):
    for extension in ocsp.load_der_ocsp_request(request).extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            return extension.value.nonce
    return None


def weak_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


class Pki:
    """A root that the client trusts (ca), an intermediate below it, and a root nobody trusts."""

    def __init__(self, folder):
        self.folder = folder
        self.root = Authority("Lab Root")
        self.middle = Authority("Lab Intermediate", self.root)
        self.stranger = Authority("Somebody's Root")
        self.ca = self.write("ca.pem", self.root.pem())
        self._number = 0

    def write(self, name, octets):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(octets)
        return path

    def server(self, authority=None, chain=(), **kw):
        """Paths of a certificate file (leaf, then `chain`) and its key."""
        certificate, key = (authority or self.root).leaf(**kw)
        return self.files(certificate, key, chain)

    def files(self, certificate, key, chain=()):
        self._number += 1
        pem = certificate.public_bytes(serialization.Encoding.PEM) + b"".join(
            a.pem() for a in chain)
        return (self.write(f"{self._number}.crt", pem),
                self.write(f"{self._number}.key", key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption())))
