# SPDX-License-Identifier: Apache-2.0
"""A town's certificate authority with its CRL, and what goes wrong with one,
by the openssl command line. Knows files, not cards."""
import itertools
import subprocess
import time

CONFIG = """\
[ca]
default_ca = here
[here]
dir = {dir}
database = $dir/index.txt
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
default_days = 365
default_crl_days = 30
policy = names
unique_subject = no
[names]
commonName = supplied
organizationName = optional
[person]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[documents]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[signature]
basicConstraints = critical,CA:FALSE
keyUsage = critical,nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
NUMBERS = itertools.count(1)


def openssl(*arguments, **how):
    done = subprocess.run(["openssl", *map(str, arguments)],
                          capture_output=True, timeout=60, check=False, **how)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def new_key(path, kind):
    """kind: rsa:BITS or the name of a curve, as P-256."""
    if kind.startswith("rsa:"):
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt",
                f"rsa_keygen_bits:{kind[4:]}", "-out", path)
    else:
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                f"ec_paramgen_curve:{kind}", "-pkeyopt",
                "ec_param_enc:named_curve", "-out", path)
    return path


def hash_of_key(path):
    """SHA-256 of the SubjectPublicKeyInfo in hexadecimal."""
    public = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
    return openssl("dgst", "-sha256", "-r", input=public)[:64].decode()


def asn1_time(unix):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(unix))


class Certificate:
    """A person's key and certificate, in files."""

    def __init__(self, key, pem, der):
        self.key, self.pem, self.der = key, pem, der

    def key_hash(self):
        return hash_of_key(self.key)


class Authority:
    def __init__(self, directory, name="Town CA"):
        self.dir, self.name = directory / f"ca{next(NUMBERS)}", name
        self.dir.mkdir()
        self.pem, self.crl_path = self.dir / "ca.pem", self.dir / "crl.pem"
        self.config = self.dir / "ca.cnf"
        self.config.write_text(CONFIG.format(dir=self.dir))
        for file, text in (("index.txt", ""), ("serial", "1000\n"),
                           ("crlnumber", "1000\n")):
            (self.dir / file).write_text(text)
        key = new_key(self.dir / "ca.key", "P-256")
        openssl("req", "-x509", "-new", "-key", key, "-out", self.pem,
                "-days", 3650, "-subj", f"/O=Kiso/CN={name}", "-addext",
                "keyUsage=critical,keyCertSign,cRLSign")
        self.der = self.dir / "ca.der"
        openssl("x509", "-in", self.pem, "-outform", "DER", "-out", self.der)
        self.crl()

    def issue(self, name, kind="P-256", start=None, end=None, key=None,
              usage="person"):
        """start, end: unix seconds. key: of an earlier certificate."""
        stem = self.dir / f"card{next(NUMBERS)}"
        key = key or new_key(stem.with_suffix(".key"), kind)
        request, pem = stem.with_suffix(".csr"), stem.with_suffix(".pem")
        openssl("req", "-new", "-key", key, "-subj", f"/O=Kiso/CN={name}",
                "-out", request)
        now = time.time()
        openssl("ca", "-batch", "-notext", "-config", self.config,
                "-extensions", usage, "-in", request, "-out", pem,
                "-startdate", asn1_time(start or now - 3600), "-enddate",
                asn1_time(end or now + 365 * 86400))
        der = stem.with_suffix(".der")
        openssl("x509", "-in", pem, "-outform", "DER", "-out", der)
        return Certificate(key, pem, der)

    def key_hash(self):
        return hash_of_key(self.dir / "ca.key")

    def revoke(self, certificate):
        openssl("ca", "-config", self.config, "-revoke", certificate.pem)
        return self.crl()

    def crl(self, seconds=None):
        """A fresh CRL, or one that is valid for so many seconds only."""
        lasts = ["-crlsec", seconds] if seconds else []
        openssl("ca", "-config", self.config, "-gencrl", *lasts, "-out",
                self.crl_path)
        return self.crl_path
