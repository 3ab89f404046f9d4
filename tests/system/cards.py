# SPDX-License-Identifier: Apache-2.0
"""Smartcards without hardware: pcscd of our own with two virtual readers,
emulated My Number (JPKI) and PIV cards in them, tokens of SoftHSM2, and a
module that plays a PIN pad or fails (tests/card/). All of it lives in the
world's namespaces: vpcd listens on every address and pcscd's socket has one
place. Knows cards and readers, not logins."""
import os
import shutil
import signal
import subprocess
import time

from world import ROOT, stop, wait_for

OPENSC = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
VPCD = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
PORTS = (35963, 35964)  # of the two readers
VERIFY, SELECT, READ, GET_DATA, ANY = 0x20, 0xa4, 0xb0, 0xcb, 0x100
SIGN = {"jpki": 0x2a, "piv": 0x87}

FAULTLESS = ("apdu-delay 0", "sign-delay 0", "false-ends 0", "cut-on ffffffff",
             "short-on ffffffff", "long-on ffffffff", "silent-on ffffffff",
             "sw-on ffffffff 0")

# Unlike anything else that a test could write, where the card allows it.
PIN_SOFTHSM, PIN_PIV, PIN_JPKI = "mikan-7712-hako", "90417263", "4817"


def build_tools(world):
    """Builds tests/card/ and says where it is."""
    subprocess.run(["make", "-s", f"B={world.plain}", "cards"], cwd=ROOT,
                   check=True, timeout=120, stdout=subprocess.DEVNULL)
    return world.plain / "card"


class Pcscd:
    """The resource manager, with two empty readers."""

    def __init__(self, world):
        self.world, self.dir = world, world.directory("pcscd")
        self.log_path = self.dir / "log"
        self.process = None
        (self.dir / "readers").mkdir()
        (self.dir / "readers" / "vpcd").write_text(
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:{PORTS[0]:#x}\n'
            f"LIBPATH {VPCD}\nCHANNELID {PORTS[0]:#x}\n")

    def start(self):
        for left in ("pcscd.comm", "pcscd.pid"):
            if os.path.exists(f"/run/pcscd/{left}"):
                os.unlink(f"/run/pcscd/{left}")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/pcscd", "--foreground", "-c",
                 self.dir / "readers"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=self.world.environment())
        wait_for("pcscd", lambda: os.path.exists("/run/pcscd/pcscd.comm") and
                 all(map(_listens, PORTS)), 10)
        return self

    def stop(self):
        if self.process is not None:
            stop(self.process, 3)
        self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.process = None


def _listens(port):
    with open("/proc/net/tcp", encoding="ascii") as table:
        return any(line.split()[1].endswith(f":{port:04X}") and
                   line.split()[3] == "0A" for line in table
                   if ":" in line.split()[0])


class Card:
    """An emulated card, out of the reader at first."""

    def __init__(self, world, kind, reader, certificate, pin, sign=None,
                 authority=None, sign_pin=None, within=()):
        """sign: the second certificate, of JPKI's signature or PIV's 9C.
        within: what starts it where the readers are."""
        self.world, self.kind, self.pin = world, kind, pin
        self.certificate, self.sign = certificate, sign
        self.dir = world.directory(f"card-{kind}")
        self.fifo, self.log_path = self.dir / "orders", self.dir / "log"
        self.log_path.touch()
        command = [*within, build_tools(world) / "vcard", "-a", kind, "-r",
                   "-p", PORTS[reader], "-c", self.fifo, "-l", self.log_path,
                   "-P", pin, "-k", certificate.key, "-x", certificate.der]
        if sign:
            command += ["-K", sign.key, "-X", sign.der]
        if authority:
            command += ["-A", authority.der]
        if sign_pin:
            command += ["-S", sign_pin]
        self.process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL,
            env=world.environment())
        wait_for("the card's orders", self.fifo.exists)
        self._mark = 0
        self.was_silent = False

    # --- orders -------------------------------------------------------------
    def order(self, text):
        """Obeyed when this returns. The card must not be in mid-delay."""
        before = self._log().count(f"ctl {text}\n")
        with open(self.fifo, "w", encoding="ascii") as out:
            out.write(text + "\n")
        wait_for(f"the card to {text}",
                 lambda: self._log().count(f"ctl {text}\n") > before)

    @property
    def is_in(self):
        """As the card itself says, which may have been cut off."""
        return self._log().rfind(" inserted\n") > \
            self._log().rfind(" removed\n")

    def insert(self):
        """In the reader, and found by pcscd, which looks every 0.4 s and
        powers up what it finds."""
        self.order("insert")
        self._found()
        return self

    def _found(self):
        wait_for("pcscd to find the card", lambda: "control 1" in
                 self._log().rsplit("inserted", 1)[-1])

    def remove(self):
        self.order("remove")

    def remove_noticed(self):
        """Out, and pcscd has looked since."""
        if self.is_in:
            self.remove()
        time.sleep(0.5)

    def reinsert(self):
        """Out and in again, both noticed."""
        self.order("reinsert 600")
        self._found()

    def is_logged_in(self):
        """Whether the card would sign for whoever asks next."""
        self.order("tell")
        return not self._log().rsplit("PINs verified: ")[-1].startswith("0 0")

    def silent_on(self, ins, after=0):
        """No answer any more, until it is taken out."""
        self.was_silent = True
        self.order(f"silent-on {ins:02x} {after}")

    def tries(self, count):
        self.order(f"tries {count}")

    def cut_on(self, ins, after=0):
        """Pulls the card as a command arrives."""
        self.order(f"cut-on {ins:02x} {after}")

    def answer_on(self, ins, word, after=0):
        self.order(f"sw-on {ins:02x} {word:04x} {after}")

    def restore(self):
        """As new, and back in the reader if it was taken out."""
        for fault in FAULTLESS:
            self.order(fault)
        self.tries(3)
        if not self.is_in or self.was_silent:
            self.remove_noticed()
            self.insert()
        self.was_silent = False
        self.mark()
        return self

    def stop(self):
        stop(self.process, 3)

    # --- what it has seen ---------------------------------------------------
    def _log(self):
        return self.log_path.read_text(errors="replace")

    def mark(self):
        """What the log says from here on is what counts."""
        self._mark = len(self._log())

    def said(self, text):
        return text in self._log()[self._mark:]

    def apdus(self, ins=None):
        """[(instruction, bytes sent, status word)] since the mark."""
        found = []
        for line in self._log()[self._mark:].splitlines():
            words = line.split()
            if len(words) < 7 or words[5] != "->":
                continue
            found.append((int(words[2], 16), int(words[4][3:]),
                          int(words[-1], 16)))
        return [one for one in found if ins in (None, one[0])]

    def pins_tried(self):
        """Each VERIFY that came with a PIN spends a try."""
        return [word for _, sent, word in self.apdus(VERIFY) if sent > 0]

    def signatures(self):
        """A signature is the only answer to these with data in it."""
        return len([1 for line in self._log()[self._mark:].splitlines()
                    if line.split()[2:3] in (["2a"], ["87"]) and
                    " -> " in line and " -> 0 bytes" not in line])


