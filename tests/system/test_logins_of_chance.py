# SPDX-License-Identifier: Apache-2.0
"""Grace, shadow mode, exemptions, shared accounts, freezes and retried attempts
at once, by chance: whatever comes together, nobody is let past but who may be,
and nobody is told of whom he has not proved to know."""
import random

import pytest

from client import attempt
from test_grace_call import new_session, set_policy
from test_shadow import day

STEPS = 200
TURNS = {"ok": {"freeze": "frozen", "suspend": "suspended"},
         "frozen": {"thaw": "ok"}, "suspended": {"resume": "ok"}}


class Town:
    """Three who share an account and two who have their own, and what is to
    be expected of each of them."""

    def __init__(self, server, seed):
        self.server, self.chance = server, random.Random(seed)
        self.terminals = [server.terminal() for _ in range(2)]
        self.counter = server.name("counter")
        self.tokens, self.account = {}, {}
        for account in [self.counter] * 3 + [None] * 2:
            user = server.name()
            server.ctl("user", "add", user, "--login", account or user)
            self.tokens[user] = server.hotp(user=user)[1]
            self.account[user] = account or user
        self.state = dict.fromkeys(self.tokens, "ok")
        self.frozen = False
        self.graces = {}  # (terminal, session): whose
        self.told = []    # what let somebody past: terminal, body, whom
        self.other_rules()

    # --- what changes meanwhile ---
    def other_rules(self):
        self.shadow = self.chance.random() < .4
        mark = f" shadow={day(self.server, 9)}" if self.shadow else ""
        set_policy(self.server,
                   f"permit desk service=sudo factors=any grace=5m{mark}\n"
                   f"exempt jobs service=cron\npermit all factors=any{mark}\n")

    def other_state(self):
        """Mostly of those who share, so that now and then all are stopped."""
        users = list(self.tokens)
        user = self.chance.choice(users[:3] + users)
        verb, state = self.chance.choice(
            list(TURNS[self.state[user]].items()))
        self.server.ctl("user", verb, user)
        self.state[user] = state
        self.graces = {at: whose for at, whose in self.graces.items()
                       if whose != user}

    def other_server(self):
        self.server.ctl("server", "thaw" if self.frozen else "freeze")
        self.frozen, self.graces = not self.frozen, {}

    def unlock(self):
        for user in self.tokens:
            self.server.ctl("user", "unlock", user)

    def change(self):
        self.chance.choices(
            [self.other_rules, self.other_state, self.other_server,
             self.unlock, lambda: None], [3, 20, 2, 3, 72])[0]()

    # --- a call ---
    def ask(self):
        chance = self.chance
        user = chance.choice(list(self.tokens))
        terminal, session = chance.choice(self.terminals), new_session()
        body = {"user": self.account[user], "attempt": attempt(),
                "service": chance.choice(["sudo", "sshd", "cron"]),
                "tty": chance.choice(["pts/0", None]),
                "person": chance.choice([None, user, "nobody",
                                         chance.choice(list(self.tokens))]),
                "first_factor": chance.choice(["proven", "unproven"]),
                "own_account": chance.choice([True, None, None, None])}
        kind = chance.choice(["login", "sudo", "sudo", "any"])
        if kind == "login":
            body |= {"service": "sshd", "person": user}
        if kind == "sudo" and self.graces:
            (terminal, session), user = chance.choice(
                list(self.graces.items()))
            users = [each for each in self.tokens
                     if self.account[each] == self.account[user]]
            body |= {"user": self.account[user], "service": "sudo",
                     "tty": "pts/0",
                     "person": chance.choice([user] + users)}
        body["session"] = chance.choice([session] * 4 + [None])
        right = None
        if chance.random() < {"login": 1, "sudo": .2, "any": .4}[kind]:
            right = chance.choice([user] * 4 + [False])
            token = self.tokens[user]
            body |= {"factor": "otp",
                     "code": token.code() if right else token.wrong()}
        body = {name: value for name, value in body.items()
                if value is not None}
        reply = terminal.post(body)
        if reply.status == 429:
            self.server.pass_time(61)
            for each in self.terminals:
                each.drop()
            return
        self.judge(terminal, body, right, reply)

    def who(self, body):
        """Of whom it is decided; None: nobody, or nobody in particular."""
        named = body.get("person")
        if named is None and body["user"] != self.counter:
            named = body["user"]
        return named if self.account.get(named) == body["user"] else None

    def judge(self, terminal, body, right, reply):
        answer, who = reply.json, self.who(body)
        what = (body, right, answer, self.state, self.frozen, self.shadow)
        if self.frozen:
            assert answer.get("reason") == "frozen", what
        elif who and self.state[who] != "ok":
            assert answer.get("reason") == self.state[who], what
        {"accept": self.accept, "exempt": self.exempt, "deny": self.deny,
         "continue": self.goes_on}[answer["result"]](
             terminal, body, right, answer, who)
        if answer["result"] != "continue":
            assert terminal.post(body).body == reply.body, what
        if answer["result"] in ("accept", "exempt") and who:
            self.told.append((terminal, body, who))

    def accept(self, terminal, body, right, answer, who):
        assert who and (answer["user"], answer["person"]) == \
            (body["user"], who), (body, answer)
        if answer["by"] == "grace":
            assert "factor" not in body and body["service"] == "sudo"
            assert self.graces[terminal, body["session"]] == who
            return
        assert right == who, (body, answer)
        session = new_session()
        terminal.post({"event": "open", "user": body["user"],
                       "service": "sshd", "tty": "pts/0",
                       "login": answer["login"], "session": session},
                      "/v1/sessions")
        self.graces[terminal, session] = who

    def exempt(self, _, body, __, answer, who):
        if answer["rule"] != "jobs":
            assert self.shadow and who and body["first_factor"] == "proven"
            return
        assert body["service"] == "cron"
        assert who or (body["user"] == self.counter and "person" not in body)
        assert who or any(self.state[user] == "ok" for user in self.tokens
                          if self.account[user] == self.counter), answer

    def deny(self, _, body, __, answer, who):
        if not who and not self.frozen and (
                "person" in body or body["user"] != self.counter):
            assert answer["reason"] in ("wrong", "throttled"), (body, answer)

    def goes_on(self, _, body, __, answer, ___):
        assert "factor" not in body
        if "ask" in answer:
            assert body["user"] == self.counter and "person" not in body
            assert body["first_factor"] == "proven" or body.get("own_account")

    def retry(self):
        """Of what let past before, whatever has happened since."""
        if not self.told:
            return
        terminal, body, who = self.chance.choice(self.told[-8:])
        reply = terminal.post(body)
        if reply.status == 200 and \
                reply.json["result"] in ("accept", "exempt"):
            assert not self.frozen and self.state[who] == "ok", reply.json


@pytest.fixture(scope="module")
def hall(servers):
    return servers("chance", fake=True)


@pytest.mark.parametrize("seed", range(4))
def test_nobody_gets_past_but_who_may(hall, seed):
    town = Town(hall, seed)
    for _ in range(STEPS):
        town.change()
        town.ask()
        town.retry()
    if town.frozen:
        town.other_server()
    assert town.told
