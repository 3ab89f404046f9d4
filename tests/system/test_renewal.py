# SPDX-License-Identifier: Apache-2.0
"""Joining, and certificates that renew themselves without a visit."""
import json
import ssl
import subprocess
import time

import pytest

from agent import Agent
from client import (Gone, Terminal, attempt, context_for, login_body, new_key,
                    new_request)
from client import Connection
from programs import Probe
from world import wait_for

def fingerprint(path):
    return subprocess.run(["openssl", "x509", "-noout", "-fingerprint",
                           "-sha256", "-in", path], capture_output=True,
                          text=True, check=True, timeout=10).stdout


def probe_of(world, agent):
    probe = Probe(world, world.directory("renewal-pam"))
    probe.service("renewal", f"auth required {world.module} "
                  f"socket={agent.socket} explain lang=en",
                  f"account required {world.module} socket={agent.socket}")
    return lambda user, code: probe("renewal", user, [code]).code


# --- joining ---------------------------------------------------------------------
def test_join_leaves_three_files_and_trusts_by_the_code_alone(
        server, agents):
    agent = agents(server)
    assert (agent.state / "terminal.key").stat().st_mode & 0o777 == 0o600
    for name in ("terminal.crt", "ca.crt"):
        assert "BEGIN CERTIFICATE" in (agent.state / name).read_text()
    subject = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-purpose", "-in",
         agent.state / "terminal.crt"], capture_output=True, text=True,
        check=True, timeout=10).stdout
    assert agent.name in subject
    assert "SSL server : No" in subject and "SSL client : Yes" in subject


def test_a_join_code_works_once(server, world):
    code = server.ctl("terminal", "add", "once")["join_code"]
    first, second = Agent(world), Agent(world)
    assert first.try_join(server.url, code).returncode == 0
    done = second.try_join(server.url, code)
    assert done.returncode != 0 and done.stderr.strip()
    assert not (second.state / "terminal.crt").exists()


def test_wrong_join_codes(server, world):
    good = server.ctl("terminal", "add", "wrong-code")["join_code"]
    other = "B" if good[0] != "B" else "C"
    for code in ("", "x", "AAAAA-AAAAA", other + good[1:], good[:-3],
                 good[:-1] + ("A" if good[-1] != "A" else "Q")):
        done = Agent(world).try_join(server.url, code)
        assert done.returncode != 0, code
        assert not code or len(code) < 12 or code not in done.stderr
    # Lower case and spaces for hyphens are how people type.
    agent = Agent(world)
    done = agent.try_join(server.url, good.lower().replace("-", " "))
    assert done.returncode == 0, done.stderr


def test_a_join_code_ends_after_ten_minutes(servers):
    server = servers("join-late", fake=True)
    directory = server.dir / "late"
    directory.mkdir()
    code = server.ctl("terminal", "add", "late")["join_code"]
    server.pass_time(300)
    server.ctl("server", "status")
    server.pass_time(310)
    reply = Terminal(server, "late", directory).join(code)
    assert reply.status == 403, reply


def test_the_code_of_another_server_does_not_join(servers, server, world):
    """The CA's fingerprint in the code keeps a false server out."""
    other = servers("false")
    code = server.ctl("terminal", "add", "astray")["join_code"]
    agent = Agent(world)
    done = agent.try_join(other.url, code)
    assert done.returncode != 0
    assert not (agent.state / "terminal.crt").exists()
    assert agent.try_join(server.url, code).returncode == 0, \
        "the code was not shown to the false server"


def test_the_server_names_the_terminal_not_the_request(server):
    directory = server.dir / "named"
    directory.mkdir()
    code = server.ctl("terminal", "add", "its-name")["join_code"]
    terminal = Terminal(server, "its-name", directory)
    assert terminal.join(code).json["terminal"] == "its-name"
    assert terminal.ask("GET", "/v1/terminals/self").json["terminal"] == \
        "its-name"


