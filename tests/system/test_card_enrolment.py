# SPDX-License-Identifier: Apache-2.0
"""A card is enrolled at its person's own seat: an administrator's code, good
once, and a key that signs the server's challenge."""
import time

import pytest

from card_client import (ask, ca_hash, card_login, enroll, enrolment, finish,
                         message, proof, sign, text, unurl)
from client import many_at_once
from pki import Authority

DAY = 86400
ANOTHER = "AAAA-AAAA-AAAA"  # nobody's code


@pytest.fixture(scope="module")
def ca(server, authority):
    server.ctl("card", "trust", authority.pem, "--crl", authority.crl_path)
    return authority


@pytest.fixture
def invited(server):
    name = server.name()
    server.ctl("user", "add", name)
    return name, server.ctl("card", "invite", name)["code"]


def cards_of(server, name, state=None):
    return [c["key"] for c in server.ctl.items("card", "list", name)
            if state in (None, c["state"])]


def refusals(server, name):
    return [r["reason"] for r in server.records(user=name)
            if r.get("action") == "card enroll" and r["result"] == "refused"]


@pytest.mark.parametrize("kind", ["rsa:2048", "rsa:4096", "P-256", "P-384"])
def test_enrolled_and_used(server, terminal, ca, invited, kind):
    name, code = invited
    card = ca.issue(name, kind=kind)
    reply = enroll(terminal, code, card)
    assert reply.status == 200, reply
    assert reply.json["user"] == name
    assert reply.json["key"] == card.key_hash()
    assert reply.json["until"] > time.time() + 300 * DAY
    assert card_login(terminal, name, card)["result"] == "accept"
    # The code is spent.
    assert enroll(terminal, code, ca.issue(name, kind="P-256")).status == 403
    assert cards_of(server, name) == [card.key_hash()]
    record = [r for r in server.ctl.items("audit", "list", "--user", name)
              if r.get("action") == "card enroll"]
    assert [r["result"] for r in record] == ["done"]
    assert record[0]["card_key"] == card.key_hash()[:32]
    assert record[0]["terminal"] == terminal.name


def test_however_the_code_is_typed(server, terminal, ca, invited):
    name, code = invited
    typed = code.lower().replace("-", " ") + " "
    assert enroll(terminal, typed, ca.issue(name, kind="P-256")).status == 200


def test_a_renewed_card_beside_the_old_one(server, terminal, ca, invited):
    name, code = invited
    old, new = ca.issue(name, kind="P-256"), ca.issue(name, kind="P-384")
    assert enroll(terminal, code, old).status == 200
    code = server.ctl("card", "invite", name)["code"]
    reply = enroll(terminal, code, new)
    assert reply.status == 200
    for card in (old, new):
        assert card_login(terminal, name, card)["result"] == "accept"
    assert [o["key"] for o in reply.json["others"]] == [old.key_hash()]
    assert reply.json["others"][0]["until"] > time.time() + 300 * DAY
    server.ctl("card", "revoke", old.key_hash())
    assert card_login(terminal, name, old)["reason"] == "wrong"
    assert card_login(terminal, name, new)["result"] == "accept"
    # The same key with a certificate that lasts longer.
    code = server.ctl("card", "invite", name)["code"]
    longer = ca.issue(name, key=new.key, end=time.time() + 900 * DAY)
    reply = enroll(terminal, code, longer)
    assert reply.status == 200 and reply.json["others"] == [] and reply.json["until"] > \
        time.time() + 899 * DAY
    assert len(cards_of(server, name)) == 2


def test_a_disabled_card_factor_is_open_again(server, terminal, ca, invited):
    name, code = invited
    card, other = ca.issue(name, kind="P-256"), ca.issue("x", kind="P-256")
    assert enroll(terminal, code, card).status == 200
    for _ in range(50):
        server.ctl("user", "unlock", name)
        verdict = card_login(terminal, name, other)
        assert verdict["result"] == "deny"
    assert verdict["reason"] in ("wrong", "disabled"), verdict
    assert card_login(terminal, name, card)["reason"] == "disabled"
    code = server.ctl("card", "invite", name)["code"]
    assert enroll(terminal, code, card).status == 200
    assert card_login(terminal, name, card)["result"] == "accept"


