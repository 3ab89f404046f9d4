# SPDX-License-Identifier: Apache-2.0
"""An account that several share, as a terminal sees it: who is asked for his
staff number, whose card it is, whose failures and records these are, and that
no number can be told to be one of the account's."""
import statistics
import time

import pytest

from card_client import (ask, bind, card_login, finish, proof, tag, trust,
                         unurl)
from client import attempt, login_body


@pytest.fixture(scope="module")
def town(server, authority):
    trust(server, authority)
    return authority


class Counter:
    """An account with two persons who have codes, and one who has not."""

    def __init__(self, server):
        self.server = server
        self.account = server.name("counter")
        self.people = {}
        for _ in range(2):
            self.add(*server.hotp(user=self.number()))
        self.third = self.number()

    def number(self):
        user = self.server.name()
        self.server.ctl("user", "add", user, "--login", self.account)
        return user

    def add(self, user, token):
        self.people[user] = token

    def __iter__(self):
        return iter(self.people.items())


@pytest.fixture
def counter(server):
    return Counter(server)


@pytest.fixture
def policy(server):
    before = server.ctl("policy", "show")["text"]

    def put(text):
        path = server.dir / "policy.txt"
        path.write_text(text)
        server.ctl("policy", "set", path)
    yield put
    put(before)


def deny(answer):
    assert answer["result"] == "deny", answer
    return answer["reason"]


# --- who is asked ------------------------------------------------------------
def test_the_staff_number_is_asked_for(server, terminal, counter):
    asked = ask(terminal, counter.account)
    assert (asked["result"], asked["ask"]) == ("continue", "person")
    (user, token), (other, _) = counter
    named = ask(terminal, counter.account, person=user)
    assert named["result"] == "continue" and "ask" not in named
    answer = terminal.post({"factor": "otp", "code": token.code()},
                           f"/v1/logins/{named['login']}").json
    assert answer["result"] == "accept", answer
    assert (answer["user"], answer["person"]) == (counter.account, user)
    record = server.records(user=user)[-1]
    assert (record["user"], record["account"]) == (user, counter.account)
    assert not [r for r in server.records(user=other)
                if r["kind"] == "login"]


def test_one_person_alone_is_not_asked(server, terminal):
    user, token = server.name(), None
    server.ctl("user", "add", user, "--login", f"account-{user}")
    _, token = server.hotp(user=user)
    assert "ask" not in ask(terminal, f"account-{user}")
    answer = terminal.login(f"account-{user}", token.code())
    assert (answer["result"], answer["person"]) == ("accept", user)


def test_who_proves_nothing_sees_a_strangers_account(server, terminal,
                                                     counter):
    """Neither members nor tags say that it is shared, or that it is."""
    shapes = []
    for name in (counter.account, "nobody-at-all", server.hotp()[0]):
        asked = ask(terminal, name, first="unproven")
        shapes.append((sorted(asked), asked["factors"],
                       len(asked.get("cards", []))))
    assert shapes[0] == shapes[1] == shapes[2]
    asked = ask(terminal, counter.account, first="unproven", own_account=True)
    assert asked["ask"] == "person"
    assert "own_account" in terminal.ask("GET", "/v1/capabilities") \
        .json["request_members"]


def test_without_a_number_no_code_is_anybodys(server, terminal, counter):
    for user, token in counter:
        assert deny(terminal.login(counter.account, token.code())) == "wrong"
        assert terminal.login(counter.account, token.code(),
                              person=user)["result"] == "accept"
    records = [r for r in server.records(limit=20)
               if r.get("account") == counter.account and not r.get("user")]
    assert records and records[-1]["result"] == "deny"


def test_codes_without_a_number_close_the_account_to_nobody(
        server, terminal, counter, policy):
    policy("permit all factors=otp\n")
    for _ in range(12):
        terminal.login(counter.account, "123456")
    assert ask(terminal, counter.account)["ask"] == "person"
    for user, token in counter:
        assert terminal.login(counter.account, token.code(),
                              person=user)["result"] == "accept"


