# SPDX-License-Identifier: Apache-2.0
"""Grace as a terminal sees it: what an accepted login and the report of its
session give, to whom, for what, and everything that takes it away again."""
import base64
import secrets

import pytest

from card_client import bind, card_login, key_hash, trust
from client import attempt
from pki import Authority

POLICY = """\
permit desk service=sudo,su factors=any grace=5m
permit vault service=vault factors=emergency grace=5m
permit short service=short factors=any grace=20s
permit everyone factors=any
"""


@pytest.fixture(scope="module")
def server(servers):
    made = servers("grace", fake=True)
    set_policy(made, POLICY)
    return made


@pytest.fixture(scope="module")
def terminal(server):
    return server.terminal()


def set_policy(server, text):
    path = server.dir / "policy"
    path.write_text(text)
    server.ctl("policy", "set", path)


def new_session():
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() \
        .rstrip("=")


class Seat:
    """Somebody who has logged in by a code, and whose session was
    reported."""

    def __init__(self, server, terminal, factor="otp", tied=True):
        self.server, self.terminal = server, terminal
        self.user, self.token = server.hotp()
        self.session = new_session()
        code = self.token.code()
        if factor == "emergency":
            code = server.ctl("code", "issue", self.user)["code"]
            server.world.secret("emergency code", code)
        self.answer = terminal.login(self.user, code, factor=factor)
        assert self.answer["result"] == "accept", self.answer
        if tied:
            self.report("open")

    def report(self, event, **more):
        body = {"event": event, "user": self.user, "service": "sshd",
                "tty": "pts/0", "login": self.answer["login"],
                "session": self.session, **more}
        reply = self.terminal.post(
            {key: value for key, value in body.items() if value is not None},
            "/v1/sessions")
        assert reply.status == 200, reply

    def body(self, service="sudo", tty="pts/0", session=None, user=None,
             **more):
        body = {"user": user or self.user, "service": service, "tty": tty,
                "session": session or self.session,
                "first_factor": "proven", "attempt": attempt(), **more}
        return {key: value for key, value in body.items()
                if value is not None}

    def ask(self, terminal=None, **how):
        """The answer to a begun login."""
        reply = (terminal or self.terminal).post(self.body(**how))
        assert reply.status == 200, reply
        return reply.json

    def has_grace(self, terminal=None, **how):
        answer = self.ask(terminal, **how)
        assert answer["result"] in ("accept", "continue", "deny"), answer
        if answer["result"] == "accept":
            assert answer["by"] == "grace"
        return answer["result"] == "accept"


@pytest.fixture
def seat(server, terminal):
    return Seat(server, terminal)


def test_sudo_after_ssh_needs_no_second_code(server, seat):
    answer = seat.ask()
    assert (answer["result"], answer["by"]) == ("accept", "grace"), answer
    assert answer["user"] == answer["person"] == seat.user
    assert answer["login"] != seat.answer["login"]
    assert seat.has_grace(service="su")
    logins = [r for r in server.records(user=seat.user)
              if r["kind"] == "login"]
    assert [r.get("by") for r in logins] == [None, "grace", "grace"]
    assert logins[0]["login"] == seat.answer["login"]
    assert {r["grace_of"] for r in logins[1:]} == {seat.answer["login"]}
    assert [r["service"] for r in logins] == ["sshd", "sudo", "su"]
    sessions = [r for r in server.records(user=seat.user)
                if r["kind"] == "session"]
    assert [(r["login"], r.get("grace")) for r in sessions] == [
        (seat.answer["login"], "tied")]


def test_the_code_is_never_accepted_twice(seat, terminal):
    """Neither by grace nor beside it."""
    code = seat.token.code()
    assert terminal.login(seat.user, code)["result"] == "accept"
    again = seat.ask(factor="otp", code=code)
    assert (again["result"], again["reason"]) == ("deny", "used")
    again = terminal.post({"factor": "otp", "code": code}, "/v1/logins/" +
                          seat.ask(session=new_session())["login"]).json
    assert (again["result"], again["reason"]) == ("deny", "used")


def test_what_is_typed_is_looked_at(seat):
    wrong = seat.ask(factor="otp", code=seat.token.wrong())
    assert (wrong["result"], wrong["reason"]) == ("deny", "wrong")
    empty = seat.ask(factor="otp")
    assert (empty["result"], empty["reason"]) == ("deny", "wrong")


def test_without_the_sessions_report_there_is_none(server, terminal):
    seat = Seat(server, terminal, tied=False)
    assert not seat.has_grace()
    seat.report("open", session=None)
    assert not seat.has_grace()
    seat.report("open", login=None)
    assert not seat.has_grace()
    seat.report("open", login="x" * 22)
    assert not seat.has_grace()
    seat.report("open")
    assert seat.has_grace()


