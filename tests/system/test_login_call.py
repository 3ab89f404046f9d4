# SPDX-License-Identifier: Apache-2.0
"""POST /v1/logins as a terminal sees it: both forms, every kind of code,
attempts that are asked twice, and everything that is malformed."""
import json
import re
import socket
import ssl
import time

import pytest

from client import (Connection, Gone, attempt, context_for, login_body,
                    new_key)
from otp import Totp
from world import wait_for


def expect_deny(answer, reason):
    assert (answer["result"], answer.get("reason")) == ("deny", reason), answer


def expect_problem(reply, status):
    assert reply.status == status, reply
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert reply.json["status"] == status
    assert reply.json["title"]


# --- direct form -----------------------------------------------------------
def test_a_right_code_is_accepted_and_names_the_person(server, terminal):
    user, token = server.hotp()
    answer = terminal.login(user, token.code())
    assert answer["result"] == "accept"
    assert answer["user"] == user and answer["person"] == user
    assert answer["by"] == "otp"
    assert answer["login"]
    assert isinstance(answer["notices"], list)


def test_a_wrong_code_is_wrong_and_a_spent_one_is_used(server, terminal):
    user, token = server.hotp()
    code = token.code()
    assert terminal.login(user, code)["result"] == "accept"
    expect_deny(terminal.login(user, code), "used")
    expect_deny(terminal.login(user, token.wrong()), "wrong")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("digits", [6, 8])
@pytest.mark.parametrize("period", [30, 60])
def test_totp(server, terminal, algorithm, digits, period):
    user = server.name()
    size = {"sha1": 20, "sha256": 32, "sha512": 64}[algorithm]
    token = Totp(server.world.seed(size), digits, period, algorithm)
    server.ctl("user", "add", user)
    server.enroll(user, token)
    code = token.code()
    assert terminal.login(user, code)["result"] == "accept"
    expect_deny(terminal.login(user, code), "used")
    # Another form of the same digits is not the same code.
    expect_deny(terminal.login(user, token.wrong()), "wrong")
    expect_deny(terminal.login(user, code[:-1]), "wrong")


def test_totp_earlier_step_than_the_one_accepted_is_used(server, terminal):
    user, token = server.totp()
    while token.clock() % 30 > 20:
        time.sleep(0.5)
    now = token.step()
    assert terminal.login(user, token.at(now))["result"] == "accept"
    expect_deny(terminal.login(user, token.at(now - 1)), "used")
    assert terminal.login(user, token.at(now + 1))["result"] == "accept"
    expect_deny(terminal.login(user, token.at(now + 3)), "wrong")


def test_hotp_looks_ahead_but_not_for_ever(server, terminal):
    user, token = server.hotp()
    assert terminal.login(user, token.code(3))["result"] == "accept"
    expect_deny(terminal.login(user, token.code(1)), "used")
    expect_deny(terminal.login(user, token.code(1003)), "wrong")
    assert terminal.login(user, token.code(4))["result"] == "accept"


def test_an_emergency_code_works_once_and_until_its_time(server, terminal):
    user, _ = server.hotp()
    issued = server.ctl("code", "issue", user)
    code = server.world.secret("emergency code", issued["code"])
    assert issued["until"]
    answer = terminal.login(user, code, "emergency")
    assert (answer["result"], answer["by"]) == ("accept", "emergency")
    again = terminal.login(user, code, "emergency")
    assert again["result"] == "deny"
    assert again["reason"] in ("used", "wrong")


def test_an_emergency_code_ends(servers):
    server = servers("emergency", fake=True)
    terminal = server.terminal()
    user, _ = server.hotp()
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                          time.gmtime(server.now() + 300))
    issued = server.ctl("code", "issue", user, "--until", until)
    server.pass_time(310)
    expect_deny(terminal.login(user, issued["code"], "emergency"), "wrong")


def test_empty_is_wrong_and_costs_nothing(server, terminal):
    user, token = server.hotp()
    for _ in range(12):
        expect_deny(terminal.login(user, ""), "wrong")
        expect_deny(terminal.login(user, "", "emergency"), "wrong")
        expect_deny(terminal.login(user, None), "wrong")
    assert terminal.login(user, token.code())["result"] == "accept"


