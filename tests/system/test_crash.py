# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load: nothing acknowledged is ever forgotten."""
import random
import ssl
import time

from client import Connection, Gone, attempt, context_for, login_body, \
    over_socket

KILLS = 100
PEOPLE = 16
AFTER = 5  # failures in a row, then a wait


class Person:
    def __init__(self, user, token):
        self.user, self.token = user, token
        self.accepted = []      # codes whose accept we were told
        self.failures = 0       # in a row, told; always below AFTER
        self.history = []
        self.told = []          # (body, verdict) of answered attempts


def one_round(terminal, people, lucky):
    """Sends a login for each on its own connection, kills the server in the
    middle, keeps what was answered."""
    connections = []
    for _ in people:
        try:
            connections.append(terminal.connect())
        except (OSError, ssl.SSLError):
            break
    asked = []
    for person, connection in zip(people, connections):
        # Nobody ever waits: a throttled answer would say nothing, and when
        # the wait ends depends on how fast this machine is today.
        good = lucky.random() < 0.5 or person.failures == AFTER - 1
        code = person.token.code() if good else person.token.wrong()
        body = login_body(person.user, code, attempt=attempt())
        try:
            connection.send("POST", "/v1/logins", body)
            asked.append((person, connection, body, good))
        except Gone:
            if good:
                person.token.counter -= 1
    return connections, asked


def gather(asked, wait_s):
    """Reads whatever answers come; (person, body, good) of those that do
    not."""
    lost = []
    end = time.monotonic() + wait_s
    for person, connection, body, good in asked:
        connection.socket.settimeout(max(0.01, end - time.monotonic()))
        try:
            reply = connection.receive()
        except (Gone, OSError):
            lost.append((person, body, good))
            continue
        note(person, body, good, reply)
    return lost


def note(person, body, good, reply):
    person.history.append((body["code"], good, reply.json))
    assert reply.status == 200, reply
    verdict = (reply.json["result"], reply.json.get("reason"))
    assert verdict == (("accept", None) if good else ("deny", "wrong")), \
        (person.user, person.history[-6:])
    person.told = [(body, reply.json)]
    if good:
        person.accepted.append(body["code"])
        person.failures = 0
    else:
        person.failures += 1


def test_killed_100_times_under_load(servers):
    lucky = random.Random(5)
    server = servers("crash", {"throttle.after": AFTER})
    terminal = server.terminal()
    people = [Person(u, t) for u, t in server.hotp_users(PEOPLE)]
    head = None
    for number in range(KILLS):
        connections, asked = one_round(terminal, people, lucky)
        time.sleep(lucky.random() * 0.03)
        # Some answers are read while it dies, some are never read.
        server.process.kill()
        lost = gather(asked, 1.0)
        server.process.wait(10)
        for connection in connections:
            connection.close()
        server.start()
        terminal.drop()
        for person, body, good in lost:
            # A retried attempt gets its verdict, or is evaluated now: the
            # code is right and unspent, so both must say the same.
            note(person, body, good, terminal.post(body))
        for person in lucky.sample(people, 4):
            check(terminal, person)
        for person in people:
            remembered(server, person)
        if head is not None:
            status, answer = server.verify("--head", head)
            assert status == 0 and answer["ok"], (number, answer)
        head = server.ctl("audit", "head")["chains"][0]["head"]
    for person in people:
        check(terminal, person)
        for code in person.accepted[-3:]:
            answer = terminal.login(person.user, code)
            assert (answer["result"], answer.get("reason")) == \
                ("deny", "used"), "an accepted code again"
    assert sum(len(p.accepted) for p in people) > KILLS
    for person in people:
        count_failures(server, terminal, person)


def check(terminal, person):
    """An accepted code is not accepted again; its attempt is answered."""
    for body, verdict in person.told:
        assert terminal.post(body).json == verdict
    if person.accepted:
        answer = terminal.login(person.user, person.accepted[-1])
        assert (answer["result"], answer.get("reason")) == ("deny", "used")


def remembered(server, person):
    """As many failures as were told, none forgotten and none made up."""
    shown = over_socket(server.admin_socket, "POST", "/v1/admin/user/show",
                        {"id": person.user}).json
    counts = [t["failures"] for t in shown["throttles"]
              if (t["factor"], t["first_factor"]) == ("otp", "proven")]
    assert (counts or [0]) == [person.failures], \
        (person.user, person.history[-6:],
         server.records(user=person.user, limit=14))


def count_failures(server, terminal, person):
    """No acknowledged failure is forgotten: the limit is where it must be."""
    remembered(server, person)
    for _ in range(AFTER - person.failures):
        answer = terminal.login(person.user, person.token.wrong())
        assert answer["reason"] == "wrong", person.history[-6:]
    answer = terminal.login(person.user, person.token.wrong())
    assert answer["reason"] == "throttled", \
        (person.history[-6:], server.records(user=person.user, limit=14))


def test_killed_while_it_is_made_a_new_init_is_possible(world):
    """init is whole or can be done again after the pieces are removed; a
    half-made state directory never runs."""
    from server import Server
    for delay in (0.0, 0.005, 0.02, 0.05):
        server = Server(world, "half")
        import subprocess
        process = subprocess.Popen(
            [world.program("sekimorid"), "init", "--config", server.config],
            env=server.environment(), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait(10)
        server.spawn()
        try:
            status = server.process.wait(2)
            assert status not in (0, 99), server.log()
        except subprocess.TimeoutExpired:
            # It had finished: then it works in full.
            server.kill()
            server.start()
            stranger = Connection("127.0.0.1", server.port, context_for())
            assert stranger.ask("GET", "/readyz").status == 200
            assert server.stop() == 0
