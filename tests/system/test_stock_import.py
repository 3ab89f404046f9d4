# SPDX-License-Identifier: Apache-2.0
"""A box of hardware tokens arrives: its file becomes stock as a whole or not at
all, whatever is in it, and logins go on meanwhile."""
import os
import shutil
import signal
import subprocess
import time

import pexpect
import pytest

import stock_files
from ctl import Refused
from otp import Totp


@pytest.fixture
def box(server, world):
    class Box:
        ctl = server.ctl
        path = world.work / "tokens.file"

        def tokens(self, count):
            return [(server.name("HW"), world.seed()) for _ in range(count)]

        def load(self, *options, **how):
            return self.ctl("token", "import", self.path, *options, **how)

        def refused(self, *options, **how):
            with pytest.raises(Refused) as caught:
                self.load(*options, **how)
            assert caught.value.status in (1, 2), caught.value
            assert "Nothing was imported." in caught.value.stderr \
                or caught.value.status == 2, caught.value
            return caught.value.stderr

        def states(self):
            return {t["serial"]: t["state"]
                    for t in self.ctl.items("token", "list")}

    before = Box().states()
    yield Box()
    Box.path.unlink(missing_ok=True)
    # What a test refused has left nothing behind it.
    assert set(before) <= set(Box().states())


def write(box, text):
    box.path.write_bytes(text if isinstance(text, bytes) else text.encode())


# --- good files --------------------------------------------------------------------
@pytest.mark.parametrize("how", ["clear", "key", "password", "csv"])
def test_a_box_of_tokens_is_in_stock(box, server, world, terminal, how):
    tokens = box.tokens(60)
    options = []
    if how == "csv":
        stock_files.csv(box.path, tokens)
    else:
        sealer = {"clear": lambda: None,
                  "key": lambda: stock_files.Sealer.of_key(bytes(range(16))),
                  "password": lambda: stock_files.Sealer.of_password("もんぜき")}
        stock_files.pskc(box.path, tokens, sealer[how]())
        key = world.work / "transport.key"
        key.write_text({"clear": "", "key": bytes(range(16)).hex() + "\n",
                        "password": "もんぜき\n"}[how])
        options = [] if how == "clear" else ["--key-file", key]
    answer = box.load(*options)
    assert answer["created"] == 60 and answer["problems"] == []
    assert answer["in_clear"] == (60 if how in ("clear", "csv") else 0)
    states = box.states()
    assert all(states[serial] == "stock" for serial, _ in tokens)
    records = server.ctl.items("audit", "list", "--limit", 5)
    [record] = [r for r in records if r.get("action") == "token import"][:1]
    assert record["tokens"] == 60 and record["result"] == "done"

    # The seeds are the right ones: one is handed out with a code it shows.
    serial, seed = tokens[17]
    user = server.name()
    server.ctl("user", "add", user)
    token = Totp(seed, clock=server.now)
    server.ctl("token", "assign", serial, user, "--code", token.code())
    assert box.states()[serial] == "active"


def test_a_key_is_asked_for(box):
    tokens = box.tokens(2)
    stock_files.pskc(box.path, tokens,
                     stock_files.Sealer.of_key(bytes(16)))
    assert box.load("--from", "pskc", "--key-file", "-",
                    stdin="00" * 16 + "\n")["created"] == 2


def test_a_vendors_own_headings_in_cp932(box, world):
    (serial, seed), = box.tokens(1)
    write(box, f"品番,製造番号,種\nC200,{serial},{seed.hex()}\n".encode("cp932"))
    headings = world.work / "headings.conf"
    headings.write_text("[columns]\nsecret_hex = 種\n")
    headings.chmod(0o600)
    assert box.load("--columns", headings)["created"] == 1


# --- all or nothing ----------------------------------------------------------------
def test_a_serial_that_is_lent_keeps_the_whole_box_out(box, server):
    user, token = server.totp()
    lent = [t["serial"] for t in box.ctl.items("token", "list")
            if t["user"] == user][0]
    tokens = box.tokens(40)
    before = box.states()
    stock_files.csv(box.path, tokens[:30] + [(lent, tokens[30][1])])
    said = box.refused()
    assert f":32:1 (serial): There is a token of this number: {lent} is active" \
        f", and held by {user}." in said, said
    # The seed of a token that is lent, under another number.
    stock_files.pskc(box.path, [tokens[0], (tokens[1][0], token.seed)])
    said = box.refused()
    assert f"(secret): This secret is another token's: {lent}" in said, said
    assert box.states() == before


