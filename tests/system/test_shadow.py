# SPDX-License-Identifier: Apache-2.0
"""Shadow mode lets past what its rule would refuse, and nothing else; it says
so everywhere, and it ends."""
import datetime
import re

import pytest

from client import attempt, login_body, plain_http
from world import wait_for

TOKYO = datetime.timezone(datetime.timedelta(hours=9))


def day(hall, days=0):
    return (datetime.datetime.fromtimestamp(hall.now(), TOKYO).date() +
            datetime.timedelta(days=days)).isoformat()


def watch(hall, days=30, rule="permit watched factors=any", **how):
    return hall.ctl("policy", "set", "-", **how,
                    stdin=f"{rule} shadow={day(hall, days)}\n")


@pytest.fixture(scope="module")
def hall(servers):
    return servers("shadow", fake=True)


@pytest.fixture(scope="module")
def window(hall):
    return hall.terminal("window")


def shadowed(hall, user):
    """[what would have been said], each the verdict of a record."""
    return [(record["result"], record["rule"], record["would"])
            for record in hall.records(user=user, result="shadow")]


def test_what_would_have_been_refused_is_let_past_and_recorded(hall, window):
    watch(hall)
    user, token = hall.hotp()
    new = hall.name()
    hall.ctl("user", "add", new)
    answer = window.login(user, token.wrong())
    assert (answer["result"], answer["rule"]) == ("exempt", "watched")
    end = datetime.datetime.combine(
        datetime.date.fromisoformat(day(hall, 31)), datetime.time(), TOKYO)
    assert answer["notices"] == [{"kind": "shadow",
                                  "until": int(end.timestamp())}]
    assert window.login(user, "") == answer
    code = token.code()
    assert window.login(user, code)["result"] == "accept"
    assert window.login(user, code) == answer
    assert window.login(new, factor=None) == answer
    assert sorted(shadowed(hall, user)) == [("exempt", "watched", "used"),
                                            ("exempt", "watched", "wrong"),
                                            ("exempt", "watched", "wrong")]
    assert shadowed(hall, new) == [("exempt", "watched", "not_enrolled")]
    hall.ctl("policy", "set", "-", stdin="refuse all shadow="
             f"{day(hall, 30)}\n")
    assert window.login(user, factor=None)["rule"] == "all"
    assert shadowed(hall, user)[-1] == ("exempt", "all", "not_permitted")


def test_failures_are_charged_and_the_wait_is_let_past(hall, window):
    watch(hall)
    user, token = hall.hotp()
    for _ in range(5):
        window.login(user, token.wrong())
    right, wrong = (window.post(login_body(user, code))
                    for code in (token.code(), token.wrong()))
    assert right.body == wrong.body
    assert [would for _, _, would in shadowed(hall, user)] \
        == ["wrong"] * 5 + ["throttled"] * 2
    hall.ctl("policy", "set", "-", stdin="permit strict factors=any\n")
    assert window.login(user, token.code())["reason"] == "throttled"


def test_its_failures_are_shown_to_whose_they_are(hall, window):
    """Somebody else's guesses, let past or not."""
    watch(hall)
    user, token = hall.hotp()
    window.login(user, token.code())
    for _ in range(2):
        assert window.login(user, token.wrong())["result"] == "exempt"
    told = window.login(user, token.code())["notices"]
    assert [notice["failures"] for notice in told
            if notice["kind"] == "last_login"] == [2]


