# SPDX-License-Identifier: Apache-2.0
"""A card as the server sees it, without one: the message is put together
here from the public contract, and the openssl command line signs it. Knows
nothing of agents or readers."""
import base64
import hashlib
import struct

from client import login_body
from pki import openssl


def trust(server, authority, *how):
    """With its CRL unless it is said otherwise."""
    server.ctl("card", "trust", authority.pem,
               *(how or ("--crl", authority.crl_path)))


def bind(server, certificate, user=None):
    """A card for somebody, new if no name is given. Returns the name."""
    if user is None:
        user = server.name("c")
        server.ctl("user", "add", user)
    server.ctl("card", "enroll", user, "--certificate", certificate.pem)
    return user


def text(raw):
    return base64.b64encode(raw).decode()


def unurl(value):
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def key_hash(certificate):
    """SHA-256 of the SubjectPublicKeyInfo of a certificate in a PEM file."""
    public = openssl("x509", "-in", certificate, "-noout", "-pubkey")
    der = openssl("pkey", "-pubin", "-outform", "DER", input=public)
    return hashlib.sha256(der).digest()


def ca_hash(terminal):
    """What a card signs of the CA that issued the terminal's certificate."""
    return key_hash(terminal.ca)


def message(ca, challenge, *names, what="login"):
    """names: terminal, user, service; of an enrolment (what="enrol")
    terminal and code."""
    parts = [name.encode() for name in names]
    return f"sekimori-{what}-v1\0".encode() + ca + challenge + b"".join(
        struct.pack(">H", len(part)) + part for part in parts)


def sign(key, data, digest="sha256"):
    return openssl("dgst", f"-{digest}", "-sign", key, input=data)


def algorithm(key):
    with open(key, "rb") as file:
        told = openssl("pkey", "-noout", "-text", input=file.read())
    return "ecdsa-sha256" if b"ASN1 OID" in told else "rsa-pkcs1-sha256"


def ask(terminal, user, service="sshd", first="proven", **more):
    """The challenge, or the verdict in its place."""
    reply = terminal.post(login_body(user, None, None, service, first,
                                     **more))
    assert reply.status == 200, reply
    return reply.json


def proof(terminal, asked, certificate, user, service="sshd", **other):
    """The body that answers a challenge. other: what is signed or shown
    instead of the truth (key, challenge, name, ca)."""
    key = other.get("key", certificate.key)
    data = message(other.get("ca", None) or ca_hash(terminal),
                   other.get("challenge") or unurl(asked["challenge"]),
                   other.get("name", terminal.name), user, service)
    return {"factor": "card",
            "certificate": text(certificate.der.read_bytes()),
            "signature": text(sign(key, data)), "algorithm": algorithm(key)}


def finish(terminal, asked, body):
    return terminal.post(body, f"/v1/logins/{asked['login']}")


def card_login(terminal, user, certificate, service="sshd", first="proven",
               **other):
    """The verdict of a whole login; the answers must be 200."""
    asked = ask(terminal, user, service, first)
    if asked["result"] != "continue":
        return asked
    reply = finish(terminal, asked, proof(terminal, asked, certificate, user,
                                          service, **other))
    assert reply.status == 200, reply
    return reply.json


def tag(asked, key_hash):
    """What a challenge calls this key (hexadecimal hash)."""
    raw = hashlib.sha256(unurl(asked["challenge"]) +
                         bytes.fromhex(key_hash)).digest()[:16]
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def enrolment(terminal, code, certificate, **other):
    """The body of POST /v1/cards, with a challenge of its own. other: what is
    sent (token, certificate_shown) or signed (key, challenge, name, ca, what,
    signed_code) instead of the truth."""
    reply = terminal.post({}, "/v1/cards/challenge")
    assert reply.status == 200, reply
    plain = code.replace("-", "").replace(" ", "").upper()
    key = other.get("key", certificate.key)
    data = message(other.get("ca") or ca_hash(terminal),
                   other.get("challenge") or unurl(reply.json["challenge"]),
                   other.get("name", terminal.name),
                   other.get("signed_code", plain),
                   what=other.get("what", "enrol"))
    return {"token": other.get("token", reply.json["token"]),
            "invitation": code, "algorithm": algorithm(key),
            "certificate": text(certificate.der.read_bytes()),
            "signature": text(sign(key, data))}


def enroll(terminal, code, certificate, **other):
    """The reply."""
    return terminal.post(enrolment(terminal, code, certificate, **other),
                         "/v1/cards")