def test_someone_unknown_is_wrong(terminal):
    expect_deny(terminal.login("nobody-here", "123456"), "wrong")
    expect_deny(terminal.login("nobody-here", ""), "wrong")


def test_known_but_never_enrolled_is_not_enrolled(server, terminal):
    server.ctl("user", "add", "newcomer")
    expect_deny(terminal.login("newcomer", "123456"), "not_enrolled")


def test_a_lost_token_does_not_make_one_not_enrolled(server, terminal):
    user, token = server.hotp()
    serial = server.ctl("user", "show", user)["tokens"][0]["serial"]
    server.ctl("token", "lost", serial)
    expect_deny(terminal.login(user, token.code()), "wrong")


def test_a_pending_token_opens_nothing(server, terminal):
    user = server.name()
    server.ctl("user", "add", user)
    token = Totp(server.world.seed())
    server.enroll(user, token, confirm=False)
    expect_deny(terminal.login(user, token.code()), "not_enrolled")


def test_suspended_expired_and_frozen_people(server, terminal):
    user, token = server.hotp()
    server.ctl("user", "suspend", user)
    expect_deny(terminal.login(user, token.code()), "suspended")
    server.ctl("user", "resume", user)
    server.ctl("user", "freeze", user)
    expect_deny(terminal.login(user, token.code()), "frozen")
    server.ctl("user", "thaw", user)
    assert terminal.login(user, token.code())["result"] == "accept"
    server.ctl("user", "add", "contractor", "--until", "2020-03-31")
    expect_deny(terminal.login("contractor", "123456"), "expired")


def test_several_people_on_one_account_are_told_apart(server, terminal):
    first, second = server.name("p"), server.name("p")
    for person in (first, second):
        server.ctl("user", "add", person, "--login", "counter")
    tokens = {person: Totp(server.world.seed()) for person in (first, second)}
    for person, token in tokens.items():
        server.enroll(person, token)
    answer = terminal.login("counter", tokens[second].code(), person=second)
    assert answer["result"] == "accept"
    assert (answer["user"], answer["person"]) == ("counter", second)
    expect_deny(terminal.login("counter", tokens[first].wrong(),
                               person=second), "wrong")
    stranger, token = server.hotp()
    expect_deny(terminal.login("counter", token.code(), person=stranger),
                "wrong")


# --- challenge form --------------------------------------------------------
def begin(terminal, user, **more):
    reply = terminal.post({"user": user, "service": "sshd",
                           "first_factor": "proven", **more})
    assert reply.status == 200, reply
    return reply.json


def finish(terminal, login, body):
    return terminal.post(body, f"/v1/logins/{login}")


def test_challenge_then_code(server, terminal):
    user, token = server.hotp()
    asked = begin(terminal, user)
    assert asked["result"] == "continue"
    assert "otp" in asked["factors"] and "emergency" in asked["factors"]
    assert 0 < asked["expires_in"] <= 600
    assert asked["challenge"]
    done = finish(terminal, asked["login"],
                  {"factor": "otp", "code": token.code()})
    assert done.json["result"] == "accept", done
    again = finish(terminal, asked["login"],
                   {"factor": "otp", "code": token.code()})
    expect_problem(again, 404)


def test_a_wrong_code_finishes_the_login_too(server, terminal):
    user, token = server.hotp()
    asked = begin(terminal, user)
    expect_deny(finish(terminal, asked["login"], {
        "factor": "otp", "code": token.wrong()}).json, "wrong")
    expect_problem(finish(terminal, asked["login"], {
        "factor": "otp", "code": token.code()}), 404)


def test_strangers_are_asked_like_everyone(server, terminal):
    user, _ = server.hotp()
    stranger = "z" + user[1:]
    known, unknown = begin(terminal, user), begin(terminal, stranger)
    for member in ("login", "challenge"):
        assert len(known.pop(member)) == len(unknown.pop(member))
    assert known == unknown
    done = finish(terminal, begin(terminal, stranger)["login"],
                  {"factor": "otp", "code": "123456"})
    expect_deny(done.json, "wrong")


def test_a_login_of_another_terminal_is_not_found(server, terminal):
    user, token = server.hotp()
    asked = begin(terminal, user)
    other = server.terminal()
    expect_problem(finish(other, asked["login"], {
        "factor": "otp", "code": token.code()}), 404)