@pytest.mark.parametrize("lie", [
    {"challenge": bytes(32)}, {"name": "another-terminal"},
    {"ca": bytes(32)}, {"what": "login"},
    {"signed_code": ANOTHER.replace("-", "")}], ids=lambda lie: next(iter(lie)))
def test_what_the_card_must_have_signed(server, terminal, ca, invited, lie):
    name, code = invited
    card = ca.issue(name, kind="P-256")
    reply = enroll(terminal, code, card, **lie)
    assert reply.status == 409 and "did not sign" in reply.json["detail"]
    assert reply.json["reason"] == "forged"
    assert cards_of(server, name) == []
    assert refusals(server, name) == ["forged"]
    # The code is not spent by it.
    assert enroll(terminal, code, card).status == 200


def test_the_victims_certificate_with_the_attackers_key(
        server, terminal, ca, invited):
    name, code = invited
    victim, mine = ca.issue("victim", kind="P-256"), ca.issue(name,
                                                              kind="P-256")
    assert enroll(terminal, code, victim, key=mine.key).status == 409
    assert cards_of(server, name) == []


def test_certificates_that_cannot_be_enrolled(
        server, terminal, ca, invited, world):
    name, code = invited
    now = time.time()
    foreign = Authority(world.directory("pki"), "Foreign")
    revoked = ca.issue(name, kind="P-256")
    time.sleep(1.1)
    server.ctl("card", "trust", ca.pem, "--crl", ca.revoke(revoked))
    for card, word in (
            (foreign.issue(name, kind="P-256"), "No CA that is trusted"),
            (ca.issue(name, kind="P-256", start=now - 9 * DAY,
                      end=now - DAY), "has ended"),
            (ca.issue(name, kind="P-256", start=now + DAY),
             "not valid yet"),
            (ca.issue(name, kind="P-256", usage="signature"),
             "not for authentication"),
            (ca.issue(name, kind="rsa:1024"), "did not sign"),
            (ca.issue(name, kind="P-521"), "did not sign"),
            (revoked, "is revoked")):
        reply = enroll(terminal, code, card)
        assert reply.status == 409 and word in reply.json["detail"], reply
    assert cards_of(server, name) == []
    assert set(refusals(server, name)) == {
        "untrusted", "expired", "not_yet", "usage", "forged", "revoked"}
    # The code is as good as before, once the CA is trusted.
    server.ctl("card", "trust", foreign.pem, "--no-crl")
    assert enroll(terminal, code,
                  foreign.issue(name, kind="P-256")).status == 200


def test_a_ca_without_a_fresh_crl(servers, authority):
    own = servers("stale")
    name, terminal = own.name(), own.terminal()
    own.ctl("user", "add", name)
    code = own.ctl("card", "invite", name)["code"]
    own.ctl("card", "trust", authority.pem, "--crl", authority.crl(2))
    time.sleep(3.1)
    card = authority.issue(name, kind="P-256")
    reply = enroll(terminal, code, card)
    assert (reply.status, reply.json["reason"]) == (409, "crl_stale")
    own.ctl("card", "trust", authority.pem, "--crl", authority.crl())
    assert enroll(terminal, code, card).status == 200


def test_a_lost_answer_is_told_again(server, terminal, ca, invited):
    name, code = invited
    card = ca.issue(name, kind="P-256")
    body = enrolment(terminal, code, card)
    first = terminal.post(body, "/v1/cards")
    assert first.status == 200
    records = len(server.records(user=name))
    assert terminal.post(body, "/v1/cards").json == first.json
    # and to whoever begins anew, for this key only
    assert enroll(terminal, code, card).json == first.json
    assert cards_of(server, name) == [card.key_hash()]
    assert len(server.records(user=name)) == records
    assert enroll(terminal, code, ca.issue(name, kind="P-256")).status == 403


def test_failures_are_forgotten_once(server, terminal, ca, invited):
    def failures():
        return sum(t["failures"] for t in
                   server.ctl("user", "show", name)["throttles"])
    name, code = invited
    card, other = ca.issue(name, kind="P-256"), ca.issue("x", kind="P-256")
    assert enroll(terminal, code, card).status == 200
    card_login(terminal, name, other)
    assert failures() == 1
    assert enroll(terminal, code, card).status == 200  # told again
    assert failures() == 1
    code = server.ctl("card", "invite", name)["code"]
    assert failures() == 1
    assert enroll(terminal, code, ca.issue(name, kind="P-256")).status == 200
    assert failures() == 0


