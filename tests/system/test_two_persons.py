# SPDX-License-Identifier: Apache-2.0
"""What one administrator asks for and another lets happen, from their desks."""
import json

import pytest

from world import wait_for
from test_administrators import PASSWORD, Desk, make_officer, refused

RULES = ("approve two actions=admin-add,admin-remove,code-bulk,thaw\n"
         "permit everyone factors=any\n")
WAITS = 5


@pytest.fixture(scope="module")
def hall(servers):
    server = servers("two", fake=True)
    server.ca_text = server.terminal().ca.read_text()
    for number in range(3):
        server.ctl("user", "add", f"t{number}", "--department", "税務課",
                   "--name", f"税務 {number}")
    server.desks = {}
    for user, role in (("o1", "owner"), ("o2", "owner"), ("e1", "enroller"),
                       ("a1", "auditor")):
        officer = make_officer(server, user, role)
        desk = Desk(server.world, server, user)
        desk.ca.write_text(server.ca_text)
        officer.sign_in(desk)
        desk.officer = officer
        server.desks[user] = desk
    server.ctl("policy", "set", "-", stdin=RULES)
    return server


def ask(desk, *words, **how):
    """The number of the request that a command leaves."""
    status, out, err = desk.run(*words, **how)
    assert status == WAITS, (status, out, err)
    return json.loads(out)["request"]


def test_a_thaw_waits_and_happens_when_another_approves(hall):
    o1, o2 = hall.desks["o1"], hall.desks["o2"]
    o1("user", "freeze", "t0")  # stopping never waits
    status, out, err = o1.run("user", "thaw", "t0", json_output=False)
    assert status == WAITS and out == "" and "request approve" in err
    number = o2.items("request", "list")[0]["request"]
    assert hall.ctl("user", "show", "t0")["frozen"]
    assert o2("request", "show", number)["arguments"] == {"id": "t0"}
    said = refused(o1, "request", "approve", number, status=4)
    assert "your own" in said
    refused(hall.desks["a1"], "request", "approve", number, status=4)
    refused(hall.desks["e1"], "request", "approve", number, status=4)
    done = o2("admin", "request", "approve", number)
    assert done["by"] == "o1" and not done["answer"]["user"]["frozen"]
    assert not hall.ctl("user", "show", "t0")["frozen"]
    record = [r for r in hall.records(limit=100)
              if r.get("action") == "user thaw"][-1]
    assert (record["actor"], record["approved_by"], record["result"]) \
        == ("admin o1", "admin o2", "done")
    refused(o2, "request", "approve", number, status=1)
    assert o2.items("request", "list") == []
    assert o2.items("request", "list", "--all")[0]["decided_by"] == "o2"


def test_codes_for_a_department_are_printed_at_the_approval(hall):
    number = ask(hall.desks["e1"], "code", "issue", "--department", "税務課")
    refused(hall.desks["e1"], "code", "issue", status=2)
    status, text, err = hall.desks["o1"].run(
        "request", "approve", number, json_output=False)
    assert status == 0, err
    assert f"Request {number} is approved" in text and "skipped" not in text
    assert all(f"t{n}" in text for n in range(3)) and "CODE" in text
    number = ask(hall.desks["o1"], "code", "issue", "--department", "税務課")
    answer = hall.desks["e1"]("request", "approve", number)["answer"]
    codes = {item["id"]: item["code"] for item in answer["items"]}
    assert set(codes) == {"t0", "t1", "t2"}
    window = hall.terminal()
    for user, code in codes.items():
        assert window.login(user, code, "emergency")["result"] == "accept"
    issued = [r for r in hall.records(user="t1")
              if r.get("action") == "code issue"]
    assert issued[-1]["approved_by"] == "admin e1"


def test_what_came_of_it_is_told_in_words(hall):
    hall.ctl("user", "add", "n9", "--name", "新任")
    number = ask(hall.desks["o1"], "admin", "add", "n9", "--role", "auditor")
    status, text, err = hall.desks["o2"].run(
        "request", "approve", number, json_output=False)
    assert status == 0, err
    assert "  role: auditor\n" in text and "新任" in text and "{" not in text
    assert "no active token" in text


def test_root_can_neither_ask_nor_approve(hall):
    said = refused(hall.ctl, "user", "thaw", "t0", status=4)
    assert "signin" in said
    number = ask(hall.desks["o1"], "server", "thaw")
    refused(hall.ctl, "request", "approve", number, status=4)
    refused(hall.ctl, "request", "reject", number, status=4)
    # Signed in on the server itself he is somebody.
    local = Desk(hall.world, hall, "local")
    local.way = ["--socket", hall.admin_socket]
    hall.desks["o2"].officer.sign_in(local)
    local("request", "reject", number)


def test_a_new_administrator_takes_two_and_root(hall):
    o1 = hall.desks["o1"]
    _, token = hall.hotp("n1")
    number = ask(o1, "admin", "add", "n1", "--role", "owner", "--password",
                 "-", stdin=PASSWORD + "\n")
    refused(o1, "admin", "password", "n1", stdin="another one 99\n",
            status=1)
    hall.desks["o2"]("request", "approve", number)
    for words in (("token", "enroll", "n1"), ("code", "issue", "n1"),
                  ("card", "invite", "o2"),
                  ("admin", "password", "n1")):
        said = refused(o1, *words, stdin="another one 99\n", status=4)
        assert "root" in said, words
    hall.ctl("admin", "password", "n1", stdin=PASSWORD + "\n")
    desk = Desk(hall.world, hall, "n1")
    desk.ca.write_text(hall.ca_text)
    assert desk.sign_in("n1", PASSWORD, token.code())[0] == 0


def test_a_second_session_is_no_second_person(hall):
    o1 = hall.desks["o1"]
    number = ask(o1, "user", "thaw", "t1")
    other = Desk(hall.world, hall, "o1-again")
    other.ca.write_text(hall.ca_text)
    o1.officer.sign_in(other)
    refused(other, "request", "approve", number, status=4)
    other("request", "reject", number)


def test_the_rules_are_let_go_of_by_two_only(hall):
    free = "permit everyone factors=any\n"
    refused(hall.ctl, "policy", "set", "-", stdin=free, status=4)
    number = ask(hall.desks["o1"], "policy", "set", "-", stdin=free)
    _, text, _ = hall.desks["o2"].run("request", "show", number,
                                      json_output=False)
    assert free in text
    hall.desks["o2"]("request", "approve", number)
    shown = hall.ctl("policy", "show")
    assert (shown["text"], shown["author"], shown["approver"]) == \
        (free, "admin o1", "admin o2")
    hall.ctl("policy", "set", "-", stdin=RULES)


def test_what_waits_expires_and_is_void_when_the_clock_goes_back(hall):
    for how in ("expires", "goes back"):
        for user in ("o1", "o2"):
            hall.desks[user].officer.sign_in(hall.desks[user])
        number = ask(hall.desks["o1"], "user", "thaw", "t1")
        if how == "expires":
            hall.pass_time(7 * 86400 + 5)
        else:
            hall.jump(-2 * 86400)
            hall.ctl("server", "clock", "accept")
        hall.desks["o2"].officer.sign_in(hall.desks["o2"])
        said = refused(hall.desks["o2"], "request", "approve", number)
        assert "expired" in said, how
        if how == "expires":
            wait_for("a record of it", lambda: [
                r for r in hall.records(limit=20)
                if r.get("action") == "request expired"
                and r["approval"] == number], 10)
