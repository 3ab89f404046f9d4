# SPDX-License-Identifier: Apache-2.0
"""Scenario 6. "窓口端末03 (madoguchi-03), 令和7年度": an auditor, signed in from a desk of his
own, asks for one terminal and one fiscal year and sees who logged in and out,
what failed, which emergency codes were used and which rules held, and notes
the digest. What he reads is recorded; what would change anything is refused
and recorded."""
import csv
import datetime
import hashlib
import re
import sqlite3
import time

import pytest

from conftest import Site
from custody import TOKYO
from server import Server
from test_administrators import Desk, make_officer, refused
from world import wait_for

TERMINAL, YEARS, PER_YEAR = "madoguchi-03", 2, 60000
RULES = "permit everyone factors=any\n"


def fiscal_year():
    now = datetime.datetime.now(TOKYO)
    return now.year - (now.month < 4)


def past_records(end):
    """[(time in ms, record without seq and time)] of the years before this
    one, at forty terminals."""
    step = (end - datetime.datetime(end.year - YEARS, 4, 1, tzinfo=TOKYO)) / \
        (YEARS * PER_YEAR)
    for i in range(YEARS * PER_YEAR):
        at = end - step * (YEARS * PER_YEAR - i)
        kind = '"kind":"session","action":"open"' if i % 2 else \
            '"kind":"login","factor":"otp","result":"accept"'
        yield at, (f'{kind},"user":"s{i % 300:04}",'
                   f'"terminal":"madoguchi-{i % 40:02}","service":"login"')


def write_past(database):
    """A server that has been there for years: its record, as it would have
    written it, before what it has of today."""
    db = sqlite3.connect(database)
    today = db.execute("SELECT seq, time_ms, record FROM audit").fetchall()
    digest, rows = bytes(32), []

    def add(time_ms, record):
        nonlocal digest
        digest = hashlib.sha256(digest + record.encode()).digest()
        rows.append((len(rows) + 1, time_ms, record, digest))

    end = datetime.datetime(fiscal_year(), 4, 1, tzinfo=TOKYO)
    for at, members in past_records(end):
        time_ms = int(at.timestamp() * 1000)
        utc = at.astimezone(datetime.timezone.utc)
        add(time_ms, f'{{"seq":{len(rows) + 1},"time":"'
            f'{utc:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03}Z",{members}}}')
    for _, time_ms, record in today:
        add(time_ms, re.sub(r'^\{"seq":\d+', f'{{"seq":{len(rows) + 1}',
                            record))
    with db:
        db.execute("DELETE FROM audit")
        db.executemany("INSERT INTO audit (seq, time_ms, record, hash)"
                       " VALUES (?, ?, ?, ?)", rows)
    db.close()


@pytest.fixture(scope="module")
def server(world):
    made = Server(world, "audited")
    made.init()
    write_past(made.state / "sekimori.db")
    made.start()
    yield made
    assert made.stop() == 0, made.log()[-3000:]


@pytest.fixture(scope="module")
def hall(world, server, agents):
    made = Site(world, server, agents(server, name=TERMINAL))
    made.probe.service("login", made.line(options="explain"),
                       made.line("account"), made.line("session"))
    return made


@pytest.fixture(scope="module")
def auditor(world, server):
    desk = Desk(world, server, "auditor")
    desk.ca.write_text(server.terminal().ca.read_text())
    make_officer(server, "a100", "auditor").sign_in(desk)
    return desk


def come_and_go(hall, user, code):
    return hall.probe("login", user, [code],
                      ("auth", "acct", "open", "close")).codes[0]


@pytest.fixture(scope="module")
def day(hall, server):
    """A day at the counter, and the rules of that day."""
    rules = server.dir / "rules"
    rules.write_text(RULES)
    server.ctl("policy", "set", rules, "--reason", "第3条", "--approver",
               "課長")
    _, token = server.hotp("alice")
    server.hotp("bob")
    assert hall.probe("login", "alice", [token.wrong()]).code != "PAM_SUCCESS"
    assert come_and_go(hall, "alice", token.code()) == "PAM_SUCCESS"
    code = server.ctl("code", "issue", "bob")["code"]
    assert come_and_go(hall, "bob", code) == "PAM_SUCCESS"
    wait_for("bob to have left", lambda: closed(server, "bob"))
    held_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    server.ctl("user", "freeze", "bob", "--reason",
               "=HYPERLINK(\"http://192.0.2.1\",\"報告書\")")
    rules.write_text("permit staff user=alice factors=otp\n")
    server.ctl("policy", "set", rules, "--reason", "第4条")
    return held_at


def closed(server, user):
    return [r for r in server.records(user=user)
            if r["kind"] == "session" and r["action"] == "close"]


def asked(auditor, *more):
    return auditor.items("audit", "list", "--terminal", TERMINAL, "--year",
                         f"R{fiscal_year() - 2018}", *more)


def own_records(server):
    return [r for r in server.records(limit=1000)
            if r.get("actor") == "admin a100"]


