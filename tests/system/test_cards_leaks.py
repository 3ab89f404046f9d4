# SPDX-License-Identifier: Apache-2.0
"""A thousand logins by card: no child, file, memory or thread of the agent,
the server or the module's host is left behind."""
import os

import pytest

import cards
from cardsite import CardSite
from test_leaks import descriptors, resident_kb, threads
from world import at_once, result_of

LOGINS, DESKS = 1000, 2
PIN = cards.PIN_SOFTHSM


@pytest.fixture(scope="module")
def server(servers):
    return servers("card leaks")


@pytest.fixture(scope="module")
def town(world, server, agents, authority):
    world.secret("card PIN", PIN)
    made = CardSite(world, server, authority)
    made.desks = [Desk(made, agents, f"desk{n}") for n in range(DESKS)]
    return made


class Desk:
    """A terminal, a person and her card: SoftHSM2 does not bear two logins
    to one token at once."""

    def __init__(self, town, agents, name):
        tokens = cards.Tokens(town.world)
        # Plain: a child for each login costs a sanitizer's start each time,
        # and what it keeps of freed memory would hide what is not freed.
        self.agent = agents(town.server, modules=[cards.SOFTHSM], plain=True,
                            environment={"SOFTHSM2_CONF": tokens.config})
        self.service = town.stack(self.agent, name)
        self.user = town.person(tokens.add("it", town.authority.issue("x")))


def state_of(pid):
    return descriptors(pid), threads(pid), len(cards.children_of(pid))


def processes():
    """Names of all that run in this world, which has a network of its own."""
    found, ours = [], os.readlink("/proc/self/ns/net")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/net") != ours:
                continue
            with open(f"/proc/{pid}/comm", encoding="ascii") as name:
                found.append(name.read().strip())
        except OSError:
            pass
    return found


def agents_of(town):
    return [desk.agent.process.pid for desk in town.desks]


def log_in(town, times, right=True):
    """So often, shared among the desks: their Runs."""
    each = times // DESKS
    answers = [PIN if right else "not-the-pin"] * each * (1 if right else 3)

    def some(desk):
        return town.log_in(desk.user, *answers, timeout_s=240,
                           service=desk.service,
                           steps=(f"repeat:{each}", "auth", "acct"))
    runs = at_once(some, town.desks)
    return [result_of(runs, which) for which in runs]


def test_a_thousand_logins_by_card_leave_nothing_behind(town, server):
    pids = (server.process.pid, *agents_of(town))
    log_in(town, LOGINS // 10)
    early = [state_of(pid) for pid in pids]
    early_kb = [resident_kb(pid) for pid in pids]
    runs = log_in(town, LOGINS)
    for desk in town.desks:
        cards.no_child_is_left(desk.agent)
    late = [state_of(pid) for pid in pids]
    late_kb = [resident_kb(pid) for pid in pids]
    for run in runs:
        assert run.codes == ["PAM_SUCCESS"] * 2 * (LOGINS // DESKS), run
        facts = run.facts
        assert facts["descriptors"] == facts["descriptors_early"]
        assert facts["resident_kb"] - facts["resident_early_kb"] < 300, facts
    for before, after in zip(early, late):
        assert after[0] <= before[0] + 2 and after[1] <= before[1] + 1 and \
            after[2] == 0, (early, late)
    # Sanitizers keep freed memory for a while, hence the server's allowance.
    slack_kb = 40_000 if "asan" in str(town.world.build) else 2_000
    for before, after in zip(early_kb, late_kb):
        assert after - before < slack_kb, (early_kb, late_kb)
        slack_kb = 2_000  # of the agents
    assert "sekimori-card" not in processes()


def test_failing_logins_by_card_leave_nothing_behind(town):
    log_in(town, 2 * DESKS, right=False)
    early = [state_of(pid) for pid in agents_of(town)]
    for run in log_in(town, 20 * DESKS, right=False):
        assert "PAM_SUCCESS" not in run.codes, run
    for desk in town.desks:
        cards.no_child_is_left(desk.agent)
    late = [state_of(pid) for pid in agents_of(town)]
    for before, after in zip(early, late):
        assert after[0] <= before[0] + 2 and after[1] <= before[1] + 1, \
            (early, late)
