# SPDX-License-Identifier: Apache-2.0
"""Scenario 15. Somebody marries and gets a new card: the number and the token
stay, both names can be found, the end of the old card is told in time, the new
one is added at her own seat and ends the old one when it is first used."""
import time

import pytest

from cardsite import EXPIRES, OTHER
from test_admin import refused
from test_card_enrol import CODE, PIN, RIGHT, Seat

DAY = 86400


@pytest.fixture(scope="module")
def town(town):
    town.stack(town.agent)
    return town


@pytest.fixture
def reader(tokens):
    """Only what is put into it is there."""
    def put(label, certificate):
        tokens.empty()
        return tokens.add(label, certificate)
    yield put
    tokens.empty()


def states(server, user):
    return {c["key"]: c["state"] for c in server.ctl.items("card", "list",
                                                           user)}


def at_her_seat(town, code):
    """What enroll-card says when all is typed well."""
    status, shown = Seat(town).answer(CODE, code).answer(PIN, RIGHT).end()
    assert status == 0, shown
    return shown


def test_scenario_15_another_surname_and_a_new_card(
        town, server, world, tokens, reader):
    user = "s1500"
    server.ctl("user", "add", user, "--name", "佐藤 花子", "--department",
               "税務課")
    _, token = server.hotp(user)
    serial = server.ctl("user", "show", user)["tokens"][0]["serial"]
    old = town.authority.issue("sato hanako", end=time.time() + 20 * DAY)
    town.enroll(user, old)

    # Thirty days before its end both she and the officer are told.
    listed, = server.ctl.items("card", "list", user)
    assert listed["warning"] == "ends within 30 days"
    reader("old", old)
    run = town.log_in(user, RIGHT)
    assert run.code == "PAM_SUCCESS"
    assert any(EXPIRES in message for message in run.messages), run.text

    # The personnel office sends the new name, under the same number.
    path = world.work / "names.csv"
    path.write_bytes(f"職員番号,氏名\r\n{user},髙橋 花子\r\n".encode("cp932"))
    done = server.ctl("user", "import", path)
    assert done["renamed"] == 1
    assert done["items"][0]["name_before"] == "佐藤 花子"
    server.ctl("token", "suspend", serial)
    server.ctl("token", "resume", serial)
    names = [row["name"] for row in
             server.ctl("token", "show", serial)["ledger"]]
    assert names[0] == "佐藤 花子" and names[-1] == "髙橋 花子"
    record = [r for r in server.records(user=user)
              if r.get("change") == "renamed"][-1]
    assert (record["name_before"], record["name"]) == ("佐藤 花子",
                                                       "髙橋 花子")

    # At her own seat, where she is by password and one-time password.
    tokens.empty()
    run = town.log_in(user, token.code())
    assert run.code == "PAM_SUCCESS", run.text
    code = world.secret("enrolment code", server.ctl(
        "card", "invite", user, "--replaces", old.key_hash())["code"])
    new = reader("new", town.authority.issue("takahashi hanako"))
    at_her_seat(town, code)
    assert states(server, user) == {old.key_hash(): "active",
                                    new.key_hash(): "active"}

    # Both work until the new one has been used.
    reader("old", old)
    assert town.log_in(user, RIGHT).code == "PAM_SUCCESS"
    reader("new", new)
    assert town.log_in(user, RIGHT).code == "PAM_SUCCESS"
    assert states(server, user) == {old.key_hash(): "revoked",
                                    new.key_hash(): "active"}
    record = town.last(user)
    assert record["card_replaced"] == old.key_hash()[:32]
    reader("old", old)
    run = town.log_in(user, RIGHT)
    assert run.code != "PAM_SUCCESS"
    assert any(OTHER in message for message in run.messages), run.text
    reader("new", new)
    assert town.log_in(user, RIGHT).code == "PAM_SUCCESS"
    assert "card_replaced" not in town.last(user)
    assert server.ctl("audit", "verify")["ok"]


def test_only_ones_own_card_is_replaced(town, server):
    mine, hers, gone = (town.authority.issue(x) for x in "abc")
    me, her = town.person(mine), town.person(hers)
    town.enroll(me, gone)
    server.ctl("card", "revoke", gone.key_hash())
    for key in (hers.key_hash(), gone.key_hash(), "0" * 64, "x"):
        said = refused(server.ctl, "card", "invite", me, "--replaces", key)
        assert "no such card" in said
    server.ctl("card", "invite", her, "--replaces", hers.key_hash())