def test_a_changed_login_is_not_found(server, terminal):
    user, token = server.hotp()
    login = begin(terminal, user)["login"]
    for at in (0, len(login) // 3, len(login) - 2):
        changed = login[:at] + ("A" if login[at] != "A" else "B") + \
            login[at + 1:]
        expect_problem(finish(terminal, changed, {
            "factor": "otp", "code": token.code()}), 404)
    for nonsense in ("x", "A" * 75, "A" * 300):
        expect_problem(finish(terminal, nonsense, {
            "factor": "otp", "code": "123456"}), 404)


def test_an_old_login_is_not_found(servers):
    server = servers("old-login", fake=True)
    terminal = server.terminal()
    user, token = server.hotp()
    asked = begin(terminal, user)
    server.pass_time(asked["expires_in"] + 2)
    expect_problem(finish(terminal, asked["login"], {
        "factor": "otp", "code": token.code()}), 404)


def test_early_verdicts_come_without_a_challenge(server, terminal):
    server.ctl("user", "add", "never-enrolled")
    expect_deny(begin(terminal, "never-enrolled"), "not_enrolled")
    user, _ = server.hotp()
    server.ctl("user", "suspend", user)
    expect_deny(begin(terminal, user), "suspended")


def test_exemption_and_refusal_by_policy(servers, world):
    server = servers("policy")
    terminal = server.terminal()
    user, token = server.hotp()
    other, other_token = server.hotp()
    rules = world.work / "policy.txt"
    rules.write_text(
        f"exempt backup-job user={user} service=cron\n"
        f"refuse no-su user={user} service=su\n"
        "permit everyone factors=any\n")
    server.ctl("policy", "set", rules)
    answer = terminal.login(user, None, None, service="cron")
    assert answer["result"] == "exempt" and answer["rule"] == "backup-job"
    expect_deny(terminal.login(user, token.code(), service="su"),
                "not_permitted")
    assert terminal.login(user, token.code())["result"] == "accept"
    assert terminal.login(other, other_token.code(),
                          service="su")["result"] == "accept"
    assert any(r["result"] == "exempt" for r in server.records(user=user))


# --- attempts --------------------------------------------------------------
def test_the_same_attempt_gets_the_same_verdict(server, terminal):
    user, token = server.hotp()
    body = login_body(user, token.code(), attempt=attempt())
    first, second = terminal.post(body), terminal.post(body)
    assert first.json["result"] == "accept"
    assert second.status == 200 and second.json == first.json
    wrong = login_body(user, token.wrong(), attempt=attempt())
    answers = [terminal.post(wrong).json for _ in range(20)]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["reason"] == "wrong"
    # Twenty times the same question was charged once.
    assert terminal.login(user, token.code())["result"] == "accept"


def test_the_same_attempt_in_the_second_form(server, terminal):
    user, token = server.hotp()
    login = begin(terminal, user)["login"]
    body = {"factor": "otp", "code": token.code(), "attempt": attempt()}
    first = finish(terminal, login, body)
    assert first.json["result"] == "accept"
    again = finish(terminal, login, body)
    assert again.status == 200 and again.json == first.json
    other = finish(terminal, login, {**body, "attempt": attempt()})
    expect_problem(other, 404)


def test_an_attempt_with_another_body_is_refused_unevaluated(server, terminal):
    user, token = server.hotp()
    body = login_body(user, token.wrong(), attempt=attempt())
    expect_deny(terminal.post(body).json, "wrong")
    changed = {**body, "code": token.code()}
    expect_problem(terminal.post(changed), 400)
    assert terminal.login(user, changed["code"])["result"] == "accept"


def test_another_terminal_does_not_share_attempts(server, terminal):
    user, token = server.hotp()
    body = login_body(user, token.code(), attempt=attempt())
    assert terminal.post(body).json["result"] == "accept"
    expect_deny(server.terminal().post(body).json, "used")


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_attempts_survive_a(servers, how):
    server = servers(f"attempt-{how}")
    terminal = server.terminal()
    user, token = server.hotp()
    body = login_body(user, token.code(), attempt=attempt())
    first = terminal.post(body).json
    assert first["result"] == "accept"
    if how == "restart":
        server.restart()
    else:
        server.kill()
        server.start()
    terminal.drop()
    assert terminal.post(body).json == first
    expect_deny(terminal.login(user, body["code"]), "used")


@pytest.mark.parametrize("change", ["suspend", "freeze", "revoke token",
                                    "server freeze", "terminal freeze"])
def test_an_accept_is_not_told_again_after(server, change):
    terminal = server.terminal()
    user, token = server.hotp()
    body = login_body(user, token.code(), attempt=attempt())
    assert terminal.post(body).json["result"] == "accept"
    serial = server.ctl("user", "show", user)["tokens"][0]["serial"]
    command = {"suspend": ("user", "suspend", user),
               "freeze": ("user", "freeze", user),
               "revoke token": ("token", "revoke", serial),
               "server freeze": ("server", "freeze"),
               "terminal freeze": ("terminal", "freeze", terminal.name),
               }[change]
    server.ctl(*command)
    try:
        reply = terminal.post(body)
        assert reply.status != 200 or reply.json["result"] == "deny", reply
    finally:
        if change == "server freeze":
            server.ctl("server", "thaw")


def test_an_attempt_is_forgotten_after_a_minute_but_the_code_is_not(servers):
    server = servers("attempt-old", fake=True)
    terminal = server.terminal()
    user, token = server.hotp()
    body = login_body(user, token.code(), attempt=attempt())
    assert terminal.post(body).json["result"] == "accept"
    server.pass_time(62)
    expect_deny(terminal.post(body).json, "used")


# --- sessions --------------------------------------------------------------
@pytest.mark.parametrize("event,reason", [
    ("locked", "card_removed"), ("locked", "watcher_failed"),
    ("logged_out", "card_removed"), ("logged_out", "watcher_failed")])
def test_what_the_agent_did_to_a_session_is_recorded(
        server, terminal, event, reason):
    body = {"event": event, "reason": reason, "user": f"{event}-{reason}",
            "service": "login", "tty": "tty1"}
    assert terminal.post(body, "/v1/sessions").json == {}
    found = server.records(user=body["user"])
    assert [(r["kind"], r["action"], r["reason"]) for r in found] == \
        [("session", event, reason)]


@pytest.mark.parametrize("more", [
    {"event": "locked"}, {"event": "logged_out"},
    {"event": "open", "reason": "card_removed"},
    {"event": "close", "reason": "watcher_failed"},
    {"event": "locked", "reason": "unlocked"}, {"event": "unlocked"}])
def test_an_event_and_its_reason_belong_together(server, terminal, more):
    body = {"user": "never-there", "service": "login", **more}
    expect_problem(terminal.post(body, "/v1/sessions"), 400)
    assert server.records(user="never-there") == []


# --- who may ask -----------------------------------------------------------
def test_capabilities_name_the_optional_members(terminal):
    reply = terminal.ask("GET", "/v1/capabilities")
    assert reply.status == 200
    assert {"otp", "emergency"} <= set(reply.json["factors"])
    assert {"attempt", "person", "session", "tty",
            "rhost"} <= set(reply.json["request_members"])


def test_without_a_certificate_nothing_but_health(server):
    stranger = Connection("127.0.0.1", server.port, context_for())
    assert stranger.ask("GET", "/healthz").status == 200
    assert stranger.ask("GET", "/readyz").status == 200
    for method, path in (("POST", "/v1/logins"), ("GET", "/v1/capabilities"),
                         ("GET", "/v1/terminals/self"),
                         ("POST", "/v1/terminals/renew"),
                         ("POST", "/v1/sessions"),
                         ("GET", "/v1/audit/hashes/1"),
                         ("POST", "/v1/reports")):
        body = {"user": "x", "service": "y"} if method == "POST" else None
        stranger = Connection("127.0.0.1", server.port, context_for())
        expect_problem(stranger.ask(method, path, body), 403)


def test_admin_calls_do_not_exist_on_the_network(terminal):
    reply = terminal.post({"id": "intruder"}, "/v1/admin/user/add")
    assert reply.status in (403, 404), reply


def foreign_certificate(directory, name="terminal"):
    """A certificate of the same name by a CA nobody here knows."""
    import subprocess
    key, out = directory / "foreign.key", directory / "foreign.crt"
    new_key(key)
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", key, "-subj",
                    f"/CN={name}", "-days", "30", "-out", out], check=True,
                   capture_output=True, timeout=20)
    return key, out