# --- the number tells nothing ------------------------------------------------
@pytest.mark.parametrize("first", ["proven", "unproven"])
def test_numbers_of_the_account_and_others_get_the_same(server, terminal,
                                                        counter, first):
    """Challenge, wrong codes, throttle: word for word."""
    (tied, token), _ = counter
    elsewhere, other = server.hotp()
    numbers = {tied: token, elsewhere: other, "x9999": token}
    told = {}
    for number in numbers:
        asked = ask(terminal, counter.account, person=number, first=first)
        told[number] = [sorted(asked), asked["factors"],
                        len(asked.get("cards", []))]
    for number in numbers:
        for _ in range(7):
            answer = terminal.login(counter.account, token.wrong(),
                                    person=number, first=first)
            assert abs(answer.pop("retry_at", time.time()) - time.time()) < 70
            told[number].append(answer)
    assert told[tied] == told[elsewhere] == told["x9999"]
    assert told[tied][3:][0]["reason"] == "wrong"
    assert told[tied][-1]["reason"] == "throttled"


def test_failures_with_one_number_say_nothing_of_another(terminal, counter):
    """Were decoys an account's, they would be exhausted together, and who is
    not would be known."""
    (tied, token), _ = counter
    for _ in range(7):
        terminal.login(counter.account, "123456", person="x1")
    assert deny(terminal.login(counter.account, "123456",
                               person="x1")) == "throttled"
    assert deny(terminal.login(counter.account, "123456",
                               person="x2")) == "wrong"
    assert deny(terminal.login(counter.account, token.wrong(),
                               person=tied)) == "wrong"


def test_times_do_not_tell_numbers_apart(server, terminal):
    """Coarse here, as in the promises; the bench's pair is one of accounts,
    whose path this is."""
    account = server.name("counter")
    people = [server.name() for _ in range(40)]
    for user in people:
        server.ctl("user", "add", user, "--login", account)
    tokens = {user: server.hotp(user=user)[1] for user in people}
    times = {"tied": [], "others": []}
    for at, user in enumerate(people):
        for _ in range(3):
            for kind, number in (("tied", user), ("others", f"q{at}")):
                start = time.perf_counter()
                asked = ask(terminal, account, person=number)
                terminal.post({"factor": "otp",
                               "code": tokens[user].wrong()},
                              f"/v1/logins/{asked['login']}")
                times[kind].append(time.perf_counter() - start)
    tied, others = (statistics.median(times[k]) for k in times)
    assert 0.75 < tied / others < 1.34, (tied, others)


# --- whose it is -------------------------------------------------------------
def test_throttles_are_a_persons(terminal, counter):
    (one, token), (other, others) = counter
    for _ in range(6):
        terminal.login(counter.account, token.wrong(), person=one)
    assert deny(terminal.login(counter.account, token.code(),
                               person=one)) == "throttled"
    assert terminal.login(counter.account, others.code(),
                          person=other)["result"] == "accept"


def test_who_knows_the_password_locks_no_colleague_out_elsewhere(
        server, terminal, counter):
    """It is everybody's, so it vouches for nobody: waits are a terminal's."""
    (one, token), _ = counter
    for _ in range(6):
        terminal.login(counter.account, token.wrong(), person=one)
    assert deny(terminal.login(counter.account, token.code(),
                               person=one)) == "throttled"
    assert server.terminal().login(counter.account, token.code(),
                                   person=one)["result"] == "accept"


def test_nor_him_whose_number_is_the_accounts_name(server, terminal):
    """Somebody's own account that a colleague was tied to: its password is
    known to both, whoever of them is named."""
    owner, token = server.hotp()
    server.ctl("user", "add", server.name(), "--login", owner)
    assert ask(terminal, owner)["ask"] == "person"
    for _ in range(6):
        terminal.login(owner, token.wrong(), person=owner)
    assert deny(terminal.login(owner, token.code(),
                               person=owner)) == "throttled"
    assert server.terminal().login(owner, token.code(),
                                   person=owner)["result"] == "accept"


