# SPDX-License-Identifier: Apache-2.0
"""What somebody tried who meant harm: with a stolen terminal, with patience,
or with a packet recorded earlier. Each was a way in, or out of a limit, once."""
import base64
import subprocess

import pytest

import slow_key
from client import (Connection, Gone, Terminal, attempt, context_for,
                    login_body, many_at_once, new_key, new_request)
from pki import openssl
from world import cpu_seconds


def deny(answer):
    assert answer["result"] == "deny", answer
    return answer["reason"]


def renew(server, terminal, directory):
    """The same terminal with its next certificate, in use at once."""
    directory.mkdir()
    successor = Terminal(server, terminal.name, directory)
    new_key(successor.key)
    reply = terminal.post({"request": new_request(successor.key)},
                          "/v1/terminals/renew")
    if reply.status != 200:
        return reply.status, None
    successor.certificate.write_text(reply.json["certificate"])
    successor.ca.write_text(reply.json["ca"])
    assert successor.ask("GET", "/v1/capabilities").status == 200
    terminal.drop()
    return 200, successor


# --- retries ---------------------------------------------------------------
def test_an_accept_is_not_told_again_when_policy_wants_another_factor(
        servers, world):
    server = servers("accept-policy")
    terminal = server.terminal()
    user, token = server.hotp()
    body = login_body(user, token.code(), attempt=attempt())
    assert terminal.post(body).json["result"] == "accept"
    rules = world.work / "accept-policy.txt"
    rules.write_text("permit all factors=card,emergency\n")
    server.ctl("policy", "set", rules)
    assert deny(terminal.post(body).json) == "wrong"


@pytest.mark.parametrize("change", ["freeze", "suspend", "remove", "policy"])
def test_an_exemption_is_not_told_again_after(servers, world, change):
    server = servers(f"exempt-{change}")
    terminal = server.terminal()
    user, _ = server.hotp()
    rules = world.work / f"exempt-{change}.txt"
    rules.write_text(f"exempt job user={user}\npermit all factors=any\n")
    server.ctl("policy", "set", rules)
    body = login_body(user, attempt=attempt(), factor=None)
    assert terminal.post(body).json["result"] == "exempt"
    assert terminal.post(body).json["result"] == "exempt"
    if change == "policy":
        rules.write_text("permit all factors=any\n")
        server.ctl("policy", "set", rules)
    else:
        server.ctl("user", change, user)
    assert terminal.post(body).json["result"] in ("deny", "continue")


def test_an_accept_by_emergency_code_is_not_told_to_somebody_removed(
        server, terminal):
    user, _ = server.hotp()
    code = server.ctl("code", "issue", user)["code"]
    body = login_body(user, code, "emergency", attempt=attempt())
    assert terminal.post(body).json["result"] == "accept"
    server.ctl("user", "remove", user)
    assert deny(terminal.post(body).json)


# --- one terminal against all -------------------------------------------------
def test_a_new_certificate_does_not_refresh_the_failures_of_a_terminal(
        servers):
    server = servers("refreshed", {"throttle.terminal_failures": 5})
    terminal = server.terminal()
    for i in range(5):
        assert deny(terminal.login(f"u{i}", "123456")) == "wrong"
    status, successor = renew(server, terminal, server.dir / "fresh")
    assert status == 200
    assert successor.post(login_body("u9", "123456")).status == 429


def test_certificates_are_not_to_be_had_by_the_dozen(server):
    terminal = server.terminal()
    before = server.ctl("audit", "head")["chains"][0]["records"]
    key = server.dir / "greedy.key"
    new_key(key)
    body = {"request": new_request(key)}
    statuses = [terminal.post(body, "/v1/terminals/renew").status
                for _ in range(40)]
    assert statuses[0] == 200 and statuses[-1] == 429
    assert server.ctl("audit", "head")["chains"][0]["records"] - before < 20


@pytest.mark.parametrize("path", ["/v1/terminals/self", "/v1/capabilities",
                                  "/v1/audit/hashes/1"])
