# SPDX-License-Identifier: Apache-2.0
"""Leaving the seat: real logins at a console of a machine with a real logind,
pcscd and emulated PIV cards; what happens to the session when the card leaves,
or what watches it."""
import random
import statistics
import time

import pytest

from seats import PINS, SSH, SeatHall, in_a_machine
from world import wait_for

LOCK_S = 2.0  # promised, from the card's leaving to the lock
REMOVALS = 20
# What the agent keeps at most to use again: connections to the server
# (server_client.c), threads that wait for their turn (listener.c).
KEPT = {"sockets": 8, "threads": 3}
QUIET_S = 1.0  # long enough for a removal to be noticed and acted on


@pytest.fixture(scope="module")
def hall(world):
    yield from in_a_machine(SeatHall, world)


@pytest.fixture(autouse=True)
def as_new(hall):
    """Policy says lock, alice's card is in, bob's is not, nobody is there."""
    hall.policy("lock")
    hall.put_in("alice")
    hall.take_out("bob")
    yield
    hall.send_everybody_home()


@pytest.fixture
def alice(hall):
    """At her console, logged in by card, watched."""
    console = hall.log_in()
    hall.wait_watched(console.session)
    return console


def wait_locked(hall, session, since, count=1):
    """Seconds from since to the count-th lock of the session."""
    def locks():
        return [when for when in hall.signals.of(session) if when >= since]
    wait_for(f"session {session} to be locked", lambda: len(locks()) >= count,
             LOCK_S * 2)
    return locks()[count - 1] - since


def remove(hall, user="alice"):
    start = time.monotonic()
    hall.take_out(user)
    return start


def left_behind(hall, before):
    """{kind: how many too many}. What is lost at each of 20 removals shows
    beyond what is kept."""
    more = {kind: count - before[kind] - KEPT.get(kind, 0)
            for kind, count in hall.agent_s_things().items()}
    found = {kind: count for kind, count in more.items() if count > 0}
    if found:
        print(f"too many: {found}")
    return found


def test_doctor_finds_the_rule(hall):
    def said():
        return hall.run("sekimori-agent", "doctor", check=False).stdout
    assert "ok    polkit: " in said()
    rule = "/usr/share/polkit-1/rules.d/50-sekimori-agent.rules"
    hall.run("mv", rule, "/root/rule")
    without = said()
    hall.run("mv", "/root/rule", rule)
    assert "warn  polkit: lacks 50-sekimori-agent.rules" in without


def test_the_card_s_leaving_locks_and_is_recorded(hall, alice):
    took = wait_locked(hall, alice.session, remove(hall))
    assert took < LOCK_S
    record = wait_for("the record", lambda: hall.records("locked"))[-1]
    assert (record["user"], record["service"], record["reason"],
            record["terminal"]) == ("alice", "login", "card_removed", "desk")
    assert record["login"]


def test_nothing_unlocks(hall, alice):
    """Neither the same card, nor another person's, nor both."""
    wait_locked(hall, alice.session, remove(hall))
    hall.put_in("bob")
    time.sleep(QUIET_S)
    hall.put_in("alice")
    time.sleep(QUIET_S)
    assert hall.signals.of(alice.session, "Unlock") == []
    assert alice.exists()


@pytest.mark.parametrize("member, lets", [
    ("LockSession", True), ("UnlockSession", False),
    ("ActivateSession", False)])
def test_the_agents_user_locks_and_never_unlocks(hall, alice, member, lets):
    """Not the agent itself: whoever took over its card child."""
    done = hall.run(
        "setpriv", "--reuid=sekimori-agent", "--regid=sekimori-agent",
        "--clear-groups", "busctl", "call", "org.freedesktop.login1",
        "/org/freedesktop/login1", "org.freedesktop.login1.Manager", member,
        "s", alice.session, check=False)
    assert (done.returncode == 0) == lets, done
    assert lets or "denied" in done.stderr, done
    assert hall.signals.of(alice.session, "Unlock") == []


def test_20_removals_each_within_two_seconds(hall, alice):
    """The card is proven again in between, as at a locker's prompt, so that
    its watch begins anew."""
    took, before = [], hall.agent_s_things()
    for _ in range(REMOVALS):
        # pcscd and the watch look in turns; be in no step with either.
        time.sleep(random.uniform(0, 0.4))
        took.append(wait_locked(hall, alice.session, remove(hall)))
        hall.put_in("alice")
        hall.sudo()
        hall.wait_watched(alice.session)
    print(f"removal to lock: median {statistics.median(took):.3f} s, "
          f"worst {max(took):.3f} s, n = {len(took)}")
    assert max(took) < LOCK_S
    wait_for("nothing to be left behind",
             lambda: not left_behind(hall, before), 8, every_s=0.5)


def test_a_card_that_comes_back_is_watched_without_being_proven(hall, alice):
    wait_locked(hall, alice.session, remove(hall))
    hall.put_in("alice")
    hall.wait_watched(alice.session)
    assert wait_locked(hall, alice.session, remove(hall)) < LOCK_S


def test_unlocking_by_card_begins_the_watch_at_once(hall, alice):
    """A locker that is not root's, in the time between two looks."""
    wait_locked(hall, alice.session, remove(hall))
    hall.put_in("alice")
    hall.unlock()
    wait_for("the watch", lambda: hall.seats()[alice.session] is False, 2)
    assert wait_locked(hall, alice.session, remove(hall)) < LOCK_S


def test_without_the_server_it_locks_and_is_recorded_later(hall, alice):
    before = len(hall.records("locked"))
    hall.run("systemctl", "stop", "sekimorid")
    took = wait_locked(hall, alice.session, remove(hall))
    hall.run("systemctl", "start", "sekimorid")
    assert took < LOCK_S
    wait_for("the record", lambda: len(hall.records("locked")) > before, 12)


