# SPDX-License-Identifier: Apache-2.0
"""A thousand logins: open files and memory of the module's host, the agent
and the server do not grow."""
import os

import pytest

LOGINS = 1000


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError("no VmRSS")


@pytest.fixture(scope="module")
def server(servers):
    # Wrong codes beside right ones: the counts must not get in the way.
    return servers("leaks", {"throttle.after": 10})


def state_of(*pids):
    return [(descriptors(pid), threads(pid)) for pid in pids]


def test_a_thousand_logins_leave_nothing_behind(site, server):
    site.probe.service("leak", site.line(options="explain lang=en"),
                       site.line("account"), site.line("session"))
    user, token = server.hotp()
    pids = (server.process.pid, site.agent.process.pid)

    def log_in(times):
        codes = []
        for number in range(times):
            codes.append(token.wrong() if number % 4 == 3 else token.code())
        return site.probe("leak", user, codes,
                          (f"repeat:{times}", "auth", "acct", "setcred"),
                          timeout_s=240)
    first = log_in(LOGINS // 4)
    early, early_kb = state_of(*pids), [resident_kb(pid) for pid in pids]
    run = log_in(LOGINS)
    late, late_kb = state_of(*pids), [resident_kb(pid) for pid in pids]
    assert run.codes.count("PAM_SUCCESS") >= LOGINS * 3 // 4 * 2
    assert first.codes.count("PAM_SUCCESS") >= LOGINS // 4 * 3 // 4 * 2
    facts = run.facts
    assert facts["descriptors"] == facts["descriptors_early"]
    assert facts["resident_kb"] - facts["resident_early_kb"] < 300, facts
    for before, after in zip(early, late):
        assert after[0] <= before[0] + 2 and after[1] <= before[1] + 1, \
            (early, late)
    # Sanitizers keep freed memory for a while, hence the allowance.
    slack_kb = 40_000 if "asan" in str(site.world.build) else 2_000
    for before, after in zip(early_kb, late_kb):
        assert after - before < slack_kb, (early_kb, late_kb)


def test_failing_logins_leave_nothing_behind(site, server):
    """No agent, hung up in mid-conversation, unknown people."""
    site.probe.service("leak", site.line(options="explain lang=en"))
    pids = (server.process.pid, site.agent.process.pid)
    site.probe("leak", "nobody", ["!fail"] * 50, ("repeat:50", "auth"))
    early = state_of(*pids)
    run = site.probe("leak", "nobody", ["!fail"] * 300, ("repeat:300", "auth"))
    assert run.facts["descriptors"] == run.facts["descriptors_early"]
    for before, after in zip(early, state_of(*pids)):
        assert after[0] <= before[0] + 2, (early, after)
    site.probe.service("gone", site.line(
        options="explain", socket="/run/no-such-socket"))
    run = site.probe("gone", "nobody", (), ("repeat:300", "auth"))
    assert set(run.codes) == {"PAM_AUTHINFO_UNAVAIL"}
    assert run.facts["descriptors"] == run.facts["descriptors_early"]


def test_connections_that_come_and_go_leave_nothing_behind(server):
    terminal = server.terminal()

    def come_and_go(times):
        for _ in range(times):
            connection = terminal.connect()
            assert connection.ask("GET", "/v1/capabilities").status == 200
            connection.close()
    come_and_go(50)
    early = descriptors(server.process.pid)
    come_and_go(300)
    assert descriptors(server.process.pid) <= early + 3
