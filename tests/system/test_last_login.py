# SPDX-License-Identifier: Apache-2.0
"""What everybody is shown at his login: when and where he was let in before,
and what has failed since."""
import re
import time

import pytest

from card_client import bind, trust
from otp import Totp
from world import wait_for


@pytest.fixture(scope="module")
def desk(site):
    for service in ("door", "sudo"):
        site.probe.service(service, site.line(options="explain lang=en"),
                           site.line("account"))
    site.probe.service("mado", site.line(options="explain lang=ja"),
                       site.line("account"))
    site.probe.service("first", site.line(options="lang=en"),
                       site.line("account"))
    return site.probe


def last(answer):
    found = [n for n in answer["notices"] if n["kind"] == "last_login"]
    return found[0] if found else None


def test_it_is_told_with_the_failures_since(server, terminal):
    user, token = server.hotp()
    other = server.terminal()
    assert last(terminal.login(user, token.code())) is None
    before = time.time()
    for desk in (terminal, other, other):
        assert desk.login(user, token.wrong())["result"] == "deny"
    told = last(other.login(user, token.code()))
    assert (told["terminal"], told["failures"]) == (terminal.name, 3)
    assert abs(told["at"] - before) < 5
    told = last(terminal.login(user, token.code()))
    assert (told["terminal"], told["failures"]) == (other.name, 0)


def test_empty_and_throttled_attempts_are_no_failures(server, terminal):
    user, token = server.hotp()
    terminal.login(user, token.code())
    for code in (None, "", None):
        terminal.login(user, code)
    assert last(terminal.login(user, token.code()))["failures"] == 0


def test_it_is_a_persons_own(server, terminal):
    users = [server.name() for _ in range(2)]
    for user in users:
        server.ctl("user", "add", user, "--login", f"counter-{users[0]}")
    tokens = {user: server.hotp(user)[1] for user in users}

    def login(user):
        return last(terminal.login(f"counter-{users[0]}",
                                   tokens[user].code(), person=user))
    assert login(users[0]) is None
    assert login(users[1]) is None
    assert login(users[0])["terminal"] == terminal.name


def test_it_outlives_a_restart(servers):
    server = servers()
    terminal = server.terminal()
    user, token = server.hotp()
    terminal.login(user, token.code())
    terminal.login(user, token.wrong())
    server.restart()
    terminal.drop()
    told = last(terminal.login(user, token.code()))
    assert (told["terminal"], told["failures"]) == (terminal.name, 1)


def test_who_logs_in_sees_it(server, site, desk):
    user, token = server.hotp()
    assert desk("door", user, [token.code()]).messages == []
    name = re.escape(site.agent.name)
    shown = desk("door", user, [token.code()]).messages
    assert re.fullmatch(rf"Last login: \d{{4}}-\d\d-\d\d \d\d:\d\d {name}",
                        *shown)
    desk("door", user, [token.wrong()])
    shown = desk("mado", user, [token.code()]).messages
    assert re.fullmatch(
        rf"前回のログイン:令和\d+年\d+月\d+日 \d+時\d+分 {name}"
        r"\(その後の失敗 1回\)", *shown)


def test_not_who_is_at_work_already_nor_a_stranger(server, desk):
    user, token = server.hotp()
    for service in ("door", "sudo", "first"):
        assert desk(service, user, [token.code()]).messages == []
    wait_for("another login's notice", lambda: desk(
        "door", user, [token.code()]).messages)


NEW = {"ja": "新しい認証機器が登録されました。心当たりがない場合は連絡してください。",
       "en": "New authenticator registered. Report if not you."}


def test_a_new_token_or_card_is_told_once(server, terminal, desk, authority):
    trust(server, authority)
    user, token = server.hotp()
    assert NEW["en"] not in desk("door", user, [token.code()]).messages
    more = Totp(server.world.seed())
    server.enroll(user, more)
    assert desk("mado", user, [token.code()]).messages[-1] == NEW["ja"]
    assert NEW["en"] not in desk("door", user, [token.code()]).messages
    bind(server, authority.issue("Somebody", "P-256"), user)
    # By whom nothing can be shown, it is not taken as told.
    assert desk("first", user, [token.code()]).messages == []
    assert NEW["en"] in desk("sudo", user, [token.code()]).messages
    kinds = [n["kind"] for n in terminal.login(user, token.code())["notices"]]
    assert kinds == ["last_login"]