def test_a_number_on_ones_own_account_is_as_good_as_none(server, terminal):
    owner, token = server.hotp()
    for _ in range(6):
        terminal.login(owner, token.wrong(), person=owner)
    assert deny(server.terminal().login(owner, token.code())) == "throttled"


def test_suspended_is_one_of_them_only(server, terminal, counter):
    (one, token), (other, others) = counter
    key = attempt()
    body = login_body(counter.account, token.code(), person=one, attempt=key)
    assert terminal.post(body).json["result"] == "accept"
    assert terminal.post(body).json["result"] == "accept", "the same attempt"
    server.ctl("user", "suspend", one)
    assert deny(terminal.post(body).json) == "suspended"
    assert deny(terminal.login(counter.account, token.code(),
                               person=one)) == "suspended"
    assert ask(terminal, counter.account)["ask"] == "person"
    assert terminal.login(counter.account, others.code(),
                          person=other)["result"] == "accept"


def test_nobody_has_a_token_yet(server, terminal):
    account = server.name("counter")
    users = [server.name() for _ in range(2)]
    for user in users:
        server.ctl("user", "add", user, "--login", account)
    assert deny(ask(terminal, account)) == "not_enrolled"
    server.hotp(user=users[0])
    assert ask(terminal, account)["ask"] == "person"
    assert deny(ask(terminal, account, person=users[1])) == "not_enrolled"


# --- policy ------------------------------------------------------------------
def test_what_policy_offers_any_of_them_is_offered(server, terminal, policy):
    account = server.name("counter")
    for department, user in (("tax", "t"), ("front", "f")):
        server.ctl("user", "add", f"{user}-{account}", "--login", account,
                   "--department", department)
        server.hotp(user=f"{user}-{account}")
    policy("permit tax department=tax factors=otp\n"
           "permit front department=front factors=emergency service=sshd\n"
           "exempt none service=cron\n")
    assert ask(terminal, account)["factors"] == ["otp", "emergency"]
    assert ask(terminal, account, service="login")["factors"] == ["otp"]
    assert ask(terminal, account, person=f"f-{account}")["factors"] == \
        ["emergency"]
    assert deny(ask(terminal, account, service="login",
                    person=f"f-{account}")) == "not_permitted"
    policy("exempt none service=cron\nrefuse others\n")
    key = attempt()
    told = [ask(terminal, account, service="cron", attempt=key)
            for _ in range(2)]
    assert [(t["result"], t["rule"]) for t in told] == [("exempt", "none")] * 2
    assert deny(ask(terminal, account)) == "not_permitted"
    record = [r for r in server.records(limit=10)
              if r.get("result") == "exempt"][-1]
    assert record["account"] == account and not record.get("user")


def test_an_account_whose_every_person_is_stopped_is_exempt_no_more(
        server, terminal, counter, policy):
    """As a session there is locked, so nobody opens another."""
    (one, _), (other, _) = counter
    policy("exempt none service=cron\npermit all factors=any\n")
    assert ask(terminal, counter.account, service="cron")["result"] == "exempt"
    key = attempt()
    again = ask(terminal, counter.account, service="cron", attempt=key)
    assert again["result"] == "exempt"
    server.ctl("user", "freeze", one)
    server.ctl("user", "freeze", other)
    assert ask(terminal, counter.account, service="cron")["result"] == "exempt"
    server.ctl("user", "freeze", counter.third)
    assert deny(ask(terminal, counter.account, service="cron")) == "frozen"
    assert deny(ask(terminal, counter.account, service="cron",
                    attempt=key)) == "frozen"
    assert deny(ask(terminal, counter.account)) == "frozen"
    server.ctl("user", "thaw", one)
    server.ctl("user", "suspend", one)
    assert deny(ask(terminal, counter.account, service="cron")) == "suspended"
    server.ctl("user", "resume", one)
    assert ask(terminal, counter.account, service="cron")["result"] == "exempt"


