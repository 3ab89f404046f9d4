# SPDX-License-Identifier: Apache-2.0
"""Speaks to the real sekimori-card as the agent does, without the agent: the
requests and answers of pam_module/card/wire.h. Knows nothing of logins."""
import hashlib
import os
import select
import struct
import subprocess
import time

FIND, SIGN, WATCH, SEEN, SIGNING = 1, 2, 3, 4, 5
TROUBLE, ABSENT, OTHER, SEVERAL, PRESENT = range(5)
FINE, LOW, FINAL, LOCKED = range(4)
SIGN_TROUBLE, PIN_WRONG, PIN_LOCKED, CANCELLED, SIGNED = range(5)
CHALLENGE = bytes(range(32))
MESSAGE = b"what a card signs" * 5


def tag(key_hash):
    return hashlib.sha256(CHALLENGE + bytes.fromhex(key_hash)).digest()[:16]


class Seen:
    def __init__(self, body):
        (self.presence, self.pin, tries, self.pad, self.pin_min,
         self.pin_max, key, self.until) = struct.unpack("!BBBBBB32sq", body)
        self.tries = -1 if tries == 255 else tries
        self.key = key.hex()


class Child:
    """One sekimori-card. Ends with the test: use it in a with statement."""

    def __init__(self, world, *modules, **environment):
        self.process = subprocess.Popen(
            [world.programs / "sekimori-card", *map(str, modules)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, bufsize=0,
            env=world.environment(P11_KIT_NO_USER_CONFIG="1", **environment))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(5)
        self.process.stdin.close()
        self.process.stdout.close()

    def send(self, kind, body):
        self.process.stdin.write(struct.pack("!BH", kind, len(body)) + body)

    def take(self, length, timeout_s=6.0):
        """So many bytes; fewer if the child ends."""
        got, end = b"", time.monotonic() + timeout_s
        while len(got) < length:
            left = end - time.monotonic()
            ready = left > 0 and select.select(
                [self.process.stdout], [], [], left)[0]
            assert ready, f"no answer in {timeout_s} s"
            more = os.read(self.process.stdout.fileno(), length - len(got))
            if not more:
                break
            got += more
        return got

    def receive(self):
        header = self.take(3)
        if len(header) < 3:
            return None, b""
        kind, length = struct.unpack("!BH", header)
        return kind, self.take(length)

    def find(self, *key_hashes):
        """None: the child died."""
        tags = [tag(key) for key in key_hashes]
        self.send(FIND, CHALLENGE + bytes([len(tags)]) + b"".join(tags) +
                  struct.pack("!H", len(MESSAGE)) + MESSAGE)
        kind, body = self.receive()
        return Seen(body) if kind == SEEN else None

    def sign(self, pin):
        """(outcome, seen, certificate, signature)"""
        self.send(SIGN, pin.encode())
        kind, body = self.receive()
        if kind != SIGNING:
            return SIGN_TROUBLE, None, b"", b""
        outcome, seen, rest = body[0], Seen(body[1:47]), body[47:]
        if outcome != SIGNED:
            return outcome, seen, b"", b""
        _, length, _ = struct.unpack("!BHH", rest[:5])
        return outcome, seen, rest[5:5 + length], rest[5 + length:]

    def watch(self, key_hash):
        self.send(WATCH, bytes.fromhex(key_hash))

    def beats_until_end(self, timeout_s):
        """[(time, byte)], the end being b""."""
        found = []
        while not found or found[-1][1] not in (b"", b"!"):
            found.append((0, self.take(1, timeout_s)))
            found[-1] = (time.monotonic(), found[-1][1])
        return found