def test_it_opens_to_nobody_else(hall, window):
    """Frozen, suspended, ended, not yet begun, unknown, unproven, or without
    a rule that says so: as if there were no shadow mode."""
    watch(hall)
    people = {state: hall.hotp() for state in
              ("freeze", "suspend", "remove", "unproven", "ok")}
    for state in ("freeze", "suspend", "remove"):
        hall.ctl("user", state, people[state][0])
    ended, future = hall.name(), hall.name()
    hall.ctl("user", "add", ended, "--until", day(hall, -1))
    hall.ctl("user", "add", future, "--from", day(hall, 1))
    for user, first, reason in (
            (people["freeze"][0], "proven", "frozen"),
            (people["suspend"][0], "proven", "suspended"),
            (people["remove"][0], "proven", "wrong"),
            (people["unproven"][0], "unproven", "wrong"),
            (ended, "proven", "expired"), (future, "proven", "not_permitted"),
            ("nobody", "proven", "wrong")):
        answer = window.login(user, "000000", first=first)
        assert answer.get("reason") == reason, (user, reason, answer)
    assert window.login(people["ok"][0], "000000")["result"] == "exempt"
    hall.ctl("server", "freeze")
    assert window.login(people["ok"][0], "000000")["reason"] == "frozen"
    hall.ctl("server", "thaw")
    hall.ctl("terminal", "freeze", "window")
    assert window.login(people["ok"][0], "000000")["reason"] == "frozen"
    hall.ctl("terminal", "thaw", "window")
    watch(hall, rule="permit elsewhere terminal=other factors=any")
    assert window.login(people["ok"][0], "000000")["reason"] \
        == "not_permitted"


def test_an_account_of_several_is_let_past_by_name_only(hall, window):
    """Its password proves nobody, so somebody is named, and judged."""
    watch(hall)
    one, other = hall.name(), hall.name()
    for user in (one, other):
        hall.ctl("user", "add", user, "--login", "madoguchi")
    hall.ctl("user", "freeze", other)

    def ask(person=None, first="proven"):
        more = {"person": person} if person else {}
        begun = window.post({"user": "madoguchi", "service": "login",
                             "first_factor": first, **more}).json
        if begun["result"] != "continue":
            return begun
        return window.post({"factor": "otp", "code": "000000"},
                           f"/v1/logins/{begun['login']}").json

    assert ask(one)["result"] == "exempt"
    assert ask(other)["reason"] == "frozen"
    assert ask()["result"] == "deny"
    assert ask("nobody")["result"] == "deny"
    assert ask(one, "unproven")["result"] == "deny"
    assert window.post({"user": "madoguchi", "service": "login",
                        "first_factor": "proven"}).json["ask"] == "person"
    hall.ctl("policy", "set", "-", stdin=f"refuse all shadow={day(hall, 9)}")
    assert ask(one)["rule"] == "all"
    assert ask()["result"] == "deny"


def test_a_doubted_clock_lets_nobody_past(hall, window):
    watch(hall)
    user, _ = hall.hotp()
    hall.jump(-3600)
    assert window.login(user, "000000")["reason"] == "clock"
    hall.jump(3600)
    assert window.login(user, "000000")["result"] == "exempt"


def test_a_clock_that_is_set_back_does_not_make_it_longer(servers):
    hall = servers("back", fake=True)
    window = hall.terminal()
    user, _ = hall.hotp()
    watch(hall, 1)
    assert window.login(user, "000000")["result"] == "exempt"
    hall.jump(-30 * 86400)
    hall.ctl("server", "clock", "accept")
    assert window.login(user, "000000")["result"] == "deny"
    assert hall.ctl("server", "status")["state"] == "running"


def test_it_ends_with_its_last_day_even_if_nobody_thinks_of_it(hall, window):
    user, _ = hall.hotp()
    watch(hall, 1)
    last = datetime.datetime.combine(
        datetime.date.fromisoformat(day(hall, 2)), datetime.time(), TOKYO)
    hall.pass_time(last.timestamp() - hall.now() - 3)
    assert window.login(user, "000000")["result"] == "exempt"
    body = login_body(user, "000001", attempt=attempt())
    assert window.post(body).json["result"] == "exempt"
    hall.pass_time(4)
    assert window.login(user, "000000")["reason"] == "wrong"
    assert window.post(body).json["result"] == "deny"
    assert hall.ctl("server", "status")["shadow"] is None


def test_a_retry_is_told_the_same_as_long_as_it_would_be(hall, window):
    watch(hall)
    user, token = hall.hotp()
    body = login_body(user, token.wrong(), attempt=attempt())
    first = window.post(body)
    assert first.json["result"] == "exempt"
    assert window.post(body).body == first.body
    assert len(shadowed(hall, user)) == 1
    hall.ctl("user", "suspend", user)
    assert window.post(body).json["reason"] == "suspended"