def refused(port, context, path="/v1/capabilities"):
    """403, or turned away during the handshake."""
    try:
        reply = Connection("127.0.0.1", port, context).ask("GET", path)
    except (Gone, ssl.SSLError, ConnectionError):
        return True
    return reply.status == 403


def test_foreign_and_revoked_certificates_are_refused(server, world):
    directory = world.directory("foreign")
    key, certificate = foreign_certificate(directory)
    assert refused(server.port, context_for(None, certificate, key))
    terminal = server.terminal()
    assert terminal.ask("GET", "/v1/capabilities").status == 200
    server.ctl("terminal", "revoke", terminal.name)
    # On the connection that is open, and on a new one.
    expect_problem(terminal.ask("GET", "/v1/capabilities"), 403)
    terminal.drop()
    assert refused(server.port, context_for(
        terminal.ca, terminal.certificate, terminal.key))


def test_a_frozen_terminal_gets_frozen(server):
    terminal = server.terminal()
    user, token = server.hotp()
    server.ctl("terminal", "freeze", terminal.name)
    expect_deny(terminal.login(user, token.code()), "frozen")
    server.ctl("terminal", "thaw", terminal.name)
    assert terminal.login(user, token.code())["result"] == "accept"


def test_tls_12_is_not_spoken(server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Connection("127.0.0.1", server.port, context)


# --- malformed -------------------------------------------------------------
GOOD = '{"user":"s1","service":"sshd"%s}'

BAD_JSON = {
    "nothing": b"",
    "garbage": b"\x00\xff\x13hello",
    "truncated": b'{"user":"s1","service":"ss',
    "an array": b'[{"user":"s1","service":"sshd"}]',
    "a string": b'"user"',
    "null": b"null",
    "deep": b'{"user":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "duplicate members": (GOOD % ',"user":"s2"').encode(),
    "duplicate nested key spelt otherwise":
        (GOOD % ',"us\\u0065r":"s2"').encode(),
    "unknown member": (GOOD % ',"admin":true').encode(),
    "user is a number": b'{"user":1,"service":"sshd"}',
    "user is null": b'{"user":null,"service":"sshd"}',
    "user is a list": b'{"user":["s1"],"service":"sshd"}',
    "no user": b'{"service":"sshd"}',
    "no service": b'{"user":"s1"}',
    "empty user": b'{"user":"","service":"sshd"}',
    "user too long": b'{"user":"' + b"a" * 257 + b'","service":"sshd"}',
    "user with a control character": b'{"user":"s\\u00011","service":"sshd"}',
    "user with a raw control character": b'{"user":"s\x011","service":"sshd"}',
    "user with NUL": b'{"user":"s1\\u0000","service":"sshd"}',
    "user with DEL": b'{"user":"s\x7f1","service":"sshd"}',
    "invalid UTF-8": b'{"user":"s\xff1","service":"sshd"}',
    "overlong UTF-8": b'{"user":"s\xc0\xaf","service":"sshd"}',
    "half a surrogate": b'{"user":"s\\ud800","service":"sshd"}',
    "trailing bytes": b'{"user":"s1","service":"sshd"} x',
    "trailing object": b'{"user":"s1","service":"sshd"}{}',
    "a comment": b'{"user":"s1",/* */"service":"sshd"}',
    "NaN": b'{"user":NaN,"service":"sshd"}',
    "trailing comma": b'{"user":"s1","service":"sshd",}',
    "byte order mark": b'\xef\xbb\xbf{"user":"s1","service":"sshd"}',
    "UTF-16": '{"user":"s1","service":"sshd"}'.encode("utf-16"),
    "code without factor": (GOOD % ',"code":"123456"').encode(),
    "unknown factor": (GOOD % ',"factor":"magic","code":"1"').encode(),
    "code is a number": (GOOD % ',"factor":"otp","code":123456').encode(),
    "first_factor nonsense": (GOOD % ',"first_factor":"maybe"').encode(),
    "attempt too short": (GOOD % ',"attempt":"AAAA"').encode(),
    "attempt not base64url":
        (GOOD % ',"attempt":"????????????????????????"').encode(),
    "tty is a number": (GOOD % ',"tty":7').encode(),
    "rhost with a line feed": (GOOD % ',"rhost":"a\\nb"').encode(),
}


@pytest.mark.parametrize("what", BAD_JSON)
def test_bad_json_is_400(terminal, what):
    reply = terminal.ask("POST", "/v1/logins", BAD_JSON[what])
    expect_problem(reply, 400)
    assert b"s1" not in reply.body, "input is not echoed"


def test_names_of_256_bytes_are_fine(terminal):
    body = json.dumps({"user": "a" * 256, "service": "b" * 256,
                       "factor": "otp", "code": "1"}).encode()
    assert terminal.ask("POST", "/v1/logins", body).status == 200


def test_after_bad_json_the_connection_goes_on(terminal):
    connection = terminal.connect()
    assert connection.ask("POST", "/v1/logins", b"{").status == 400
    assert connection.ask("GET", "/v1/capabilities").status == 200


def test_oversize_is_413(terminal):
    big = b'{"user":"' + b"a" * 20000 + b'","service":"sshd"}'
    connection = terminal.connect()
    try:
        reply = connection.ask("POST", "/v1/logins", big)
    except Gone:
        connection = terminal.connect()
        connection.send_raw(b"POST /v1/logins HTTP/1.1\r\nHost: localhost\r\n"
                            b"Content-Type: application/json\r\n"
                            b"Content-Length: 20000\r\n\r\n")
        reply = connection.receive()
    expect_problem(reply, 413)
    just = b'{"user":"s1","service":"sshd"}'
    just += b" " * (16384 - len(just))
    assert terminal.ask("POST", "/v1/logins", just).status == 200


def test_404_405_415(terminal):
    expect_problem(terminal.ask("GET", "/"), 404)
    expect_problem(terminal.ask("GET", "/v1/nothing"), 404)
    expect_problem(terminal.ask("POST", "/v1/login", {}), 404)
    expect_problem(terminal.ask("GET", "/v1/logins"), 405)
    expect_problem(terminal.ask("DELETE", "/v1/logins"), 405)
    expect_problem(terminal.ask("POST", "/v1/capabilities", {}), 405)
    body = b'{"user":"s1","service":"sshd"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded",
                 "application/jsonx"):
        expect_problem(terminal.ask("POST", "/v1/logins", body, {
            "Content-Type": kind}), 415)
    assert terminal.ask("POST", "/v1/logins", body, {
        "Content-Type": "application/json; charset=utf-8"}).status == 200