@pytest.mark.parametrize("other", [
    {"session": "another"}, {"service": "login"}, {"service": "swaylock"},
    {"service": "vault"}, {"tty": None}])
def test_not_for_another(seat, other):
    assert not seat.has_grace(**other)
    assert seat.has_grace(), "and it is not lost by that"


def test_not_for_another_person_in_the_same_session(server, seat):
    other, _ = server.hotp()
    assert not seat.has_grace(user=other)
    assert not seat.has_grace(user="nobody-knows")
    assert seat.has_grace()


def test_of_those_who_share_an_account_only_whose_session_it_is(
        server, terminal):
    account = server.name("counter")
    numbers = [server.name() for _ in range(2)]
    tokens = []
    for number in numbers:
        server.ctl("user", "add", number, "--login", account)
        tokens.append(server.hotp(user=number)[1])
    seat = Seat.__new__(Seat)
    seat.server, seat.terminal, seat.user = server, terminal, account
    seat.session = new_session()
    seat.answer = terminal.login(account, tokens[0].code(), person=numbers[0])
    assert seat.answer["result"] == "accept"
    seat.report("open", person=numbers[0])
    asked = seat.ask()
    assert (asked["result"], asked.get("ask")) == ("continue", "person")
    assert not seat.has_grace(person=numbers[1])
    assert seat.has_grace(person=numbers[0])
    used = [r for r in server.records(user=numbers[0]) if r.get("by")]
    assert [r["account"] for r in used] == [account]


def test_not_on_another_terminal(server, seat):
    elsewhere = server.terminal()
    assert not seat.has_grace(elsewhere)
    # Nor may it say that the session was opened there.
    reply = elsewhere.post({
        "event": "open", "user": seat.user, "service": "sshd",
        "login": seat.answer["login"], "session": new_session()},
        "/v1/sessions")
    assert reply.status == 200
    assert not seat.has_grace(elsewhere)


def test_not_on_another_terminal_line_than_that_of_its_first_use(seat):
    assert seat.has_grace(tty="pts/7")
    assert not seat.has_grace(tty="pts/8")
    assert not seat.has_grace(tty=None)
    assert seat.has_grace(tty="pts/7")


def test_a_session_is_tied_to_one_login_and_a_login_to_one_session(
        server, terminal, seat):
    """Neither a second report nor a second login moves a grace."""
    first = seat.session
    seat.session = new_session()
    seat.report("open")
    assert not seat.has_grace()
    other = Seat(server, terminal, tied=False)
    other.session = first
    other.report("open")
    assert not other.has_grace()
    seat.session = first
    assert seat.has_grace()


def test_from_a_factor_that_would_do_here(server, terminal):
    assert not Seat(server, terminal).has_grace(service="vault")
    assert Seat(server, terminal, "emergency").has_grace(service="vault")


def test_no_grace_begins_another(server, terminal, seat):
    answer = seat.ask()
    assert answer["by"] == "grace"
    seat.answer, seat.session = answer, new_session()
    seat.report("open")
    assert not seat.has_grace()


def test_it_ends_with_its_time(server, terminal, seat):
    assert seat.has_grace(service="short")
    server.pass_time(12)
    terminal.drop()
    assert seat.has_grace(service="short")
    server.pass_time(9)
    terminal.drop()
    assert not seat.has_grace(service="short"), "use does not renew it"
    assert seat.has_grace(service="sudo")
    server.pass_time(280)
    terminal.drop()
    assert not seat.has_grace(service="sudo")


def again(server, *command):
    """A command that takes away, and the one that gives back."""
    take, give, *target = command
    return (lambda: server.ctl(*take.split(), *target),
            lambda: server.ctl(*give.split(), *target))


@pytest.mark.parametrize("what", [
    "suspend", "freeze", "terminal freeze", "server freeze"])
def test_it_ends_for_good_by(server, terminal, what):
    seat = Seat(server, terminal)
    told = seat.body()
    assert terminal.post(told).json["by"] == "grace"
    take, give = {
        "suspend": ("user suspend", "user resume"),
        "freeze": ("user freeze", "user thaw"),
        "terminal freeze": ("terminal freeze", "terminal thaw"),
        "server freeze": ("server freeze", "server thaw")}[what]
    target = {"terminal freeze": [terminal.name],
              "server freeze": []}.get(what, [seat.user])
    server.ctl(*take.split(), *target)
    for body in (seat.body(), told):
        answer = terminal.post(body).json
        assert answer["result"] == "deny", answer
        assert answer["reason"] in ("suspended", "frozen")
    server.ctl(*give.split(), *target)
    assert not seat.has_grace()
    answer = terminal.post(told).json
    assert answer["result"] == "deny", "the retried attempt is told none"


