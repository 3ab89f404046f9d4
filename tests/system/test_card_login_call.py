# SPDX-License-Identifier: Apache-2.0
"""Cards in the login call as a terminal sees them: each proof that is good,
each that is not, what is charged, what is told and what is written down. No
card is needed: the openssl command line signs."""
import base64
import os
import statistics
import time

import pytest

from card_client import (ask, bind, ca_hash, card_login, finish, key_hash,
                         message, proof, sign, tag, text, trust, unurl)
from client import attempt, login_body, plain_http
from pki import Authority, new_key
from server import number_in

DAY_S = 86400


def expect_deny(answer, reason="wrong"):
    assert (answer["result"], answer.get("reason")) == ("deny", reason), answer


def expect_accept(answer):
    assert (answer["result"], answer.get("by")) == ("accept", "card"), answer
    return answer


def failures(server, user):
    """Charged to the card, first factor proven."""
    return sum(t["failures"] for t in server.ctl("user", "show", user)
               ["throttles"]
               if (t["factor"], t["first_factor"]) == ("card", "proven"))


def last(server, user):
    """The newest record about somebody, being counted or not."""
    return server.records(user=user)[-1]


@pytest.fixture(scope="module")
def town(server, authority):
    """The module's server trusts this CA with its CRL."""
    trust(server, authority)
    return authority


@pytest.fixture(scope="module")
def key(world):
    """A card's key for all tests that need no other: making one takes long."""
    return new_key(world.directory("cards") / "shared.key", "P-256")


@pytest.fixture
def person(server, town):
    """Somebody new with a card: (name, certificate)."""
    certificate = town.issue("Somebody", "P-256")
    return bind(server, certificate), certificate


def again(authority, certificate, **how):
    """Another certificate for the key of an earlier one."""
    return authority.issue("Somebody", key=certificate.key, **how)


# --- right -------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["rsa:2048", "rsa:4096", "P-256", "P-384"])
def test_a_right_signature_is_accepted(server, terminal, town, kind):
    certificate = town.issue("Kiso Hanako", kind)
    user = bind(server, certificate)
    answer = expect_accept(card_login(terminal, user, certificate))
    assert answer["user"] == answer["person"] == user
    assert answer["login"] and answer["notices"] == []
    assert answer["card_removed"] == "lock"
    record = last(server, user)
    assert (record["result"], record["factor"]) == ("accept", "card")
    assert (record["card"], record["card_key"]) == \
        ("good", certificate.key_hash()[:32])


def test_it_works_again_and_again(terminal, person):
    for _ in range(3):
        expect_accept(card_login(terminal, *person))


def test_a_certificate_renewed_with_the_same_key_is_accepted(
        terminal, town, person):
    user, first = person
    expect_accept(card_login(terminal, user, again(town, first)))
    expect_accept(card_login(terminal, user, first))


def test_two_keys_of_one_person_overlap(server, terminal, town, person):
    user, old = person
    new = town.issue("Somebody", "P-256")
    expect_deny(card_login(terminal, user, new))
    bind(server, new, user)
    expect_accept(card_login(terminal, user, old))
    expect_accept(card_login(terminal, user, new))
    server.ctl("card", "revoke", old.key_hash())
    expect_deny(card_login(terminal, user, old))
    expect_accept(card_login(terminal, user, new))


@pytest.mark.parametrize("days, told", [(91, False), (89, True), (2, True)])
def test_an_end_within_90_days_is_told(terminal, town, person, days, told):
    user, first = person
    end = int(time.time()) + days * DAY_S + 600
    answer = card_login(terminal, user, again(town, first, end=end))
    assert answer["result"] == "accept"
    assert answer["notices"] == ([
        {"kind": "card_expires", "until": end, "days": days}] if told else [])


def test_no_crl_is_asked_of_a_ca_trusted_without(server, terminal, world):
    lonely = Authority(world.directory("pki"), "Lonely CA")
    trust(server, lonely, "--no-crl")
    certificate = lonely.issue("Somebody", "P-256")
    expect_accept(card_login(terminal, bind(server, certificate),
                             certificate))


# --- the certificate does not stand: wrong, and not charged ------------------
def expect_unfit(server, user, answer, standing):
    """Refused six times, as often as any throttle would bear, uncharged."""
    expect_deny(answer)
    assert "card" not in answer and len(answer) == 2
    record = last(server, user)
    assert (record["reason"], record["card"]) == ("wrong", standing)
    assert failures(server, user) == 0