def test_an_accept_of_a_revoked_token_is_not_told_again(hall, window):
    watch(hall)
    user, token = hall.hotp()
    body = login_body(user, token.code(), attempt=attempt())
    assert window.post(body).json["result"] == "accept"
    serial = hall.ctl("user", "show", user)["tokens"][0]["serial"]
    hall.ctl("token", "revoke", serial)
    assert window.post(body).json["result"] == "deny"


def test_it_cannot_be_set_without_an_end(hall):
    before = hall.ctl("policy", "show")["version"]
    for shadow, says in (("yes", "last day"), ("2199-12-31", "62 days"),
                         (day(hall, 63), "62 days"),
                         (day(hall, -1), "over before"), ("", "empty")):
        status, _, err = hall.ctl.run(
            "policy", "set", "-", stdin=f"permit a factors=any "
            f"shadow={shadow}\n")
        assert status == 2 and says in err, (shadow, err)
    status, _, err = hall.ctl.run(
        "policy", "set", "-", "--effective", day(hall, 10),
        stdin=f"permit a factors=any shadow={day(hall, 9)}\n")
    assert status == 2 and "over before" in err
    assert hall.ctl("policy", "show")["version"] == before


def test_everybody_who_asks_is_told(hall, window):
    user, _ = hall.hotp()
    version = watch(hall, 10)
    until = day(hall, 10)
    assert version["shadow"] == f"watched until {until}"
    status = hall.ctl("server", "status")
    assert (status["state"], status["shadow"]) == ("shadow",
                                                   f"watched until {until}")
    assert hall.ctl("policy", "show")["shadow"] == f"watched until {until}"
    asked = hall.ctl("policy", "test", "--user", user, "--terminal", "window",
                     "--service", "sshd")
    assert asked["shadow"] == until
    for words in (("server", "status"), ("policy", "show"),
                  ("policy", "test", "--user", user, "--terminal", "window",
                   "--service", "sshd")):
        _, text, _ = hall.ctl.run(*words, json_output=False)
        assert "NOT ENFORCED (SHADOW MODE)" in text and until in text, words
    own = window.ask("GET", "/v1/terminals/self").json
    assert own["shadow"] == f"watched until {until}"
    watch(hall, 10, "permit there terminal=other factors=any")
    assert "shadow" not in window.ask("GET", "/v1/terminals/self").json
    metrics = plain_http(hall.port, "/metrics").body.decode()
    assert re.search(r"^sekimori_shadowed_total [1-9]", metrics, re.M)
    hall.restart()
    wait_for("the log to say so", lambda: "SHADOW MODE" in hall.log(), 20)


def test_the_report_counts_by_person_and_reason(hall, window):
    watch(hall)
    hall.ctl("user", "add", "report1", "--name", "関 守",
             "--department", "税務課")
    user, token = hall.hotp()
    start = datetime.datetime.fromtimestamp(
        hall.now() - 1, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for _ in range(3):
        window.login("report1", factor=None)
        window.login(user, token.wrong())
    window.login(user, token.code())
    rows = {(row["user"], row["would"]): row
            for row in hall.ctl.items("policy", "report", "--from", start)}
    assert {key for key in rows if key[0] in ("report1", user)} \
        == {("report1", "not_enrolled"), (user, "wrong")}
    first = rows["report1", "not_enrolled"]
    assert (first["count"], first["name"], first["department"],
            first["terminal"], first["rule"]) == \
        (3, "関 守", "税務課", "window", "watched")
    assert rows[user, "wrong"]["count"] == 3


def test_a_flood_under_shadow_mode_is_counted(hall, window):
    watch(hall)
    user, _ = hall.hotp()
    before = hall.ctl("audit", "head")["chains"][0]["records"]
    for number in range(200):
        assert window.login(user, "", service=f"made-up-{number}")["result"] \
            == "exempt"
    after = hall.ctl("audit", "head")["chains"][0]["records"]
    assert after - before < 150