def test_it_ends_with_the_token(server, terminal, seat):
    told = seat.body()
    assert terminal.post(told).json["by"] == "grace"
    serial = server.ctl("user", "show", seat.user)["tokens"][0]["serial"]
    server.ctl("token", "suspend", serial)
    assert not seat.has_grace()
    assert terminal.post(told).json["result"] == "deny"
    server.ctl("token", "resume", serial)
    assert not seat.has_grace()


def test_it_ends_with_the_session(seat):
    assert seat.has_grace()
    seat.report("close", session=None)
    assert seat.has_grace(), "that was the close of another one"
    seat.report("close")
    assert not seat.has_grace()
    seat.report("open")
    assert not seat.has_grace()


@pytest.mark.parametrize("event", ["locked", "logged_out"])
def test_it_ends_when_the_card_leaves(seat, event):
    assert seat.has_grace()
    seat.report(event, reason="card_removed", session=None)
    assert not seat.has_grace()


class CardSeat(Seat):
    """The same by a card."""

    def __init__(self, server, terminal, certificate):
        self.server, self.terminal = server, terminal
        self.user = bind(server, certificate)
        self.session = new_session()
        self.answer = card_login(terminal, self.user, certificate)
        assert self.answer["result"] == "accept", self.answer
        self.report("open")


@pytest.mark.parametrize("what", ["card revoke", "CRL", "card distrust"])
def test_it_ends_when_the_card_is_no_good_any_more(server, terminal, world,
                                                   what):
    own = Authority(world.directory("pki"), "Own CA")
    trust(server, own)
    certificate = own.issue("Somebody", "P-256")
    seat = CardSeat(server, terminal, certificate)
    other = Seat(server, terminal)
    told = seat.body()
    assert terminal.post(told).json["by"] == "grace"
    if what == "CRL":
        own.revoke(certificate)
        trust(server, own)
    elif what == "card revoke":
        server.ctl("card", "revoke", certificate.key_hash())
    else:
        server.ctl("card", "distrust", key_hash(own.pem).hex())
    assert not seat.has_grace()
    assert terminal.post(told).json["result"] == "deny"
    assert other.has_grace(), "his was a code"


def test_it_ends_with_the_rule(server, seat):
    told = seat.body()
    assert seat.terminal.post(told).json["by"] == "grace"
    try:
        set_policy(server, POLICY.replace(
            "service=sudo,su factors=any grace=5m", "service=sudo,su "
            "factors=any"))
        assert not seat.has_grace()
        assert seat.terminal.post(told).json["result"] == "deny"
        set_policy(server, "refuse desk service=sudo\n" + POLICY.replace(
            "permit desk", "permit desk2"))
        assert seat.ask()["reason"] == "not_permitted"
    finally:
        set_policy(server, POLICY)


def test_a_retried_attempt_is_told_the_same(server, seat):
    body = seat.body()
    first = seat.terminal.post(body).json
    assert first["by"] == "grace"
    assert seat.terminal.post(body).json == first
    uses = [r for r in server.records(user=seat.user) if r.get("by")]
    assert len(uses) == 1


def test_it_outlives_the_server_and_not_its_clock(server, terminal):
    seat = Seat(server, terminal)
    server.restart()
    terminal.drop()
    assert seat.has_grace()
    server.jump(-60)
    terminal.drop()
    assert seat.ask()["reason"] == "clock"
    server.ctl("server", "clock", "accept")
    terminal.drop()
    assert not seat.has_grace()


def test_throttled_and_never_asked(server, terminal):
    """A wait of the code's does not stand before a grace, as the order of
    reasons says."""
    seat = Seat(server, terminal)
    for _ in range(5):
        terminal.login(seat.user, seat.token.wrong())
    assert terminal.login(seat.user, seat.token.code())["reason"] == \
        "throttled"
    assert seat.has_grace()


def test_uses_beyond_sixty_a_minute_are_counted(server):
    seat = Seat(server, server.terminal())
    for _ in range(70):
        assert seat.has_grace()
    records = [r for r in server.records(user=seat.user, limit=200)
               if r.get("by")]
    assert len(records) < 65
    assert sum(r.get("count", 1) for r in records) == 70
    assert server.verify()[0] == 0


def test_a_policy_says_how_long(server, terminal):
    seat = Seat(server, terminal)
    for service, seconds in (("sudo", 300), ("short", 20), ("login", 0)):
        answer = server.ctl("policy", "test", "--user", seat.user,
                            "--terminal", terminal.name, "--service", service)
        assert answer["grace"] == seconds


@pytest.mark.parametrize("rule", [
    "permit all factors=any grace=5m",
    "permit a service=swaylock factors=any grace=5m",
    "permit a service=sudo,gdm-password factors=any grace=5m",
    "permit a service=sudo factors=any grace=1h"])
def test_a_policy_that_grants_too_much_is_refused(server, rule):
    path = server.dir / "bad-policy"
    path.write_text(rule + "\n")
    status, _, stderr = server.ctl.run("policy", "set", path)
    assert status == 2 and "line 1" in stderr
