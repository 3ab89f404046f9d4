#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""waiting.py [TERMINALS [SECONDS]]: so many terminals wait for an emergency
stop, in one process of ours. What that costs the server while nothing happens,
how long a freeze takes to reach the last of them, and how long logins take
meanwhile. Prints `key=value` lines. As root; it leaves nothing behind."""
import multiprocessing
import os
import pathlib
import selectors
import ssl
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from client import (Connection, context_for, new_key, new_request,  # noqa: E402
                    over_socket, secret_of)
from server import Server  # noqa: E402
from world import World, cpu_seconds  # noqa: E402

JOINS_A_SECOND = 19  # strangers may do 20
PEOPLE = 12000
LOGINS_S = 5
PAUSE_S = 0.001  # between two logins
FREEZES = 5


def resident_kb(pid):
    for line in open(f"/proc/{pid}/status", encoding="ascii"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def request(path, body):
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
            f"application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            ).encode()


ASK = request("/v1/terminals/stops", '{"sessions":[{"user":"s0001"}]}')


class Terminal:
    """Asks, then waits, as an agent does."""

    def __init__(self, socket):
        self.socket, self.pending, self.waits = socket, b"", False
        self.heard_at = 0.0

    def send(self, data):
        self.socket.setblocking(True)
        self.socket.sendall(data)
        self.socket.setblocking(False)

    def ask(self):
        self.waits = False
        self.send(ASK)

    def reply(self):
        """The number of a whole reply, or None."""
        try:
            while True:
                got = self.socket.recv(4096)
                if not got:
                    raise EOFError
                self.pending += got
        except ssl.SSLWantReadError:
            pass
        head, _, body = self.pending.partition(b"\r\n\r\n")
        if not body.endswith(b"}"):
            return None
        assert head.startswith(b"HTTP/1.1 200"), self.pending
        self.pending = b""
        return body.split(b'"since":"')[1].split(b'"')[0].decode()


class Crowd(threading.Thread):
    """All of them, in one thread."""

    def __init__(self, sockets):
        super().__init__(daemon=True)
        self.selector = selectors.DefaultSelector()
        self.terminals = [Terminal(socket) for socket in sockets]
        self.numbers, self.replies, self.ended = {}, 0, False
        for terminal in self.terminals:
            self.selector.register(terminal.socket, selectors.EVENT_READ,
                                   terminal)
            terminal.ask()

    def run(self):
        while not self.ended:
            for key, _ in self.selector.select(1):
                self.handle(key.data)

    def handle(self, terminal):
        number = terminal.reply()
        if number is None:
            return
        self.replies += 1
        old = self.numbers.get(terminal)
        if terminal.waits and number != old:
            terminal.heard_at = time.monotonic()
            terminal.ask()
            return
        self.numbers[terminal] = number
        terminal.waits = True
        terminal.send(request("/v1/terminals/wait",
                              f'{{"since":"{number}"}}'))

    def settle(self):
        while not all(terminal.waits for terminal in self.terminals):
            time.sleep(0.01)


def join_all(server, count):
    """One key for all: their certificates differ."""
    directory = server.dir
    new_key(directory / "key")
    pem = new_request(directory / "key")
    sockets = []
    for i in range(count):
        code = over_socket(server.admin_socket, "POST",
                           "/v1/admin/terminal/add",
                           {"name": f"window{i}"}).json["join_code"]
        stranger = Connection("127.0.0.1", server.port, context_for())
        reply = stranger.ask("POST", "/v1/terminals/join",
                             {"code": secret_of(code), "request": pem})
        stranger.close()
        assert reply.status == 200, reply
        for name, text in (("crt", reply.json["certificate"]),
                           ("ca", reply.json["ca"])):
            (directory / name).write_text(text)
        sockets.append(context_for(directory / "ca", directory / "crt",
                                   directory / "key"))
        time.sleep(1 / JOINS_A_SECOND)
    return sockets


def log_in_all_the_time(desk, people, pipe):
    """In a process of its own: on each word of the pipe it sends what the
    logins since the word before took, in ms."""
    took = []
    for user, token in people:
        start = time.monotonic()
        answer = desk.login(user, token.code())
        took.append((time.monotonic() - start) * 1000)
        assert answer["result"] == "accept", answer
        if pipe.poll(PAUSE_S):
            pipe.recv()
            pipe.send(sorted(took))
            took = []


def logins_since(pipe):
    pipe.send("now")
    return pipe.recv()


def say(**figures):
    for key, value in figures.items():
        print(f"{key.replace('_', '-')}={value}", flush=True)


def tell_logins(name, took):
    say(**{f"logins_{name}": len(took),
           f"logins_{name}_p50_ms": f"{statistics.median(took):.2f}",
           f"logins_{name}_p99_ms": f"{took[len(took) * 99 // 100]:.2f}",
           f"logins_{name}_worst_ms": f"{took[-1]:.2f}"})


def freeze(server, crowd):
    """(seconds to the last that heard, to the last that waits again)."""
    start = time.monotonic()
    server.ctl("user", "freeze", "s0001")
    while any(terminal.heard_at < start for terminal in crowd.terminals):
        time.sleep(0.005)
    heard = max(terminal.heard_at for terminal in crowd.terminals) - start
    crowd.settle()
    return heard, time.monotonic() - start


def main(count=1000, seconds=60):
    world = World()
    server = Server(world)
    server.init().start()
    pid = server.process.pid
    people = server.hotp_users(PEOPLE)
    ours, theirs = multiprocessing.Pipe()
    logins = multiprocessing.Process(
        target=log_in_all_the_time, args=(server.terminal(), people, theirs))
    contexts = join_all(server, count)
    say(terminals=count, rss_before_kb=resident_kb(pid))
    crowd = Crowd([Connection("127.0.0.1", server.port, context).socket
                   for context in contexts])
    crowd.start()
    crowd.settle()
    say(rss_waiting_kb=resident_kb(pid))
    before, replies = cpu_seconds(pid), crowd.replies
    time.sleep(seconds)
    say(cpu_percent=f"{(cpu_seconds(pid) - before) / seconds * 100:.2f}",
        rounds_a_second=f"{(crowd.replies - replies) / seconds:.1f}")
    logins.start()
    os.nice(10)  # a thousand terminals are a thousand machines
    ours.send("begin")
    ours.recv()
    time.sleep(LOGINS_S)
    tell_logins("quiet", logins_since(ours))
    results = []
    for _ in range(FREEZES):
        results.append(freeze(server, crowd))
        time.sleep(1)
    tell_logins(f"during_{FREEZES}_freezes", logins_since(ours))
    logins.kill()
    heard, again = zip(*results)
    say(freeze_to_last_s=f"{max(heard):.3f}",
        freeze_to_all_asked_s=f"{max(again):.3f}")
    crowd.ended = True
    crowd.join()
    server.stop()
    world.close()


main(*map(int, sys.argv[1:]))
