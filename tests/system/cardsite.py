# SPDX-License-Identifier: Apache-2.0
"""A town hall whose people log in with cards: who has which certificate, what
a login showed, and what the server wrote down. Knows prompts and records, not
how a card works (cards.py)."""
from programs import Probe

PIN, CODE, CARD = "PIN: ", "One-time code: ", "Insert card, Enter: "
LAST_TRY, PIN_PAD = "Last try (yes/no): ", "PIN on reader, Enter: "

WRONG_PIN = "Wrong PIN."
LOW = "The PIN was wrong before."
LOCKED = "PIN locked. Contact IT."
LENGTH = "PIN too short or too long. No try was spent."
ABSENT = "No card found."
OTHER = "This card is not registered for you."
SEVERAL = "Several of your cards are in. Leave one only."
TROUBLE = "The card cannot be read. Insert it again."
EXPIRES = "Your card expires "


class CardSite:
    def __init__(self, world, server, authority):
        self.world, self.server, self.authority = world, server, authority
        self.probe = Probe(world, world.directory("pam"))
        server.ctl("card", "trust", authority.pem, "--crl",
                   authority.crl_path)

    def stack(self, agent, name="card", options="explain lang=en",
              before=()):
        """A PAM service by way of an agent."""
        ours = f"required {self.world.module} socket={agent.socket}"
        self.probe.service(name, *before, f"auth {ours} {options}",
                           f"account {ours}")
        return name

    # --- people -------------------------------------------------------------
    def person(self, certificate=None, user=None):
        """Somebody new, with a card if there is a certificate."""
        if user is None:
            user = self.server.name()
            self.server.ctl("user", "add", user)
        if certificate:
            self.enroll(user, certificate)
        return user

    def enroll(self, user, certificate):
        return self.server.ctl("card", "enroll", user, "--certificate",
                               certificate.pem)

    def set_policy(self, text):
        path = self.server.dir / "policy"
        path.write_text(text + "\n")
        self.server.ctl("policy", "set", path)

    # --- logins -------------------------------------------------------------
    def log_in(self, user, *answers, service="card", **how):
        return self.probe(service, user, answers, **how)

    def talk(self, user, service="card", **how):
        return self.probe.talk(service, user, **how)

    # --- what was written down ----------------------------------------------
    def failures(self, user, factor="card"):
        """Charged in a row."""
        shown = self.server.ctl("user", "show", user)
        return sum(row["failures"] for row in shown["throttles"]
                   if row["factor"] == factor)

    def last(self, user):
        """The newest decision about somebody."""
        return [r for r in self.server.records(user=user)
                if r.get("result")][-1]
