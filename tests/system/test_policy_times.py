# SPDX-License-Identifier: Apache-2.0
"""Rules with days and hours, in the server's zone, and what the rules were or
will be at another time."""
import datetime
import json

import pytest

TOKYO = datetime.timezone(datetime.timedelta(hours=9))
OFFICE = ("permit office days=mon,tue,wed,thu,fri hours=08:30-17:15 "
          "factors=otp\n"
          "permit night days=fri hours=22:00-05:00 factors=otp\n"
          "refuse otherwise\n")


@pytest.fixture(scope="module")
def hall(servers):
    return servers("hours", fake=True)


@pytest.fixture(scope="module")
def window(hall):
    return hall.terminal("window")


def set_rules(hall, text):
    hall.ctl("policy", "set", "-", stdin=text)


def forward_to(hall, hour, minute, weekdays):
    """The clock goes on to that time on the next such day (0: Monday)."""
    now = datetime.datetime.fromtimestamp(hall.now(), TOKYO)
    then = now.replace(hour=hour, minute=minute, second=2, microsecond=0)
    while then <= now or then.weekday() not in weekdays:
        then += datetime.timedelta(days=1)
    hall.pass_time((then - now).total_seconds())
    return then


def ask(hall, user, at=None):
    """The rule that would decide."""
    status, out, err = hall.ctl.run(
        "policy", "test", "--user", user, "--terminal", "window",
        "--service", "sshd", *(["--at", at] if at else []))
    assert status in (0, 1), err
    answer = json.loads(out)
    assert (status == 1) == (answer["action"] == "refuse")
    return answer["rule"]


def test_rules_hold_by_day_and_hour(hall, window):
    user, token = hall.hotp()
    set_rules(hall, OFFICE)
    week = {0, 1, 2, 3, 4}
    for hour, minute, days, lets in ((8, 29, {2}, False), (8, 30, week, True),
                                     (17, 14, week, True),
                                     (17, 15, week, False),
                                     (12, 0, {5}, False), (23, 0, {4}, True),
                                     (4, 59, {5}, True), (5, 0, {5}, False)):
        forward_to(hall, hour, minute, days)
        answer = window.login(user, token.code(token.counter))
        if lets:
            token.counter += 1
            assert answer["result"] == "accept", (hour, minute, answer)
        else:
            assert answer["reason"] == "not_permitted", (hour, minute, answer)


def test_what_would_be_decided_then(hall, window):
    user, _ = hall.hotp()
    set_rules(hall, OFFICE)
    assert ask(hall, user, "2032-08-02T09:00") == "office"
    assert ask(hall, user, "2032-08-02T18:00") == "otherwise"
    assert ask(hall, user, "2032-08-02T09:00Z") == "otherwise"
    assert ask(hall, user, "R14.8.7 04:00") == "night"
    assert ask(hall, user, "2032-08-08T04:00") == "otherwise"
    status, _, err = hall.ctl.run("policy", "test", "--user", user,
                                  "--terminal", "window", "--service", "su",
                                  "--at", "yesterday")
    assert status == 2 and "R8.3.31" in err


def test_the_rules_of_another_day(hall, window):
    user, _ = hall.hotp()
    forward_to(hall, 10, 0, {0, 1, 2, 3, 4, 5, 6})
    set_rules(hall, "permit first factors=any\n")
    day = forward_to(hall, 10, 0, {0, 1, 2, 3, 4, 5, 6})
    before = day - datetime.timedelta(days=1)
    set_rules(hall, "permit second factors=any\n")
    reiwa = f"R{before.year - 2018}.{before.month}.{before.day}"
    for at, rule in ((before.date().isoformat(), "first"), (reiwa, "first"),
                     (day.date().isoformat(), "second"),
                     (day.strftime("%Y-%m-%dT09:59"), "first")):
        text = hall.ctl("policy", "show", "--at", at)["text"]
        assert text == f"permit {rule} factors=any\n", at
    assert ask(hall, user) == "second"
    assert ask(hall, user, day.strftime("%Y-%m-%dT09:59")) == "first"
    for words in (("policy", "show"),
                  ("policy", "test", "--user", user, "--terminal", "window",
                   "--service", "su")):
        status, _, err = hall.ctl.run(*words, "--at", "2020-01-01")
        assert status == 1 and "no rules" in err