RAW_HEAD = b"POST /v1/logins HTTP/1.1\r\nHost: localhost\r\n" \
    b"Content-Type: application/json\r\n"
SHORT = b'{"user":"s1","service":"sshd"}'
LENGTH = b"Content-Length: %d\r\n" % len(SHORT)
BAD_HTTP = {
    "two lengths": RAW_HEAD + LENGTH + LENGTH + b"\r\n" + SHORT,
    "two different lengths":
        RAW_HEAD + LENGTH + b"Content-Length: 3\r\n\r\n" + SHORT,
    "a list of lengths": RAW_HEAD + b"Content-Length: 30, 30\r\n\r\n" + SHORT,
    "length and chunked": RAW_HEAD + LENGTH +
        b"Transfer-Encoding: chunked\r\n\r\n1e\r\n" + SHORT + b"\r\n0\r\n\r\n",
    "chunked alone": RAW_HEAD + b"Transfer-Encoding: chunked\r\n\r\n1e\r\n" +
        SHORT + b"\r\n0\r\n\r\n",
    "two hosts": RAW_HEAD + b"Host: other\r\n" + LENGTH + b"\r\n" + SHORT,
    "no host": b"GET /v1/capabilities HTTP/1.1\r\n\r\n",
    "NUL in a header": RAW_HEAD + b"X: a\x00b\r\n" + LENGTH + b"\r\n" + SHORT,
    "NUL in the path": b"GET /v1/cap\x00 HTTP/1.1\r\nHost: l\r\n\r\n",
    "bare line feeds": (RAW_HEAD + LENGTH + b"\r\n").replace(
        b"\r\n", b"\n") + SHORT,
    "one bare line feed": RAW_HEAD + b"X: a\n" + LENGTH + b"\r\n" + SHORT,
    "a carriage return alone":
        RAW_HEAD + b"X: a\rb\r\n" + LENGTH + b"\r\n" + SHORT,
    "a space before the colon":
        RAW_HEAD + b"X : a\r\n" + LENGTH + b"\r\n" + SHORT,
    "a folded line": RAW_HEAD + b"X: a\r\n b\r\n" + LENGTH + b"\r\n" + SHORT,
    "a negative length": RAW_HEAD + b"Content-Length: -1\r\n\r\n",
    "a length with a plus": RAW_HEAD + b"Content-Length: +30\r\n\r\n" + SHORT,
    "a length in hex": RAW_HEAD + b"Content-Length: 0x1e\r\n\r\n" + SHORT,
    "an endless length":
        RAW_HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "a whole URL": b"GET https://localhost/healthz HTTP/1.1\r\nHost: l\r\n\r\n",
    "a query": b"GET /v1/capabilities?x=1 HTTP/1.1\r\nHost: l\r\n\r\n",
    "HTTP/1.0": b"GET /healthz HTTP/1.0\r\nHost: l\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /healthz\r\nHost: l\r\n\r\n",
    "noise": b"\x16\x03\x01\x02\x00\r\n\r\n",
}