@pytest.mark.parametrize("standing, start, end", [
    ("expired", -20 * DAY_S, -60), ("not_yet", 3600, 20 * DAY_S)])
def test_outside_its_time(server, terminal, town, person, standing, start,
                          end):
    user, first = person
    now = time.time()
    certificate = again(town, first, start=now + start, end=now + end)
    for _ in range(6):
        expect_unfit(server, user, card_login(terminal, user, certificate),
                     standing)
    expect_accept(card_login(terminal, user, first))


def test_a_revoked_certificate(server, terminal, world):
    strict = Authority(world.directory("pki"), "Strict CA")
    trust(server, strict)
    certificate = strict.issue("Somebody", "P-256")
    user = bind(server, certificate)
    expect_accept(card_login(terminal, user, certificate))
    strict.revoke(certificate)
    trust(server, strict)
    expect_unfit(server, user, card_login(terminal, user, certificate),
                 "revoked")


def test_a_ca_whose_crl_is_missing(server, terminal, world):
    silent = Authority(world.directory("pki"), "Silent CA")
    trust(server, silent, "--no-crl")
    certificate = silent.issue("Somebody", "P-256")
    user = bind(server, certificate)
    server.ctl("card", "distrust", key_hash(silent.pem).hex())
    expect_unfit(server, user, card_login(terminal, user, certificate),
                 "untrusted")
    server.ctl("card", "trust", silent.pem)
    expect_unfit(server, user, card_login(terminal, user, certificate),
                 "crl_missing")
    trust(server, silent)
    expect_accept(card_login(terminal, user, certificate))


def test_a_stale_crl_and_a_fresh_one(server, terminal, world):
    late = Authority(world.directory("pki"), "Late CA")
    late.crl(seconds=5)
    until = time.time() + 5
    trust(server, late)
    certificate = late.issue("Somebody", "P-256")
    user = bind(server, certificate)
    time.sleep(max(0.0, until + 1.5 - time.time()))
    for _ in range(6):
        expect_unfit(server, user, card_login(terminal, user, certificate),
                     "crl_stale")
    late.crl()
    trust(server, late)
    expect_accept(card_login(terminal, user, certificate))


@pytest.mark.parametrize("name", ["Foreign CA", "Town CA"],
                         ids=["foreign", "of-the-same-name"])
def test_another_ca(server, terminal, world, person, name):
    user, first = person
    foreign = Authority(world.directory("pki"), name)
    certificate = again(foreign, first)
    expect_unfit(server, user, card_login(terminal, user, certificate),
                 "untrusted")


def test_a_certificate_for_signing_papers(server, terminal, town, person):
    user, first = person
    certificate = again(town, first, usage="signature")
    expect_unfit(server, user, card_login(terminal, user, certificate),
                 "usage")


# --- no proof: wrong, and charged --------------------------------------------
def expect_charged(server, user, answer, note, before=0):
    expect_deny(answer)
    record = last(server, user)
    assert (record["reason"], record["card"]) == ("wrong", note)
    assert failures(server, user) == before + 1


def test_a_wrong_signature(server, terminal, person):
    user, certificate = person
    asked = ask(terminal, user)
    body = proof(terminal, asked, certificate, user)
    raw = bytearray(base64.b64decode(body["signature"]))
    raw[-1] ^= 1
    body["signature"] = text(bytes(raw))
    expect_charged(server, user, finish(terminal, asked, body).json, "forged")


def test_the_victims_certificate_with_the_attackers_key(
        server, terminal, person, key):
    user, certificate = person
    expect_charged(server, user, card_login(terminal, user, certificate,
                                            key=key), "forged")


def test_the_attackers_own_good_card(server, terminal, town, person):
    user, _ = person
    attacker = town.issue("Somebody", "P-256")
    bind(server, attacker)
    expect_charged(server, user, card_login(terminal, user, attacker),
                   "not_bound")


def test_a_signature_for_another_challenge(server, terminal, person):
    user, certificate = person
    first = ask(terminal, user)
    body = proof(terminal, first, certificate, user)
    expect_accept(finish(terminal, first, body).json)
    expect_charged(server, user,
                   finish(terminal, ask(terminal, user), body).json, "forged")


