# SPDX-License-Identifier: Apache-2.0
"""Slow, idle and many: connections that want to wear the server out while
logins go on."""
import socket
import ssl
import time

from client import Connection, Gone, context_for, login_body


def login_is_quick(server, terminal):
    user, token = server.hotp()
    terminal.drop()
    start = time.monotonic()
    assert terminal.login(user, token.code())["result"] == "accept"
    assert time.monotonic() - start < 2


def closed_after(connection, data, limit_s):
    """Sends a byte a second until the other side has had enough: seconds."""
    start = time.monotonic()
    connection.socket.settimeout(1)
    for byte in data:
        try:
            connection.socket.sendall(bytes([byte]))
            answer = connection.socket.recv(1000)
            if not answer or b"HTTP/1.1 4" in answer:
                break
        except (TimeoutError, socket.timeout):
            pass
        except (OSError, ssl.SSLError):
            break
        assert time.monotonic() - start < limit_s
    return time.monotonic() - start


def test_a_byte_a_second_ends_with_the_deadline(server, terminal):
    """Head and body alike have to be whole within ten seconds."""
    head = b"POST /v1/logins HTTP/1.1\r\nHost: localhost\r\n" \
        b"Content-Type: application/json\r\nContent-Length: 60\r\n\r\n"
    slow_head, slow_body = terminal.connect(), terminal.connect()
    slow_body.send_raw(head)
    start = time.monotonic()
    open_ones = {"head": (slow_head, iter(head)),
                 "body": (slow_body, iter(b'{"user":"s1",' + b" " * 47))}
    ended = {}
    while open_ones and time.monotonic() - start < 16:
        for name, (connection, data) in list(open_ones.items()):
            connection.socket.settimeout(0.4)
            try:
                connection.socket.sendall(bytes([next(data)]))
                answer = connection.socket.recv(1000)
                if not answer or answer.startswith(b"HTTP/1.1 4"):
                    raise Gone()
            except (TimeoutError, socket.timeout):
                continue
            except (OSError, ssl.SSLError, Gone, StopIteration):
                ended[name] = time.monotonic() - start
                del open_ones[name]
    assert set(ended) == {"head", "body"}, ended
    assert all(8 < seconds < 13 for seconds in ended.values()), ended
    login_is_quick(server, terminal)


def test_a_handshake_that_never_comes_ends(server):
    raw = socket.create_connection(("127.0.0.1", server.port), 10)
    raw.sendall(b"\x16\x03\x01")
    raw.settimeout(14)
    start = time.monotonic()
    try:
        assert raw.recv(100) == b""
    except ConnectionError:
        pass
    assert time.monotonic() - start < 13


def test_500_idle_connections_do_not_keep_anybody_out(server, terminal):
    context = context_for()
    idle = [Connection("127.0.0.1", server.port, context)
            for _ in range(400)]
    mute = [socket.create_connection(("127.0.0.1", server.port), 10)
            for _ in range(100)]
    for connection in idle[:100]:
        connection.send_raw(b"POST /v1/lo")
    login_is_quick(server, terminal)
    warm = terminal.connect()
    for _ in range(20):
        assert warm.ask("GET", "/v1/capabilities").status == 200
    for connection in idle:
        connection.close()
    for connection in mute:
        connection.close()
    login_is_quick(server, terminal)


def test_connections_that_go_away_unread_are_no_loss(server, terminal):
    user, token = server.hotp()
    for _ in range(100):
        connection = terminal.connect()
        connection.send("POST", "/v1/logins", login_body(user, token.wrong()))
        connection.socket.close()
    login_is_quick(server, terminal)
    assert server.process.poll() is None


def test_a_thousand_requests_behind_one_another(terminal):
    """Pipelined without reading: bounded, in order, or closed; never mixed
    up."""
    connection = terminal.connect()
    one = b"GET /v1/capabilities HTTP/1.1\r\nHost: l\r\n\r\n"
    try:
        for _ in range(10):
            connection.send_raw(one * 100)
        replies = [connection.receive() for _ in range(1000)]
        assert {r.status for r in replies} == {200}
    except Gone:
        pass
    assert terminal.ask("GET", "/v1/capabilities").status == 200