def test_what_stands_twice_is_told_with_both_lines(box):
    tokens = box.tokens(40)
    before = box.states()
    stock_files.csv(box.path, tokens + [tokens[3]])
    assert ":42:1 (serial): This serial number stands in line 5 already." \
        in box.refused()
    stock_files.csv(box.path, tokens + [("HWother", tokens[3][1])])
    assert (":42:2 (secret): This secret stands in line 5 already, for "
            f"{tokens[3][0]}.") in box.refused()
    assert box.states() == before
    # Nothing of the refused ones is in the way.
    stock_files.csv(box.path, tokens)
    assert box.load()["created"] == 40
    assert "is stock." in box.refused()


def test_every_problem_is_told_with_row_and_column(box):
    (one, seed), (two, other) = box.tokens(2)
    write(box, "serial,secret,type,digits,period\n"
          f"{one},{seed.hex()},totp,6,30\n"
          f"=cmd(),{other.hex()},totp,6,30\n"
          f"{two},{other.hex()},u2f,6,30\n"
          f"{two},zzzz,totp,6,30\n"
          f"{two},{other.hex()},totp,7,30\n")
    said = box.refused()
    for place in (":3:1 (serial)", ":4:3 (type)", ":5:2 (secret)",
                  ":6:4 (digits)"):
        assert place in said, said
    assert one not in box.states()


def test_an_import_that_breaks_off_leaves_nothing(box, server, world):
    tokens = [(server.name("HW"), os.urandom(20)) for _ in range(6000)]
    stock_files.csv(box.path, tokens)
    before = box.states()
    running = subprocess.Popen(
        [world.program("sekimorictl"), "--socket", box.ctl.socket, "token",
         "import", box.path], env=world.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert box.states() == before
    # The next one need not wait for anything.
    assert box.load(timeout_s=120)["created"] == 6000


def test_the_second_of_two_imports_wins(box, server, world):
    first = [(server.name("HW"), os.urandom(20)) for _ in range(6000)]
    second = box.tokens(30)
    stock_files.csv(box.path, first)
    running = subprocess.Popen(
        [world.program("sekimorictl"), "--socket", box.ctl.socket, "token",
         "import", box.path], env=world.environment(), text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.5)
    other = world.work / "other.csv"
    stock_files.csv(other, second)
    assert box.ctl("token", "import", other)["created"] == 30
    other.unlink()
    _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "given up: another one was begun" in said, said
    states = box.states()
    assert second[0][0] in states and first[0][0] not in states


def test_a_server_that_dies_meanwhile_has_nothing_of_it(servers, world):
    server = servers()
    path = world.work / "box.csv"
    tokens = [(server.name("HW"), os.urandom(20)) for _ in range(6000)]
    stock_files.csv(path, tokens)
    running = subprocess.Popen(
        [world.program("sekimorictl"), "--socket", server.ctl.socket, "token",
         "import", path], env=world.environment(), text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.5)
    server.kill()
    _, said = running.communicate(timeout=60)
    assert running.returncode == 3 and "Nothing was imported." in said, said
    server.start()
    assert server.ctl.items("token", "list") == []
    assert server.ctl("token", "import", path, timeout_s=120)["created"] == 6000
    assert len(server.ctl.items("token", "list")) == 6000


def test_progress_is_for_people(box, server, world):
    stock_files.csv(box.path, [(server.name("HW"), os.urandom(20))
                               for _ in range(3000)])
    person = pexpect.spawn(
        str(world.program("sekimorictl")),
        ["--socket", box.ctl.socket, "token", "import", str(box.path)],
        env=world.environment(), timeout=60, encoding="utf-8")
    person.expect(r"\[#+ *\] \d+ tokens")
    person.expect("3000 tokens are in stock")
    person.expect(pexpect.EOF)
    person.close()
    assert person.exitstatus == 0
    stock_files.csv(box.path, box.tokens(30))
    _, _, said = box.ctl.run("token", "import", box.path)
    assert "#" not in said


# --- bad files ---------------------------------------------------------------------
LAUGHS = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefghi", "bcdefghij")
) + "]>"