class Tokens:
    """SoftHSM2 in a directory of its own: tokens that never leave and never
    lock."""

    def __init__(self, world):
        self.world, self.dir = world, world.directory("softhsm")
        self.config = self.dir / "softhsm2.conf"
        self._ids = 0
        self.empty()

    def empty(self):
        """No token any more, for whoever reads the configuration anew."""
        self._ids += 1
        folder = self.dir / f"tokens{self._ids}"
        folder.mkdir()
        self.config.write_text(f"directories.tokendir = {folder}\n"
                               "objectstore.backend = file\n"
                               "log.level = ERROR\nslots.removable = false\n")

    def _run(self, *command):
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True,
            timeout=60, check=False,
            env=self.world.environment(SOFTHSM2_CONF=self.config))
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    def add(self, label, certificate, pin=PIN_SOFTHSM):
        """A token with this key and its certificate."""
        self._run("softhsm2-util", "--init-token", "--free", "--label", label,
                  "--so-pin", "so-pin-of-nobody", "--pin", pin)
        return self.put(label, certificate, pin)

    def put(self, label, certificate, pin=PIN_SOFTHSM):
        """One more key and certificate for a token."""
        self._ids += 1
        plain = certificate.key.with_suffix(".p8")
        subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in",
                        certificate.key, "-out", plain], check=True,
                       timeout=20)
        self._run("softhsm2-util", "--import", plain, "--token", label,
                  "--label", label, "--id", f"{self._ids:02x}", "--pin", pin)
        self._run("pkcs11-tool", "--module", SOFTHSM, "--token-label", label,
                  "--login", "--pin", pin, "--write-object", certificate.der,
                  "--type", "cert", "--id", f"{self._ids:02x}", "--label",
                  label)
        return certificate

    def remove(self, label):
        self._run("softhsm2-util", "--delete-token", "--token", label)


class Shim:
    """p11shim before another module: a PIN pad, or failures."""

    def __init__(self, world, module=SOFTHSM):
        self.dir, self.module = world.directory("shim"), module
        self.path = self.dir / "shim.so"
        shutil.copy(build_tools(world) / "p11shim.so", self.path)
        self.set()

    def set(self, *lines):
        (self.dir / "shim.so.conf").write_text(
            f"module {self.module}\n" + "".join(f"{x}\n" for x in lines))


def pin_drivers(directory):
    """An OpenSC configuration with two card drivers, not thirty to probe."""
    path = directory / "opensc.conf"
    path.write_text("app default {\n\tcard_drivers = jpki, PIV-II;\n}\n")
    return path


def children_of(pid):
    """Programs that a process has started and not yet seen end."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children",
                      encoding="ascii") as out:
                found += out.read().split()
        except OSError:
            pass
    return found


def no_child_is_left(agent, timeout_s=3.0):
    wait_for("the card's child to be gone",
             lambda: not children_of(agent.process.pid), timeout_s)


def stop_hard(process):
    process.send_signal(signal.SIGKILL)
    process.wait(5)