def test_a_card_that_is_out_for_a_moment_locks(hall, alice):
    start = time.monotonic()
    hall.cards["alice"].reinsert()
    assert wait_locked(hall, alice.session, start) < LOCK_S + 0.5


@pytest.mark.parametrize("number", ["KILL", "STOP"])
def test_pcscd_s_death_locks(hall, alice, number):
    """Also one that answers nobody any more."""
    start = time.monotonic()
    hall.run("systemctl", "kill", "--kill-who=main", "-s", number, "pcscd")
    try:
        assert wait_locked(hall, alice.session, start) < LOCK_S
        assert hall.signals.of(alice.session, "Unlock") == []
    finally:
        hall.restart_pcscd()


@pytest.mark.parametrize("number", ["KILL", "STOP"])
def test_the_watcher_s_death_locks(hall, alice, number):
    before = len(hall.records("locked"))
    start = time.monotonic()
    for pid in hall.watchers():
        hall.run("kill", f"-{number}", pid)
    assert wait_locked(hall, alice.session, start) < LOCK_S
    records = wait_for("the record",
                       lambda: hall.records("locked")[before:])
    assert records[0]["reason"] == "watcher_failed"


@pytest.mark.parametrize("how", [
    ("restart",), ("kill", "--kill-who=main", "-s", "KILL")])
def test_a_restarted_agent_goes_on_watching(hall, alice, how):
    old = hall.watchers()
    hall.run("systemctl", *how, "sekimori-agent")
    wait_for("a new watcher", lambda: hall.watchers() not in ([], old), 10)
    time.sleep(QUIET_S)
    assert hall.signals.of(alice.session) == []
    assert wait_locked(hall, alice.session, remove(hall)) < LOCK_S


def test_a_card_that_left_while_the_agent_was_away_locks(hall, alice):
    hall.run("systemctl", "stop", "sekimori-agent")
    hall.take_out("alice")
    time.sleep(QUIET_S)
    assert hall.signals.of(alice.session) == []
    start = time.monotonic()
    hall.run("systemctl", "start", "sekimori-agent")
    wait_locked(hall, alice.session, start)


def test_sudo_and_su_do_not_rebind(hall, alice):
    """bob's card is proven within alice's session; hers is what counts."""
    hall.put_in("bob")
    alice.become("sudo -k; sudo -s", "alice", PINS["alice"])
    alice.become("su bob", "bob", PINS["bob"])
    alice.leave()
    alice.leave()
    alice.become("su bob", "bob", PINS["bob"])
    hall.take_out("bob")
    time.sleep(QUIET_S)
    assert hall.signals.of(alice.session) == []
    assert list(hall.seats()) == [alice.session]
    assert wait_locked(hall, alice.session, remove(hall)) < LOCK_S
    alice.leave()


def test_a_session_opened_by_code_is_not_bound_by_sudo(hall):
    console = hall.log_in_by_code("alice")
    console.become("sudo -k; sudo -s", "alice", PINS["alice"])
    assert hall.seats() == {}
    remove(hall)
    time.sleep(QUIET_S)
    assert hall.signals.of(console.session) == []


def test_each_session_has_its_card(hall, alice):
    hall.put_in("bob")
    bob = hall.log_in("bob")
    hall.wait_watched(bob.session)
    assert wait_locked(hall, bob.session, remove(hall, "bob")) < LOCK_S
    time.sleep(QUIET_S)
    assert hall.signals.of(alice.session) == []
    assert wait_locked(hall, alice.session, remove(hall)) < LOCK_S


def test_a_session_over_ssh_has_its_card_too(hall):
    """sshd asks in one process and opens the session in its parent."""
    hall.run("systemctl", "start", "sshd-test")
    wait_for("sshd", lambda: hall.listens(22))
    console = hall.log_in(by=SSH)
    hall.wait_watched(console.session)
    assert wait_locked(hall, console.session, remove(hall)) < LOCK_S
    opened = [r for r in hall.records("open") if r["service"] == "sshd"]
    locked = [r for r in hall.records("locked") if r["service"] == "sshd"]
    assert opened[0]["login"] == locked[0]["login"] != ""


def test_who_logs_out_is_not_watched(hall, alice):
    alice.log_out()
    wait_for("the watch to end", lambda: hall.seats() == {} and
             hall.watchers() == [])


def test_policy_says_logout(hall):
    hall.policy("logout")
    console = hall.log_in()
    hall.wait_watched(console.session)
    start = remove(hall)
    wait_for("the session to end", lambda: not console.exists(), LOCK_S)
    assert time.monotonic() - start < LOCK_S + 0.5
    record = wait_for("the record", lambda: hall.records("logged_out"))[-1]
    assert (record["user"], record["reason"]) == ("alice", "card_removed")
    wait_for("the seat to be given up", lambda: hall.seats() == {})


def test_policy_says_nothing(hall):
    hall.policy("nothing")
    console = hall.log_in()
    remove(hall)
    time.sleep(QUIET_S)
    assert hall.seats() == {}
    assert hall.signals.of(console.session) == []
    assert console.exists()


def test_what_the_bus_forbids_is_tried_until_it_is_allowed(hall, alice):
    """polkit is gone when the card leaves, and comes back."""
    hall.run("systemctl", "mask", "--now", "--runtime", "polkit")
    try:
        hall.take_out("alice")
        wait_for("the alert", lambda: "logind does not act" in hall.run(
            "journalctl", "-u", "sekimori-agent", "--since=-10s").stdout, 8)
        assert hall.signals.of(alice.session) == []
    finally:
        start = time.monotonic()
        hall.run("systemctl", "unmask", "--runtime", "polkit")
    wait_locked(hall, alice.session, start)
