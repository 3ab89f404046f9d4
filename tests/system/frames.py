# SPDX-License-Identifier: Apache-2.0
"""The frames between module and agent (docs/PROTOCOL.md, section 1), both
ways: a module without PAM, and an agent that says what it is told to."""
import socket
import struct
import threading

BEGIN, ANSWER, CANCEL, SESSION = 1, 2, 3, 4
ASK, TELL, VERDICT, DONE = 16, 17, 18, 19
USER, SERVICE, TTY, RHOST, FIRST_FACTOR, TEXT = 1, 2, 3, 4, 5, 6
PROMPT, MESSAGE, NUMBER, RESULT, LOGIN, EVENT, ONCE = 7, 8, 9, 10, 11, 12, 13
DENY, ACCEPT, EXEMPT, LOCKED, PERMISSION, NOT_ENROLLED, UNAVAILABLE = range(7)


def frame(kind, fields):
    """fields: [(tag, bytes, text or a number of one byte)]."""
    body = bytes([kind])
    for tag, value in fields:
        if isinstance(value, int):
            value = bytes([value])
        if isinstance(value, str):
            value = value.encode()
        body += bytes([tag]) + struct.pack(">H", len(value)) + value
    return struct.pack(">I", len(body)) + body


def parse(body):
    kind, at, fields = body[0], 1, {}
    while at < len(body):
        tag, length = body[at], struct.unpack(">H", body[at + 1:at + 3])[0]
        fields[tag] = body[at + 3:at + 3 + length]
        at += 3 + length
    return kind, fields


def read_exactly(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            return None
        data += more
    return data


def receive(stream):
    """(type, fields), or None if the other end has closed."""
    try:
        header = read_exactly(stream, 4)
        body = header and read_exactly(stream, struct.unpack(">I", header)[0])
    except ConnectionError:
        return None
    return parse(body) if body else None


def begin(user, service="sshd", first=1, **more):
    return frame(BEGIN, [(USER, user), (SERVICE, service),
                         (FIRST_FACTOR, first), *more.items()])


class Caller:
    """A connection to the agent; as another user if uid is given (in a
    thread, whose credentials are its own)."""

    def __init__(self, path, timeout_s=8):
        self.stream = socket.socket(socket.AF_UNIX)
        self.stream.settimeout(timeout_s)
        self.stream.connect(str(path))

    def send(self, data):
        try:
            self.stream.sendall(data)
        except (BrokenPipeError, ConnectionError):
            pass

    def receive(self):
        return receive(self.stream)

    def log_in(self, user, code, service="sshd", first=1):
        """The VERDICT's result, or None if the agent hung up."""
        self.send(begin(user, service, first))
        while True:
            got = self.receive()
            if got is None:
                return None
            kind, fields = got
            if kind == ASK:
                self.send(frame(ANSWER, [(TEXT, code)]))
            elif kind == VERDICT:
                return fields[RESULT][0]

    def close(self):
        self.stream.close()


class FakeAgent:
    """Listens on path and calls act(connection) for each caller."""

    def __init__(self, path, act):
        self.path, self.act = path, act
        self.seen = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        path.chmod(0o666)
        self.listener.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            stream.settimeout(10)
            self.seen.append(True)
            try:
                self.act(stream)
            except OSError:
                pass
            stream.close()

    def close(self):
        self.listener.close()


def accept_everything(stream):
    """What a false agent would love to say."""
    while receive(stream) is not None:
        stream.sendall(frame(VERDICT, [(RESULT, ACCEPT)]))