@pytest.mark.parametrize("what", ["user", "service", "name", "ca"])
def test_a_signature_for_another(server, terminal, person, what):
    user, certificate = person
    asked = ask(terminal, user)
    told = {"user": user, "service": "sshd"}
    other = {}
    if what in told:
        told[what] = told[what] + "x"
    else:
        other[what] = os.urandom(32) if what == "ca" else "another-desk"
    body = proof(terminal, asked, certificate, told["user"], told["service"],
                 **other)
    expect_charged(server, user, finish(terminal, asked, body).json, "forged")


def test_what_is_no_certificate_at_all(server, terminal, person):
    user, certificate = person
    asked = ask(terminal, user)
    body = proof(terminal, asked, certificate, user)
    body["certificate"] = text(b"\x30\x82\xff\xff" + os.urandom(60))
    expect_charged(server, user, finish(terminal, asked, body).json, "forged")


def test_the_other_algorithm(server, terminal, person):
    user, certificate = person
    asked = ask(terminal, user)
    body = proof(terminal, asked, certificate, user)
    body["algorithm"] = "rsa-pkcs1-sha256"
    expect_charged(server, user, finish(terminal, asked, body).json, "forged")


def test_a_card_revoked_here(server, terminal, person):
    user, certificate = person
    expect_accept(card_login(terminal, user, certificate))
    server.ctl("card", "revoke", certificate.key_hash())
    expect_charged(server, user, card_login(terminal, user, certificate),
                   "not_bound")


# --- logins that are none ----------------------------------------------------
def test_a_finished_login(terminal, person):
    user, certificate = person
    asked = ask(terminal, user)
    body = proof(terminal, asked, certificate, user)
    expect_accept(finish(terminal, asked, body).json)
    assert finish(terminal, asked, body).status == 404
    asked = ask(terminal, user)
    expect_deny(finish(terminal, asked, {"factor": "card"}).json)
    body = proof(terminal, asked, certificate, user)
    assert finish(terminal, asked, body).status == 404


def test_the_challenge_of_another_terminal(server, terminal, person):
    user, certificate = person
    asked = ask(server.terminal(), user)
    body = proof(terminal, asked, certificate, user)
    assert finish(terminal, asked, body).status == 404


# --- empty and malformed -----------------------------------------------------
@pytest.mark.parametrize("what", ["certificate", "signature", "algorithm",
                                  "everything"])
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_empty_is_wrong_and_not_charged(server, terminal, person, what, how):
    user, certificate = person
    asked = ask(terminal, user)
    body = proof(terminal, asked, certificate, user)
    for member in list(body)[1:] if what == "everything" else [what]:
        if how == "missing":
            del body[member]
        else:
            body[member] = ""
    expect_deny(finish(terminal, asked, body).json)
    record = last(server, user)
    assert (record["reason"], record["factor"]) == ("wrong", "card")
    assert "card" not in record
    assert failures(server, user) == 0


def test_a_card_in_the_direct_form_is_empty(server, terminal, person):
    user, _ = person
    for _ in range(6):
        expect_deny(terminal.login(user, None, "card"))
    assert failures(server, user) == 0


@pytest.mark.parametrize("change", [
    {"certificate": "AA-_"}, {"certificate": "A" * 10928},
    {"signature": "not base64"}, {"signature": "A" * 688},
    {"algorithm": "rsa-pss-sha256"}, {"certificate": 7},
    {"code": "123456"}, {"code": ""}, {"pin": "1234"},
    {"factor": "otp"}, {"factor": "emergency"}], ids=str)
def test_malformed(server, terminal, person, change):
    user, certificate = person
    asked = ask(terminal, user)
    body = proof(terminal, asked, certificate, user)
    reply = finish(terminal, asked, {**body, **change})
    assert reply.status == 400, reply
    assert failures(server, user) == 0
    expect_accept(finish(terminal, asked, body).json)


def test_members_of_a_card_are_not_for_the_direct_form(terminal, person):
    user, certificate = person
    body = proof(terminal, ask(terminal, user), certificate, user)
    assert terminal.post({**body, "user": user,
                          "service": "sshd"}).status == 400
    assert terminal.post(login_body(user, "123456", "card")).status == 400


def test_capabilities_name_cards(terminal):
    told = terminal.ask("GET", "/v1/capabilities").json
    assert told["factors"] == ["card", "otp", "emergency"]
    assert {"certificate", "signature", "algorithm"} <= \
        set(told["finish_members"])


