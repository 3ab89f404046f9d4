# SPDX-License-Identifier: Apache-2.0
"""Fixtures, the private world, and the checks at the end of the run: no
sanitizer report, and no secret in anything the tests made."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import cards  # noqa: E402
import world as worlds  # noqa: E402
from agent import Agent  # noqa: E402
from cardsite import CardSite  # noqa: E402
from pki import Authority  # noqa: E402
from programs import Probe, Sshd, write_stacks  # noqa: E402
from server import Server  # noqa: E402

STATE = {}


def pytest_collection_modifyitems(items):
    """The search for secrets looks at what every other test has left."""
    items.sort(key=lambda item: "test_zz_" in item.nodeid)
    reason = worlds.why_not()
    if reason:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def world():
    made = worlds.World()
    STATE["world"] = made
    yield made
    keep = os.environ.get("SEKIMORI_KEEP")
    if keep:
        shutil.copytree(made.work, keep, dirs_exist_ok=True, symlinks=True,
                        ignore_dangling_symlinks=True,
                        ignore=lambda d, names: [
                            n for n in names if n.endswith(".sock")])
    made.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the logs of the programs it used."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "teardown" or not report.failed or call.excinfo is None:
        return
    for thing in list(item.funcargs.values()):
        for part in (thing, getattr(thing, "server", None),
                     getattr(thing, "agent", None),
                     getattr(thing, "sshd", None)):
            path = getattr(part, "log_path", None)
            if path and path.exists():
                text = path.read_text(errors="replace")
                report.sections.append((str(path), text[-4000:]))


@pytest.fixture(scope="module")
def servers(world):
    """A factory of servers that are stopped at the module's end."""
    made = []

    def make(*arguments, recovery=False, **how):
        server = Server(world, *arguments, **how)
        made.append(server)
        server.init(recovery=recovery)
        return server.start()

    yield make
    for server in made:
        if server.process is not None and server.process.poll() is None:
            assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture(scope="module")
def agents(world):
    made = []

    def make(server, modules=(), environment=None, plain=False, **how):
        """modules: the only ones it may use for cards. plain: without
        sanitizers, nor its card child."""
        agent = Agent(world)
        if plain:
            agent.program = str(world.plain / "sekimori-agent")
        made.append(agent)
        agent.join(server, **how)
        if modules:
            agent.set("card_modules", " ".join(map(str, modules)))
        agent.environment = environment or {}
        return agent.start()

    yield make
    for agent in made:
        if agent.process is not None and agent.process.poll() is None:
            assert agent.stop() == 0, agent.log()[-3000:]


@pytest.fixture(scope="module")
def server(servers):
    """The module's own server, with ordinary settings."""
    return servers()


@pytest.fixture(scope="session")
def pcscd(world):
    """With two virtual readers; there can be one only."""
    made = cards.Pcscd(world).start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def authority(world):
    """The town's CA, with a fresh CRL."""
    return Authority(world.directory("pki"))


@pytest.fixture(scope="module")
def emulated(world, pcscd):
    """A factory of emulated cards, out of their readers at first."""
    made = []

    def make(*arguments, **how):
        made.append(cards.Card(world, *arguments, **how))
        return made[-1]

    yield make
    for card in made:
        card.stop()


@pytest.fixture(scope="module")
def tokens(world):
    """SoftHSM2's, in place of cards."""
    world.secret("card PIN", cards.PIN_SOFTHSM)
    return cards.Tokens(world)


@pytest.fixture
def slot(tokens):
    """An empty reader: what a test puts into it is all there is."""
    tokens.empty()
    return tokens


@pytest.fixture(scope="module")
def town(world, server, agents, authority, tokens):
    """People who have such tokens, and one terminal."""
    made = CardSite(world, server, authority)
    made.agent = agents(server, modules=[cards.SOFTHSM], environment={
        "SOFTHSM2_CONF": tokens.config})
    return made


@pytest.fixture(scope="module")
def terminal(server):
    """A terminal joined by hand to the module's server."""
    return server.terminal()


class Site:
    """Server, agent, PAM stacks and sshd: a town hall in one directory."""

    def __init__(self, world, server, agent):
        self.world, self.server, self.agent = world, server, agent
        self.module = world.module
        self.probe = Probe(world, world.directory("pam"))
        self.sshd = None
        self.write_stacks()

    def write_stacks(self, **how):
        write_stacks(self.module, self.agent.socket, **how)

    def line(self, kind="auth", options="", socket=None):
        return (f"{kind} required {self.module} "
                f"socket={socket or self.agent.socket} {options}")

    def start_sshd(self, extra=""):
        self.sshd = Sshd(self.world, extra=extra).start()
        return self.sshd


@pytest.fixture(scope="module")
def site(world, server, agents):
    made = Site(world, server, agents(server))
    yield made
    if made.sshd:
        made.sshd.stop()
