# SPDX-License-Identifier: Apache-2.0
"""Scenario 9, at a counter's shared account: whoever leaves takes his card and
the screen locks; a colleague goes on with his own within five seconds, is
recorded as himself, and his leaving locks as well. Real logins at a console of
a machine with logind, pcscd and emulated cards."""
import json
import time

import pytest

from programs import CODE_PROMPT, PASSWORD_PROMPT, password_of
from seats import PINS, Console, SeatHall, in_a_machine
from world import wait_for

COUNTER = "madoguchi"
LOCK_S, SWITCH_S = 2.0, 5.0
NUMBER_PROMPT = "Staff number: ?"


class Counter(SeatHall):
    """alice and bob are staff numbers; both use the counter's account."""

    def _enroll_tokens(self):
        self.run("useradd", "-m", "-s", "/bin/bash", COUNTER)
        self.run("chpasswd", stdin=f"{COUNTER}:{password_of(COUNTER)}\n")
        self.world.secret("the counter's password", password_of(COUNTER))
        for person in PINS:
            self.ctl("user", "add", person, "--login", COUNTER)
        super()._enroll_tokens()

    def sit_down(self, person):
        """At the counter's console, by card."""
        console = Console(self, COUNTER)
        self.consoles.append(console)
        console.log_in(PINS[person])
        self.wait_watched(console.session)
        return console

    def logins(self, person):
        found = json.loads(self.ctl("--json", "audit", "list", "--user",
                                    person).stdout)["items"]
        return [r for r in found if r["kind"] == "login" and
                r["result"] == "accept"]


@pytest.fixture(scope="module")
def hall(world):
    yield from in_a_machine(Counter, world)


@pytest.fixture
def console(hall):
    """alice's card opened it."""
    hall.put_in("alice")
    hall.take_out("bob")
    yield hall.sit_down("alice")
    hall.send_everybody_home()


def leave(hall, console, person):
    """Seconds from the card's leaving to the lock."""
    start = time.monotonic()
    hall.take_out(person)

    def locks():
        return [when for when in hall.signals.of(console.session)
                if when >= start]
    wait_for("the lock", locks, LOCK_S * 2)
    return locks()[0] - start


def unlock(console, typed):
    """At a locker that runs in the session; its one field gets this."""
    console.child.sendline(f"locker locker {COUNTER}")
    console.child.sendline(typed)
    console.child.expect("\nunlocked")
    console.child.expect(r"\$ ")


def test_a_colleague_takes_over_by_card(hall, console):
    assert leave(hall, console, "alice") < LOCK_S
    start = time.monotonic()
    hall.put_in("bob")
    unlock(console, PINS["bob"])
    took = time.monotonic() - start
    print(f"switch: {took:.2f} s")
    assert took < SWITCH_S
    login = hall.logins("bob")[-1]
    assert (login["account"], login["factor"], login["service"],
            login["terminal"]) == (COUNTER, "card", "locker", "desk")
    hall.wait_watched(console.session)
    assert leave(hall, console, "bob") < LOCK_S
    record = wait_for("the record", lambda: [
        r for r in hall.records("locked") if r["user"] == "bob"])[-1]
    # On a busy machine his card may leave before its watch has seen it.
    assert record["account"] == COUNTER
    assert record["reason"] in ("card_removed", "watcher_failed")
    hall.put_in("alice")
    unlock(console, PINS["alice"])
    hall.wait_watched(console.session)
    assert leave(hall, console, "alice") < LOCK_S
    assert console.exists(), "one session all the time"


def test_the_opener_is_recorded_as_himself(hall, console):
    login = hall.logins("alice")[-1]
    assert (login["account"], login["service"]) == (COUNTER, "login")
    opened = wait_for("the record", lambda: [
        r for r in hall.records("open") if r["user"] == "alice"])[-1]
    assert (opened["account"], opened["service"]) == (COUNTER, "login")
    console.log_out()
    closed = wait_for("the record", lambda: [
        r for r in hall.records("close") if r["user"] == "alice"])[-1]
    assert (closed["account"], closed["login"]) == (COUNTER, opened["login"])


def test_a_colleague_without_his_card_says_who_he_is(hall, console):
    """At a locker with one field, and at a login of his own."""
    assert leave(hall, console, "alice") < LOCK_S
    before = len(hall.logins("bob"))
    unlock(console, f"bob/{hall.tokens['bob'].code()}")
    assert len(hall.logins("bob")) == before + 1
    other = Console(hall, COUNTER)
    hall.consoles.append(other)
    for prompt, typed in ((PASSWORD_PROMPT, password_of(COUNTER)),
                          (NUMBER_PROMPT, "bob"),
                          (CODE_PROMPT, hall.tokens["bob"].code())):
        other.child.expect(prompt)
        other.child.sendline(typed)
    other.child.expect(r"\$ ")
    other.session = other.ask("echo $XDG_SESSION_ID")
    opened = wait_for("the record", lambda: [
        r for r in hall.records("open") if r["user"] == "bob"])[-1]
    assert opened["account"] == COUNTER


def test_his_code_and_a_colleagues_number_open_nothing(hall, console):
    before = len(hall.logins("alice"))
    console.child.sendline(f"locker locker {COUNTER}")
    console.child.sendline(f"alice/{hall.tokens['bob'].code()}")
    console.child.expect("still locked")
    assert len(hall.logins("alice")) == before