# --- attempts ----------------------------------------------------------------
def asked_with_attempt(terminal, user, certificate, **other):
    asked = ask(terminal, user)
    return asked, {**proof(terminal, asked, certificate, user, **other),
                   "attempt": attempt()}


def test_the_same_attempt_gets_the_same_verdict(server, terminal, person,
                                                key):
    user, certificate = person
    asked, body = asked_with_attempt(terminal, user, certificate)
    first = finish(terminal, asked, body)
    expect_accept(first.json)
    assert finish(terminal, asked, body).body == first.body
    asked, body = asked_with_attempt(terminal, user, certificate, key=key)
    for _ in range(6):
        expect_deny(finish(terminal, asked, body).json)
    assert failures(server, user) == 1


def test_an_accept_survives_a_restart(servers, authority):
    server = servers("card-restart")
    trust(server, authority)
    terminal = server.terminal()
    certificate = authority.issue("Somebody", "P-256")
    user = bind(server, certificate)
    asked, body = asked_with_attempt(terminal, user, certificate)
    first = finish(terminal, asked, body)
    server.restart()
    terminal.drop()
    assert finish(terminal, asked, body).body == first.body
    expect_accept(card_login(terminal, user, certificate))
    assert "cards" in ask(terminal, user)


@pytest.mark.parametrize("what", ["card revoke", "CRL", "freeze", "suspend"])
def test_an_accept_is_not_told_again_after(server, terminal, world, what):
    own = Authority(world.directory("pki"), "Own CA")
    trust(server, own)
    certificate = own.issue("Somebody", "P-256")
    user = bind(server, certificate)
    asked, body = asked_with_attempt(terminal, user, certificate)
    expect_accept(finish(terminal, asked, body).json)
    if what == "CRL":
        own.revoke(certificate)
        trust(server, own)
    elif what == "card revoke":
        server.ctl("card", "revoke", certificate.key_hash())
    else:
        server.ctl("user", what, user)
    assert finish(terminal, asked, body).json["result"] == "deny"


# --- throttle ----------------------------------------------------------------
def test_throttled_alike_for_right_and_wrong(server, terminal, person, key):
    user, certificate = person
    right, wrong = ask(terminal, user), ask(terminal, user)
    right_body = proof(terminal, right, certificate, user)
    wrong_body = proof(terminal, wrong, certificate, user, key=key)
    for _ in range(5):
        expect_deny(card_login(terminal, user, certificate, key=key))
    first = finish(terminal, right, right_body)
    second = finish(terminal, wrong, wrong_body)
    expect_deny(first.json, "throttled")
    assert first.body == second.body
    assert "card" not in last(server, user)
    assert failures(server, user) == 5
    server.ctl("user", "unlock", user)
    expect_accept(card_login(terminal, user, certificate))
    assert failures(server, user) == 0


def test_cards_and_codes_are_throttled_apart(server, terminal, person, key):
    user, certificate = person
    server.hotp(user)
    for _ in range(6):
        card_login(terminal, user, certificate, key=key)
    expect_deny(card_login(terminal, user, certificate), "throttled")
    expect_deny(terminal.login(user, "123456"))


def test_unproven_waits_are_a_terminals_own(server, terminal, person, key):
    user, certificate = person
    for _ in range(6):
        answer = card_login(terminal, user, certificate, first="unproven",
                            key=key)
    expect_deny(answer, "throttled")
    expect_accept(card_login(server.terminal(), user, certificate,
                             first="unproven"))
    expect_accept(card_login(terminal, user, certificate))


def test_disabled_until_rebinding(servers, authority, key):
    server = servers("card-disabled", {"throttle.disable_at": 10})
    trust(server, authority)
    terminal = server.terminal()
    certificate = authority.issue("Somebody", "P-256")
    user = bind(server, certificate)
    evaluated = 0
    while evaluated < 10:
        evaluated += card_login(terminal, user, certificate, key=key)[
            "reason"] == "wrong"
        server.ctl("user", "unlock", user)
    expect_deny(card_login(terminal, user, certificate), "disabled")
    successor = authority.issue("Somebody", "P-256")
    bind(server, successor, user)
    expect_accept(card_login(terminal, user, successor))
    expect_accept(card_login(terminal, user, certificate))


