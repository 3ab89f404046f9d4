# SPDX-License-Identifier: Apache-2.0
"""Scenario 3. The card lies at home: a spare from the drawer for the day. At
17:15 it opens nothing, and at 17:30 the list says who has it still."""
import programs
import pytest

from custody import device, drawer, hand, refused, until
from world import at_once


@pytest.fixture(scope="module")
def server(servers):
    return servers("at-home", fake=True)


@pytest.fixture(scope="module")
def hall(site, server):
    server.ctl("user", "add", "alice", "--name", "山田", "--department",
               "住民課")
    for user in ("bob", "carol", "dave"):
        server.ctl("user", "add", user, "--department", "税務課")
    return site


def log_in(hall, user, token):
    return programs.login(hall.world, user, token.code())[0]


def serials(server, *options):
    return [t["serial"] for t in server.ctl.items("token", "list", *options)]


def logins(server, user):
    return [r for r in server.records(user=user) if r["kind"] == "login"]


def test_scenario_03_card_forgotten_at_home(hall, server):
    own = device(server, "alice")
    spare, = drawer(server)
    until(server, 8, 40)
    lent = hand(server, spare, "alice", "checkout")
    end = until(server, 17, 14, second=30).replace(minute=15, second=0)
    assert lent["until"] == end.timestamp()
    assert serials(server, "--checked-out") == [spare.serial]
    assert serials(server, "--unreturned") == []
    assert log_in(hall, "alice", spare)
    assert logins(server, "alice")[-1]["token"] == spare.serial

    until(server, 17, 15)
    assert not log_in(hall, "alice", spare)
    until(server, 17, 30)
    late = server.ctl.items("token", "list", "--unreturned")
    assert [(t["serial"], t["user"], t["name"], t["department"])
            for t in late] == [(spare.serial, "alice", "山田", "住民課")]

    _, text, _ = server.ctl.run("token", "list", "--unreturned",
                                json_output=False)
    assert "山田" in text and "住民課" in text

    # Her own is as it was.
    until(server, 8, 30)
    assert log_in(hall, "alice", own)
    server.ctl("token", "checkin", spare.serial, "--code", spare.code())
    assert serials(server, "--unreturned") == []
    assert server.ctl("token", "show", spare.serial)["state"] == "stock"
    assert not log_in(hall, "alice", spare)
    hand(server, spare, "bob", "checkout")
    assert log_in(hall, "bob", spare)
    ledger = server.ctl.items("token", "ledger", spare.serial)
    assert [(r["to"], r["from_user"], r["user"]) for r in ledger[-3:]] == [
        ("active", None, "alice"), ("stock", "alice", None),
        ("active", None, "bob")]
    assert server.ctl("audit", "verify")["ok"]


def test_only_with_the_spare_in_hand_and_for_a_day(hall, server):
    spare, other = drawer(server, 2)
    checkout = ("token", "checkout", spare.serial, "alice")
    assert "--code" in refused(server, *checkout, status=2)
    refused(server, *checkout, "--code", spare.wrong())
    refused(server, *checkout, "--code", other.code())
    assert "24 hours" in refused(server, *checkout, "--code", spare.code(),
                                 "--until", "2099-01-01", status=2)
    hand(server, spare, "alice", "checkout")
    assert "has a spare already" in refused(
        server, "token", "checkout", other.serial, "alice", "--code",
        other.code())
    assert "checkin" in refused(server, "token", "return", spare.serial,
                                "--code", spare.code())
    server.ctl("token", "checkin", spare.serial, "--code", spare.code())


def test_what_one_holder_saw_opens_nothing_for_the_next(hall, server):
    spare, = drawer(server)
    hand(server, spare, "carol", "checkout")
    assert log_in(hall, "carol", spare)
    back = spare.code()
    server.ctl("token", "checkin", spare.serial, "--code", back)
    assert "used already" in refused(
        server, "token", "checkout", spare.serial, "dave", "--code", back)
    hand(server, spare, "dave", "checkout")
    for counter in range(spare.counter):
        assert not programs.login(hall.world, "dave", spare.code(counter))[0]
        server.ctl("user", "unlock", "dave")
    server.ctl("token", "checkin", spare.serial, "--code", spare.code())


def test_one_holder_however_many_ask_at_once(hall, server):
    spare, = drawer(server)
    code, people = spare.code(), [server.name() for _ in range(6)]
    for user in people:
        server.ctl("user", "add", user)
    outcomes = at_once(lambda user: server.ctl.run(
        "token", "assign", spare.serial, user, "--code", code)[0],
        people)
    assert sorted(outcomes.values()) == [0, 1, 1, 1, 1, 1], outcomes
    holder = server.ctl("token", "show", spare.serial)["user"]
    assert outcomes[holder] == 0
