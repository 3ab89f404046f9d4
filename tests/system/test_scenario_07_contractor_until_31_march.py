# SPDX-License-Identifier: Apache-2.0
"""Scenario 7. A contractor comes for some days, with an attendant (立会者)
named; the day after the last he is refused; more time needs a decision."""
import datetime

import pexpect
import pytest

from test_admin import refused

TOKYO = datetime.timezone(datetime.timedelta(hours=9))


@pytest.fixture(scope="module")
def server(servers):
    return servers("contract", fake=True)


@pytest.fixture(scope="module")
def hall(site):
    site.probe.service("window", site.line(options="explain lang=ja"),
                       site.line("account"))
    return site


@pytest.fixture(scope="module")
def attendant(server):
    server.ctl("user", "add", "s0700", "--name", "髙橋 一郎")
    return "s0700"


def day(server, days=0):
    """A date as people write it, and its last second."""
    then = datetime.datetime.fromtimestamp(server.now(), TOKYO) + \
        datetime.timedelta(days=days)
    text = f"R{then.year - 2018}.{then.month}.{then.day}"
    return text, then.replace(hour=23, minute=59, second=59,
                              microsecond=0).timestamp()


def log_in(hall, user, token):
    run = hall.probe("window", user, [token.code(token.counter)],
                     ("auth", "acct"))
    if run.code == "PAM_SUCCESS":
        token.counter += 1
    return run


def add(server, user, *options):
    return server.ctl("user", "add", user, "--kind", "contractor", *options)


def test_scenario_07_contractor_until_31_march(hall, server, attendant):
    last, end = day(server, 1)
    user = "v0700"
    add(server, user, "--name", "業者 太郎", "--until", last,
        "--attendant", attendant)
    _, token = server.hotp(user)
    shown = server.ctl("user", "show", user)
    assert shown["attendant"] == attendant and shown["from"]

    assert log_in(hall, user, token).code == "PAM_SUCCESS"
    record = server.records(user=user)[-1]
    assert (record["result"], record["attendant"]) == ("accept", attendant)

    server.pass_time(end - server.now() - 8)
    assert log_in(hall, user, token).code == "PAM_SUCCESS"
    server.pass_time(10)
    run = log_in(hall, user, token)
    assert run.code == "PAM_PERM_DENIED"
    assert any("有効期限" in message for message in run.messages), run.text

    later, _ = day(server, 7)
    said = refused(server.ctl, "user", "extend", user, "--until", later,
                   status=2)
    assert "決裁番号" in said
    assert log_in(hall, user, token).code == "PAM_PERM_DENIED"
    server.ctl("user", "extend", user, "--until", later, "--decision",
               "令和8年情第12号")
    assert log_in(hall, user, token).code == "PAM_SUCCESS"
    record = [r for r in server.records(user=user)
              if r.get("action") == "user extend"][-1]
    assert record["decision"] == "令和8年情第12号"
    assert record["until_before"] == end + 1 < record["until"]
    assert server.ctl("audit", "verify")["ok"]


def test_the_decision_is_asked_for(server, world, attendant):
    user, (last, _), (later, end) = "v0701", day(server, 1), day(server, 3)
    add(server, user, "--until", last, "--attendant", attendant)
    child = pexpect.spawn(
        world.program("sekimorictl"),
        ["--socket", str(server.admin_socket), "user", "extend", user,
         "--until", later],
        timeout=20, encoding="utf-8", env=world.environment())
    child.expect("決裁番号")
    child.sendline("第 7 号")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    shown = server.ctl("user", "show", user)
    assert (shown["decision"], shown["until"]) == ("第 7 号", end + 1)


