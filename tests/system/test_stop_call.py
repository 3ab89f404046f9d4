# SPDX-License-Identifier: Apache-2.0
"""The emergency stop as terminals are told of it: calls that wait, and the
question whose sessions are to be locked."""
import time

import pytest

from client import login_body
from world import cpu_seconds, wait_for

WAIT, ASK = "/v1/terminals/wait", "/v1/terminals/stops"
AT_ONCE_S = 1.0
HOLD_S = (15, 26)


@pytest.fixture
def desk(server):
    made = server.terminal()
    yield made
    made.drop()


@pytest.fixture(autouse=True)
def thawed(server):
    yield
    server.ctl("server", "thaw")


def ask(desk, *sessions):
    """[(user, person or None)] as sessions; (number, [stopped])."""
    reply = desk.post({"sessions": [
        {"user": user, **({"person": person} if person else {})}
        for user, person in sessions]}, ASK)
    assert reply.status == 200, reply
    return reply.json["since"], reply.json["stopped"]


class Waiting:
    """A call that waits, on a connection of its own."""

    def __init__(self, desk, since=None):
        self.since = since or ask(desk)[0]
        self.connection = desk.connect()
        self.start = time.monotonic()
        self.connection.send("POST", WAIT, {"since": self.since})

    def news(self, within_s=AT_ONCE_S):
        """The number it is answered with, at once."""
        self.connection.socket.settimeout(within_s)
        reply = self.connection.receive()
        assert reply.status == 200, reply
        return reply.json["since"]

    def is_quiet(self, for_s=0.5):
        self.connection.socket.settimeout(for_s)
        try:
            return not self.connection.receive()
        except TimeoutError:
            return True


def connected(server, desk):
    return next(item["connected"] for item in
                server.ctl.items("terminal", "list")
                if item["name"] == desk.name)


def wait_connected(server, desk):
    wait_for("the call to wait", lambda: connected(server, desk))


@pytest.mark.parametrize("how", ["freeze", "suspend", "remove"])
def test_who_waits_hears_of_a_person_at_once(server, desk, how):
    user, _ = server.hotp()
    since, stopped = ask(desk, (user, user), ("nobody", None))
    assert stopped == [False, False]
    waiting = Waiting(desk, since)
    assert waiting.is_quiet()
    server.ctl("user", how, user)
    assert waiting.news() != since
    assert ask(desk, (user, user), (user, None), ("nobody", None))[1] == \
        [True, True, False]


def test_who_waits_hears_of_a_staff_list(server, desk):
    """Whoever leaves by it is stopped like anybody else."""
    user, _ = server.hotp()
    path = server.dir / "staff.csv"
    path.write_text(f"職員番号,氏名,退職\r\n{user},髙橋,退職\r\n")
    waiting = Waiting(desk)
    server.ctl("user", "import", path)
    assert waiting.news() != waiting.since
    assert ask(desk, (user, user))[1] == [True]


def test_who_waits_hears_of_his_terminal(server, desk):
    waiting = Waiting(desk)
    wait_connected(server, desk)
    answer = server.ctl("terminal", "freeze", desk.name)
    assert (answer["connected"], answer["away"]) == (1, [])
    assert waiting.news() != waiting.since
    assert ask(desk, ("anybody", None))[1] == [True]
    assert ask(server.terminal(), ("anybody", None))[1] == [False]
    server.ctl("terminal", "thaw", desk.name)
    assert ask(desk, ("anybody", None))[1] == [False]


def test_who_waits_hears_of_everything(server, desk):
    waiting = Waiting(desk)
    server.ctl("server", "freeze")
    assert waiting.news() != waiting.since
    assert ask(desk, ("anybody", None))[1] == [True]


def test_of_a_shared_account_the_person_counts(server, desk):
    first, second = server.name(), server.name()
    counter = server.name()
    for user in (first, second):
        server.ctl("user", "add", user, "--login", counter)
    server.ctl("user", "freeze", first)
    three = ((counter, first), (counter, second), (counter, None))
    assert ask(desk, *three)[1] == [True, False, False]
    server.ctl("user", "suspend", second)
    assert ask(desk, *three)[1] == [True, True, True]


