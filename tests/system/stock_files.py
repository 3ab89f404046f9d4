# SPDX-License-Identifier: Apache-2.0
"""Files as makers of hardware tokens deliver them: PSKC (RFC 6030), in clear or
encrypted under a key or a password, and CSV. Independent of the code that reads
them; AES is libcrypto's own."""
import base64
import ctypes
import hashlib
import hmac
import os

PSKC = "urn:ietf:params:xml:ns:keyprov:pskc"
AES = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
HMAC_SHA1 = "http://www.w3.org/2000/09/xmldsig#hmac-sha1"
HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<KeyContainer Version="1.0" xmlns="{PSKC}"
 xmlns:ds="http://www.w3.org/2000/09/xmldsig#"
 xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"
 xmlns:xenc11="http://www.w3.org/2009/xmlenc11#"
 xmlns:pkcs5="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#">
"""
TAIL = "</KeyContainer>\n"


def b64(data):
    return base64.b64encode(data).decode()


class Aes:
    """AES-128 in CBC mode with XML encryption's padding."""

    def __init__(self, key):
        self.key = key
        self.lib = ctypes.CDLL("libcrypto.so.3")
        for name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_cbc"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.lib.EVP_CIPHER_CTX_new())
        self.cipher = ctypes.c_void_p(self.lib.EVP_aes_128_cbc())

    def seal(self, plain):
        iv, padding = os.urandom(16), 16 - len(plain) % 16
        plain += bytes(padding - 1) + bytes([padding])
        out = ctypes.create_string_buffer(len(plain) + 16)
        length = ctypes.c_int()
        self.lib.EVP_EncryptInit_ex(self.context, self.cipher, None, self.key,
                                    iv)
        self.lib.EVP_CIPHER_CTX_set_padding(self.context, 0)
        self.lib.EVP_EncryptUpdate(self.context, out, ctypes.byref(length),
                                   plain, len(plain))
        return iv + out.raw[:length.value]


class Sealer:
    """The container's keys, and each value under them."""

    def __init__(self, key, declaration):
        self.aes, self.mac_key = Aes(key), os.urandom(20)
        self.head = (
            f"<EncryptionKey>{declaration}</EncryptionKey>"
            f'<MACMethod Algorithm="{HMAC_SHA1}"><MACKey>'
            f'{self.cipher(self.aes.seal(self.mac_key))}</MACKey></MACMethod>\n')

    @classmethod
    def of_key(cls, key):
        return cls(key, "<ds:KeyName>key</ds:KeyName>")

    @classmethod
    def of_password(cls, password, rounds=1000):
        salt = os.urandom(8)
        key = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, rounds, 16)
        return cls(key, (
            "<xenc11:DerivedKey><xenc11:KeyDerivationMethod Algorithm="
            '"http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2">'
            f"<pkcs5:PBKDF2-params><Salt><Specified>{b64(salt)}</Specified></Salt>"
            f"<IterationCount>{rounds}</IterationCount><KeyLength>16</KeyLength>"
            "<PRF/></pkcs5:PBKDF2-params></xenc11:KeyDerivationMethod>"
            "</xenc11:DerivedKey>"))

    @staticmethod
    def cipher(sealed):
        return (f'<xenc:EncryptionMethod Algorithm="{AES}"/><xenc:CipherData>'
                f"<xenc:CipherValue>{b64(sealed)}</xenc:CipherValue>"
                "</xenc:CipherData>")

    def value(self, seed):
        sealed = self.aes.seal(seed)
        mac = hmac.new(self.mac_key, sealed, hashlib.sha1).digest()
        return (f"<EncryptedValue>{self.cipher(sealed)}</EncryptedValue>"
                f"<ValueMAC>{b64(mac)}</ValueMAC>")


def package(serial, seed, sealer=None, kind="totp", digits=6, counter=0,
            more=""):
    secret = (sealer.value(seed) if sealer
              else f"<PlainValue>{b64(seed)}</PlainValue>")
    return (f"<KeyPackage><DeviceInfo><Manufacturer>Maker</Manufacturer>"
            f"<SerialNo>{serial}</SerialNo></DeviceInfo>"
            f'<Key Id="{serial}" Algorithm="{PSKC}:{kind}"><AlgorithmParameters>'
            f'<ResponseFormat Length="{digits}" Encoding="DECIMAL"/>'
            f"</AlgorithmParameters><Data><Secret>{secret}</Secret>"
            f"<Counter><PlainValue>{counter}</PlainValue></Counter>{more}"
            f"</Data></Key></KeyPackage>\n")


def pskc(path, tokens, sealer=None, **how):
    """tokens: (serial, seed), which may be a generator."""
    with open(path, "w", encoding="ascii") as file:
        file.write(HEAD + (sealer.head if sealer else ""))
        for serial, seed in tokens:
            file.write(package(serial, seed, sealer, **how))
        file.write(TAIL)
    return path


def csv(path, tokens, head="serial,secret,type,digits,period\n"):
    with open(path, "w", encoding="ascii") as file:
        file.write(head)
        for serial, seed in tokens:
            file.write(f"{serial},{seed.hex()},totp,6,30\n")
    return path