def cut(text):
    return text[:len(text) // 2]


def good_pskc():
    return stock_files.HEAD + stock_files.package("HWbad", b"s" * 20) \
        + stock_files.TAIL


@pytest.mark.parametrize("text, says", [
    ("", "empty"),
    ("\n\n\n", "no token"),
    (LAUGHS + "<KeyContainer>&j;</KeyContainer>", "document type"),
    ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
     "document type"),
    ('<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>', "document type"),
    (good_pskc().replace("HWbad", "&x;"), "entity"),
    (cut(good_pskc()), "cut"),
    (good_pskc().encode("utf-16"), "UTF-16"),
    (good_pskc().encode("utf-16-le"), "NUL"),
    (good_pskc().replace("HWbad", "../../x"), "serial"),
    ("serial,secret\nHWbad,\0\n", "NUL"),
    ("serial,secret\nHWbad,31323334\n", "112 bits"),
    ("serial,secret\n\"HWbad,3132\n", "quotation"),
    (b"PK\x03\x04" + b"x" * 100, "spreadsheet"),
    ("<html><body>Please sign in</body></html>", "no PSKC"),
], ids=lambda value: value if len(value) < 20 and isinstance(value, str) else "")
def test_a_bad_file_is_refused_as_a_whole(box, text, says):
    before = box.states()
    write(box, text)
    assert says in box.refused()
    assert box.states() == before


def test_keys_that_do_not_fit(box, world):
    tokens = box.tokens(3)
    sealer = stock_files.Sealer.of_key(b"k" * 16)
    stock_files.pskc(box.path, tokens, sealer)
    text = box.path.read_text()
    right, wrong = world.work / "right.key", world.work / "wrong.key"
    right.write_text((b"k" * 16).hex())
    wrong.write_text((b"w" * 16).hex())
    assert "--key-file" in box.refused()
    assert "another key" in box.refused("--key-file", wrong)
    # Without the MACs, and with one that is another value's.
    import re
    write(box, re.sub("<ValueMAC>.*?</ValueMAC>", "", text))
    assert "needs a MAC" in box.refused("--key-file", right)
    macs = re.findall("<ValueMAC>.*?</ValueMAC>", text)
    write(box, text.replace(macs[0], macs[1], 1))
    said = box.refused("--key-file", right)
    assert "MAC is wrong" in said and ":8:" in said, said
    # A key file of a gigabyte, an empty one, one that is no file.
    huge = world.work / "huge.key"
    with open(huge, "wb") as file:
        file.truncate(1 << 30)
    began = time.monotonic()
    assert "no key is" in box.refused("--key-file", huge)
    assert time.monotonic() - began < 5
    huge.write_text("")
    assert "no key is" in box.refused("--key-file", huge)
    box.refused("--key-file", world.work)
    huge.unlink()