def test_whoever_took_over_an_account_is_not_stopped(server, desk):
    user = server.name()
    server.ctl("user", "add", user)
    server.ctl("user", "remove", user)
    assert ask(desk, (user, None))[1] == [True]
    server.ctl("user", "add", server.name(), "--login", user)
    assert ask(desk, (user, None))[1] == [False]


def test_an_old_number_is_answered_at_once(server, desk):
    since = ask(desk)[0]
    server.ctl("user", "freeze", server.hotp()[0])
    assert Waiting(desk, since).news() != since
    assert Waiting(desk, "of another process.0").news() != since


def test_without_news_it_is_answered_after_a_while(server, desk):
    waiting = Waiting(desk)
    assert waiting.news(HOLD_S[1]) == waiting.since
    assert time.monotonic() - waiting.start > HOLD_S[0] - 1


def test_a_terminal_waits_once(server, desk):
    """The older call is answered when the same terminal waits again."""
    first = Waiting(desk)
    assert first.is_quiet()
    second = Waiting(desk, first.since)
    assert first.news() == first.since
    assert second.is_quiet()


def test_what_hangs_up_is_not_connected(server, desk):
    waiting = Waiting(desk)
    wait_connected(server, desk)
    waiting.connection.close()
    wait_for("it to be noticed", lambda: not connected(server, desk))
    user, _ = server.hotp()
    assert desk.name in server.ctl("user", "freeze", user)["away"]


def test_a_terminal_revoked_while_it_waits_is_refused(server):
    desk = server.terminal()
    waiting = Waiting(desk)
    wait_connected(server, desk)
    server.ctl("terminal", "revoke", desk.name)
    waiting.news()
    for path, body in ((WAIT, {"since": waiting.since}),
                       (ASK, {"sessions": []})):
        assert desk.post(body, path).status == 403


def test_waiting_is_none_of_the_terminal_s_logins(servers):
    server = servers("rated", {"throttle.terminal_rate": 1})
    desk = server.terminal()
    for _ in range(30):
        ask(desk)
    user, token = server.hotp()
    assert desk.login(user, token.code())["result"] == "accept"
    statuses = {desk.post({"sessions": []}, ASK).status for _ in range(120)}
    assert statuses == {200, 429}


def test_a_call_behind_one_that_waits_is_served(server, desk):
    """Pipelined: it is served when the first is answered, not at the loop's
    next turn, whenever that is."""
    waiting = Waiting(desk)
    user, token = server.hotp()
    waiting.connection.send("POST", "/v1/logins",
                            login_body(user, token.code()))
    assert waiting.is_quiet()
    server.ctl("user", "freeze", server.hotp()[0])
    waiting.news()
    waiting.connection.socket.settimeout(AT_ONCE_S)
    assert waiting.connection.receive().json["result"] == "accept"


@pytest.mark.parametrize("path, body", [
    (WAIT, {}), (WAIT, {"since": ""}), (WAIT, {"since": "x" * 40}),
    (WAIT, {"since": "x", "more": 1}), (ASK, {}), (ASK, {"sessions": {}}),
    (ASK, {"sessions": ["s1"]}), (ASK, {"sessions": [{"person": "s1"}]}),
    (ASK, {"sessions": [{"user": "s1", "x": 1}]}),
    (ASK, {"sessions": [{"user": "a"}] * 513})])
def test_malformed(desk, path, body):
    assert desk.post(body, path).status == 400


def test_a_server_that_stops_answers_whoever_waits(servers):
    server = servers("stopped")
    desk = server.terminal()
    waiting = Waiting(desk)
    assert waiting.is_quiet()
    start = time.monotonic()
    assert server.stop() == 0, server.log()[-3000:]
    assert time.monotonic() - start < 3
    waiting.connection.socket.settimeout(AT_ONCE_S)
    assert waiting.connection.receive().status == 503


def test_waiting_costs_no_time(server):
    desks = [server.terminal() for _ in range(4)]
    waiting = [Waiting(desk) for desk in desks]
    assert waiting[0].is_quiet(1)
    before = cpu_seconds(server.process.pid)
    time.sleep(2)
    assert cpu_seconds(server.process.pid) - before < 0.1
    del waiting
