# SPDX-License-Identifier: Apache-2.0
"""A terminal without an agent: TLS with a terminal certificate, HTTP by hand.

Sends what it is told, also nonsense, and many requests at once on many
connections without threads. Knows the wire, not the verdicts.
"""
import base64
import json
import secrets
import socket
import ssl
import subprocess
import time

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Gone(Exception):
    """The other side closed or reset the connection."""


class Connection:
    """One TLS connection, kept alive."""

    def __init__(self, host, port, context, timeout_s=20):
        raw = socket.create_connection((host, port), timeout_s)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = context.wrap_socket(raw, server_hostname="localhost")
        except BaseException:
            raw.close()
            raise
        self.pending = b""

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except (OSError, ssl.SSLError) as error:
            raise Gone(str(error)) from error

    def send(self, method, path, body=None, headers=None):
        lines = {"Host": "localhost", **(headers or {})}
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else \
                json.dumps(body, ensure_ascii=False).encode()
            lines.setdefault("Content-Type", "application/json")
            lines.setdefault("Content-Length", str(len(data)))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(
            f"{key}: {value}\r\n" for key, value in lines.items())
        self.send_raw(head.encode() + b"\r\n" + data)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError) as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("closed")
        self.pending += data

    def receive(self):
        while b"\r\n\r\n" not in self.pending:
            self._more()
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in rest:
            key, value = line.split(":", 1)
            headers[key.strip().lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        while len(self.pending) < length:
            self._more()
        body, self.pending = self.pending[:length], self.pending[length:]
        return Reply(int(first.split()[1]), headers, body)

    def ask(self, method, path, body=None, headers=None):
        self.send(method, path, body, headers)
        return self.receive()

    def is_closed(self, timeout_s=5):
        """Whether the other side closes within the time."""
        self.socket.settimeout(timeout_s)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except (ConnectionError, ssl.SSLEOFError):
            return True
        except (TimeoutError, socket.timeout, ssl.SSLError):
            return False

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass


def context_for(ca=None, certificate=None, key=None, check_time=True):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if ca:
        context.load_verify_locations(str(ca))
        context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if not check_time:
        context.verify_flags |= NO_CHECK_TIME
    if certificate:
        context.load_cert_chain(str(certificate), str(key))
    return context


def new_key(path):
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-out", path],
                   check=True, capture_output=True, timeout=20)


def new_request(key, subject="/CN=ignored"):
    """A PKCS #10 request as PEM."""
    done = subprocess.run(["openssl", "req", "-new", "-key", key, "-subj",
                           subject], check=True, capture_output=True,
                          text=True, timeout=20)
    return done.stdout


class Terminal:
    """A joined terminal, by its files."""

    def __init__(self, server, name, directory, host="127.0.0.1"):
        self.server, self.name, self.host = server, name, host
        self.key = directory / "terminal.key"
        self.certificate = directory / "terminal.crt"
        self.ca = directory / "ca.crt"
        self.check_time = True
        self._connection = None

    def join(self, code):
        """Joins by hand as docs/PROTOCOL.md says. The Reply."""
        new_key(self.key)
        connection = Connection(self.host, self.server.port, context_for())
        reply = connection.ask("POST", "/v1/terminals/join", {
            "code": secret_of(code), "request": new_request(self.key)})
        connection.close()
        if reply.status == 200:
            self.certificate.write_text(reply.json["certificate"])
            self.ca.write_text(reply.json["ca"])
        return reply

    def connect(self, **how):
        return Connection(self.host, self.server.port, context_for(
            self.ca, self.certificate, self.key, self.check_time), **how)

    def connect_many(self, count):
        """Connections that have been used once, so that nothing but the
        requests themselves decides who comes first."""
        connections = [self.connect() for _ in range(count)]
        for connection in connections:
            connection.send("GET", "/v1/capabilities")
        for connection in connections:
            assert connection.receive().status == 200
        return connections

    def ask(self, method, path, body=None, headers=None):
        """On a connection that is kept; made again once if it has gone."""
        for again in (True, False):
            if self._connection is None:
                self._connection = self.connect()
            try:
                return self._connection.ask(method, path, body, headers)
            except Gone:
                self.drop()
                if not again:
                    raise
        raise AssertionError("unreachable")

    def drop(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def post(self, body, path="/v1/logins"):
        return self.ask("POST", path, body)

    def login(self, user, code=None, factor="otp", service="sshd",
              first="proven", **more):
        """The verdict of a direct login; the answer must be a 200."""
        reply = self.post(login_body(user, code, factor, service, first,
                                     **more))
        assert reply.status == 200, reply
        return reply.json


def secret_of(join_code):
    """The part of a join code that is shown to the server: 10 bytes."""
    plain = join_code.replace("-", "").replace(" ", "").upper()
    raw = base64.b32decode(plain + "=" * (-len(plain) % 8))
    return base64.b32encode(raw[:10]).decode().rstrip("=")


def attempt():
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).decode() \
        .rstrip("=")


def login_body(user, code=None, factor="otp", service="sshd", first="proven",
               **more):
    body = {"user": user, "service": service, "first_factor": first,
            "factor": factor, "code": code, **more}
    return {key: value for key, value in body.items() if value is not None}


def many_at_once(connections, bodies, path="/v1/logins"):
    """Sends bodies[i] on connections[i], all of them before any answer is
    read. The replies in order."""
    for connection, body in zip(connections, bodies):
        connection.send("POST", path, body)
    return [connection.receive() for connection, _ in
            zip(connections, bodies)]


def plain_http(port, path, host="127.0.0.1", timeout_s=10):
    """A GET without a certificate."""
    connection = Connection(host, port, context_for(), timeout_s)
    reply = connection.ask("GET", path)
    connection.close()
    return reply


def over_socket(path, method, target, body=None, timeout_s=20):
    """A request on the admin socket."""
    connection = Connection.__new__(Connection)
    connection.socket = socket.socket(socket.AF_UNIX)
    connection.socket.settimeout(timeout_s)
    connection.socket.connect(str(path))
    connection.pending = b""
    reply = connection.ask(method, target, body)
    connection.close()
    return reply


def wait_until_next(period_s, margin_s=0.1):
    time.sleep(period_s - time.time() % period_s + margin_s)
