# SPDX-License-Identifier: Apache-2.0
"""Scenario 2. 8:30, the counter is open, a token is lost: in three commands it
opens nothing and its holder works on, until 17:15. What was found comes back
with another factor only."""
import datetime
import time

import pytest

import programs
from custody import TOKYO, device, drawer, hand, refused, serial_of, until
from test_administrators import Desk, make_officer


@pytest.fixture(scope="module")
def server(servers):
    return servers("half-past-eight", fake=True)


@pytest.fixture(scope="module")
def hall(site, server):
    server.ctl("user", "add", "alice", "--name", "山田 花子",
               "--department", "住民課")
    server.ctl("user", "add", "bob", "--department", "税務課")
    return site


def log_in(hall, user, code, password=None):
    return programs.login(hall.world, user, code, password)[0]


def issue(hall, user="alice"):
    answer = hall.server.ctl("code", "issue", user)
    hall.world.secret("emergency code", answer["code"])
    return answer


def test_scenario_02_lost_token_at_half_past_eight(hall, server, tmp_path):
    token = device(server, "alice")
    until(server, 8, 30)
    assert log_in(hall, "alice", token.code())

    began, slip = time.monotonic(), tmp_path / "slip"
    serial = serial_of(server, "alice")
    lost = server.ctl("token", "lost", serial, "--slip", slip)["token"]
    answer = issue(hall)
    assert time.monotonic() - began < 120
    assert (lost["state"], lost["user"]) == ("lost", "alice")
    end = datetime.datetime.fromtimestamp(answer["until"], TOKYO)
    assert (end.hour, end.minute) == (17, 15)
    text = slip.read_text()
    assert slip.stat().st_mode & 0o777 == 0o600
    for said in ("紛失届", "住民課", "alice", "山田 花子", serial, "所属長"):
        assert said in text

    assert not log_in(hall, "alice", token.code())
    # The slip with the code opens nothing for whoever picks it up.
    assert not log_in(hall, "alice", answer["code"], "not-the-password")
    assert log_in(hall, "alice", answer["code"])
    assert not log_in(hall, "alice", answer["code"])
    record = [r for r in server.records(user="alice")
              if r["result"] == "accept"][-1]
    assert record["factor"] == "emergency"

    late = issue(hall)["code"]
    until(server, 17, 15)
    assert not log_in(hall, "alice", late)


def test_what_to_do_is_said(hall, server):
    device(server, "bob")
    _, said, _ = server.ctl.run("token", "lost", serial_of(server, "bob"),
                                json_output=False)
    assert "sekimorictl code issue bob" in said
    assert "sekimorictl token found" in said


def test_a_found_token_comes_back_with_another_factor_only(hall, server):
    token = device(server, "alice")
    other, somebodys = drawer(server, 2)
    hand(server, other, "alice")
    hand(server, somebodys, "bob")
    server.ctl("token", "lost", token.serial)
    assert "token found" in refused(server, "token", "resume", token.serial)
    refused(server, "token", "confirm", token.serial, token.code())
    for code in (token.code(), somebodys.code(), "0000000000"):
        refused(server, "token", "found", token.serial, "--code", code)
    assert not log_in(hall, "alice", token.code())
    found = server.ctl("token", "found", token.serial, "--code",
                       other.code())["token"]
    # Its next codes may have been noted: one more of its own.
    assert found["state"] == "void"
    noted = token.code()
    assert not log_in(hall, "alice", noted)
    server.ctl("token", "confirm", token.serial, token.code())
    assert not log_in(hall, "alice", noted)
    assert log_in(hall, "alice", token.code())
    ledger = server.ctl("token", "show", token.serial)["ledger"]
    assert [row["to"] for row in ledger][-4:] == ["active", "lost", "void",
                                                  "active"]


def test_the_departments_delegate_does_it_for_his_own(hall, server, world):
    for user, department in (("carol", "住民課"), ("dave", "税務課")):
        server.ctl("user", "add", user, "--department", department)
    own, others = device(server, "carol"), device(server, "dave")
    delegate = make_officer(server, "d200", "helpdesk", "住民課",
                            department="住民課")
    desk = Desk(world, server, "delegate")
    desk.ca.write_text(server.terminal().ca.read_text())
    until(server, 8, 30)
    began = time.monotonic()
    delegate.sign_in(desk)
    serial = desk("user", "show", "carol")["tokens"][-1]["serial"]
    assert desk("token", "lost", serial)["token"]["state"] == "lost"
    code = desk("code", "issue", "carol")["code"]
    world.secret("emergency code", code)
    assert time.monotonic() - began < 120
    assert not log_in(hall, "carol", own.code())
    assert log_in(hall, "carol", code)
    done = [r for r in server.records(user="carol") if r["kind"] == "admin"]
    assert [(r["action"], r["actor"]) for r in done[-2:]] == [
        ("token lost", "admin d200"), ("code issue", "admin d200")]

    # Another department's, his own and what is not his to do.
    spare, = drawer(server)
    for words in (("user", "show", "dave"), ("code", "issue", "dave"),
                  ("token", "lost", others.serial),
                  ("token", "checkout", spare.serial, "dave", "--code",
                   spare.code()),
                  ("code", "issue", "d200"),
                  ("token", "assign", spare.serial, "carol", "--code",
                   spare.code()),
                  ("token", "retire", spare.serial)):
        refused(desk, *words, status=4)
    assert log_in(hall, "dave", others.code())
    assert desk("token", "checkout", spare.serial, "carol", "--code",
                spare.code())["token"]["user"] == "carol"
    assert log_in(hall, "carol", spare.code())
