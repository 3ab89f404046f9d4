# SPDX-License-Identifier: Apache-2.0
"""Tokens in a drawer, and the clock on its way through an office day. Knows
the command line, not what the server makes of it."""
import datetime

TOKYO = datetime.timezone(datetime.timedelta(hours=9))
# What says that nobody ever saw their seeds.
DEVICE = ("--device-only",)


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
    """Hardware tokens that nobody has."""
    tokens = []
    for _ in range(count):
        keeper, token = server.hotp()
        token.serial = serial_of(server, keeper)
        server.ctl("token", "return", token.serial, "--code", token.code())
        tokens.append(token)
    return tokens


def hand(server, token, user, verb="assign"):
    """Assigns or lends it, with the code it shows."""
    return server.ctl("token", verb, token.serial, user, "--code",
                      token.code(), *DEVICE)["token"]


def refused(server, *arguments, status=1):
    """What was said."""
    got, out, err = server.ctl.run(*arguments)
    assert got == status, (got, out, err)
    return err


def device(server, user, **how):
    """A hardware token assigned to somebody."""
    token = drawer(server, **how)[0]
    hand(server, token, user)
    return token