def test_reading_is_rated_too(servers, path):
    server = servers("reading" + path.replace("/", "-"),
                     {"throttle.terminal_rate": 5})
    terminal, other = server.terminal(), server.terminal()
    statuses = [terminal.ask("GET", path).status for _ in range(90)]
    assert statuses[0] == 200 and statuses[-1] == 429
    assert other.ask("GET", path).status == 200


# --- locking people out ---------------------------------------------------------
def test_emergency_codes_can_be_had_again_after_somebody_guessed_at_them(
        servers):
    server = servers("guessed", {"throttle.disable_at": 10,
                                 "throttle.terminal_failures": 0})
    terminal = server.terminal()
    user, _ = server.hotp()
    guessed = 0
    while guessed < 10:
        guessed += deny(terminal.login(user, "0123456789", "emergency",
                                       first="unproven")) == "wrong"
        server.ctl("user", "unlock", user)
    code = server.ctl("code", "issue", user)["code"]
    answer = terminal.login(user, code, "emergency", first="unproven")
    assert answer["result"] == "accept", answer


# --- time ----------------------------------------------------------------------
def test_going_back_makes_no_recorded_answer_live_longer(servers):
    """The minute of an attempt, and the two of a login, are not stretched to
    whenever the wrong time comes round again."""
    server = servers("stretched", fake=True)
    terminal = server.terminal()
    user, token = server.hotp()
    body = login_body(user, token.code(), attempt=attempt())
    assert terminal.post(body).json["result"] == "accept"
    begun = terminal.post({"user": user, "service": "sshd"}).json["login"]
    server.jump(-3600)
    assert server.ctl("server", "clock", "accept")["backwards"] is True
    assert deny(terminal.post(body).json) == "used"
    reply = terminal.post({"factor": "otp", "code": token.code()},
                          f"/v1/logins/{begun}")
    assert reply.status == 404, reply


# --- the disk ------------------------------------------------------------------
def test_a_flood_of_ever_other_names_is_counted_too(servers):
    """Each with another service, so that no two are the same."""
    server = servers("steered", {"throttle.terminal_rate": 0})
    terminal = server.terminal()
    user, _ = server.hotp()
    before = server.ctl("audit", "head")["chains"][0]["records"]
    connections = [terminal.connect() for _ in range(25)]
    for turn in range(40):
        bodies = [login_body(user, "", service=f"made-up-{turn}-{i}")
                  for i in range(25)]
        many_at_once(connections, bodies)
    after = server.ctl("audit", "head")["chains"][0]["records"]
    assert after - before < 200
    found = server.records(terminal=terminal.name, result="deny", limit=2000)
    assert sum(r.get("count") or 1 for r in found) == 1000
    # Who else is at the door is still seen by name.
    other = server.terminal()
    other.login(user, "", service="elsewhere")
    assert any(r["user"] == user for r in
               server.records(terminal=other.name, result="deny"))


def test_sessions_that_never_were_are_counted(servers):
    """Root on a terminal may report any session; not without end."""
    server = servers("sessions", {"throttle.terminal_rate": 0})
    terminal = server.terminal()
    before = server.ctl("audit", "head")["chains"][0]["records"]
    for i in range(500):
        reply = terminal.post({"event": "open", "user": f"u{i}",
                               "service": "sshd"}, "/v1/sessions")
        assert reply.status == 200
    after = server.ctl("audit", "head")["chains"][0]["records"]
    assert 300 <= after - before < 320
    found = server.records(terminal=terminal.name, limit=1000)
    assert sum(r.get("count") or 1 for r in found
               if r["kind"] == "session") == 500


def test_reports_of_rollback_do_not_fill_the_chain(server):
    terminal = server.terminal()
    before = server.ctl("audit", "head")["chains"][0]["records"]
    for seq in range(100):
        reply = terminal.post({"kind": "rollback", "seq": seq,
                               "hash": "ab" * 32}, "/v1/reports")
        assert reply.status == 200
    assert server.ctl("audit", "head")["chains"][0]["records"] - before < 10
    found = [r for r in server.records(terminal=terminal.name)
             if r.get("report") == "rollback"]
    assert sum(r.get("count") or 1 for r in found) == 100


