# SPDX-License-Identifier: Apache-2.0
"""Callers that mean no good: hostile environments through set-uid programs,
sockets that are not the agent's, agents that lie or die, and ordinary users
who ask for what is not theirs."""
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

import frames
import programs
from frames import Caller, FakeAgent
from programs import as_user, password_of
from world import HERE, at_once, result_of, suspend, wait_for


@pytest.fixture(scope="module")
def ready(site, server):
    site.agent.stop()
    site.agent.allow_user_service("locker")
    site.agent.start()
    site.probe.service("explained", site.line(options="explain lang=en"),
                       "auth required pam_permit.so", site.line("account"),
                       "account required pam_permit.so")
    return site


def readable(world):
    """A directory with frames.py that ordinary users can read."""
    target = world.programs / "frames.py"
    if not target.exists():
        shutil.copy(HERE / "frames.py", target)
        target.chmod(0o644)
    return str(world.programs)


# --- environments ----------------------------------------------------------
def hostile_environment(directory):
    """What a caller of a set-uid program may wish to be honoured."""
    trap = directory / "openssl.cnf"
    trap.write_text("openssl_conf = x\n[x]\nengines = y\n[y]\nz = w\n[w]\n"
                    f"dynamic_path = {directory}/evil.so\ninit = 1\n")
    return {
        "SSLKEYLOGFILE": directory / "keys",
        "SSL_CERT_FILE": directory / "ca", "SSL_CERT_DIR": directory,
        "https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "socks://127.0.0.1:9",
        "LD_PRELOAD": directory / "evil.so", "LD_LIBRARY_PATH": directory,
        "LD_AUDIT": directory / "evil.so",
        "OPENSSL_CONF": trap, "OPENSSL_MODULES": directory,
        "OPENSSL_ENGINES": directory, "LOCALDOMAIN": "evil.example",
        "RES_OPTIONS": "debug", "HOSTALIASES": directory / "hosts",
        "NLSPATH": directory / "%N", "LANGUAGE": "ja", "LC_ALL": "ja_JP.UTF-8",
        "TZ": directory / "zone", "TZDIR": directory, "MALLOC_TRACE":
        directory / "trace", "GCONV_PATH": directory, "TMPDIR": directory,
        "SEKIMORI_SOCKET": directory / "fake.sock",
        "XDG_CONFIG_HOME": directory, "CURL_HOME": directory,
        "NETRC": directory / "netrc",
    }


EVIL_C = """
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void loaded(void)
{
	if (geteuid() == 0) {
		FILE *f = fopen("%s", "a");
		if (f) { fputs("loaded as root\\n", f); fclose(f); }
	}
}
"""


@pytest.fixture(scope="module")
def trap(world):
    directory = world.directory("trap")
    directory.chmod(0o777)
    source = directory / "evil.c"
    source.write_text(EVIL_C % (directory / "loaded"))
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", directory / "evil.so",
                    source], check=True, timeout=60)
    return directory


def test_su_in_a_hostile_environment_is_neither_opened_nor_misled(
        ready, server, trap):
    user, token = server.hotp("bob")
    environment = hostile_environment(trap)
    before = {path.name for path in trap.iterdir()}
    for code, expected in ((token.wrong(), False), (token.code(), True)):
        let_in, text = programs.su(ready.world, "mallory", user, code,
                                   environment=environment)
        assert let_in == expected, text
    after = {path.name for path in trap.iterdir()}
    assert after == before, f"written as root: {after - before}"


def test_su_prompts_stay_in_the_language_of_the_line(ready, server, trap):
    child = programs.on_pty_as(
        ready.world, "mallory", "env", "LC_ALL=ja_JP.UTF-8", "su", "bob")
    child.expect(programs.PASSWORD_PROMPT)
    child.sendline(password_of("bob"))
    child.expect("One-time code: ")
    child.close(force=True)


def test_closed_standard_descriptors_do_not_mix_with_the_socket(
        ready, server):
    """su started with 0, 1 and 2 closed must not write into our socket, nor
    open anything."""
    script = ("import os, subprocess, sys\n"
              "for fd in (0, 1, 2): os.close(fd)\n"
              "os.execv('/usr/bin/su', ['su', 'bob', '-c', "
              f"'touch {ready.world.work}/opened'])\n")
    done = subprocess.run(as_user("mallory", "/usr/bin/python3", "-c", script),
                          timeout=30, check=False,
                          env=ready.world.environment())
    assert done.returncode != 0
    assert not (ready.world.work / "opened").exists()


