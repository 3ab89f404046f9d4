# SPDX-License-Identifier: Apache-2.0
"""The emergency stop where people sit: real logins in a machine of their own
with a real logind. A desktop's session is locked, any other is ended, within
five seconds. Sessions of login(1) are made desktops' by their PAM stack."""
import random
import time

import pytest

from desktops import COUNTER, DesktopHall
from seats import PINS, in_a_machine
from world import wait_for

SETTLED_S = 4.0  # no session opened: it was an unlocking (unlockings.h)
QUIET_S = 1.0  # long enough for a stop to be noticed and acted on
CONF = "/var/lib/sekimori-agent/agent.conf"


@pytest.fixture(scope="module")
def hall(world):
    yield from in_a_machine(DesktopHall, world)


@pytest.fixture(autouse=True)
def as_new(hall):
    yield
    hall.send_everybody_home()
    hall.thaw_all()


@pytest.fixture
def everybody(hall):
    """alice at a desktop and over ssh, bob at a desktop."""
    return hall.desktop(), hall.text(), hall.desktop("bob")


@pytest.mark.parametrize("how", ["freeze", "suspend"])
def test_a_person_s_sessions_and_nobody_else_s(hall, everybody, how):
    desktop, text, bob = everybody
    start = hall.freeze("user", how, "alice")
    took = hall.wait_locked(desktop, start)
    print(f"{how} to lock: {took:.3f} s")
    hall.wait_ended(text, start)
    time.sleep(QUIET_S)
    assert desktop.exists() and hall.is_untouched(bob)
    locked = wait_for("the record", lambda: hall.records("locked"))[-1]
    ended = wait_for("the record", lambda: hall.records("logged_out"))[-1]
    assert (locked["user"], locked["service"], locked["reason"],
            locked["terminal"]) == ("alice", "login", "frozen", "desk")
    assert (ended["user"], ended["service"], ended["reason"]) == \
        ("alice", "sshd", "frozen")


@pytest.mark.parametrize("words", [
    ("terminal", "freeze", "desk"), ("server", "freeze")])
def test_everybody_s_sessions(hall, everybody, words):
    desktop, text, bob = everybody
    start = hall.freeze(*words)
    hall.wait_locked(desktop, start)
    hall.wait_locked(bob, start)
    hall.wait_ended(text, start)


def test_nothing_unlocks(hall):
    desktop = hall.desktop()
    hall.wait_locked(desktop, hall.freeze("user", "freeze", "alice"))
    hall.ctl("user", "thaw", "alice")
    time.sleep(QUIET_S)
    assert hall.signals.of(desktop.session, "Unlock") == []


def test_whoever_unlocks_while_frozen_is_locked_again(hall):
    """As by a locker that asks for a password alone. One record tells of it."""
    desktop = hall.desktop()
    before = len(hall.records("locked"))
    hall.wait_locked(desktop, hall.freeze("user", "freeze", "alice"))
    again = time.monotonic() + QUIET_S
    time.sleep(QUIET_S)
    hall.wait_locked(desktop, again, 30)
    assert len(hall.records("locked")) == before + 1


@pytest.mark.parametrize("how", [
    ("restart",), ("kill", "--kill-who=main", "-s", "KILL")])
def test_sessions_that_opened_before_the_agent_did(hall, everybody, how):
    desktop, text, bob = everybody
    hall.run("systemctl", *how, "sekimori-agent")
    time.sleep(QUIET_S)
    hall.wait_connected()
    start = hall.freeze("user", "freeze", "alice")
    hall.wait_locked(desktop, start)
    hall.wait_ended(text, start)
    assert hall.is_untouched(bob)


def test_an_agent_that_was_away_acts_when_it_is_back(hall, everybody):
    desktop, text, bob = everybody
    hall.run("systemctl", "stop", "sekimori-agent")
    wait_for("it to be missed", lambda: not hall.is_connected(), 8)
    answer = hall.ctl("user", "freeze", "alice").stdout
    assert "Terminals told: 0." in answer and "  desk" in answer
    time.sleep(QUIET_S)
    assert hall.is_untouched(desktop) and text.exists()
    start = time.monotonic()
    hall.run("systemctl", "start", "sekimori-agent")
    hall.wait_locked(desktop, start)
    hall.wait_ended(text, start)
    assert hall.is_untouched(bob)


def test_a_server_that_is_away_locks_nobody(hall, everybody):
    desktop, text, bob = everybody
    hall.run("systemctl", "stop", "sekimorid")
    time.sleep(3)
    assert all(map(hall.is_untouched, everybody))
    hall.run("systemctl", "start", "sekimorid")
    start = hall.freeze("user", "freeze", "alice")
    hall.wait_locked(desktop, start)
    hall.wait_ended(text, start)
    assert hall.is_untouched(bob)


def test_a_server_that_hangs_locks_nobody(hall, everybody):
    hall.run("systemctl", "kill", "--kill-who=main", "-s", "STOP", "sekimorid")
    try:
        time.sleep(5)
    finally:
        hall.run("systemctl", "kill", "--kill-who=main", "-s", "CONT",
                 "sekimorid")
    assert all(map(hall.is_untouched, everybody))


