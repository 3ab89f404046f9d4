# SPDX-License-Identifier: Apache-2.0
"""sekimorictl card: whose card is whose and which CAs are believed, for people
and for programs. Certificates are files here; cards are in other tests."""
import re
import time

import pytest

from card_client import key_hash
from client import over_socket
from pki import Authority, openssl
from test_admin import refused

DAY = 86400


@pytest.fixture(scope="module")
def ca(world):
    return Authority(world.directory("pki"), "Town CA")


def user(server):
    name = server.name()
    server.ctl("user", "add", name)
    return name


def enroll(server, name, path):
    return server.ctl("card", "enroll", name, "--certificate", path)


def listed(server, name):
    return server.ctl.items("card", "list", name)


def test_a_card_s_life(server, ca):
    ctl, name, other = server.ctl, user(server), user(server)
    card = ca.issue(name)
    answer = enroll(server, name, card.pem)
    assert answer["card"]["key"] == card.key_hash()
    assert (answer["trusted"], answer["standing"]) == (False, "untrusted")
    ctl("card", "trust", ca.pem, "--crl", ca.crl_path)
    # The same key again, as DER: nothing is bound twice.
    answer = enroll(server, name, card.der)
    assert (answer["trusted"], answer["standing"]) == (True, "good")
    assert [c["state"] for c in listed(server, name)] == ["active"]
    shown = ctl("user", "show", name)
    assert shown["enrolled"]
    assert [c["key"] for c in shown["cards"]] == [card.key_hash()]
    assert name in refused(ctl, "card", "enroll", other, "--certificate",
                           card.pem)
    # A renewed card works beside the old one.
    renewed = ca.issue(name, kind="P-256")
    enroll(server, name, renewed.pem)
    ctl("card", "revoke", card.key_hash())
    assert [c["state"] for c in listed(server, name)] == ["revoked", "active"]
    enroll(server, other, card.pem)
    assert [c["user"] for c in listed(server, other)] == [other]
    assert server.ctl("server", "status")["cards"] >= 2
    ctl("user", "remove", name)
    assert renewed.key_hash() not in [
        c["key"] for c in server.ctl.items("card", "list")
        if c["state"] == "active"]


def test_warnings_before_a_certificate_ends(server, ca):
    now, name = time.time(), user(server)
    server.ctl("card", "trust", ca.pem, "--crl", ca.crl_path)
    for days, warning in ((100, None), (60, "ends within 90 days"),
                          (20, "ends within 30 days"), (-1, "ended")):
        card = ca.issue(name, kind="P-256", start=now - 9 * DAY,
                        end=now + days * DAY + 60)
        shown = enroll(server, name, card.pem)["card"]
        assert (shown["warning"], shown["days_left"]) == (
            warning, max(days, 0)), shown
    status, text, err = server.ctl.run("card", "list", name,
                                       json_output=False)
    assert status == 0, err
    assert "ends within 30 days" in text and "expired" in text
    assert "3 certificates have ended or will end within 90 days" in text


def test_trust_needs_a_fresh_crl_of_the_same_ca(server, world):
    mine, other = (Authority(world.directory("pki"), name)
                   for name in ("Mine", "Other"))
    ctl = server.ctl

    def mine_now():
        return next((a for a in ctl.items("card", "trust")
                     if a["subject"] == "CN=Mine,O=Kiso"), None)

    for crl, word in ((other.crl_path, "not signed"), (mine.pem, "no CRL"),
                      ("/nonexistent", "No such file")):
        assert word in refused(ctl, "card", "trust", mine.pem, "--crl", crl,
                               status=2)
    assert mine_now() is None
    ctl("card", "trust", mine.pem)
    assert mine_now()["warning"] == "CRL missing"
    old = mine.crl().read_bytes()
    time.sleep(1.1)
    ctl("card", "trust", mine.pem, "--crl", mine.crl())
    assert mine_now()["warning"] is None and mine_now()["crl_until"]
    stored = mine.dir / "old.pem"
    stored.write_bytes(old)
    assert "older" in refused(ctl, "card", "trust", mine.pem, "--crl", stored)
    refused(ctl, "card", "trust", mine.pem)
    refused(ctl, "card", "trust", mine.pem, "--crl", mine.crl_path,
            "--no-crl", status=2)
    ctl("card", "trust", mine.der, "--crl",
        der_crl(mine))  # the other form of both
    time.sleep(1.1)
    short = mine.crl(seconds=2)
    ctl("card", "trust", mine.pem, "--crl", short)
    time.sleep(2.1)
    assert mine_now()["warning"] == "CRL stale"
    assert "stale" in refused(ctl, "card", "trust", mine.pem, "--crl", short,
                              status=2)
    ctl("card", "trust", mine.pem, "--no-crl")
    assert not mine_now()["needs_crl"]
    ctl("card", "distrust", mine_now()["key"])
    assert mine_now() is None


