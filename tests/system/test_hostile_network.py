# SPDX-License-Identifier: Apache-2.0
"""A network and a server that mean no good. A server of ours under a CA the
agent trusts says what is not true; others have certificates of other CAs."""
import base64
import json
import ssl
import subprocess
import socket
import threading
import time

import pytest

import slow_key
from world import at_once, cpu_seconds, result_of

LIMIT_S = 5.3


def openssl(*arguments, **how):
    return subprocess.run(["openssl", *map(str, arguments)], check=True,
                          capture_output=True, timeout=20, **how)


class Ca:
    def __init__(self, directory, name):
        self.dir, self.name = directory, name
        self.key, self.certificate = (directory / f"{name}.{end}"
                                      for end in ("key", "crt"))
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.certificate, "-days", "30", "-subj",
                f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, names, days=30, usage="serverAuth"):
        """(chain, key) of a certificate for these names."""
        stem = self.dir / f"{self.name}-{len(list(self.dir.iterdir()))}"
        key, request, out = (stem.with_suffix(end)
                             for end in (".key", ".csr", ".crt"))
        extensions = stem.with_suffix(".ext")
        extensions.write_text(
            "subjectAltName=" + ",".join(names) + "\n"
            f"extendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n"
            "keyUsage=critical,digitalSignature\n"
            "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                request, "-subj", "/CN=server")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate,
                "-CAkey", self.key, "-CAcreateserial", "-days", days, "-out",
                out, "-extfile", extensions)
        out.write_bytes(out.read_bytes() + self.certificate.read_bytes())
        return out, key


NAMES = ["DNS:localhost", "IP:127.0.0.1"]


class FakeServer:
    """Takes the real one's port; act(connection, request) replies."""

    def __init__(self, port, chain, key, act, version=ssl.TLSVersion.TLSv1_3):
        self.act, self.requests, self.streams = act, [], []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain, key)
        self.context.maximum_version = version
        self.listener = socket.create_server(("127.0.0.1", port))
        self.open = True
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while self.open:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(raw,),
                             daemon=True).start()

    def _talk(self, raw):
        raw.settimeout(15)
        try:
            with self.context.wrap_socket(raw, server_side=True) as stream:
                self.streams.append(stream)
                while True:
                    request = self._read(stream)
                    if request is None:
                        return
                    self.requests.append(request)
                    if not self.act(stream, request):
                        return
        except (OSError, ssl.SSLError):
            raw.close()

    @staticmethod
    def _read(stream):
        data = b""
        while b"\r\n\r\n" not in data:
            more = stream.recv(65536)
            if not more:
                return None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(body) < length:
            body += stream.recv(65536)
        return head.split(b"\r\n")[0].decode(), body

    def close(self):
        self.open = False
        # Closing alone leaves it listening while a thread is in accept(),
        # and the agent keeps its connection warm for the next test.
        for part in [self.listener, *self.streams]:
            try:
                part.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed already
        self.listener.close()


def reply(stream, body, status="200 OK", headers=""):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    stream.sendall(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(data)}\r\n{headers}\r\n".encode() +
                   data)
    return True


def accept_of(user, **more):
    return {"result": "accept", "user": user, "person": user, "by": "otp",
            "login": "x", "notices": [], **more}


@pytest.fixture(scope="module")
def cas(world):
    directory = world.directory("cas")
    ours, theirs = Ca(directory, "ours"), Ca(directory, "theirs")
    # A CA that the machine trusts for everything else.
    subprocess.run(["cp", theirs.certificate,
                    "/usr/local/share/ca-certificates/theirs.crt"],
                   check=False, timeout=10)
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    subprocess.run(["mkdir", "-p", "/etc/ssl/certs"], check=True, timeout=10)
    with open(bundle, "ab") as out:
        out.write(theirs.certificate.read_bytes())
    hashed = openssl("x509", "-noout", "-subject_hash", "-in",
                     theirs.certificate, text=True).stdout.strip()
    subprocess.run(["cp", theirs.certificate,
                    f"/etc/ssl/certs/{hashed}.0"], check=True, timeout=10)
    # The system's own verification says yes, or this tests nothing.
    chain, _ = theirs.issue(NAMES)
    openssl("verify", "-CApath", "/etc/ssl/certs", chain)
    yield ours, theirs
    subprocess.run(["rm", "-f",
                    "/usr/local/share/ca-certificates/theirs.crt"],
                   check=False, timeout=10)


@pytest.fixture(scope="module")
def place(site, server, cas):
    """The agent of a joined terminal that also trusts the CA `ours`, with
    nobody on the server's port."""
    ours, _ = cas
    user, token = server.hotp()
    site.probe.service("net", site.line(options="explain lang=en"),
                       "auth required pam_permit.so", site.line("account"),
                       "account required pam_permit.so")
    run = site.probe("net", user, [token.code()])
    assert run.code == "PAM_SUCCESS", run
    server.stop()
    trusted = site.agent.state / "ca.crt"
    trusted.write_bytes(trusted.read_bytes() + ours.certificate.read_bytes())
    site.agent.restart()
    return site