@pytest.mark.parametrize("again", ["A", "<a>", "<x/>", "\n", "A,"])
def test_a_hundred_megabytes_of_nothing(box, again):
    """Refused soon, with little memory, and by the reader, not the kernel."""
    head = "serial,secret\n" if again == "A," else \
        stock_files.HEAD + ("<KeyPackage><DeviceInfo><SerialNo>"
                            if again == "A" else "")
    with open(box.path, "w", encoding="ascii") as file:
        file.write(head)
        for _ in range(100):
            file.write(again * ((1 << 20) // len(again)))
    began = time.monotonic()
    said = box.refused()
    assert time.monotonic() - began < 20
    assert "signal" not in said, said


def test_the_reader_is_closed_off(box, world):
    """Looked at while it waits for sekimorictl, which waits for the server."""
    stock_files.csv(box.path, box.tokens(3000))
    running = subprocess.Popen(
        [world.program("sekimorictl"), "--socket", box.ctl.socket, "token",
         "import", box.path], env=world.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        child = None
        until = time.monotonic() + 10
        while not child and time.monotonic() < until:
            children = subprocess.run(
                ["pgrep", "-P", str(running.pid)], stdout=subprocess.PIPE,
                text=True, check=False).stdout.split()
            for pid in children:
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    status = dict(line.split(":\t", 1) for line in file)
                if status["Seccomp"].strip() == "2":
                    child = pid
        assert child, "no closed-off child was seen"
        assert status["NoNewPrivs"].strip() == "1"
        assert int(status["CapEff"], 16) == 0
        assert int(status["CapPrm"], 16) == 0
        # A sanitizer must be able to report.
        kept = ["0", "1", "2"] if "asan" in str(world.build) else ["0", "1"]
        assert sorted(os.listdir(f"/proc/{child}/fd")) == kept
    finally:
        running.kill()
        running.wait()


# --- .google_authenticator ---------------------------------------------------------
def google_file(seed, *lines):
    import base64
    text = base64.b32encode(seed).decode().rstrip("=")
    return "\n".join([text, *lines]) + "\n"


def test_import_of_google_authenticator(box, server, world, terminal):
    seed, user = world.seed(), server.name()
    token = Totp(seed, clock=server.now)
    server.ctl("user", "add", user)
    step = int(server.now()) // 30
    write(box, google_file(
        seed, '" RATE_LIMIT 3 30 1700000000', '" WINDOW_SIZE 17',
        f'" DISALLOW_REUSE {step - 1} {step}', '" TOTP_AUTH',
        '" TIME_SKEW 2', "12345678", "87654321"))
    status, said, left_out = server.ctl.run(
        "token", "import", box.path, "--from", "google-authenticator",
        "--user", user, json_output=False)
    assert status == 0 and f"{user} has this token now." in said, left_out
    for word in ("2 scratch codes", "RATE_LIMIT", "WINDOW_SIZE", "TIME_SKEW"):
        assert word in left_out, left_out
    assert "no used codes" not in left_out
    # What was used there is used here.
    assert terminal.login(user, token.at(step))["reason"] == "used"
    answer = box.load("--from", "google-authenticator", "--user", user)
    assert answer["unchanged"] == 1 and answer["scratch_codes_left_out"] == 2


def test_whose_google_authenticator_it_is(server, world, tmp_path):
    """By the folder it lies in, which must be its owner's."""
    user = server.name()
    server.ctl("user", "add", user)
    home = tmp_path / user
    home.mkdir()
    file = home / ".google_authenticator"
    file.write_text(google_file(world.seed(), '" TOTP_AUTH'))

    def load():
        return server.ctl.run("token", "import", file, "--from",
                              "google-authenticator")

    shutil.chown(file, "alice", "alice")
    status, _, said = load()
    assert status == 2 and "--user ID" in said
    shutil.chown(file, "root", "root")
    assert load()[0] == 0
    assert [t["state"] for t in server.ctl("user", "show", user)["tokens"]] \
        == ["active"]


@pytest.mark.parametrize("lines, says", [
    ([], "TOTP_AUTH or HOTP_COUNTER"),
    (['" TOTP_AUTH', '" HOTP_COUNTER 4'], "TOTP_AUTH or HOTP_COUNTER"),
    (['" TOTP_AUTH', '" STEP_SIZE 45'], ":3:1: STEP_SIZE"),
    (['" TOTP_AUTH', "root:x:0:0"], ":3:1: This is neither"),
])
def test_a_bad_google_authenticator(box, server, lines, says):
    user = server.name()
    server.ctl("user", "add", user)
    write(box, google_file(b"q" * 20, *lines))
    assert says in box.refused("--from", "google-authenticator", "--user",
                               user)


def test_options_that_do_not_go_together(box, server):
    write(box, google_file(b"q" * 20, '" TOTP_AUTH'))
    assert "--user ID" in box.refused("--from", "google-authenticator")
    assert "does not go with" in box.refused("--from", "csv", "--user", "x")
    assert "does not go with" in box.refused(
        "--from", "users.oath", "--key-file", box.path)
    short = google_file(b"q" * 10, '" TOTP_AUTH')
    write(box, short)
    assert "112 bits" in box.refused("--from", "google-authenticator",
                                     "--user", "x")
