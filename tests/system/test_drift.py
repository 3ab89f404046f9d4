# SPDX-License-Identifier: Apache-2.0
"""Tokens whose clock or counter runs away: followed, found again by resync,
never accepted twice, and told of to the operator alone."""
import pytest

from otp import Totp


def deny(answer):
    assert answer["result"] == "deny", answer
    return answer["reason"]


@pytest.fixture(scope="module")
def hall(servers):
    return servers("drift", fake=True,
                   settings={"throttle.disable_at": 10})


@pytest.fixture(scope="module")
def desk(hall):
    return hall.terminal()


def here(hall):
    return int(hall.now()) // 30


def fresh(hall):
    """Into the first seconds of a step, so that it stays the same."""
    hall.pass_time(30 - hall.now() % 30 + 1)
    return here(hall)


def person(hall, confirm=True):
    """A person, and the serial and seed of a TOTP token."""
    user, token = hall.name(), Totp(hall.world.seed(), clock=hall.now)
    hall.ctl("user", "add", user)
    hall.enroll(user, token, confirm=False)
    if confirm:
        hall.ctl("token", "confirm", token.serial, token.at(fresh(hall)))
    return user, token


def shown(hall, token):
    return hall.ctl("token", "show", token.serial)


def refused(hall, *arguments):
    status, out, err = hall.ctl.run(*arguments)
    assert status == 1, (status, out, err)
    return out + err


def resync(hall, token, first, second):
    return ("token", "resync", token.serial, token.at(first),
            token.at(second))


def test_a_fast_clock_is_followed_step_by_step_to_ten(hall, desk):
    user, token = person(hall)
    for off in range(1, 12):
        hall.pass_time(120)
        step = fresh(hall)
        assert desk.login(user, token.at(step + off))["result"] == "accept"
        assert shown(hall, token)["drift"] == min(off, 10)
    hall.pass_time(120)
    assert deny(desk.login(user, token.at(fresh(hall) + 12))) == "wrong"
    assert shown(hall, token)["drift"] == 10


def test_a_lost_clock_is_found_again_by_two_codes(hall, desk):
    user, token = person(hall)
    hall.pass_time(1200)
    step = fresh(hall)
    assert deny(desk.login(user, token.at(step - 8))) == "wrong"
    assert shown(hall, token)["out_of_step"]
    answer = hall.ctl(*resync(hall, token, step - 9, step - 8))
    assert answer["token"]["drift"] == -8
    assert shown(hall, token)["drift"] == -8
    assert not shown(hall, token)["out_of_step"]
    for spent in (step - 9, step - 8):
        assert deny(desk.login(user, token.at(spent))) == "used"
    assert "used" in refused(hall, *resync(hall, token, step - 9, step - 8))
    assert "used" in refused(hall, *resync(hall, token, step - 8, step - 7))
    step = fresh(hall)
    assert desk.login(user, token.at(step - 8))["result"] == "accept"
    record = hall.records(limit=20)
    assert [r for r in record if r.get("action") == "token resync" and
            r["target"] == token.serial and r["result"] == "done"]


def test_a_clock_too_far_off_is_refused_and_charged(hall, desk):
    user, token = person(hall)
    step = fresh(hall)
    said = refused(hall, *resync(hall, token, step + 14, step + 15))
    assert "ten steps" in said
    assert shown(hall, token)["drift"] == 0
    for _ in range(4):
        refused(hall, *resync(hall, token, step + 30, step + 31))
    said = refused(hall, *resync(hall, token, step, step + 1))
    assert "unlock" in said, "right codes wait as wrong ones do"
    hall.ctl("user", "unlock", user)
    hall.ctl(*resync(hall, token, step + 1, step + 2))
    assert not hall.ctl("user", "show", user)["retry_at"]


def test_a_counter_far_ahead_is_found_again(hall, desk):
    user, token = hall.hotp()
    serial = hall.ctl("user", "show", user)["tokens"][0]["serial"]
    assert deny(desk.login(user, token.code(40))) == "wrong"
    assert shown_serial(hall, serial)["out_of_step"]
    hall.ctl("token", "resync", serial, token.code(90), token.code(91))
    assert deny(desk.login(user, token.code(90))) == "used"
    assert deny(desk.login(user, token.code(91))) == "used"
    assert desk.login(user, token.code(92))["result"] == "accept"
    assert not shown_serial(hall, serial)["out_of_step"]


def shown_serial(hall, serial):
    return hall.ctl("token", "show", serial)


def test_only_the_operator_is_told(hall, desk):
    user, token = person(hall)
    step = fresh(hall)
    wrong = desk.post({"user": user, "service": "sshd", "factor": "otp",
                       "first_factor": "proven", "code": token.wrong()})
    astray = desk.post({"user": user, "service": "sshd", "factor": "otp",
                        "first_factor": "proven", "code": token.at(step + 9)})
    assert (wrong.status, wrong.body) == (astray.status, astray.body)
    told = [r.get("out_of_step") for r in hall.records(user=user, limit=2)]
    assert sorted(told, key=str) == [None, token.serial]
    assert "out of step" in refused(hall, "token", "confirm", token.serial,
                                    token.at(step + 9))


def test_a_pending_token_stays_pending(hall, desk):
    user, token = person(hall, confirm=False)
    step = fresh(hall)
    hall.ctl(*resync(hall, token, step + 5, step + 6))
    assert shown(hall, token)["state"] == "pending"
    hall.ctl("token", "confirm", token.serial, token.at(step + 7))
    assert deny(desk.login(user, token.at(step + 7))) == "used"
    hall.ctl("token", "lost", token.serial)
    refused(hall, *resync(hall, token, step + 8, step + 9))


def test_a_disabled_factor_stays_disabled_until_confirmed(hall, desk):
    user, token = person(hall)
    for _ in range(10):
        desk.login(user, token.wrong())
        hall.ctl("user", "unlock", user)
    step = fresh(hall)
    assert deny(desk.login(user, token.at(step))) == "disabled"
    hall.ctl(*resync(hall, token, step + 4, step + 5))
    assert deny(desk.login(user, token.at(step + 6))) == "disabled"
    hall.ctl("token", "confirm", token.serial, token.at(step + 6))
    assert deny(desk.login(user, token.at(step + 6))) == "used"
    step = fresh(hall)
    assert desk.login(user, token.at(step + 6))["result"] == "accept"