@pytest.mark.parametrize("what", BAD_HTTP)
def test_bad_http_is_400_and_closed(terminal, what):
    connection = terminal.connect()
    connection.send_raw(BAD_HTTP[what])
    reply = connection.receive()
    assert reply.status in (400, 413, 505), reply
    assert reply.status == 400 or what in (
        "HTTP/1.0", "HTTP/2 preface", "an endless length"), reply
    assert connection.is_closed()


def test_a_head_too_large_is_refused_and_closed(terminal):
    connection = terminal.connect()
    try:
        connection.send_raw(b"GET /healthz HTTP/1.1\r\nHost: l\r\n" +
                            b"X: " + b"a" * 9000 + b"\r\n\r\n")
        assert connection.receive().status in (400, 431)
    except Gone:
        pass
    assert connection.is_closed()


def test_plain_text_on_the_tls_port_gets_nothing(server):
    with socket.create_connection(("127.0.0.1", server.port), 10) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: l\r\n\r\n")
        try:
            assert b"200" not in raw.recv(100)
        except ConnectionError:
            pass


def test_requests_behind_one_another_are_answered_in_order(terminal):
    connection = terminal.connect()
    connection.send_raw(
        b"GET /v1/capabilities HTTP/1.1\r\nHost: l\r\n\r\n"
        b"GET /v1/nothing HTTP/1.1\r\nHost: l\r\n\r\n" + RAW_HEAD + LENGTH +
        b"\r\n" + SHORT)
    assert [connection.receive().status for _ in range(3)] == [200, 404, 200]