def try_login(place, fake, user="s0001", answers=("123456",)):
    try:
        return place.probe("net", user, answers, ("auth", "acct"))
    finally:
        fake.close()


@pytest.fixture(scope="module")
def trusted_pair(cas):
    return cas[0].issue(NAMES)


def challenge(request):
    return {"result": "continue", "login": "abc", "factors": ["otp"],
            "challenge": "AAAA", "expires_in": 120}


def honest(stream, request):
    """Answers as a real server would say yes, so that the lies below differ
    in one thing only."""
    line, body = request
    if line.startswith("GET"):
        return reply(stream, {"factors": ["otp"], "request_members": []})
    asked = json.loads(body)
    if "user" in asked and "factor" not in asked:
        return reply(stream, challenge(request))
    return reply(stream, accept_of(asked.get("user", "s0001")))


def test_the_fake_server_is_believed_when_it_says_what_is_right(
        place, server, trusted_pair):
    fake = FakeServer(server.port, *trusted_pair, honest)
    run = try_login(place, fake)
    assert run.codes == ["PAM_SUCCESS"] * 2, run


def liar(stream, request):
    """Lies as the name of the user says: "final LIE" is honest until the
    verdict, "first LIE" lies from the first answer on."""
    line, body = request
    asked = json.loads(body) if body else {}
    if line.startswith("GET"):
        return honest(stream, request)
    if "user" not in asked:
        user = plain(line.split(" ")[1].split("/")[-1])
    else:
        user = asked["user"]
        if user.startswith("final") and "factor" not in asked:
            return reply(stream, {**challenge(request), "login": urlsafe(
                user)})
    lie = user.partition(" ")[2]
    if lie == "truth":
        return reply(stream, accept_of(user))
    return ANSWERS[lie](stream, user)