def test_rules_are_kept_with_their_ground(hall):
    hall.ctl("policy", "set", "-", "--reason", "規則第5条の改正",
             "--approver", "情報政策課長", stdin="permit third factors=any\n")
    shown = hall.ctl("policy", "show")
    assert (shown["reason"], shown["approver"]) == ("規則第5条の改正",
                                                     "情報政策課長")
    assert shown["author"]
    _, text, _ = hall.ctl.run("policy", "show", json_output=False)
    assert "# reason: 規則第5条の改正\n" in text
    set_rules(hall, text)
    again = hall.ctl("policy", "show")
    assert again["version"] == shown["version"] + 1
    assert again["reason"] == again["approver"] == ""
    status, _, _ = hall.ctl.run("policy", "set", "-", "--reason", "a\nb",
                                stdin="permit x factors=any\n")
    assert status == 2


def in_force(hall):
    return {item["version"]: item["state"]
            for item in hall.ctl.items("policy", "list")}


def test_rules_for_a_day_to_come(hall, window):
    """施行日: set today, in force from the first second of that day."""
    user, token = hall.hotp()
    day = forward_to(hall, 12, 0, {0, 1, 2, 3, 4, 5, 6})
    set_rules(hall, "permit before factors=otp\n")
    then = (day + datetime.timedelta(days=2)).date().isoformat()
    answer = hall.ctl("policy", "set", "-", "--effective", then,
                      "--approver", "課長", stdin="refuse after\n")
    assert answer["planned"]
    assert in_force(hall)[answer["version"]] == "planned"
    assert ask(hall, user) == "before"
    assert ask(hall, user, then + "T00:00") == "after"
    assert hall.ctl("policy", "show", "--at", then)["text"] == "refuse after\n"
    between = hall.ctl("policy", "set", "-",
                       stdin="permit between factors=otp\n")
    assert between["next"] == answer["since"]
    hall.restart()
    hall.pass_time(answer["since"] - hall.now() - 2)
    assert window.login(user, token.code(token.counter))["result"] == "accept"
    hall.pass_time(3)
    token.counter += 1
    assert window.login(user, token.code(token.counter))["reason"] \
        == "not_permitted"
    assert in_force(hall)[answer["version"]] == "in force"
    assert in_force(hall)[between["version"]] == "replaced"
    taken = [r for r in hall.records(limit=50)
             if r.get("action") == "policy in force"]
    assert taken[-1]["version"] == answer["version"]
    status, _, err = hall.ctl.run("policy", "cancel", answer["version"])
    assert status == 1 and "taken effect" in err


def test_rules_to_come_are_cancelled(hall, window):
    user, token = hall.hotp()
    day = forward_to(hall, 12, 0, {0, 1, 2, 3, 4, 5, 6})
    set_rules(hall, "permit stays factors=otp\n")
    then = (day + datetime.timedelta(days=1)).date().isoformat()
    version = hall.ctl("policy", "set", "-", "--effective", then,
                       stdin="refuse after\n")["version"]
    hall.ctl("policy", "cancel", version)
    assert in_force(hall)[version] == "cancelled"
    hall.pass_time(86400)
    assert window.login(user, token.code(token.counter))["result"] == "accept"
    for words, exit_code, says in (
            (("cancel", version), 1, "cancelled already"),
            (("cancel", 999), 1, "no such version"),
            (("set", "-", "--effective", "2020-01-01"), 2, "not to come"),
            (("show", "--version", 999), 1, "no such version")):
        status, _, err = hall.ctl.run("policy", *words, stdin="refuse x\n")
        assert (status, says in err) == (exit_code, True), err
    assert hall.ctl("policy", "show", "--version", version)["text"] \
        == "refuse after\n"
