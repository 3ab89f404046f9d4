# SPDX-License-Identifier: Apache-2.0
"""The card child where it will live: a machine with a real systemd and pcscd,
as the agent's user, under everything that the agent's unit forbids. Only the
agent's command is another: a script that asks the child."""
import json
import re
import shutil

import pytest

import cards
from machine import Machine, NoMachine
from pki import Authority
from world import ROOT, wait_for

PROBE = """\
import json, pathlib, sys
sys.path.insert(0, "/opt/probe")
from card_child import Child

class Here:
    programs = pathlib.Path("/usr/libexec/sekimori")
    def environment(self, **more):
        return {"PATH": "/usr/bin:/bin", **more}

key, pin, *modules = sys.argv[1:]
with Child(Here(), *modules, OPENSC_CONF="/opt/probe/opensc.conf") as child:
    seen = child.find(key)
    said = {"presence": seen and seen.presence}
    if seen and seen.presence == 4:
        said["outcome"] = child.sign(pin)[0]
pathlib.Path("/var/lib/sekimori-agent/said").write_text(json.dumps(said))
"""


class Office:
    def __init__(self, machine, certificate):
        self.machine, self.certificate = machine, certificate

    def ask(self, *modules):
        """What the child says, under the agent's unit."""
        unit = self.machine.root / "lib/systemd/system/sekimori-agent.service"
        text = re.sub(r"(?m)^(Requires|After|Condition\w+|Restart\w*|Type|"
                      r"ExecStart)=.*\n", "", unit.read_text())
        command = " ".join(["/usr/bin/python3", "/opt/probe/probe.py",
                            self.certificate.key_hash(), cards.PIN_PIV,
                            *modules])
        self.machine.write(
            "etc/systemd/system/probe.service", text.replace(
                "[Service]\n",
                f"[Service]\nType=oneshot\nExecStart={command}\n"))
        said = self.machine.root / "var/lib/sekimori-agent/said"
        said.unlink(missing_ok=True)
        self.machine.run("systemctl", "daemon-reload")
        done = self.machine.run("systemctl", "start", "probe", check=False)
        journal = self.machine.run("journalctl", "-u", "probe", "-u", "pcscd",
                                   "-o", "cat", check=False).stdout
        assert done.returncode == 0, (done.stderr, journal)
        return json.loads(said.read_text())


@pytest.fixture(scope="module")
def office(world):
    authority = Authority(world.directory("unit-pki"))
    certificate = authority.issue("s3003", "P-256")
    machine = Machine(world)
    machine.install(world.plain)
    probe = machine.root / "opt/probe"
    probe.mkdir(parents=True)
    shutil.copy(ROOT / "tests/system/card_child.py", probe)
    cards.pin_drivers(probe)
    (probe / "probe.py").write_text(PROBE)
    for source in (cards.build_tools(world) / "vcard", certificate.key,
                   certificate.der):
        shutil.copy(source, probe)
    for path in (probe, *probe.iterdir()):
        path.chmod(0o755)
    try:
        machine.boot()
    except NoMachine as problem:
        machine.close()
        pytest.skip(f"systemd-nspawn cannot boot a machine here: {problem}")
    try:
        machine.run("systemctl", "start", "pcscd.socket")
        machine.run("pkcs11-tool", "--module", cards.OPENSC, "-L",
                    check=False)  # wakes pcscd, whose readers vcard dials
        machine.run(
            "systemd-run", "--unit", "vcard", "/opt/probe/vcard", "-a", "piv",
            "-p", "35964", "-c", "/run/vcard", "-P", cards.PIN_PIV, "-k",
            f"/opt/probe/{certificate.key.name}", "-x",
            f"/opt/probe/{certificate.der.name}")
        wait_for("the card", lambda: "s3003" in machine.run(
            "pkcs11-tool", "--module", cards.OPENSC, "-L",
            check=False).stdout, 20)
        yield Office(machine, certificate)
    finally:
        machine.close()


def test_the_child_works_under_the_agents_unit(office):
    assert office.ask(cards.OPENSC) == {"presence": 4, "outcome": 4}
    assert office.ask() == {"presence": 4, "outcome": 4}
