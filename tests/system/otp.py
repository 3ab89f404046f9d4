# SPDX-License-Identifier: Apache-2.0
"""One-time codes from the standard library, and tokens that remember what
they have shown. Independent of the library the server computes with."""
import hashlib
import hmac
import struct
import time

EDGE_S = 4  # a step this close to its end is not trusted to stay inside ±1


def hotp(seed, counter, digits=6, algorithm="sha1"):
    mac = hmac.new(seed, struct.pack(">Q", counter),
                   getattr(hashlib, algorithm)).digest()
    offset = mac[-1] & 15
    number = struct.unpack(">I", mac[offset:offset + 4])[0] & 0x7fffffff
    return str(number % 10 ** digits).zfill(digits)


class Hotp:
    def __init__(self, seed, digits=6, counter=0):
        self.seed, self.digits, self.counter = seed, digits, counter
        self.serial = None

    def code(self, counter=None):
        """The next code, which is then behind us."""
        if counter is None:
            counter = self.counter
            self.counter += 1
        return hotp(self.seed, counter, self.digits)

    def wrong(self):
        """A code that no counter near has."""
        near = {hotp(self.seed, self.counter + i, self.digits)
                for i in range(-100, 200) if self.counter + i >= 0}
        guess = 0
        while str(guess).zfill(self.digits) in near:
            guess += 1
        return str(guess).zfill(self.digits)


class Totp:
    def __init__(self, seed, digits=6, period=30, algorithm="sha1",
                 clock=time.time):
        self.seed, self.digits, self.period = seed, digits, period
        self.algorithm, self.clock = algorithm, clock
        self.last = -1
        self.serial = None

    def at(self, step):
        return hotp(self.seed, step, self.digits, self.algorithm)

    def step(self):
        return int(self.clock()) // self.period

    def code(self):
        """An unspent code inside the window, waiting for one if need be."""
        while True:
            now = self.clock()
            step, into = int(now) // self.period, now % self.period
            early = step if self.period - into < EDGE_S else step - 1
            chosen = max(early, self.last + 1)
            if chosen <= step + 1 and not (chosen == step + 1 and into < 0):
                self.last = chosen
                return self.at(chosen)
            time.sleep(0.25)

    def wrong(self):
        step = self.step()
        near = {self.at(step + i) for i in range(-20, 40)}
        guess = 0
        while str(guess).zfill(self.digits) in near:
            guess += 1
        return str(guess).zfill(self.digits)