LIMITS = ("--nofile=5:5", "--as=30000000:30000000", "--fsize=0:0",
          "--nproc=1:1", "--data=1000000:1000000")


def test_resource_limits_set_by_the_caller_open_nothing(ready, server):
    def su_within(limit):
        return subprocess.run(
            ["setsid", "-w", *as_user("mallory", "prlimit", limit, "su",
                                      "bob", "-c", "echo IN")],
            input=f"{password_of('bob')}\n000000\n", text=True, timeout=30,
            capture_output=True, check=False,
            env=ready.world.environment())
    for limit, done in at_once(su_within, LIMITS).items():
        assert "IN" not in done.stdout and done.returncode != 0, (limit, done)


# --- sockets -----------------------------------------------------------------
def test_a_socket_of_somebody_else_is_not_believed(ready, server, world):
    """Root's programs are pointed at a socket that mallory listens on."""
    directory = world.directory("mallory")
    directory.chmod(0o777)
    path = directory / "agent.sock"
    script = (f"import sys; sys.path.insert(0, {readable(world)!r})\n"
              "import pathlib, time, frames\n"
              f"frames.FakeAgent(pathlib.Path({str(path)!r}), "
              "frames.accept_everything)\ntime.sleep(60)\n")
    process = subprocess.Popen(as_user("mallory", "/usr/bin/python3", "-B",
                                       "-c", script))
    try:
        wait_for("mallory's socket", path.exists)
        for options in ("explain", ""):
            ready.probe.service("theirs", ready.line(
                options=options, socket=path), "auth required pam_permit.so")
            run = ready.probe("theirs", "alice", ["123456"])
            assert run.code == "PAM_AUTHINFO_UNAVAIL", run
            assert not run.prompts, "nothing is asked on its behalf"
    finally:
        process.kill()
        process.wait(10)


def test_no_socket_a_file_and_a_directory_in_its_place(ready, world):
    directory = world.directory("places")
    (directory / "file").write_text("x")
    for place in ("nothing", "file", "."):
        ready.probe.service("place", ready.line(
            options="explain", socket=directory / place),
            "auth required pam_permit.so")
        run = ready.probe("place", "alice", ["123456"])
        assert run.code in ("PAM_AUTHINFO_UNAVAIL", "PAM_SERVICE_ERR"), run


def verdict(*fields):
    return frames.frame(frames.VERDICT, fields)


ASK = frames.frame(frames.ASK, [(frames.PROMPT, 1)])
GOOD = verdict((frames.RESULT, frames.ACCEPT))
LIES = {
    "closes at once": lambda s: None,
    "closes after asking": lambda s: s.sendall(ASK),
    "half a frame": lambda s: s.sendall(GOOD[:-1]),
    "half a header": lambda s: s.sendall(GOOD[:2]),
    "an empty frame": lambda s: s.sendall(b"\0\0\0\0"),
    "a huge frame": lambda s: s.sendall(b"\xff\xff\xff\xff" + b"x" * 9000),
    "noise": lambda s: s.sendall(os.urandom(500)),
    "text": lambda s: s.sendall(b"HTTP/1.1 200 OK\r\n\r\naccept"),
    "a frame with something behind": lambda s: s.sendall(
        GOOD[:3] + bytes([GOOD[3] + 1]) + GOOD[4:] + b"\0"),
    "a verdict without result": lambda s: s.sendall(verdict()),
    "an unknown result": lambda s: s.sendall(verdict((frames.RESULT, 99))),
    "a result of two bytes": lambda s: s.sendall(
        verdict((frames.RESULT, b"\1\1"))),
    "a result twice": lambda s: s.sendall(
        verdict((frames.RESULT, 0), (frames.RESULT, 1))),
    "an unknown tag": lambda s: s.sendall(
        verdict((frames.RESULT, 1), (77, b"x"))),
    "a tag of another type": lambda s: s.sendall(
        verdict((frames.RESULT, 1), (frames.PROMPT, 1))),
    "a module's frame": lambda s: s.sendall(frames.begin("alice")),
    "done": lambda s: s.sendall(frames.frame(frames.DONE, [])),
    "a message that does not exist": lambda s: s.sendall(frames.frame(
        frames.TELL, [(frames.MESSAGE, 200)]) + verdict((frames.RESULT, 0))),
    "endless messages": lambda s: [s.sendall(frames.frame(
        frames.TELL, [(frames.MESSAGE, 1)])) for _ in range(10000)],
    "endless questions": lambda s: [
        (s.sendall(ASK), frames.receive(s)) for _ in range(1000)],
    "a byte a second": lambda s: [
        (s.sendall(bytes([b])), time.sleep(1)) for b in GOOD],
    "silence": lambda s: time.sleep(9),
    "asks and then is silent": lambda s: (s.sendall(ASK), time.sleep(9)),
}