# --- for administrators ------------------------------------------------------
def test_who_shares_the_account_is_shown(server, counter):
    (one, _), (other, _) = counter
    listed = server.ctl.items("user", "list", "--login", counter.account)
    assert {p["id"] for p in listed} == {one, other, counter.third}
    shown = server.ctl("user", "show", one)
    assert {p["id"] for p in shown["shared_with"]} == {other, counter.third}
    assert server.ctl("user", "show", server.hotp()[0])["shared_with"] == []
    status, stdout, _ = server.ctl.run("user", "show", one,
                                       json_output=False)
    assert status == 0 and "The account is shared with" in stdout
    status, _, stderr = server.ctl.run("user", "show", counter.account,
                                       json_output=False)
    assert status == 1 and "is an account and not a staff number" in stderr


def test_what_was_done_by_the_account_is_found(server, terminal, counter):
    (one, token), _ = counter
    terminal.login(counter.account, token.code(), person=one)
    terminal.login(counter.account, "123456")
    found = [r for r in server.records(account=counter.account)
             if r["kind"] == "login"]
    assert {(r["user"], r["result"]) for r in found} == \
        {(one, "accept"), (None, "deny")}


# --- cards -------------------------------------------------------------------
def test_a_card_says_who_it_is(server, terminal, town, counter):
    certificates = [town.issue(f"Number {i}", "P-256") for i in range(3)]
    for certificate, user in zip(certificates, [*counter.people,
                                                counter.third]):
        bind(server, certificate, user)
    asked = ask(terminal, counter.account)
    tags = [unurl(t) for t in asked["cards"]]
    assert len(tags) == 64 and tags == sorted(tags)
    assert all(tag(asked, c.key_hash()) in asked["cards"]
               for c in certificates)
    for certificate, user in zip(certificates, counter.people):
        answer = card_login(terminal, counter.account, certificate)
        assert (answer["result"], answer["by"], answer["user"],
                answer["person"]) == ("accept", "card", counter.account, user)
        assert server.records(user=user)[-1]["card"] == "good"


def test_cards_that_are_none_of_theirs(server, terminal, town, counter):
    (one, token), (other, _) = counter
    own, strange = (town.issue("Somebody", "P-256") for _ in range(2))
    bind(server, own, one)
    bind(server, strange)
    assert deny(card_login(terminal, counter.account, strange)) == "wrong"
    assert deny(card_login(terminal, "nobody-at-all", own)) == "wrong"
    asked = ask(terminal, counter.account, person=other)
    answer = finish(terminal, asked,
                    proof(terminal, asked, own, counter.account)).json
    assert deny(answer) == "wrong", "another's card with this number"
    asked = ask(terminal, counter.account, person="x9999")
    answer = finish(terminal, asked,
                    proof(terminal, asked, own, counter.account)).json
    assert deny(answer) == "wrong", "a number of nobody with a good card"
    asked = ask(terminal, counter.account)
    body = proof(terminal, asked, own, counter.account, key=strange.key)
    assert deny(finish(terminal, asked, body).json) == "wrong"
    assert not [t for t in server.ctl("user", "show", one)["throttles"]
                if t["factor"] == "card" and t["failures"]], \
        "whose certificate it is need not have been there"
    assert terminal.login(counter.account, token.code(),
                          person=one)["result"] == "accept"


def test_a_revoked_card_is_nobodys(server, terminal, town, counter):
    (one, _), _ = counter
    certificate = town.issue("Somebody", "P-256")
    bind(server, certificate, one)
    assert card_login(terminal, counter.account,
                      certificate)["result"] == "accept"
    server.ctl("card", "revoke", certificate.key_hash())
    asked = ask(terminal, counter.account)
    assert tag(asked, certificate.key_hash()) not in asked["cards"]
    assert deny(card_login(terminal, counter.account, certificate)) == "wrong"
