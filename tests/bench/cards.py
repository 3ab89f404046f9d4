#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cards.py DISK PAM_CARD ROUNDS LOGINS: times logins by card through pam_p11,
pam_pkcs11 and pam_sekimori, on a token of SoftHSM2 and an emulated PIV card,
and counts the commands that the card gets. Prints `key=value` lines. Run by
cards.sh."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import cards  # noqa: E402
from agent import Agent  # noqa: E402
from pki import Authority, openssl  # noqa: E402
from server import Server  # noqa: E402
from world import World  # noqa: E402

USER = "alice"
PEERS = ("permit", "p11", "pkcs11", "sekimori")

# One CA, one CRL, no look at the certificate's owner beyond its name.
PAM_PKCS11 = """\
pam_pkcs11 {{
	card_only = true;
	wait_for_card = false;
	use_pkcs11_module = it;
	pkcs11_module it {{
		module = {module};
		slot_description = "none";
		ca_dir = {dir}/ca;
		crl_dir = {dir}/crl;
		support_threads = false;
		cert_policy = ca,signature,crl_offline;
		token_type = "card";
	}}
	use_mappers = cn;
	mapper cn {{
		module = internal;
		ignorecase = false;
		mapfile = "none";
	}}
}}
"""


class Bench:
    def __init__(self, disk, program, rounds, logins):
        self.program, self.counts = program, [rounds, logins]
        self.world = World()
        self.authority = Authority(self.world.directory("pki"))
        self.server = Server(self.world, settings={
            "server.state_dir": f"{disk}/state"})
        self.server.init().start()
        self.server.ctl("user", "add", USER)
        self.server.ctl("card", "trust", self.authority.pem, "--crl",
                        self.authority.crl_path)
        self.agents = []

    def services(self, name, certificate, module, **environment):
        """A folder of PAM services for one card."""
        confdir = self.world.directory(f"pam-{name}")
        agent = Agent(self.world).join(self.server)
        agent.set("card_modules", module)
        agent.start(**environment)
        self.agents.append(agent)
        self.trust_for_p11(certificate)
        config = self.write_pkcs11(module)
        lines = {"permit": "pam_permit.so", "p11": f"pam_p11.so {module}",
                 "pkcs11": f"pam_pkcs11.so config_file={config}",
                 "sekimori": f"{self.world.module} explain lang=en "
                 f"socket={agent.socket}", "other": "pam_deny.so"}
        for service, line in lines.items():
            (confdir / service).write_text(f"auth required {line}\n")
        self.server.ctl("card", "enroll", USER, "--certificate",
                        certificate.pem)
        return confdir

    def trust_for_p11(self, certificate):
        """pam_p11 takes the certificates of ~/.eid, and asks nobody more."""
        home = pathlib.Path(os.path.expanduser(f"~{USER}"))
        (home / ".eid").mkdir(mode=0o755, exist_ok=True)
        (home / ".eid/authorized_certificates").write_text(
            certificate.pem.read_text())

    def write_pkcs11(self, module):
        home = self.world.directory("pkcs11")
        for name, file in (("ca", self.authority.pem),
                           ("crl", self.authority.crl_path)):
            folder = home / name
            folder.mkdir()
            # Both kinds are looked up by the hash of the CA's name.
            digest = openssl("crl" if name == "crl" else "x509", "-in", file,
                             "-noout", "-hash").decode().strip()
            (folder / f"{digest}.{'r' * (name == 'crl')}0").write_text(
                file.read_text())
        config = home / "pam_pkcs11.conf"
        config.write_text(PAM_PKCS11.format(module=module, dir=home))
        return config

    def log_in(self, confdir, pin, rounds, logins, *peers, **environment):
        """In a /dev of its own, where it is the log daemon, and without a
        network, so that libpam writes to no kernel's audit log."""
        dev = self.world.directory("dev")
        script = """
            for name in null zero random urandom tty; do
                touch "$0/$name"; mount --bind "/dev/$name" "$0/$name"
            done
            mount --rbind "$0" /dev; rm -f /dev/log; exec "$@" """
        done = subprocess.run(
            ["unshare", "-n", "-m", "bash", "-c", script, dev, self.program,
             confdir, USER, pin, str(rounds), str(logins), *peers],
            stdout=subprocess.PIPE, text=True, timeout=300, check=True,
            env=self.world.environment(**environment))
        return done.stdout

    def measure(self, token, confdir, pin, **environment):
        for line in self.log_in(confdir, pin, *self.counts, *PEERS,
                                **environment).splitlines():
            print(f"token={token} {line}", flush=True)

    def softhsm(self):
        tokens = cards.Tokens(self.world)
        certificate = tokens.add(USER, self.authority.issue(USER, "rsa:2048"))
        where = {"SOFTHSM2_CONF": tokens.config}
        confdir = self.services("softhsm", certificate, cards.SOFTHSM, **where)
        self.measure("softhsm", confdir, cards.PIN_SOFTHSM, **where)

    def piv(self):
        pcscd = cards.Pcscd(self.world).start()
        card = cards.Card(self.world, "piv", 0, self.authority.issue(
            USER, "rsa:2048"), cards.PIN_PIV)
        where = {"OPENSC_CONF": cards.pin_drivers(self.world.work)}
        try:
            confdir = self.services("piv", card.certificate, cards.OPENSC,
                                    **where)
            card.insert()
            self.measure("piv", confdir, card.pin, **where)
            for name, used in (("pinned", where), ("stock", {})):
                for peer in PEERS[1:]:
                    if name == "pinned" or peer != "sekimori":
                        self.count(card, confdir, name, peer, used)
        finally:
            card.stop()
            pcscd.stop()

    def count(self, card, confdir, name, peer, environment):
        """Of one login with a card that was just inserted."""
        card.remove_noticed()
        card.insert()
        card.mark()
        self.log_in(confdir, card.pin, 1, 1, peer, **environment)
        print(f"apdus={peer} drivers={name} logged_in={card.is_logged_in()} "
              f"each={len(card.apdus())}", flush=True)

    def close(self):
        for agent in self.agents:
            agent.stop()
        self.server.stop()
        self.world.close()


def main():
    bench = Bench(*sys.argv[1:5])
    try:
        bench.softhsm()
        bench.piv()
    finally:
        bench.close()


main()
