# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, read-only or damaged, and keys that are wrong: no
login, a clear error, and nothing lost once the cause is gone."""
import os
import shutil
import sqlite3
import subprocess

import pytest

from client import login_body, plain_http
from server import Server
from world import wait_for


@pytest.fixture
def small(world):
    """A server on a file system of its own."""
    server = Server(world, "disk", {"server.disk_reserve_mb": 1})
    mount = server.dir / "mount"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", mount],
                   check=True, timeout=10)
    server.mount = mount
    server.state = mount / "state"
    server.settings["server.state_dir"] = server.state
    server.write_config()
    server.init().start()
    yield server
    server.stop()
    subprocess.run(["umount", "-l", mount], check=True, timeout=10)


def fill(path):
    """Takes all that is left."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    size = 1 << 20
    while size:
        try:
            os.write(descriptor, b"x" * size)
        except OSError:
            size //= 2
    os.close(descriptor)


def test_a_full_disk_means_no_login_and_loses_nothing(small):
    terminal = small.terminal()
    people = small.hotp_users(4)
    user, token = people[0]
    spent = token.code()
    assert terminal.login(user, spent)["result"] == "accept"
    fill(small.mount / "ballast")
    refused = None
    for number in range(20000):
        reply = terminal.post(login_body(user, token.code()))
        if reply.status == 503:
            refused = reply
            break
        assert reply.status == 200 and reply.json["result"] == "accept"
        spent = hotp_before(token)
    assert refused is not None, "never ran out of disk"
    assert refused.headers.get("retry-after")
    assert b"accept" not in refused.body
    token.counter -= 1  # was not accepted
    wait_for("not ready", lambda: plain_http(
        small.port, "/readyz").status == 503, 15)
    assert plain_http(small.port, "/healthz").status == 200
    assert "disk" in small.log().lower() or "full" in small.log().lower() \
        or "space" in small.log().lower()
    (small.mount / "ballast").unlink()
    wait_for("a login to work again", lambda: terminal.post(
        login_body(user, token.code(token.counter))).status == 200, 15)
    assert terminal.login(user, spent)["result"] == "deny"
    token.counter += 1
    assert terminal.login(user, token.code())["result"] == "accept"
    wait_for("ready", lambda: plain_http(
        small.port, "/readyz").status == 200, 15)
    assert small.verify()[1]["ok"]
    small.restart()
    terminal.drop()
    assert terminal.login(user, spent)["result"] == "deny"
    assert small.verify()[1]["ok"]


def hotp_before(token):
    return token.code(token.counter - 1)


def test_a_read_only_disk_does_not_start_and_says_why(small):
    terminal = small.terminal()
    user, token = small.hotp()
    small.stop()
    subprocess.run(["mount", "-o", "remount,ro", small.mount], check=True,
                   timeout=10)
    small.spawn()
    assert small.process.wait(20) not in (0, 99)
    assert str(database_of(small)) in small.log().splitlines()[-1]
    assert "disk" in small.log().splitlines()[-1]
    subprocess.run(["mount", "-o", "remount,rw", small.mount], check=True,
                   timeout=10)
    small.start()
    assert terminal.login(user, token.code())["result"] == "accept"


def database_of(server):
    return next(server.state.glob("*.db"))


def test_a_damaged_page_is_found_and_nobody_gets_in(servers):
    server = servers("corrupt")
    terminal = server.terminal()
    people = server.hotp_users(300)
    server.stop()
    database = database_of(server)
    saved = server.dir / "saved"
    shutil.copytree(server.state, saved)
    size = database.stat().st_size
    with open(database, "r+b") as file:
        for at in range(4096 * 3, size - 4096, 4096):
            file.seek(at + 100)
            file.write(b"\xa5" * 1500)
    server.spawn()
    try:
        assert server.process.wait(5) not in (0, 99)
    except subprocess.TimeoutExpired:
        terminal.drop()
        for user, token in people[:20]:
            try:
                reply = terminal.post(login_body(user, token.code()))
            except Exception:  # turned away already
                continue
            assert reply.status in (403, 503), reply
        server.process.terminate()
        server.process.wait(10)
    text = server.log().lower()
    assert "corrupt" in text or "damaged" in text or "malformed" in text
    shutil.rmtree(server.state)
    shutil.copytree(saved, server.state)
    server.start()
    terminal.drop()
    user, token = people[-1]
    assert terminal.login(user, token.code())["result"] == "accept"


KEY_DAMAGE = {
    "missing": lambda key: key.unlink(),
    "empty": lambda key: key.write_text(""),
    "of another server": lambda key: key.write_text(
        "1 " + os.urandom(32).hex() + "\n"),
    "cut": lambda key: key.write_text(key.read_text()[:40]),
    "readable by everyone": lambda key: key.chmod(0o644),
    "a symbolic link": lambda key: (
        shutil.copy(key, str(key) + ".real"), key.unlink(),
        key.symlink_to(str(key) + ".real")),
}


@pytest.fixture(scope="module")
def keyed(servers):
    return servers("keyed")