def test_joining_again_retires_the_old_certificate(server):
    terminal = server.terminal("twice")
    assert terminal.ask("GET", "/v1/capabilities").status == 200
    code = server.ctl("terminal", "add", "twice")["join_code"]
    directory = server.dir / "twice-again"
    directory.mkdir()
    again = Terminal(server, "twice", directory)
    assert again.join(code).status == 200
    assert again.ask("GET", "/v1/capabilities").status == 200
    terminal.drop()
    assert terminal.ask("GET", "/v1/capabilities").status == 403


@pytest.mark.parametrize("request_text", [
    "", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"
    "-----END CERTIFICATE REQUEST-----\n"])
def test_a_bad_request_does_not_use_up_the_code(server, request_text):
    from client import secret_of
    name = server.name("bad-request")
    code = server.ctl("terminal", "add", name)["join_code"]
    stranger = Connection("127.0.0.1", server.port, context_for())
    reply = stranger.ask("POST", "/v1/terminals/join", {
        "code": secret_of(code), "request": request_text})
    assert reply.status == 400, reply
    directory = server.dir / name
    directory.mkdir()
    assert Terminal(server, name, directory).join(code).status == 200


def test_weak_and_forged_requests_are_refused(server):
    directory = server.world.directory("weak")
    key = directory / "weak.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "1024"], check=True,
                   capture_output=True, timeout=20)
    terminal = server.terminal()
    reply = terminal.post({"request": new_request(key)},
                          "/v1/terminals/renew")
    assert reply.status == 400, reply
    good = directory / "good.key"
    new_key(good)
    lines = new_request(good).split("\n")
    middle = len(lines) // 2
    lines[middle] = lines[middle][::-1]
    reply = terminal.post({"request": "\n".join(lines)},
                          "/v1/terminals/renew")
    assert reply.status == 400, reply


# --- renewal ---------------------------------------------------------------------
def test_a_renewed_certificate_retires_its_predecessor_at_first_use(server):
    terminal = server.terminal("renewing")
    assert terminal.ask("GET", "/v1/capabilities").status == 200
    directory = server.dir / "renewed"
    directory.mkdir()
    successor = Terminal(server, "renewing", directory)
    new_key(successor.key)
    reply = terminal.post({"request": new_request(successor.key)},
                          "/v1/terminals/renew")
    assert reply.status == 200, reply
    successor.certificate.write_text(reply.json["certificate"])
    successor.ca.write_text(reply.json["ca"])
    # Not yet used: the old one goes on, else a lost answer locks it out.
    terminal.drop()
    assert terminal.ask("GET", "/v1/capabilities").status == 200
    assert successor.ask("GET", "/v1/capabilities").status == 200
    assert terminal.ask("GET", "/v1/capabilities").status == 403
    terminal.drop()
    assert terminal.ask("GET", "/v1/capabilities").status == 403
    text = json.dumps(server.records(terminal="renewing"))
    assert "retired" in text, text


def test_an_attempt_over_a_renewal_is_not_evaluated_twice(server):
    """Asked with the old certificate, asked again with the new one."""
    terminal = server.terminal("mid-renewal")
    user, token = server.hotp()
    body = login_body(user, token.code(), attempt=attempt())
    assert terminal.post(body).json["result"] == "accept"
    directory = server.dir / "mid-renewed"
    directory.mkdir()
    successor = Terminal(server, "mid-renewal", directory)
    new_key(successor.key)
    reply = terminal.post({"request": new_request(successor.key)},
                          "/v1/terminals/renew")
    successor.certificate.write_text(reply.json["certificate"])
    successor.ca.write_text(reply.json["ca"])
    assert successor.post(body).json["result"] == "accept"