def urlsafe(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def plain(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


def drip(stream, _):
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b" " * 100
    for byte in data:
        stream.sendall(bytes([byte]))
        time.sleep(0.5)
    return False


def hang(stream, _):
    time.sleep(9)
    return False


def raw(data):
    def answer(stream, _):
        stream.sendall(data)
        return False
    return answer


ANSWERS = {
    "accept for another user": lambda s, u: reply(s, accept_of("root")),
    "accept without a user": lambda s, u: reply(
        s, {"result": "accept", "by": "otp", "login": "x", "notices": []}),
    "accept with a number as user": lambda s, u: reply(
        s, {**accept_of("x"), "user": 7}),
    "accept twice told": lambda s, u: reply(s, json.dumps(accept_of(u))
        .replace("{", '{"result":"deny",', 1).encode()),
    "accept with 201": lambda s, u: reply(s, accept_of(u), "201 Created"),
    "accept with 403": lambda s, u: reply(s, accept_of(u), "403 No"),
    "accept with 500": lambda s, u: reply(s, accept_of(u), "500 Oh"),
    "an unknown result": lambda s, u: reply(s, {"result": "welcome"}),
    "no result": lambda s, u: reply(s, {}),
    "a list": lambda s, u: reply(s, [accept_of(u)]),
    "garbage": lambda s, u: reply(s, b"\xff\xfe garbage \x00"),
    "half of it": lambda s, u: raw(
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" +
        json.dumps(accept_of(u)).encode())(s, u),
    "no HTTP": raw(b"accept\n" * 100),
    "nothing": raw(b""),
    "ten megabytes": lambda s, u: reply(
        s, {**accept_of(u), "x": "a" * 10_000_000}),
    "endless headers": lambda s, u: [
        s.sendall(b"X: y\r\n" * 1000) for _ in range(2000)] and False,
    "a redirect": lambda s, u: reply(
        s, accept_of(u), "302 Found",
        "Location: https://localhost:1/\r\n"),
    "a redirect to a file": lambda s, u: reply(
        s, b"", "301 Moved", "Location: file:///etc/passwd\r\n"),
    "a deep answer": lambda s, u: reply(s, b"[" * 100000),
    "drips": drip,
    "hangs": hang,
}


FIRST = ("garbage", "drips", "hangs", "a redirect", "no HTTP",
         "accept for another user")


@pytest.fixture(scope="module")
def lied_to(place, server, trusted_pair):
    """{"final LIE" or "first LIE": Run}; the lie is the user's name."""
    fake = FakeServer(server.port, *trusted_pair, liar)
    names = ["final truth"] + [f"final {lie}" for lie in ANSWERS] + \
        [f"first {lie}" for lie in FIRST]
    runs = at_once(lambda name: place.probe("net", name, ["123456"],
                                            ("auth", "acct")), names)
    fake.close()
    return runs


def test_the_liar_is_believed_when_it_says_what_is_right(lied_to):
    """Otherwise the refusals would prove nothing."""
    assert result_of(lied_to, "final truth").codes == ["PAM_SUCCESS"] * 2


@pytest.mark.parametrize("lie", ANSWERS)
def test_a_server_that_answers(lied_to, lie):
    run = result_of(lied_to, f"final {lie}")
    assert "PAM_SUCCESS" not in run.codes, run
    assert run.codes[0] in ("PAM_AUTHINFO_UNAVAIL", "PAM_AUTH_ERR"), run
    assert run.seconds[0] < LIMIT_S, run


@pytest.mark.parametrize("lie", FIRST)
def test_a_server_that_answers_from_the_start(lied_to, lie):
    run = result_of(lied_to, f"first {lie}")
    assert "PAM_SUCCESS" not in run.codes, run
    assert run.seconds[0] < LIMIT_S, run


def test_a_redirect_is_not_followed(place, server, cas, trusted_pair):
    elsewhere = FakeServer(server.world.port(), *trusted_pair, honest)
    port = elsewhere.listener.getsockname()[1]
    fake = FakeServer(server.port, *trusted_pair, lambda s, _: reply(
        s, b"", "307 Temporary Redirect",
        f"Location: https://localhost:{port}/v1/logins\r\n"))
    run = try_login(place, fake)
    elsewhere.close()
    assert "PAM_SUCCESS" not in run.codes and not elsewhere.requests


def certificates(cas):
    ours, theirs = cas
    return {
        "of a CA that the system trusts": theirs.issue(NAMES),
        "of ours for another name": ours.issue(["DNS:other.example"]),
        "of ours for clients": ours.issue(NAMES, usage="clientAuth"),
        "self-signed": self_signed(theirs.dir),
    }


def self_signed(directory):
    key, out = directory / "self.key", directory / "self.crt"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", out,
            "-days", "30", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1")
    return out, key


@pytest.mark.parametrize("what", [
    "of a CA that the system trusts", "of ours for another name",
    "of ours for clients", "self-signed"])
def test_a_server_with_a_certificate(place, server, cas, what):
    fake = FakeServer(server.port, *certificates(cas)[what], honest)
    run = try_login(place, fake)
    assert run.codes[0] == "PAM_AUTHINFO_UNAVAIL", run
    assert "PAM_SUCCESS" not in run.codes
    assert not fake.requests, "it was told something"
    assert run.seconds[0] < LIMIT_S


def test_a_server_with_slow_certificates_is_not_listened_to(place, server,
                                                            cas):
    """Each would take the agent 0.3 s, and cannot be interrupted."""
    chain, key = self_signed(cas[1].dir)
    chain.write_text(chain.read_text() + 4 * slow_key.pem(
        "CERTIFICATE", slow_key.certificate()))
    fake = FakeServer(server.port, chain, key, honest)
    before = cpu_seconds(place.agent.process.pid)
    run = try_login(place, fake)
    assert run.codes[0] == "PAM_AUTHINFO_UNAVAIL" and not fake.requests
    assert cpu_seconds(place.agent.process.pid) - before < 0.2


def test_a_server_that_speaks_tls_12_only(place, server, trusted_pair):
    fake = FakeServer(server.port, *trusted_pair, honest,
                      ssl.TLSVersion.TLSv1_2)
    run = try_login(place, fake)
    assert run.codes[0] == "PAM_AUTHINFO_UNAVAIL" and not fake.requests


def test_a_port_that_takes_connections_and_says_nothing(place, server):
    listener = socket.create_server(("127.0.0.1", server.port), backlog=1)
    run = place.probe("net", "s0001", ["123456"], ("auth",))
    listener.close()
    assert run.code == "PAM_AUTHINFO_UNAVAIL" and run.seconds[0] < LIMIT_S


def test_the_agent_is_pointed_by_its_environment_to_nothing(place, server,
                                                            cas):
    """Proxies, key logs and CA bundles of its environment are not used."""
    agent = place.agent
    keys = agent.dir / "keys"
    chain, key = cas[1].issue(NAMES)
    agent.stop()
    agent.start(SSLKEYLOGFILE=keys, https_proxy="http://127.0.0.1:9",
                HTTPS_PROXY="http://127.0.0.1:9", ALL_PROXY="127.0.0.1:9",
                CURL_CA_BUNDLE=cas[1].certificate,
                SSL_CERT_FILE=cas[1].certificate)
    fake = FakeServer(server.port, chain, key, honest)
    run = try_login(place, fake)
    assert run.codes[0] == "PAM_AUTHINFO_UNAVAIL" and not fake.requests
    assert not keys.exists()
    server.start()
    user, token = server.hotp()
    run = place.probe("net", user, [token.code()], ("auth", "acct"))
    assert run.codes == ["PAM_SUCCESS"] * 2, run
    assert not keys.exists()
    agent.restart()


def test_a_lost_answer_is_asked_for_again(place, server):
    """The connection dies after the server has decided: the agent asks again
    with the same attempt and the person gets in, the code spent once."""
    if server.process is None:
        server.start()
    user, token = server.hotp()
    place.probe("net", *[server.hotp()[0]], ["1"])  # a warm connection
    server.kill()
    server.start()
    run = place.probe("net", user, [token.code()])
    assert run.code == "PAM_SUCCESS", run