def test_a_network_that_was_cut(hall, everybody):
    """Without a word, as by a switch that lost its power."""
    desktop, text, bob = everybody
    hall.cut()
    try:
        hall.ctl("user", "freeze", "alice")
        time.sleep(6)
        assert all(map(hall.is_untouched, everybody))
    finally:
        start = time.monotonic()
        hall.mend()
    hall.wait_locked(desktop, start, 15)
    assert hall.is_untouched(bob)


def test_a_terminal_that_is_cut_off_is_not_connected(hall):
    hall.cut()
    try:
        wait_for("it to be missed", lambda: not hall.is_connected(), 35)
    finally:
        hall.mend()
    hall.wait_connected()


def test_a_login_in_the_very_moment_of_the_freeze(hall):
    """Refused, or locked: nobody slips through between the two."""
    for _ in range(6):
        console = hall.begin()
        time.sleep(random.uniform(0, 0.3))
        start = hall.freeze("user", "freeze", "alice")
        if console.ends_in_a_session():
            hall.wait_locked(console, start)
        console.close()
        hall.ctl("user", "thaw", "alice")


def test_of_those_who_share_an_account_one_is_meant(hall):
    """Also after the agent has forgotten what it did not write down."""
    carol, dave = hall.counter("carol"), hall.counter("dave")
    time.sleep(SETTLED_S)
    hall.wait_locked(carol, hall.freeze("user", "freeze", "carol"))
    time.sleep(QUIET_S)
    assert hall.is_untouched(dave)
    record = wait_for("the record", lambda: [
        r for r in hall.records("locked") if r["user"] == "carol"])[-1]
    assert (record["account"], record["reason"]) == (COUNTER, "frozen")
    hall.run("systemctl", "kill", "--kill-who=main", "-s", "KILL",
             "sekimori-agent")
    time.sleep(QUIET_S)
    hall.wait_connected()
    assert hall.is_untouched(dave)
    hall.wait_locked(dave, hall.freeze("user", "suspend", "dave"))


def test_whoever_unlocked_it_is_in_the_session_too(hall):
    carol = hall.counter("carol")
    hall.unlock_counter(carol, "dave")
    hall.wait_locked(carol, hall.freeze("user", "freeze", "dave"))
    hall.ctl("user", "thaw", "dave")
    hall.unlock_counter(carol, "carol")
    start = hall.freeze("user", "freeze", "dave")
    time.sleep(QUIET_S)
    assert [t for t in hall.signals.of(carol.session) if t >= start] == []


def test_whoever_unlocked_it_through_a_display_manager_is_too(hall):
    """It asks as root and outside of the session, as GNOME's does."""
    carol = hall.counter("carol")
    hall.unlock_as_root("dave")
    time.sleep(SETTLED_S)
    hall.wait_locked(carol, hall.freeze("user", "freeze", "dave"))


def test_a_guest_by_su_is_in_the_session_too(hall):
    """bob in alice's: it is he who is frozen, and she who looks after him."""
    desktop = hall.desktop()
    desktop.become("su bob", "bob", PINS["bob"])
    hall.wait_locked(desktop, hall.freeze("user", "freeze", "bob"))
    hall.ctl("user", "thaw", "bob")
    desktop.leave()
    start = hall.freeze("user", "freeze", "bob")
    time.sleep(QUIET_S)
    assert [t for t in hall.signals.of(desktop.session) if t >= start] == []


def test_text_sessions_are_left_where_agent_conf_says_so(hall, everybody):
    desktop, text, _ = everybody
    hall.run("sh", "-c", f"echo 'frozen_text_sessions = leave' >>{CONF}")
    hall.run("systemctl", "restart", "sekimori-agent")
    try:
        time.sleep(QUIET_S)
        hall.wait_connected()
        hall.wait_locked(desktop, hall.freeze("server", "freeze"))
        left = wait_for("the record", lambda: hall.records("left_open"))[-1]
        assert (left["user"], left["service"], left["reason"]) == \
            ("alice", "sshd", "frozen")
        time.sleep(QUIET_S)
        assert text.exists()
    finally:
        hall.run("sed", "-i", "/frozen_text/d", CONF)
        hall.run("systemctl", "restart", "sekimori-agent")
        hall.wait_connected()


def test_what_the_bus_forbids_is_tried_until_it_is_allowed(hall):
    desktop = hall.desktop()
    hall.run("systemctl", "mask", "--now", "--runtime", "polkit")
    try:
        hall.ctl("user", "freeze", "alice")
        wait_for("the alert", lambda: "logind does not act" in hall.run(
            "journalctl", "-u", "sekimori-agent", "--since=-10s").stdout, 8)
        assert hall.signals.of(desktop.session) == []
    finally:
        start = time.monotonic()
        hall.run("systemctl", "unmask", "--runtime", "polkit")
    hall.wait_locked(desktop, start)


def test_a_revoked_terminal_locks_nobody(hall, everybody):
    """It is a stranger then; whoever wants its sessions locked freezes it
    first. Last: it has to join again."""
    hall.ctl("terminal", "revoke", "desk")
    time.sleep(QUIET_S * 2)
    assert all(map(hall.is_untouched, everybody))
    code = hall.ctl("terminal", "add", "desk").stdout.splitlines()[0]
    hall.world.secret("join code", code)
    hall.run("sekimori-agent", "join", "--force", "--server",
             "https://localhost:8443", "--code", "-", stdin=code + "\n")
    hall.run("systemctl", "restart", "sekimori-agent")
    hall.wait_connected()