@pytest.mark.parametrize("options,says", [
    (("--until", "-", "--attendant", "s0700"), "day on which"),
    (("--until", "R30.3.31", "--attendant", "v0799"), "his own"),
    (("--until", "R30.3.31", "--attendant", "nobody"), "not registered"),
    (("--until", "R30.3.31", "--attendant", "gone"), "suspended"),
    (("--until", "R30.3.31", "--attendant", "firm"), "is a contractor"),
    (("--until", "R30.3.31", "--attendant", "a/b"), "staff number"),
    (("--until", "R2.3.31", "--attendant", "s0700"), "later"),
])
def test_no_contractor_without_a_window_or_with_a_wrong_attendant(
        server, attendant, options, says):
    people = {p["id"] for p in server.ctl.items("user", "list")}
    if "gone" not in people:
        server.ctl("user", "add", "gone")
        server.ctl("user", "suspend", "gone")
        add(server, "firm", "--until", "R30.3.31", "--attendant", attendant)
    assert says in refused(server.ctl, "user", "add", "v0799", "--kind",
                           "contractor", *options, status=2)
    refused(server.ctl, "user", "show", "v0799")


def test_no_way_round_the_decision(server, attendant):
    user, (last, _), (later, _) = "v0702", day(server, 1), day(server, 3)
    add(server, user, "--until", last, "--attendant", attendant)
    for options in (("--until", later), ("--until", "-"),
                    ("--kind", "regular"),
                    ("--kind", "fiscal-year", "--until", later)):
        refused(server.ctl, "user", "change", user, *options, status=2)
    assert server.ctl("user", "show", user)["kind"] == "contractor"
    # Shorter needs none.
    shorter, end = day(server)
    server.ctl("user", "change", user, "--until", shorter)
    assert server.ctl("user", "show", user)["until"] == end + 1


def test_an_attendant_is_replaced_before_he_goes(server):
    server.ctl("user", "add", "s0710")
    server.ctl("user", "add", "s0711")
    add(server, "v0710", "--until", "R30.3.31", "--attendant", "s0710")
    assert "v0710" in refused(server.ctl, "user", "remove", "s0710")
    server.ctl("user", "change", "v0710", "--attendant", "s0711")
    server.ctl("user", "remove", "s0710")
    record = [r for r in server.records(user="v0710")][-1]
    assert (record["attendant_before"], record["attendant"]) == ("s0710",
                                                                 "s0711")


def test_contractors_on_a_staff_list(server, world):
    head = "職員番号,氏名,任用区分,任期満了日,立会者,決裁番号,退職\r\n"

    def write(*rows):
        path = world.work / "contractors.csv"
        path.write_text(head + "".join(row + "\r\n" for row in rows))
        return path

    assert "leaves by this list" in refused(
        server.ctl, "user", "import",
        write("s0720,A,,,,,○", "v0720,B,委託,R30.3.31,s0720,,"))
    # The attendant may be new on the same list.
    done = server.ctl("user", "import", write(
        "v0720,B,委託,R30.3.31,s0720,,", "s0720,A,,,,,"))
    assert done["new"] == 2
    said = refused(server.ctl, "user", "import",
                   write("v0720,B,,R31.3.31,,,"))
    assert "contractors.csv:2:4 (任期満了日)" in said and "決裁番号" in said
    number = server.ctl("user", "import", write(
        "v0720,B,,R31.3.31,,第9号,"))["import"]
    assert server.ctl("user", "show", "v0720")["decision"] == "第9号"
    server.ctl("user", "import", "undo", number)
    assert server.ctl("user", "show", "v0720")["decision"] is None
    # Whoever leaves is named with those for whom he answers.
    dry = server.ctl("user", "import", write("s0720,A,,,,,○"), "--dry-run")
    assert dry["items"][0]["note"] == \
        "attends v0720: name another attendant"


def test_a_contractor_whose_attendant_is_not_known_yet(server, attendant):
    """Registered with an end all the same, shown, and given no more time."""
    user = "v0709"
    status, _, said = server.ctl.run("user", "add", user, "--kind",
                                     "contractor", json_output=False)
    assert status == 0 and "立会者" in said
    shown = server.ctl("user", "show", user)
    end = datetime.datetime.fromtimestamp(shown["until"], TOKYO)
    assert (end.month, end.day, end.hour) == (4, 1, 0)

    later = f"R{end.year - 2018}.6.1"
    said = refused(server.ctl, "user", "extend", user, "--until", later,
                   "--decision", "12", status=2)
    assert "立会者" in said
    server.ctl("user", "extend", user, "--until", later, "--decision", "12",
               "--attendant", attendant)
    assert server.ctl("user", "show", user)["attendant"] == attendant