def test_scenario_06_an_auditor_asks_for_a_year(server, auditor, day):
    seen = asked(auditor)
    assert {r["terminal"] for r in seen} == {TERMINAL}
    assert not [r for r in seen if (r["user"] or "").startswith("s0")]
    story = [(r["user"], r.get("action") or r["result"], r.get("factor"))
             for r in seen if r["user"]]
    assert [s for s in story if s[0] == "alice"] == [
        ("alice", "deny", "otp"), ("alice", "accept", "otp"),
        ("alice", "open", None), ("alice", "close", None)]
    assert ("bob", "accept", "emergency") in story
    assert [r["user"] for r in asked(auditor, "--factor", "emergency")] == \
        ["bob"]
    assert [r["reason"] for r in asked(auditor, "--result", "deny")] == \
        ["wrong"]
    assert {r["action"] for r in asked(auditor, "--kind", "session")} == \
        {"open", "close"}

    # The rules that held, by whom and why; and those of now.
    then = auditor("policy", "show", "--at", day)
    assert (then["text"], then["reason"], then["approver"]) == \
        (RULES, "第3条", "課長")
    assert "staff" in auditor("policy", "show")["text"]
    assert [v["reason"] for v in auditor.items("policy", "list")][:2] == \
        ["第4条", "第3条"]

    # The digest, to be noted beside it.
    head = auditor("audit", "head")["chains"][0]["head"]
    assert auditor("audit", "verify", "--head", head)["head_found"]


def test_a_year_of_years_is_quick(auditor, day):
    year = fiscal_year() - 1
    start = time.monotonic()
    seen = auditor.items("audit", "list", "--terminal", TERMINAL, "--year",
                         f"令和{year - 2018}年度", "--limit", 10000)
    took = time.monotonic() - start
    print(f"{len(seen)} records of a year's {PER_YEAR} in {took:.2f} s")
    assert took < 10
    assert abs(len(seen) - PER_YEAR // 40) <= 2
    times = [r["time"] for r in seen]
    assert times == sorted(times)
    assert f"{year}-03-31T15:00" <= times[0]
    assert times[-1] < f"{year + 1}-03-31T15:00"
    # By its days it is the same, and a part says that there is more.
    assert auditor.items(
        "audit", "list", "--terminal", TERMINAL, "--from",
        f"R{year - 2018}.4.1", "--to", f"R{year - 2017}.3.31", "--limit",
        10000) == seen
    status, _, err = auditor.run(
        "audit", "list", "--year", year, json_output=False)
    assert status == 0 and "--limit" in err


def test_for_a_spreadsheet(auditor, day):
    path = auditor.home / "year.csv"
    status, _, err = auditor.run("audit", "list", "--kind", "admin", "--csv",
                                 path, json_output=False)
    assert status == 0, err
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    frozen, = (r for r in rows if r["ACTION"] == "user freeze")
    assert frozen["WHY"].startswith("'=HYPERLINK(")
    assert not [cell for r in rows for cell in r.values()
                if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    # All of a year, not fifty.
    everything = auditor.home / "all.csv"
    auditor.run("audit", "list", "--terminal", TERMINAL, "--csv", everything)
    with open(everything, encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) > PER_YEAR * YEARS // 40
    assert "exists" in refused(auditor, "audit", "list", "--csv", path)


def test_what_he_reads_is_recorded(server, auditor, day):
    asked(auditor, "--factor", "card")
    auditor("policy", "show", "--at", day)
    auditor("audit", "head")
    own = own_records(server)
    read = [r for r in own if r["action"] == "audit/list"]
    assert [(r["target"], r["asked_year"]) for r in read
            if r.get("asked_factor") == "card"] == \
        [(TERMINAL, f"R{fiscal_year() - 2018}")]
    assert day in [r.get("asked_at") for r in own
                   if r["action"] == "policy/show"]
    assert "audit/head" in [r["action"] for r in own]


def test_what_would_change_anything_is_refused(server, auditor, day):
    rules = auditor.home / "rules"
    rules.write_text("permit everyone factors=any\n")
    before = server.ctl("policy", "show")["version"]
    for command in (("user", "thaw", "bob"), ("user", "unlock", "alice"),
                    ("code", "issue", "alice"), ("policy", "set", rules),
                    ("terminal", "freeze", TERMINAL), ("server", "freeze"),
                    ("server", "backup", auditor.home / "copy"),
                    ("admin", "remove", "a100")):
        said = refused(auditor, *command, status=4)
        assert "auditor" in said, said
    assert server.ctl("policy", "show")["version"] == before
    assert server.ctl("user", "show", "bob")["frozen"]
    shut = [r for r in own_records(server) if r["result"] == "refused"]
    assert {r["reason"] for r in shut} == {"not_permitted"}
    assert sum(r["count"] for r in shut) >= 8


def test_only_years_that_are_some(auditor):
    for words in (("--year", "soon"), ("--year", "R7.4.1"),
                  ("--year", "R7", "--from", "R7.4.1"), ("--limit", 0)):
        refused(auditor, "audit", "list", *words, status=2)