@pytest.mark.parametrize("damage", KEY_DAMAGE)
def test_a_key_file_that_is(keyed, damage):
    terminal = keyed.terminal()
    user, token = keyed.hotp()
    keyed.stop()
    key = keyed.state / "kek"
    saved = key.read_bytes()
    KEY_DAMAGE[damage](key)
    before = len(keyed.log())
    keyed.spawn()
    status = keyed.process.wait(20)
    text = keyed.log()[before:]
    assert status not in (0, 99)
    assert "kek" in text or "key" in text, text
    assert saved.split()[-1].decode() not in text
    for leftover in (key, key.with_name("kek.real")):
        if leftover.exists() or leftover.is_symlink():
            leftover.unlink()
    key.write_bytes(saved)
    key.chmod(0o600)
    keyed.start()
    assert terminal.login(user, token.code())["result"] == "accept"


def test_a_database_of_a_newer_version_is_left_alone(keyed):
    keyed.stop()
    database = database_of(keyed)
    saved = database.read_bytes()
    with sqlite3.connect(database) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute(f"PRAGMA user_version = {version + 1}")
    db.close()
    newer = database.read_bytes()
    before = len(keyed.log())
    keyed.spawn()
    assert keyed.process.wait(20) not in (0, 99)
    assert "newer" in keyed.log()[before:], keyed.log()[before:]
    assert database.read_bytes() == newer
    database.write_bytes(saved)
    keyed.start()


def test_a_file_that_is_no_database_is_left_alone(keyed):
    keyed.stop()
    database = database_of(keyed)
    saved = database.read_bytes()
    database.write_bytes(b"not a database at all\n" * 400)
    keyed.spawn()
    assert keyed.process.wait(20) not in (0, 99)
    assert database.read_bytes() == b"not a database at all\n" * 400
    database.write_bytes(saved)
    keyed.start()


def test_init_overwrites_nothing(keyed):
    before = {path.name: path.read_bytes() for path in keyed.state.iterdir()
              if path.is_file() and path.suffix not in (".db-wal", ".db-shm")}
    done = keyed.command("init")
    assert done.returncode == 1 and done.stderr
    for name in ("kek",):
        assert (keyed.state / name).read_bytes() == before[name]


def test_two_servers_on_one_database_are_one_too_many(keyed):
    second = Server(keyed.world, "second", {
        "server.state_dir": keyed.state})
    second.spawn()
    assert second.process.wait(20) not in (0, 99)
    assert second.log()
    assert plain_http(keyed.port, "/readyz").status == 200


# --- configuration --------------------------------------------------------
BAD_CONFIG = {
    "unknown key": ("[server]\nstate_dri = /x\n", 2),
    "unknown section": ("[sever]\n", 1),
    "key before a section": ("state_dir = /x\n", 1),
    "duplicate": ("[throttle]\nafter = 5\nafter = 6\n", 3),
    "wrong type": ("[throttle]\nafter = many\n", 2),
    "too small": ("[throttle]\nafter = 2\n", 2),
    "too large": ("[throttle]\nafter = 11\n", 2),
    "disable_at too large": ("[throttle]\ndisable_at = 51\n", 2),
    "first_wait too short": ("[throttle]\nfirst_wait = 29\n", 2),
    "longest_wait too long": ("[throttle]\nlongest_wait = 3601\n", 2),
    "over-long line": ("[server]\nserver_names = " + "a" * 2000 + "\n", 2),
    "bad UTF-8": (b"[server]\nstate_dir = /\xff\xfe\n", 2),
    "no value": ("[throttle]\nafter =\n", 2),
    "no equals sign": ("[throttle]\nafter 5\n", 2),
    "environment is not expanded": ("[server]\nlisten = $HOME\n", 2),
    "NUL": (b"[throttle]\nafter = 5\x00\n", 2),
    "trailing comment": ("[throttle]\nafter = 5 # five\n", 2),
    "a window too wide": ("[otp]\nwindow = 1000\n", 2),
}


@pytest.mark.parametrize("what", BAD_CONFIG)
@pytest.mark.parametrize("verb", ["check", "run", "init"])
def test_bad_configuration_names_file_and_line(world, what, verb):
    server = Server(world, "config")
    text, line = BAD_CONFIG[what]
    data = text if isinstance(text, bytes) else text.encode()
    good = server.config.read_bytes().partition(b"[throttle]\n")[0]
    lines_before = 0
    if data.startswith(b"[server]"):
        # Continue the good [server] section instead of opening it twice.
        data = data[len(b"[server]\n"):]
        key = data.split(b" ")[0]
        good = b"\n".join(row for row in good.split(b"\n")
                          if not row.startswith(key + b" ")).rstrip() + b"\n"
        lines_before = good.count(b"\n") - 1
        data = good + data
    server.config.write_bytes(data)
    done = server.command(verb, timeout_s=20)
    assert done.returncode == 1, done
    where = f"{server.config}:{line + lines_before}:"
    assert where in done.stderr, done.stderr
    assert not server.state.exists()


def test_a_configuration_others_can_write_is_refused(world):
    server = Server(world, "config")
    for mode in (0o666, 0o620, 0o602):
        server.config.chmod(mode)
        done = server.command("check")
        assert done.returncode == 1 and str(server.config) in done.stderr
    server.config.chmod(0o644)
    assert server.command("check").returncode == 0, server.command("check")