def test_a_code_ends_after_ten_minutes(servers, authority):
    own = servers("minutes", fake=True)
    own.ctl("card", "trust", authority.pem, "--crl", authority.crl_path)
    name, terminal = own.name(), own.terminal()
    own.ctl("user", "add", name)
    card = authority.issue(name, kind="P-256")
    code = own.ctl("card", "invite", name)["code"]
    own.pass_time(601)
    assert enroll(terminal, code, card).status == 403
    code = own.ctl("card", "invite", name)["code"]
    body = enrolment(terminal, code, card)
    own.pass_time(301)
    assert terminal.post(body, "/v1/cards").json["reason"] == "challenge"
    assert enroll(terminal, code, card).status == 200


def test_a_frozen_server_enrols_nobody(server, terminal, ca, invited):
    name, code = invited
    card = ca.issue(name, kind="P-256")
    server.ctl("server", "freeze")
    assert enroll(terminal, code, card).json["reason"] == "frozen"
    server.ctl("server", "thaw")
    assert enroll(terminal, code, card).status == 200


def test_an_enrolments_signature_logs_nobody_in(server, terminal, ca,
                                                invited):
    name, code = invited
    card = ca.issue(name, kind="P-256")
    assert enroll(terminal, code, card).status == 200
    asked = ask(terminal, name)
    lie = message(ca_hash(terminal), unurl(asked["challenge"]),
                  terminal.name, name, "sshd", what="enrol")
    body = proof(terminal, asked, card, name) | {
        "signature": text(sign(card.key, lie))}
    assert finish(terminal, asked, body).json["reason"] == "wrong"


def test_four_cards_are_enough(server, terminal, ca, invited):
    name, code = invited
    for _ in range(4):
        assert enroll(terminal, code,
                      ca.issue(name, kind="P-256")).status == 200
        code = server.ctl("card", "invite", name)["code"]
    reply = enroll(terminal, code, ca.issue(name, kind="P-256"))
    assert (reply.status, reply.json["reason"]) == (409, "full")


def test_somebody_elses_card(server, terminal, ca, invited):
    name, code = invited
    other, card = server.name(), ca.issue("other", kind="P-256")
    server.ctl("user", "add", other)
    server.ctl("card", "enroll", other, "--certificate", card.pem)
    reply = enroll(terminal, code, card)
    assert reply.status == 409 and other not in reply.json["detail"]
    assert reply.json["reason"] == "taken"
    assert refusals(server, name) == ["taken"]
    assert enroll(terminal, code,
                  ca.issue(name, kind="P-256")).status == 200


def test_another_terminals_challenge(server, terminal, ca, invited):
    name, code = invited
    card, elsewhere = ca.issue(name, kind="P-256"), server.terminal()
    body = enrolment(elsewhere, code, card)
    assert terminal.post(body, "/v1/cards").status == 404
    assert elsewhere.post({**body, "token": "AAAA"},
                          "/v1/cards").status == 404
    assert elsewhere.post(body, "/v1/cards").status == 200


def test_an_answer_that_was_lost_is_told_again(server, terminal, ca, invited):
    name, code = invited
    card = ca.issue(name, kind="P-256")
    body = enrolment(terminal, code, card)
    first = terminal.post(body, "/v1/cards")
    assert first.status == 200
    assert terminal.post(body, "/v1/cards").json == first.json
    records = [r for r in server.ctl.items("audit", "list", "--user", name)
               if r.get("action") == "card enroll"]
    assert len(records) == 1
    # Not once the card is revoked, which nobody but an officer undoes.
    server.ctl("card", "revoke", card.key_hash())
    assert terminal.post(body, "/v1/cards").status == 403
    assert [c["state"] for c in server.ctl.items("card", "list", name)] == \
        ["revoked"]


