# SPDX-License-Identifier: Apache-2.0
"""Last of all: what the other tests have left behind."""
import os

from programs import ssh
from world import wait_for

CANARY_CODE = "90125783"
CANARY_PIN = "kuma-4417-no-suzu"


def test_canaries_are_typed_wherever_one_can_type(site, server):
    """A code, a PIN and a password as code, as name, as password; searched
    for below. Eight digits, so that nothing else looks like it by chance."""
    world = site.world
    world.secret("canary code", CANARY_CODE)
    world.secret("canary PIN", CANARY_PIN)
    user, token = server.hotp("alice", digits=8)
    right = world.secret("accepted code", token.code())
    desk = server.terminal()
    for typed in (CANARY_CODE, CANARY_PIN, right, right):
        desk.login(user, typed)
        desk.login(user, typed, "emergency")
        desk.login(typed, typed, first="unproven")
        desk.post({"user": user, "service": "sshd", "code": typed})
        desk.ask("POST", "/v1/logins", b'{"user":"%s","code":"%s"' % (
            typed.encode(), typed.encode()))
    server.ctl("user", "unlock", user)
    for options in ("explain lang=en", "lang=ja"):
        site.probe.service("canary", site.line(options=options))
        for typed in (CANARY_CODE, CANARY_PIN,
                      world.secret("accepted code", token.code())):
            site.probe("canary", user, [typed])
            # Behind a proven password a name is a name, and is logged.
            if "explain" not in options:
                site.probe("canary", CANARY_PIN, [typed])
    sshd = site.start_sshd()
    ssh(sshd, user, CANARY_CODE, CANARY_PIN)
    ssh(sshd, user, CANARY_CODE)
    for typed in (CANARY_CODE, CANARY_PIN):
        server.ctl.run("token", "confirm", "SKNOTHING0", "-",
                       stdin=typed + "\n")
        server.ctl.run("token", "enroll", user, "--secret", "-",
                       stdin=typed + "\n")
    assert wait_for("records", lambda: server.records(user=user))
    server.stop()
    site.agent.stop()


def test_a_crash_leaves_no_core_with_secrets(servers, world):
    """Killed by a signal that dumps core, where that is allowed."""
    import resource
    import signal
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        server = servers("core")
        server.hotp()
        with open(f"/proc/{server.process.pid}/limits",
                  encoding="ascii") as limits:
            line = next(x for x in limits if x.startswith("Max core"))
        server.process.send_signal(signal.SIGABRT)
        server.process.wait(10)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert line.split()[4] == "0", line


def test_no_sanitizer_has_complained(world):
    reports = world.sanitizer_reports()
    assert not reports, "\n".join(reports)[:6000]


def test_no_seed_code_pin_or_password_was_written_anywhere(world):
    assert not world.found_secrets()


def test_the_search_for_secrets_finds_one_that_is_there(world):
    seed = os.urandom(20).hex().encode()
    world.secret("planted", seed)
    path = world.work / "planted"
    path.write_bytes(b"x" + seed + b"y")
    found = world.found_secrets(path)
    path.unlink()
    del world.secrets[seed]
    assert found == [(str(path), "planted")]