def test_certificates_and_ca_renew_without_a_visit(servers, agents, world):
    """Through more than a CA's life, with a login every half second: the
    terminal, the server and the CA get successors, and nobody notices. Who
    never connected, and who kept an old certificate, is out."""
    server = servers("ca", {"certificates.ca_lifetime": "48s",
                            "certificates.server_lifetime": "18s",
                            "certificates.terminal_lifetime": "18s"})
    agent = agents(server)
    stale = server.terminal("stale")
    old = agent.dir / "old"
    old.mkdir()
    for name in ("terminal.key", "terminal.crt", "ca.crt"):
        (old / name).write_bytes((agent.state / name).read_bytes())
    user, token = server.hotp()
    login = probe_of(world, agent)
    ca, own = agent.state / "ca.crt", agent.state / "terminal.crt"
    first_ca, seen, most = ca.read_text(), set(), 0
    start = time.monotonic()
    while time.monotonic() - start < 54:
        code = login(user, token.code())
        assert code == "PAM_SUCCESS", time.monotonic() - start
        most = max(most, ca.read_text().count("BEGIN CERT"))
        seen.add(fingerprint(own))
        time.sleep(0.5)
    assert len(seen) >= 3
    assert most >= 2, "both CAs were trusted for a while"
    assert ca.read_text() != first_ca
    past = Terminal(server, "past", old)
    for outsider in (stale, past):
        outsider.check_time = False
        with pytest.raises((Gone, ssl.SSLError, AssertionError)):
            assert outsider.ask("GET", "/v1/capabilities").status == 200
    # The first CA is over by now; a newcomer joins under its successor.
    assert server.terminal().ask("GET", "/v1/capabilities").status == 200
    server.stop()


def test_a_second_server_is_tried_in_turn(servers, world):
    """Two addresses, nobody at the first: the login still comes in time."""
    server = servers("second")
    agent = Agent(world)
    agent.join(server)
    agent.add_server(f"https://localhost:{world.port()}", first=True)
    agent.start()
    try:
        user, token = server.hotp()
        login = probe_of(world, agent)
        start = time.monotonic()
        assert login(user, token.code()) == "PAM_SUCCESS"
        assert time.monotonic() - start < 5
        server.kill()
        assert login(user, token.code(0)) == "PAM_AUTHINFO_UNAVAIL"
        server.start()
        wait_for("a login after the server is back", lambda: login(
            user, token.code()) == "PAM_SUCCESS", 15, 0.5)
    finally:
        agent.stop()


def test_agent_before_server(servers, world):
    """Started in any order."""
    server = servers("later")
    agent = Agent(world)
    agent.join(server)
    server.stop()
    agent.start()
    user = "s0001"
    login = probe_of(world, agent)
    assert login(user, "123456") == "PAM_AUTHINFO_UNAVAIL"
    server.start()
    user, token = server.hotp()
    try:
        wait_for("the agent to find its server", lambda: login(
            user, token.code()) == "PAM_SUCCESS", 15, 0.5)
    finally:
        agent.stop()


def test_a_rolled_back_server_is_noticed(servers, world):
    """The terminal keeps the last head it saw and asks for that number."""
    server = servers("rollback")
    agent = Agent(world)
    agent.join(server)
    agent.start()
    login = probe_of(world, agent)
    user, token = server.hotp()
    assert login(user, token.code()) == "PAM_SUCCESS"
    server.stop()
    saved = {p.name: p.read_bytes() for p in server.state.iterdir()
             if p.is_file()}
    server.start()
    for _ in range(5):
        assert login(user, token.code()) == "PAM_SUCCESS"
    agent.restart()  # connects anew, sees the newest head
    assert login(user, token.code()) == "PAM_SUCCESS"
    time.sleep(1)
    server.stop()
    for path in server.state.iterdir():
        path.unlink()
    for name, data in saved.items():
        (server.state / name).write_bytes(data)
        (server.state / name).chmod(0o600)
    server.start()
    other, other_token = server.hotp()
    agent.restart()
    assert login(other, other_token.code()) == "PAM_SUCCESS", "logins go on"
    wait_for("the report of a rollback", lambda: "rollback" in json.dumps(
        server.records(limit=40)), 15, 0.5)
    agent.stop()