def test_codes_that_open_nothing(server, terminal, ca, invited):
    name, code = invited
    card = ca.issue(name, kind="P-256")
    newer = server.ctl("card", "invite", name)["code"]
    assert enroll(terminal, code, card).status == 403
    server.ctl("user", "suspend", name)
    assert enroll(terminal, newer, card).status == 403
    server.ctl("user", "resume", name)
    assert enroll(terminal, newer, card).status == 200
    gone = server.name()
    server.ctl("user", "add", gone)
    code = server.ctl("card", "invite", gone)["code"]
    server.ctl("user", "remove", gone)
    assert enroll(terminal, code, ca.issue(gone, kind="P-256")).status == 403


def test_guesses_are_counted_and_recorded(servers, authority):
    own = servers(settings={"throttle.terminal_failures": 3})
    own.ctl("card", "trust", authority.pem, "--crl", authority.crl_path)
    card, terminal, calm = authority.issue("x", kind="P-256"), \
        own.terminal(), own.terminal()
    assert [enroll(terminal, ANOTHER, card).status for _ in range(5)] == \
        [403, 403, 403, 429, 429]
    # A code of another shape is a guess too.
    assert enroll(calm, "1234", card, signed_code="1234").status == 403
    refused = [r for r in own.ctl.items("audit", "list")
               if r.get("action") == "card enroll"]
    assert sum(r.get("count") or 1 for r in refused) == 4
    assert {r["reason"] for r in refused} == {"code"}


@pytest.mark.parametrize("change", [
    {"certificate": "!"}, {"certificate": ""}, {"signature": ""},
    {"signature": "A" * 2000}, {"algorithm": "none"}, {"more": 1},
    {"token": None}])
def test_malformed(server, terminal, ca, invited, change):
    _, code = invited
    body = {**enrolment(terminal, code, ca.issue("x", kind="P-256")),
            **change}
    assert terminal.post({key: value for key, value in body.items()
                          if value is not None}, "/v1/cards").status == 400


def test_a_challenge_is_refused_to_a_wrong_code(servers, authority):
    own = servers("early", settings={"throttle.terminal_failures": 3})
    own.ctl("card", "trust", authority.pem, "--crl", authority.crl_path)
    name, terminal, calm = own.name(), own.terminal(), own.terminal()
    own.ctl("user", "add", name)
    code = own.ctl("card", "invite", name)["code"]

    def ask_for(terminal, code):
        reply = terminal.post({"invitation": code}, "/v1/cards/challenge")
        return reply.status, reply.json.get("reason")
    assert [ask_for(terminal, wrong) for wrong in (ANOTHER, "x", ANOTHER)] == \
        [(403, "code")] * 3
    assert ask_for(terminal, code) == (429, None)
    assert ask_for(calm, code) == (200, None)
    refused = [r for r in own.ctl.items("audit", "list")
               if r.get("action") == "card enroll"]
    assert sum(r.get("count") or 1 for r in refused) == 3
    # Whoever missed the answer may ask again.
    assert enroll(calm, code, authority.issue(name)).status == 200
    assert ask_for(calm, code) == (200, None)
    own.ctl("user", "remove", name)
    assert ask_for(calm, code) == (403, "code")


def test_a_challenge_takes_nothing(terminal):
    assert terminal.post({"user": "x"}, "/v1/cards/challenge").status == 400
    assert terminal.post({}, "/v1/cards/challenge").json["expires_in"] == 300


def test_one_code_for_many_cards_at_once(server, terminal, ca, invited):
    name, code = invited
    cards = [ca.issue(name, kind="P-256") for _ in range(16)]
    bodies = [enrolment(terminal, code, card) for card in cards]
    replies = many_at_once(terminal.connect_many(len(bodies)), bodies,
                           "/v1/cards")
    assert sorted(r.status for r in replies) == [200] + 15 * [403]
    assert len(cards_of(server, name)) == 1


def test_one_card_for_many_persons_at_once(server, terminal, ca):
    card, names = ca.issue("x", kind="P-256"), [server.name()
                                                for _ in range(8)]
    for name in names:
        server.ctl("user", "add", name)
    bodies = [enrolment(terminal, server.ctl("card", "invite", name)["code"],
                        card) for name in names]
    replies = many_at_once(terminal.connect_many(len(bodies)), bodies,
                           "/v1/cards")
    assert sorted(r.status for r in replies) == [200] + 7 * [409]
    assert sum(len(cards_of(server, name)) for name in names) == 1