def der_crl(authority):
    path = authority.dir / "crl.der"
    openssl("crl", "-in", authority.crl_path, "-outform", "DER", "-out", path)
    return path


def test_a_forgotten_crl_is_told_in_log_and_metrics(servers, world):
    own, ca = servers(), Authority(world.directory("pki"), "Forgetful")

    def metric():
        reply = over_socket(own.admin_socket, "GET", "/metrics")
        found = re.search(rb"^sekimori_card_crl_until_seconds (\d+)$",
                          reply.body, re.M)
        return found and int(found[1])

    assert metric() is None
    own.ctl("card", "trust", ca.pem, "--crl", ca.crl(seconds=2))
    wait_for(lambda: "its cards cannot log in" in own.log())
    assert 0 < metric() <= time.time()
    own.ctl("card", "trust", ca.pem, "--crl", ca.crl())
    wait_for(lambda: "card CAs are fresh" in own.log())
    assert metric() > time.time() + 20 * DAY


def wait_for(condition, timeout_s=10):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_revoked_by_the_ca(server, world):
    ca, name = Authority(world.directory("pki"), "Revoking"), user(server)
    card = ca.issue(name, kind="P-256")
    server.ctl("card", "trust", ca.pem, "--crl", ca.crl())
    assert enroll(server, name, card.pem)["standing"] == "good"
    time.sleep(1.1)
    server.ctl("card", "trust", ca.pem, "--crl", ca.revoke(card))
    assert [c["standing"] for c in listed(server, name)] == ["revoked"]


@pytest.mark.parametrize("usage, word", [("signature", "for authentication")])
def test_certificates_that_are_refused(server, ca, usage, word):
    name = user(server)
    card = ca.issue(name, kind="P-256", usage=usage)
    for path in (card.pem, card.der):
        assert word in refused(server.ctl, "card", "enroll", name,
                               "--certificate", path, status=2)
    assert "of a CA" in refused(server.ctl, "card", "enroll", name,
                                "--certificate", ca.pem, status=2)
    assert listed(server, name) == []
    assert not server.ctl("user", "show", name)["enrolled"]


def test_windows_line_ends_and_standard_input(server, ca):
    name = user(server)
    card = ca.issue(name, kind="P-256")
    path = card.pem.with_suffix(".crt")
    path.write_bytes(card.pem.read_bytes().replace(b"\n", b"\r\n"))
    assert enroll(server, name, path)["card"]["key"] == card.key_hash()
    code, out, err = server.ctl.run("card", "enroll", name, "--certificate",
                                    "-", stdin=card.pem.read_text())
    assert code == 0 and card.key_hash() in out, err


def test_an_invitation_is_told_once(server):
    name = user(server)
    answer = server.ctl("card", "invite", name)
    server.world.secret("enrolment code", answer["code"].replace("-", ""))
    server.world.secret("enrolment code", answer["code"])
    assert len(answer["code"].replace("-", "")) == 12
    assert 590 < answer["until"] - time.time() <= 601
    code, text, _ = server.ctl.run("card", "invite", name, json_output=False)
    assert code == 0 and "enroll-card" in text and answer["code"] not in text
    refused(server.ctl, "card", "invite", "nobody-at-all")


def test_what_was_done_is_recorded(server, ca):
    name = user(server)
    card = ca.issue(name, kind="P-256")
    enroll(server, name, card.pem)
    server.ctl("card", "revoke", card.key_hash())
    records = [r for r in server.ctl.items("audit", "list", "--user", name)
               if r.get("card_key")]
    assert [r["action"] for r in records] == ["card enroll", "card revoke"]
    assert {r["card_key"] for r in records} == {card.key_hash()[:32]}


def test_whether_revocations_count_is_recorded(server, world):
    """Trusted without CRL, every card that the CA has revoked is good again:
    that may not look like the renewal of a CRL."""
    own = Authority(world.directory("pki"), "Recorded CA")
    server.ctl("card", "trust", own.pem)
    server.ctl("card", "trust", own.pem, "--crl", own.crl_path)
    server.ctl("card", "trust", own.pem, "--no-crl")
    key = key_hash(own.pem).hex()[:32]
    assert [r.get("crl") for r in server.records()
            if r.get("card_key") == key] == [None, "given", "none"]
