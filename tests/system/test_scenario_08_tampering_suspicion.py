# SPDX-License-Identifier: Apache-2.0
"""Scenario 8. Somebody seems to have altered the record: it is checked against
the sheets that were stamped each day, whoever is suspected is stopped where he
sits, the evidence is checked on another machine, and later the freeze is lifted
with a reason."""
import json
import subprocess

import pytest

from desktops import DesktopHall
from seats import in_a_machine

DATABASE = "/var/lib/sekimori/sekimori.db"
ALTER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
tables = [t for (t,) in db.execute(
    "SELECT name FROM sqlite_master WHERE type = 'table'")
    if {"seq", "record"} <= {row[1] for row in
                             db.execute(f"PRAGMA table_info({t})")}]
with db:
    done = db.execute(f"UPDATE {tables[0]} SET record = replace(record, "
                      "'alice', 'carol') WHERE seq = ?", (int(sys.argv[2]),))
    assert done.rowcount == 1
"""


@pytest.fixture(scope="module")
def hall(world):
    yield from in_a_machine(DesktopHall, world)


def ask(hall, *words):
    """(exit status, what --json says)."""
    done = hall.run("sekimorictl", "--json", *words, check=False)
    return done.returncode, json.loads(done.stdout)


def sheet(hall):
    """What is printed and stamped in the evening."""
    return ask(hall, "audit", "head")[1]["chains"][0]


def records(hall, **wanted):
    return [record for record in ask(hall, "audit", "list", "--limit",
                                     "200")[1]["items"]
            if all(record.get(key) == value
                   for key, value in wanted.items())]


def verify(hall, *more):
    status, answer = ask(hall, "audit", "verify", *more)
    return status, answer["chains"][0]["first_bad"]


def take_evidence(hall, world):
    """The export, on a machine that has never seen the server."""
    path = world.directory("evidence") / "chain"
    path.write_text(hall.ctl("audit", "export").stdout)
    done = subprocess.run(
        [world.program("sekimorictl"), "--json", "audit", "verify",
         "--export", path], env=world.environment(), text=True,
        capture_output=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)["chains"][0]


def test_scenario_08_tampering_suspicion(hall, world):
    monday = sheet(hall)
    desk, colleague = hall.desktop("alice"), hall.desktop("bob")
    login = records(hall, kind="login", user="alice", result="accept")[-1]
    tuesday = sheet(hall)
    assert verify(hall, "--head", tuesday["head"]) == (0, None)

    # Who was there is made to look like somebody else, at night.
    hall.run("systemctl", "stop", "sekimorid")
    hall.run("python3", "-c", ALTER, DATABASE, str(login["seq"]))
    hall.run("systemctl", "start", "sekimorid")
    hall.wait_connected()
    for stamped in (monday, tuesday):
        status, first_bad = verify(hall, "--head", stamped["head"])
        assert status == 1 and first_bad == login["seq"]
    assert monday["records"] < first_bad <= tuesday["records"]

    # Stopped where she sits, within five seconds; nobody else is.
    start = hall.freeze("user", "freeze", "alice", "--reason",
                        "the record of her login was altered")
    hall.wait_locked(desk, start)
    assert hall.is_untouched(colleague)
    assert hall.is_refused()
    assert records(hall, kind="login", user="alice")[-1]["reason"] == "frozen"
    assert records(hall, kind="session", action="locked")[-1]["reason"] == \
        "frozen"

    # To police and prefecture: the same finding without server or keys.
    status, chain = take_evidence(hall, world)
    assert status == 1 and chain["first_bad"] == login["seq"]

    # It was another; lifted, by whom and why.
    hall.ctl("user", "thaw", "alice", "--reason", "cleared, report 12")
    for action, why in (
            ("user freeze", "the record of her login was altered"),
            ("user thaw", "cleared, report 12")):
        record = records(hall, action=action)[-1]
        assert (record["target"], record["why"], record["actor"]) == \
            ("alice", why, "root")
    assert hall.signals.of(desk.session, "Unlock") == []
    assert hall.desktop("alice").exists()