def test_hammering_is_429(servers):
    server = servers("hammer", {"throttle.terminal_rate": 5,
                                "throttle.terminal_failures": 0})
    terminal, other = server.terminal(), server.terminal()
    statuses = [terminal.post(login_body("x", "")).status for _ in range(120)]
    assert 429 in statuses and statuses[:50] == [200] * 50
    assert other.post(login_body("x", "")).status == 200
    expect_problem(terminal.post(login_body("x", "")), 429)


def test_guessing_names_is_429(servers):
    server = servers("guess", {"throttle.terminal_failures": 10})
    terminal = server.terminal()
    statuses = [terminal.post(login_body(f"u{i}", "123456")).status
                for i in range(15)]
    assert statuses[:10] == [200] * 10
    assert set(statuses[11:]) == {429}
    user, token = server.hotp()
    assert server.terminal().login(user, token.code())["result"] == "accept"


def test_one_line_per_decision_with_request_id_and_reason(server, terminal):
    user, token = server.hotp()
    terminal.login(user, token.wrong())

    def told():  # the reply leaves before its line is written
        return any(user in line and "wrong" in line and
                   re.search(r"[0-9a-f]{16}", line)
                   for line in server.log().splitlines())
    wait_for("the decision's line", told, 10)


def test_metrics_answer_on_loopback(server, terminal):
    user, token = server.hotp()
    terminal.login(user, token.code())
    reply = Connection("127.0.0.1", server.port,
                       context_for()).ask("GET", "/metrics")
    assert reply.status == 200
    assert re.search(r"(?m)^sekimori_\w+(\{[^}]*\})? \d", reply.body.decode())
    assert user not in reply.body.decode()
