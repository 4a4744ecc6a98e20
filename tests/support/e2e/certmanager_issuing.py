"""Certificates in the form that cert-manager 1.21 gives them, which others do not.

Without `commonName` there is no subject, so the names are critical; keys are in SEC 1; `ca.crt` is the CA, and a
self-signed CA is not in the chain.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs import pem

Document = dict[str, Any]
_CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1()}
_HASHES: dict[int, hashes.SHA256 | hashes.SHA384] = {256: hashes.SHA256(), 384: hashes.SHA384()}


def issue(spec: Document, before: dict[str, bytes], ca: dict[str, bytes] | None) -> dict[str, bytes]:
    """The data of a Certificate's Secret, by its spec, the data before, and those of the CA's Secret if it has one."""
    size = spec["privateKey"]["size"]
    keeps = spec["privateKey"].get("rotationPolicy") == "Never" and "tls.key" in before
    key = _key(before["tls.key"]) if keeps else ec.generate_private_key(_CURVES[size])
    issuer = pem.certificates(ca["tls.crt"])[0] if ca else None
    certificate = _sign(spec, key, issuer, _key(ca["tls.key"]) if ca else key)
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return {"tls.crt": pem.text([certificate]), "tls.key": encoded, "ca.crt": pem.text([issuer or certificate])}


def _sign(
    spec: Document, key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate | None, by: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now, is_ca, names = datetime.datetime.now(datetime.UTC), spec.get("isCA", False), spec.get("dnsNames", [])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, spec["commonName"])] if "commonName" in spec else [])
    hours = re.fullmatch(r"(\d+)h", spec["duration"])
    assert hours, spec["duration"]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(hours=int(hours[1])))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(_usage(is_ca=is_ca), critical=True)
    )
    if names:
        critical = not subject.rdns
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical)
    if "server auth" in spec.get("usages", []):
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if is_ca:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if issuer:
        theirs = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(theirs)
        builder = builder.add_extension(identifier, critical=False)
    return builder.sign(by, _HASHES[by.curve.key_size])


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_ca,
        key_encipherment=is_ca,
        crl_sign=False,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key(encoded: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(encoded, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
