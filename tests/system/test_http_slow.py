# SPDX-License-Identifier: Apache-2.0
"""Slow, idle and many: connections that want to wear the server out while
logins go on."""
import concurrent.futures
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


def trickle(connection, data):
    """Sends two bytes a second until the other side has had enough; after
    how many seconds that was."""
    start = time.monotonic()
    connection.settimeout(0.5)
    for byte in data:
        try:
            connection.sendall(bytes([byte]))
            answer = connection.recv(1000)
            if not answer or answer.startswith(b"HTTP/1.1 4"):
                break
        except (TimeoutError, socket.timeout):
            pass
        except (OSError, ssl.SSLError):
            break
    return time.monotonic() - start


def test_a_byte_at_a_time_ends_with_the_deadline(server, terminal):
    """Handshake, head and body alike have to be whole within ten seconds;
    meanwhile logins go on."""
    head = b"POST /v1/logins HTTP/1.1\r\nHost: localhost\r\n" \
        b"Content-Type: application/json\r\nContent-Length: 60\r\n\r\n"
    slow_head, slow_body = terminal.connect(), terminal.connect()
    slow_body.send_raw(head)
    mute = socket.create_connection(("127.0.0.1", server.port), 10)
    slow = {
        "head": (slow_head.socket, head),
        "body": (slow_body.socket, b'{"user":"s1",' + b" " * 47),
        "handshake": (mute, b"\x16\x03\x01\x02\0\x01\0" + b"\0" * 50),
    }
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        waits = {name: pool.submit(trickle, *what)
                 for name, what in slow.items()}
        login_is_quick(server, terminal)
        seconds = {name: wait.result(30) for name, wait in waits.items()}
    assert all(wait < 13 for wait in seconds.values()), seconds
    assert seconds["head"] > 8 and seconds["body"] > 8, seconds
    login_is_quick(server, terminal)


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