@pytest.fixture(scope="module")
def lied_to(ready, world):
    """{lie: (Run, whether the agent was asked)}"""
    def hear(lie):
        path = world.directory("lies") / "agent.sock"

        def act(stream):
            frames.receive(stream)
            LIES[lie](stream)
        fake = FakeAgent(path, act)
        service = "lied-" + lie.replace(" ", "-")
        ready.probe.service(service, ready.line(
            options="explain", socket=path), "auth required pam_permit.so")
        run = ready.probe(service, "alice", ["123456"] * 40)
        fake.close()
        return run, fake.seen
    return at_once(hear, LIES)


@pytest.mark.parametrize("lie", LIES)
def test_an_agent_that_lies(lied_to, lie):
    """Root's own agent, gone mad: nobody gets in, within the deadline."""
    run, asked = result_of(lied_to, lie)
    assert asked
    assert run.code != "PAM_SUCCESS", run
    assert run.code in ("PAM_AUTHINFO_UNAVAIL", "PAM_AUTH_ERR",
                        "PAM_MAXTRIES"), run
    assert run.seconds[-1] < 5.3, run
    assert len(run.messages) < 50 and len(run.prompts) < 12


def test_the_agent_is_killed_in_mid_conversation(ready, server):
    user, token = server.hotp()
    command = [ready.probe.program, str(ready.probe.confdir), "explained",
               user, "auth"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True,
                               stdout=subprocess.PIPE,
                               env=ready.world.environment())
    assert "One-time code" in process.stdout.readline()
    ready.agent.kill()
    out, _ = process.communicate(token.code() + "\n", timeout=15)
    ready.agent.start()
    assert "code auth PAM_AUTHINFO_UNAVAIL" in out, out
    # The code was not seen by anybody.
    run = ready.probe("explained", user, [token.code(0)])
    assert run.code == "PAM_SUCCESS", run


def test_the_agent_stops_answering_in_mid_conversation(ready, server):
    user, token = server.hotp()
    process = subprocess.Popen(
        [ready.probe.program, str(ready.probe.confdir), "explained", user,
         "auth"], stdin=subprocess.PIPE, text=True, stdout=subprocess.PIPE,
        env=ready.world.environment())
    assert "One-time code" in process.stdout.readline()
    suspend(ready.agent.process)
    start = time.monotonic()
    out, _ = process.communicate(token.code() + "\n", timeout=15)
    ready.agent.process.send_signal(signal.SIGCONT)
    assert "code auth PAM_AUTHINFO_UNAVAIL" in out, out
    assert time.monotonic() - start < 5.3


# --- ordinary users at the agent's socket --------------------------------------
AS_USER = """
import json, sys
sys.path.insert(0, {here!r})
from frames import *
calls = json.loads(sys.argv[2])
out = []
for user, service, first, code in calls:
    caller = Caller(sys.argv[1])
    out.append(caller.log_in(user, code, service, first))
    caller.close()
print(json.dumps(out))
"""


