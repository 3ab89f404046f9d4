# SPDX-License-Identifier: Apache-2.0
"""Tokens in a drawer, and the clock on its way through an office day. Knows
the command line, not what the server makes of it."""
import datetime

from otp import Hotp

TOKYO = datetime.timezone(datetime.timedelta(hours=9))


def until(server, hour, minute=0, day=0, second=2):
    """The clock goes on to that time of the day, today if it is still to
    come, or so many days later."""
    now = datetime.datetime.fromtimestamp(server.now(), TOKYO)
    then = now.replace(hour=hour, minute=minute, second=second,
                       microsecond=0) + datetime.timedelta(days=day)
    if then <= now:
        then += datetime.timedelta(days=1)
    server.pass_time((then - now).total_seconds())
    return then


def serial_of(server, user):
    return server.ctl("user", "show", user)["tokens"][-1]["serial"]


def drawer(server, count=1):
    """Hardware tokens that nobody has, out of their maker's box."""
    tokens = [Hotp(server.world.seed()) for _ in range(count)]
    box = server.dir / "box.csv"
    with open(box, "w", encoding="ascii") as file:
        file.write("serial,secret,type,digits,period,counter\n")
        for token in tokens:
            token.serial = server.name("HW")
            file.write(f"{token.serial},{token.seed.hex()},hotp,6,,0\n")
    try:
        server.ctl("token", "import", box)
    finally:
        box.unlink()
    return tokens


def hand(server, token, user, verb="assign"):
    """Assigns or lends it, with the code it shows."""
    return server.ctl("token", verb, token.serial, user, "--code",
                      token.code())["token"]


def refused(server, *arguments, status=1):
    """What was said; of a server, or of an administrator's desk."""
    got, out, err = getattr(server, "ctl", server).run(*arguments)
    assert got == status, (got, out, err)
    return err


def device(server, user):
    """A hardware token assigned to somebody."""
    token, = drawer(server)
    hand(server, token, user)
    return token