# --- before the card is looked at --------------------------------------------
@pytest.mark.parametrize("how, reason", [("suspend", "suspended"),
                                         ("freeze", "frozen")])
def test_refused_before_looked_at(server, terminal, person, how, reason):
    user, certificate = person
    asked = ask(terminal, user)
    body = proof(terminal, asked, certificate, user)
    server.ctl("user", how, user)
    expect_deny(finish(terminal, asked, body).json, reason)
    assert "card" not in last(server, user)
    assert failures(server, user) == 0
    expect_deny(ask(terminal, user), reason)


# --- tags --------------------------------------------------------------------
def tags_of(asked):
    found = asked["cards"]
    assert len(found) == 4 == len(set(found))
    assert [len(unurl(one)) for one in found] == [16] * 4
    assert [unurl(one) for one in found] == sorted(map(unurl, found))
    return found


def test_tags_name_the_persons_keys_and_differ(server, terminal, town,
                                               person):
    user, first = person
    second = town.issue("Somebody", "P-256")
    bind(server, second, user)
    challenges = [ask(terminal, user) for _ in range(20)]
    for asked in challenges:
        assert asked["factors"][0] == "card"
        for certificate in (first, second):
            assert tag(asked, certificate.key_hash()) in tags_of(asked)
    seen = [one for asked in challenges for one in asked["cards"]]
    assert len(set(seen)) == 80
    server.ctl("card", "revoke", second.key_hash())
    asked = ask(terminal, user)
    assert tag(asked, first.key_hash()) in tags_of(asked)
    assert tag(asked, second.key_hash()) not in asked["cards"]


def test_tags_do_not_tell_who_has_a_card(server, terminal, person):
    user, certificate = person
    cardless, _ = server.hotp()
    shown = [ask(terminal, name) for name in
             (user, cardless, "z" + user[1:])]
    for asked in shown[1:]:
        assert tag(asked, certificate.key_hash()) not in tags_of(asked)
    for asked in shown:
        for member in ("login", "challenge"):
            asked[member] = len(asked[member])
        asked["cards"] = len(tags_of(asked))
    assert shown[0] == shown[1] == shown[2]


def test_a_town_without_cards_has_no_tags(servers, authority):
    server = servers("cardless")
    trust(server, authority)
    terminal = server.terminal()
    user, _ = server.hotp()
    assert "cards" not in ask(terminal, user)
    certificate = authority.issue("Somebody", "P-256")
    bind(server, certificate)
    assert len(tags_of(ask(terminal, user))) == 4
    server.ctl("card", "revoke", certificate.key_hash())
    assert "cards" not in ask(terminal, user)


# --- policy ------------------------------------------------------------------
def test_policy_says_whether_cards_are_taken(servers, authority, world, key):
    server = servers("card-policy")
    trust(server, authority)
    here, there, office = (server.terminal(name) for name in
                           ("counter", "archive", "office"))
    rules = world.directory("rules") / "rules"
    rules.write_text("permit codes terminal=counter factors=otp\n"
                     "permit cards terminal=archive factors=card "
                     "card_removed=logout\n"
                     "permit all factors=card,otp card_removed=nothing\n")
    server.ctl("policy", "set", rules)
    certificate = authority.issue("Somebody", "P-256")
    user = bind(server, certificate)
    token = server.hotp(user)[1]

    asked = ask(here, user)
    assert asked["factors"] == ["otp"] and "cards" not in asked
    expect_deny(card_login(here, user, certificate))
    assert failures(server, user) == 1
    assert last(server, user)["card"] == "not_offered"

    asked = ask(there, user)
    assert asked["factors"] == ["card"] and "cards" in asked
    expect_deny(there.login(user, token.code()))
    assert card_login(there, user, certificate)["card_removed"] == "logout"
    assert card_login(office, user, certificate)["card_removed"] == "nothing"
    assert office.login(user, token.code())["result"] == "accept"

    asked, body = asked_with_attempt(office, user, certificate)
    expect_accept(finish(office, asked, body).json)
    rules.write_text(rules.read_text().replace("card,otp", "otp"))
    server.ctl("policy", "set", rules)
    expect_deny(finish(office, asked, body).json)

    for _ in range(5):
        expect_deny(card_login(there, user, certificate, key=key))
    expect_deny(ask(there, user), "throttled")
    assert ask(office, user)["result"] == "continue"