def ask_as(ready, uid_name, calls):
    """[result or None] of calls made by an ordinary user."""
    done = subprocess.run(
        as_user(uid_name, "/usr/bin/python3", "-B", "-c",
                AS_USER.format(here=readable(ready.world)), str(ready.agent.socket),
                json.dumps(calls)),
        text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_ordinary_users_ask_for_themselves_and_listed_services_only(
        ready, server):
    _, token = server.hotp("carol")
    _, other = server.hotp("dave")
    code = token.code(0)
    results = ask_as(ready, "carol", [
        ("dave", "locker", 0, other.code(0)),
        ("root", "locker", 0, code),
        ("carol", "sshd", 0, code),
        ("carol", "sudo", 0, code)])
    assert all(result in (None, frames.DENY, frames.UNAVAILABLE)
               for result in results), results
    assert ask_as(ready, "carol", [("carol", "locker", 0, code)]) == \
        [frames.ACCEPT], "none of those spent or cost anything"


def test_an_ordinary_user_is_never_proven(ready, server):
    """Said or not: recorded as unproven, reasons are not told."""
    _, token = server.hotp("erin")
    result = ask_as(ready, "erin", [("erin", "locker", 1, token.wrong())])
    assert result in ([frames.DENY], [None]), result
    records = [r for r in server.records(user="erin")
               if r.get("first_factor")]
    assert all(r["first_factor"] == "unproven" for r in records), records
    server.ctl("user", "suspend", "erin")
    assert ask_as(ready, "erin", [
        ("erin", "locker", 1, token.code())]) in ([frames.DENY], [None])
    server.ctl("user", "resume", "erin")


def test_the_sixth_attempt_in_a_minute_is_not_made(ready, server):
    _, token = server.hotp("frank")
    results = ask_as(ready, "frank", [
        ("frank", "locker", 0, token.wrong())] * 5 +
        [("frank", "locker", 0, token.code(0))])
    assert results[5] != frames.ACCEPT, results
    wrong = sum((r.get("count") or 1) for r in server.records(user="frank")
                if r.get("reason") == "wrong")
    assert wrong <= 5
    # Root is not held up by it.
    assert Caller(ready.agent.socket).log_in(
        "frank", token.code(0), "sshd", 1) == frames.ACCEPT


def test_sessions_are_root_s_to_report(ready, server):
    script = ("import sys; sys.path.insert(0, %r)\nfrom frames import *\n"
              "c = Caller(sys.argv[1])\n"
              "c.send(frame(SESSION, [(USER, 'grace'), (SERVICE, 'locker'),"
              " (EVENT, 1)]))\nprint(c.receive())\n"
              % readable(ready.world))
    done = subprocess.run(
        as_user("grace", "/usr/bin/python3", "-B", "-c", script,
                str(ready.agent.socket)),
        text=True, capture_output=True, timeout=30, check=True)
    assert done.stdout.strip() == "None"
    assert not [r for r in server.records(limit=50)
                if r.get("kind") == "session" and r.get("user") == "grace"]


BAD_FRAMES = {
    "empty": b"\0\0\0\0",
    "huge": b"\x00\x10\x00\x00" + b"x" * 100,
    "unknown type": frames.frame(9, []),
    "an agent's type": frames.frame(frames.VERDICT, [(frames.RESULT, 1)]),
    "no user": frames.frame(frames.BEGIN, [
        (frames.SERVICE, "sshd"), (frames.FIRST_FACTOR, 1)]),
    "user twice": frames.frame(frames.BEGIN, [
        (frames.USER, "alice"), (frames.USER, "bob"),
        (frames.SERVICE, "sshd"), (frames.FIRST_FACTOR, 1)]),
    "unknown tag": frames.frame(frames.BEGIN, [
        (frames.USER, "alice"), (frames.SERVICE, "sshd"),
        (frames.FIRST_FACTOR, 1), (99, "x")]),
    "NUL in a name": frames.frame(frames.BEGIN, [
        (frames.USER, "al\0ice"), (frames.SERVICE, "sshd"),
        (frames.FIRST_FACTOR, 1)]),
    "first factor of no known value": frames.begin("alice", first=7),
    "a field longer than the frame": frames.begin("alice")[:-4] +
        b"\x05\xff\xff\x01",
    "an answer first": frames.frame(frames.ANSWER, [(frames.TEXT, "1")]),
}


@pytest.mark.parametrize("what", BAD_FRAMES)
def test_bad_frames_are_refused_and_the_agent_goes_on(ready, what):
    caller = Caller(ready.agent.socket)
    caller.send(BAD_FRAMES[what])
    assert caller.receive() in (None, (frames.VERDICT, {
        frames.RESULT: bytes([frames.DENY])}))
    caller.close()
    assert ready.agent.process.poll() is None


def test_idle_callers_do_not_keep_others_out(ready, server):
    """An ordinary user takes all the connections he can get."""
    user, token = server.hotp()
    script = ("import socket, sys, time\nheld = []\n"
              "for i in range(500):\n"
              "    s = socket.socket(socket.AF_UNIX)\n"
              "    s.connect(sys.argv[1])\n"
              "    try: s.sendall(bytes(i % 3))\n"
              "    except OSError: pass\n"
              "    held.append(s)\n"
              "print('held', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        as_user("mallory", "/usr/bin/python3", "-B", "-c", script,
                str(ready.agent.socket)), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        run = ready.probe("explained", user, [token.code()])
        assert run.code == "PAM_SUCCESS", run
    finally:
        process.kill()
        process.communicate(timeout=10)
