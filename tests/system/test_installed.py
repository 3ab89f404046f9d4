# SPDX-License-Identifier: Apache-2.0
"""What `make install` leaves on a machine: paths that agree with each other,
units that systemd accepts, users, and files the server can open. Installs
into a scratch directory; starts nothing with systemd."""
import pathlib
import re
import subprocess

import pytest

from server import Server
from world import ROOT

UNITS = "lib/systemd/system"


def run(*command, **how):
    done = subprocess.run([str(word) for word in command], check=False,
                          capture_output=True, text=True, timeout=120, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module", params=["/usr", "/usr/local"])
def installed(request, world):
    """(directory, prefix), from programs that need no building."""
    to = world.directory("installed")
    build = world.directory("plain")
    for name in ("sekimorid", "sekimori-agent", "sekimori-card",
                 "sekimorictl", "pam_sekimori.so"):
        (build / name).write_bytes((world.programs / name).read_bytes())
        (build / name).chmod(0o755)
    run("make", "-C", ROOT, "-s", "install", f"B={build}", f"DESTDIR={to}",
        f"prefix={request.param}", "-o", "all")
    return to, request.param


def text_files(directory):
    for path in sorted(directory.rglob("*")):
        if path.is_file() and b"\0" not in path.read_bytes()[:4096]:
            yield path, path.read_text()


def test_every_path_named_is_the_path_installed(installed):
    """In units, manuals and examples, for either prefix."""
    to, prefix = installed
    ours = re.compile(r"(/usr(?:/local)?/(?:s?bin|share)/[\w./-]*sekimori"
                      r"[\w./-]*)")
    named = {(str(path), name.rstrip("."))
             for path, text in text_files(to) for name in ours.findall(text)}
    assert named
    missing = [(path, name) for path, name in sorted(named)
               if not (to / name.lstrip("/")).exists()]
    assert missing == []
    for program in ("sbin/sekimorid", "sbin/sekimori-agent",
                    "bin/sekimorictl", "libexec/sekimori/sekimori-card"):
        assert (to / prefix.lstrip("/") / program).stat().st_mode & 0o111
    # Whoever enrols a card has no sbin in his PATH.
    assert (to / prefix.lstrip("/") / "bin/sekimori-agent").readlink() == \
        pathlib.Path(prefix, "sbin/sekimori-agent")


def test_systemd_accepts_the_units_and_finds_them_confined(installed):
    to, prefix = installed
    for unit in ("sekimorid.service", "sekimori-agent.service"):
        text = (to / UNITS / unit).read_text()
        assert f"ExecStart={prefix}/sbin/{unit.split('.')[0]} run" in text
        run("systemd-analyze", "security", "--offline=yes", "--threshold=20",
            to / UNITS / unit)
    assert (to / UNITS / "sekimori-agent.socket").exists()


def test_polkit_lets_the_units_user_lock_and_no_more(installed):
    to, _ = installed
    rule = (to / "usr/share/polkit-1/rules.d/50-sekimori-agent.rules")
    text = rule.read_text()
    assert rule.stat().st_mode & 0o777 == 0o644
    assert set(re.findall(r"org\.[\w.-]+", text)) == {
        "org.freedesktop.login1.lock-sessions",
        "org.freedesktop.login1.manage", "org.debian.pcsc-lite.access_pcsc",
        "org.debian.pcsc-lite.access_card"}
    user = re.search(r"^User=(.*)$",
                     (to / UNITS / "sekimori-agent.service").read_text(),
                     re.M).group(1)
    assert f'subject.user == "{user}"' in text


def test_sysusers_makes_the_users_of_the_units(installed):
    """Locked, with no shell, and with the homes the units make."""
    to, _ = installed
    (to / "etc").mkdir(exist_ok=True)
    run("systemd-sysusers", f"--root={to}", "sekimori.conf")
    accounts = {line.split(":")[0]: line.split(":")
                for line in (to / "etc/passwd").read_text().splitlines()}
    for unit in ("sekimorid.service", "sekimori-agent.service"):
        text = (to / UNITS / unit).read_text()
        user = re.search(r"^User=(.*)$", text, re.M).group(1)
        state = re.search(r"^StateDirectory=(.*)$", text, re.M).group(1)
        assert accounts[user][5] == f"/var/lib/{state}"
        assert accounts[user][6].endswith("nologin")
    shadow = (to / "etc/shadow").read_text()
    for user in ("sekimori", "sekimori-agent"):
        assert re.search(rf"^{user}:!", shadow, re.M)


def test_what_roots_init_makes_belongs_to_the_servers_user(world):
    """systemd made the directory for it before init came."""
    server = Server(world)
    state = pathlib.Path(server.state)
    state.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["chown", "mallory:mallory", state], check=True)
    server.init()
    owner = state.stat()
    made = list(state.iterdir())
    assert {"kek", "sekimori.db"} <= {path.name for path in made}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == \
        {(owner.st_uid, owner.st_gid)}
