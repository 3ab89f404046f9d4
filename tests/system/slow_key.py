# SPDX-License-Identifier: Apache-2.0
"""A certificate and a request whose key takes OpenSSL some 0.4 s to read: a
curve given as numbers, over a prime that makes square roots expensive, with
points of which only x is told. Knows DER, not servers."""
import base64

ONE_BITS = 652
PRIME = 471 * 2 ** ONE_BITS + 1  # 661 bits, the most OpenSSL reads
SIZE = 83
A, B = 5, 7
ECDSA_SHA256 = (1, 2, 840, 10045, 4, 3, 2)


def der(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    return bytes([tag, 0x82, size >> 8, size & 255]) + body


def number(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def identifier(first, second, *rest):
    out = [first * 40 + second]
    for part in rest:
        digits = [part & 127]
        while part := part >> 7:
            digits.append(part & 127 | 128)
        out += digits[::-1]
    return der(6, bytes(out))


def sequence(*parts):
    return der(0x30, *parts)


def compressed(start):
    """A point whose y is a root of the most expensive kind."""
    for x in range(start, start + 1000):
        square = (x ** 3 + A * x + B) % PRIME
        if pow(square, (PRIME - 1) // 4, PRIME) == PRIME - 1:
            return b"\2" + x.to_bytes(SIZE, "big")
    raise AssertionError("no such point")


def public_key():
    field = sequence(identifier(1, 2, 840, 10045, 1, 1), number(PRIME))
    curve = sequence(der(4, A.to_bytes(SIZE, "big")),
                     der(4, B.to_bytes(SIZE, "big")))
    numbers = sequence(number(1), field, curve, der(4, compressed(2)),
                       number(PRIME - 2), number(1))
    return sequence(
        sequence(identifier(1, 2, 840, 10045, 2, 1), numbers),
        der(3, b"\0", compressed(2000)))


def signed(*parts):
    algorithm = sequence(identifier(*ECDSA_SHA256))
    return sequence(sequence(*parts), algorithm,
                    der(3, b"\0", sequence(number(1), number(1))))


def name(text):
    return sequence(der(0x31, sequence(identifier(2, 5, 4, 3),
                                       der(12, text.encode()))))


def certificate():
    """In DER."""
    validity = sequence(der(0x17, b"250101000000Z"),
                        der(0x17, b"450101000000Z"))
    return signed(der(0xa0, number(2)), number(5),
                  sequence(identifier(*ECDSA_SHA256)), name("slow"), validity,
                  name("slow"), public_key())


def request():
    """PKCS #10, in DER."""
    return signed(number(0), name("slow"), public_key(), der(0xa0))


def pem(label, raw):
    text = base64.encodebytes(raw).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"