# --- strangers ---------------------------------------------------------------
def test_a_stranger_with_a_card_is_answered_like_a_colleague(
        server, terminal, person, key):
    user, certificate = person
    answers = []
    for name in (user, server.name("nobody")):
        said = [card_login(terminal, name, certificate, key=key)
                for _ in range(6)]
        assert [one["reason"] for one in said] == ["wrong"] * 5 + ["throttled"]
        answers.append([sorted(one) for one in said])
    assert answers[0] == answers[1]
    assert [r for r in server.records(limit=200) if "user_hash" in r and
            (r["reason"], r["factor"]) == ("throttled", "card")]


def test_a_stranger_cannot_borrow_a_card(server, terminal, person):
    _, certificate = person
    expect_deny(card_login(terminal, server.name("nobody"), certificate))
    record = [r for r in server.records(limit=200) if "user_hash" in r and
              r.get("card")][-1]
    assert (record["card"], record["card_key"]) == \
        ("not_bound", certificate.key_hash()[:32])


def test_times_do_not_tell_who_has_a_card(server, terminal, town):
    """Coarse: a shared machine, and perhaps instrumented programs."""
    kinds = ("with", "without", "stranger")
    times = {(step, who): [] for step in ("ask", "finish") for who in kinds}
    certificate = town.issue("Somebody", "P-256")
    body = {"factor": "card", "algorithm": "ecdsa-sha256",
            "certificate": text(certificate.der.read_bytes()),
            "signature": text(sign(certificate.key, b"nothing"))}
    people = [{"with": bind(server, town.issue("Somebody", "P-256")),
               "without": server.hotp()[0], "stranger": f"w{number}"}
              for number in range(12)]
    for number, who in enumerate(kinds * 48):
        name = people[number // 3 % 12][who]
        start = time.perf_counter()
        asked = ask(terminal, name)
        times["ask", who].append(time.perf_counter() - start)
        start = time.perf_counter()
        expect_deny(finish(terminal, asked, body).json)
        times["finish", who].append(time.perf_counter() - start)
    for step in ("ask", "finish"):
        medians = [statistics.median(times[step, who]) for who in kinds]
        assert max(medians) / min(medians) < 1.34, (step, medians)


def test_a_persons_card_at_a_shared_account(server, terminal, town):
    """The account is what is signed; whose card it is, `person` says."""
    certificate = town.issue("Somebody", "P-256")
    user = server.name("c")
    server.ctl("user", "add", user, "--login", "madoguchi")
    bind(server, certificate, user)
    asked = ask(terminal, "madoguchi", person=user)
    answer = expect_accept(finish(terminal, asked, proof(
        terminal, asked, certificate, "madoguchi")).json)
    assert (answer["user"], answer["person"]) == ("madoguchi", user)
    asked = ask(terminal, "madoguchi", person=user)
    expect_deny(finish(terminal, asked, proof(
        terminal, asked, certificate, user)).json)


# --- afterwards --------------------------------------------------------------
def test_the_message_is_the_contracts():
    data = message(b"\xca" * 32, b"\xc4" * 32, "desk-07", "s1042", "sshd")
    assert data == b"sekimori-login-v1\0" + b"\xca" * 32 + b"\xc4" * 32 + \
        b"\0\x07desk-07\0\x05s1042\0\x04sshd"


def test_refused_certificates_are_counted(server, terminal, town, person):
    user, first = person
    expired = again(town, first, start=time.time() - 20 * DAY_S,
                    end=time.time() - 60)
    before = unfit(server)
    expect_deny(card_login(terminal, user, expired))
    assert unfit(server) == before + 1


def unfit(server):
    return number_in(plain_http(server.port, "/metrics").body.decode(),
                     'sekimori_cards_unfit_total{standing="expired"}')


def test_sha1_is_no_signature(server, terminal, person):
    user, certificate = person
    asked = ask(terminal, user)
    body = proof(terminal, asked, certificate, user)
    body["signature"] = text(sign(certificate.key, message(
        ca_hash(terminal), unurl(asked["challenge"]), terminal.name, user,
        "sshd"), "sha1"))
    expect_charged(server, user, finish(terminal, asked, body).json, "forged")


def test_the_audit_chain_verifies_afterwards(server):
    status, told = server.verify()
    assert status == 0 and told["ok"], told
