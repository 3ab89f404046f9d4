# SPDX-License-Identifier: Apache-2.0
"""Scenario 16, the server's part. One IT officer installs: a week of 監視のみ
in which nobody is refused and everybody is seen, then it is enforced
department by department; what was forgotten enforces itself."""
import datetime

import pytest

import programs

TOKYO = datetime.timezone(datetime.timedelta(hours=9))
STAFF = {"alice": "情報政策課", "bob": "税務課", "carol": "税務課"}


@pytest.fixture(scope="module")
def server(servers):
    return servers("install", fake=True)


@pytest.fixture(scope="module")
def sshd(site):
    return site.start_sshd()


def day(server, days):
    return (datetime.datetime.fromtimestamp(server.now(), TOKYO).date() +
            datetime.timedelta(days=days)).isoformat()


def doctor(site):
    import subprocess
    return subprocess.run(
        [site.world.program("sekimori-agent"), "doctor", "--state-dir",
         site.agent.state, "--socket", site.agent.socket], text=True,
        capture_output=True, timeout=60, env=site.world.environment(),
        check=False).stdout


def lets_in(sshd, user, code=None):
    return programs.ssh(sshd, user, code)[0]


def test_a_week_of_watching_then_by_department(site, server, sshd):
    for user, department in STAFF.items():
        server.ctl("user", "add", user, "--department", department)
    until = day(server, 7)
    server.ctl("policy", "set", "-", "--approver", "総務課長", stdin=(
        f"permit all factors=otp,emergency shadow={until}\n"))

    # Nobody has anything yet, and nobody is kept from work or asked.
    for user in STAFF:
        assert lets_in(sshd, user), user
    assert not programs.ssh(sshd, "alice", None, "not-the-password")[0]
    assert f"all until {until}" in doctor(site)
    assert server.ctl("server", "status")["state"] == "shadow"

    # Day by day they get their tokens, and are asked.
    token = server.hotp("alice")[1]
    let_in, shown = programs.ssh(sshd, "alice", token.wrong())
    assert let_in and "From 2" in shown and "will be refused" in shown, shown
    assert lets_in(sshd, "alice", token.code())
    report = {(row["user"], row["would"]): row
              for row in server.ctl.items("policy", "report")}
    assert set(report) == {("alice", "not_enrolled"), ("alice", "wrong"),
                           ("bob", "not_enrolled"), ("carol", "not_enrolled")}
    assert report["bob", "not_enrolled"]["department"] == "税務課"

    # Enforced for one department, watched in the others.
    server.ctl("policy", "set", "-", stdin=(
        "permit it department=情報政策課 factors=otp,emergency\n"
        f"permit all factors=otp,emergency shadow={until}\n"))
    assert not lets_in(sshd, "alice", token.wrong())
    assert lets_in(sshd, "alice", token.code())
    assert lets_in(sshd, "bob")

    # The week ends by itself: who has been forgotten is refused and seen.
    bob = server.hotp("bob")[1]
    server.pass_time(8 * 86400)
    assert not lets_in(sshd, "carol", "000000")
    assert lets_in(sshd, "bob", bob.code())
    assert server.records(user="carol", limit=50)[-1]["reason"] \
        == "not_enrolled"
    assert server.ctl("server", "status")["state"] == "running"
    assert "SHADOW" not in doctor(site)
