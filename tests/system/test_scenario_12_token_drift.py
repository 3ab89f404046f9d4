# SPDX-License-Identifier: Apache-2.0
"""Scenario 12. "The numbers do not fit": two codes in a row put a token's clock
right up to ten steps; beyond that the token is replaced."""
import pytest

import programs
from custody import device, drawer, hand, refused
from otp import Totp

STEP_S = 30


@pytest.fixture(scope="module")
def server(servers):
    return servers("drift-12", fake=True)


@pytest.fixture(scope="module")
def hall(site, server):
    server.ctl("user", "add", "alice")
    return site


def fresh(server):
    """The step that has just begun."""
    server.pass_time(STEP_S - server.now() % STEP_S + 1)
    return int(server.now()) // STEP_S


def slow_token(server, user, steps):
    """Somebody's token, whose clock has stood still for so many steps."""
    token = Totp(server.world.seed(), clock=server.now)
    server.enroll(user, token, confirm=False)
    server.ctl("token", "confirm", token.serial, token.at(fresh(server)))
    server.pass_time((steps + 2) * STEP_S)
    return token


def shows(server, token, steps):
    return token.at(fresh(server) - steps)


def log_in(hall, code):
    return programs.login(hall.world, "alice", code)


def test_scenario_12_token_drift(hall, server):
    token = slow_token(server, "alice", 6)
    let_in, text = log_in(hall, shows(server, token, 6))
    assert not let_in
    # The operator is told, the person is not.
    assert "step" not in text.lower()
    assert server.ctl("token", "show", token.serial)["out_of_step"]

    step = fresh(server) - 6
    done = server.ctl("token", "resync", token.serial, token.at(step - 1),
                      token.at(step))["token"]
    assert done["drift"] == -6
    assert not log_in(hall, token.at(step))[0]
    assert log_in(hall, shows(server, token, 6))[0]
    assert not server.ctl("token", "show", token.serial)["out_of_step"]


def test_beyond_ten_steps_it_is_replaced(hall, server):
    token = slow_token(server, "alice", 14)
    step = fresh(server) - 14
    said = refused(server, "token", "resync", token.serial,
                   token.at(step - 1), token.at(step))
    assert "replaced" in said
    server.ctl("token", "return", token.serial, "--no-code",
               "14 steps behind")
    assert server.ctl("token", "show", token.serial)["state"] == "retired"
    new, = drawer(server)
    hand(server, new, "alice")
    assert log_in(hall, new.code())[0]
    assert not log_in(hall, shows(server, token, 0))[0]
    ledger = server.ctl.items("token", "ledger", token.serial)
    assert "14 steps behind" in ledger[-1]["why"]


def test_a_token_from_the_drawer_may_have_run_away_too(hall, server):
    token = device(server, "alice")
    server.ctl("token", "return", token.serial, "--code", token.code())
    token.counter += 30  # pressed in a pocket
    assert "--next" in refused(
        server, "token", "assign", token.serial, "alice", "--code",
        token.code())
    first, second = token.code(), token.code()
    server.ctl("user", "unlock", "alice")
    server.ctl("token", "assign", token.serial, "alice", "--code", first,
               "--next", second)
    assert log_in(hall, token.code())[0]