# --- strangers -----------------------------------------------------------------------
def test_strangers_are_written_down_one_by_one(server):
    """As staff are: what is recorded of one says nothing of another, and takes
    as long."""
    terminal = server.terminal()
    names = [f"nobody-{i}" for i in range(10)]
    for name in names * 3:
        assert deny(terminal.login(name, "")) == "wrong"
    found = server.records(terminal=terminal.name)
    assert len({r["user_hash"] for r in found if "user_hash" in r}) == 10
    assert sum(r.get("count") or 1 for r in found
               if "user_hash" in r) == 30


# --- growing old together ----------------------------------------------------------
def test_a_certificate_cut_short_by_its_ca_is_not_due_at_once(servers):
    """An agent that is told so believes the clock is wrong, rests for a day,
    and is locked out when the CA ends."""
    server = servers("short-ca", {"certificates.ca_lifetime": "240s",
                                  "certificates.server_lifetime": "120s",
                                  "certificates.terminal_lifetime": "239s"},
                     fake=True)
    server.pass_time(170)
    terminal = server.terminal()
    renew_at = terminal.ask("GET", "/v1/terminals/self").json["renew_at"]
    assert 0 < renew_at - server.now() < 70


# --- a key that takes long to read --------------------------------------------
SLOW_S = 0.1  # less than one costs; a connection has room for twenty


@pytest.fixture
def spends(server):
    """Runs something; it may not have cost the server one slow key."""
    def run(attack):
        before = cpu_seconds(server.process.pid)
        result = attack()
        assert cpu_seconds(server.process.pid) - before < SLOW_S
        return result

    return run


def test_a_stranger_s_slow_certificate_is_not_read(server, world, spends):
    stranger = Terminal(server, "stranger", world.directory("slow"))
    new_key(stranger.key)
    openssl("req", "-x509", "-new", "-key", stranger.key, "-subj", "/CN=x",
            "-out", stranger.certificate)
    with open(stranger.certificate, "a", encoding="ascii") as chain:
        chain.write(3 * slow_key.pem("CERTIFICATE", slow_key.certificate()))
    context = context_for(certificate=stranger.certificate, key=stranger.key)

    def attack():
        connection = Connection("127.0.0.1", server.port, context)
        with pytest.raises(Gone):
            connection.ask("GET", "/v1/capabilities")
        connection.close()

    spends(attack)
    # One of an ordinary kind is heard, and told what is wrong.
    openssl("req", "-x509", "-new", "-key", stranger.key, "-subj", "/CN=x",
            "-out", stranger.certificate)
    context = context_for(certificate=stranger.certificate, key=stranger.key)
    connection = Connection("127.0.0.1", server.port, context)
    assert connection.ask("GET", "/v1/capabilities").status == 403
    connection.close()


@pytest.mark.parametrize("group, taken", [
    ("X25519", True), ("P-256", True), ("P-384", True), ("ffdhe8192", False),
    ("ffdhe2048", False), ("P-521", False)])
def test_a_stranger_s_slow_key_exchange_is_refused(server, group, taken):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}",
         "-groups", group], input=b"", capture_output=True, timeout=20,
        check=False)
    assert (b"New, TLSv1.3" in done.stdout) == taken, done.stdout


def test_a_stranger_s_slow_request_is_not_read(server, spends):
    request = slow_key.pem("CERTIFICATE REQUEST", slow_key.request())
    stranger = Connection("127.0.0.1", server.port, context_for())
    reply = spends(lambda: stranger.ask("POST", "/v1/terminals/join", {
        "code": "AAAA", "request": request}))
    assert reply.status == 400, reply
    stranger.close()


def test_a_slow_card_is_not_read(server, terminal, spends):
    user, _ = server.hotp()
    raw = base64.b64encode(slow_key.certificate()).decode()
    for _ in range(2):
        asked = terminal.post(login_body(user, None, factor=None)).json
        answer = spends(lambda path=f"/v1/logins/{asked['login']}":
                        terminal.post({
                            "factor": "card", "certificate": raw,
                            "signature": "AAAA",
                            "algorithm": "ecdsa-sha256"}, path))
        assert deny(answer.json) == "wrong"
