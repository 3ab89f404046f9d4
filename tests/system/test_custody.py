# SPDX-License-Identifier: Apache-2.0
"""Tokens that change hands while the server is killed: what was said to be done
is done, what was not is not, and each ledger goes on where it was."""
import random
import threading

import pytest

from custody import drawer

ROUNDS = 6


@pytest.fixture(scope="module")
def hall(servers):
    return servers("custody-crash")


class Officer(threading.Thread):
    """Hands tokens out and takes them back until there is no server."""

    def __init__(self, hall, token, people):
        super().__init__()
        self.hall, self.token, self.people = hall, token, people
        self.holder, self.count = None, 0

    def run(self):
        for user in self.people:
            for verb, more in (("assign", (user,)), ("return", ())):
                status, _, _ = self.hall.ctl.run(
                    "token", verb, self.token.serial, *more, "--code",
                    self.token.code())
                if status != 0:
                    return
                self.holder = user if verb == "assign" else None
                self.count += 1


def check_ledger(hall, serial):
    shown = hall.ctl("token", "show", serial)
    rows = shown["ledger"]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    for before, row in zip(rows, rows[1:]):
        assert (row["from"], row["from_user"]) == (before["to"],
                                                   before["user"])
    assert (rows[-1]["to"], rows[-1]["user"]) == (shown["state"],
                                                  shown["user"])
    return shown, rows


def test_killed_while_tokens_change_hands(hall):
    people = [hall.name() for _ in range(40)]
    for user in people:
        hall.ctl("user", "add", user)
    total = 0
    for token in drawer(hall, ROUNDS):
        officer = Officer(hall, token, people)
        officer.start()
        officer.join(random.uniform(0.1, 0.6))
        hall.kill()
        officer.join(30)
        assert not officer.is_alive()
        hall.start()
        shown, rows = check_ledger(hall, token.serial)
        # One more than was told at most: that of which the answer was lost.
        assert officer.count <= len(rows) - 1 <= officer.count + 1
        if len(rows) - 1 == officer.count:
            assert shown["user"] == officer.holder
        total += officer.count
        # A code that was spent stays spent, and the next one is good.
        if shown["user"]:
            hall.ctl("token", "return", token.serial, "--code", token.code())
    assert total > ROUNDS
    assert hall.ctl("audit", "verify")["ok"]
