# SPDX-License-Identifier: Apache-2.0
"""What an import of 100,000 hardware tokens costs, and what it does to logins
meanwhile: `python3 tests/bench/stock.py [TOKENS]`, as root, with the packages
of `make bench`. A round is logins alone, then logins while a file is imported,
on the same server; files are new ones each time. Prints a row a measurement."""
import hashlib
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/system"))
import stock_files  # noqa: E402

BUILD = pathlib.Path(os.environ.get("B", ROOT / "build"))
TOKENS = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
PEOPLE, WINDOW, ROUNDS, SECONDS = 24000, 10000, 5, 5


class Server:
    def __init__(self, data):
        self.data, self.admin = data, data / "admin.sock"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        config = data / "sekimorid.conf"
        config.write_text(f"""[server]
state_dir = {data}/state
listen = 127.0.0.1:{self.port}
admin_socket = {self.admin}
server_names = localhost
[throttle]
after = 8
terminal_rate = 0
terminal_failures = 0
""")
        subprocess.run([BUILD / "sekimorid", "init", "--config", config],
                       check=True, stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [BUILD / "sekimorid", "run", "--config", config],
            stderr=subprocess.DEVNULL)
        for _ in range(400):
            if self.admin.exists():
                break
            time.sleep(0.05)

    def ctl(self, *arguments, **how):
        return subprocess.run(
            [BUILD / "sekimorictl", "--socket", self.admin, "--yes",
             *arguments], check=True, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, **how).stdout

    def people(self):
        path = self.data / "users.oath"
        with open(path, "w", encoding="ascii") as file:
            for i in range(PEOPLE):
                file.write(f"HOTP/T30\tu{i}\t-\t{b'%020d' % i!r}\n".replace(
                    repr(b"%020d" % i), (b"%020d" % i).hex()))
        path.chmod(0o600)
        self.ctl("token", "import", path, "--from", "users.oath",
                 "--create-users")

    def join(self):
        said = self.ctl("--json", "terminal", "add", "bench")
        code = re.search(r'"join_code": *"([^"]+)"', said)[1]
        subprocess.run(
            [BUILD / "sekimori-agent", "join", "--server",
             f"https://localhost:{self.port}", "--code", "-", "--state-dir",
             self.data / "terminal"], input=code, text=True, check=True,
            stdout=subprocess.DEVNULL)

    def resident_kb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def compile_load(data):
    subprocess.run(
        ["gcc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-I.", "-o", data / "load",
         *(f"tests/bench/{f}.c" for f in ("load", "client", "code", "figures")),
         "-lssl", "-lcrypto", "-lldap", "-llber"], cwd=ROOT, check=True)
    return data / "load"


def tokens(prefix, count):
    for i in range(count):
        seed = hashlib.sha1(f"{prefix}{i}{time.time_ns()}".encode()).digest()
        yield f"{prefix}{i:07}", seed


def load(server, program, connections, first):
    """Logins of people from a number on, whose codes nobody has used."""
    said = subprocess.run(
        [program, "sekimori", str(server.port), server.data / "terminal",
         str(connections), str(PEOPLE), str(WINDOW), str(SECONDS),
         str(first)], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert "refused=0" in said, said
    return {key: float(value) for key, value in
            re.findall(r"(ops|p50_ms|p99_ms|rate)=([\d.]+)", said)}


class Import:
    def __init__(self, server, path, *options):
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            ["/usr/bin/env", BUILD / "sekimorictl", "--socket", server.admin,
             "token", "import", path, *options], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)

    def running(self):
        return self.process.poll() is None

    def finish(self):
        """Seconds, and the most memory of sekimorictl and its child, in KiB."""
        said = self.process.stderr.read()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = status
        assert status == 0, said
        return time.monotonic() - self.began, usage.ru_maxrss


def alone(server, data):
    """Each format by itself: seconds and memory."""
    for name, count in (("csv", TOKENS // 10), ("csv", TOKENS),
                        ("pskc", TOKENS), ("pskc-encrypted", TOKENS)):
        path = data / name
        rows = tokens(f"{name[:1]}{len(name)}{count}x", count)
        options = []
        if name == "csv":
            stock_files.csv(path, rows)
        else:
            sealer = None
            if name == "pskc-encrypted":
                sealer = stock_files.Sealer.of_key(b"k" * 16)
                key = data / "key"
                key.write_text((b"k" * 16).hex())
                options = ["--key-file", key]
            stock_files.pskc(path, rows, sealer)
        size = path.stat().st_size
        seconds, memory = Import(server, path, *options).finish()
        print(f"import={name} tokens={count} file_mb={size / 1e6:.1f} "
              f"seconds={seconds:.2f} ctl_rss_kb={memory} "
              f"server_rss_kb={server.resident_kb()}", flush=True)
        path.unlink()


def together(server, data, program):
    path = data / "meanwhile"
    for connections in (1, 8, 64):
        ratios, each = [], []
        for turn in range(ROUNDS):
            stock_files.csv(path, tokens(f"M{connections}r{turn}x", TOKENS))
            quiet = load(server, program, connections, 0)
            importing = Import(server, path)
            time.sleep(1)
            busy = load(server, program, connections, PEOPLE // 2)
            assert importing.running(), "the import was over before the logins"
            seconds, _ = importing.finish()
            # By now everybody shows another code.
            time.sleep(max(0, 31 - seconds))
            ratios.append(busy["p99_ms"] / quiet["p99_ms"])
            each.append(seconds)
            print(f"round={turn} connections={connections} "
                  f"quiet_p50_ms={quiet['p50_ms']} busy_p50_ms={busy['p50_ms']} "
                  f"quiet_p99_ms={quiet['p99_ms']} busy_p99_ms={busy['p99_ms']} "
                  f"quiet_rate={quiet['rate']:.0f} busy_rate={busy['rate']:.0f} "
                  f"ratio_p99={ratios[-1]:.2f} import_s={seconds:.1f}",
                  flush=True)
        print(f"connections={connections} "
              f"ratio_p99={statistics.median(ratios):.2f} "
              f"({min(ratios):.2f}-{max(ratios):.2f}) "
              f"import_s={statistics.median(each):.1f}", flush=True)


def main():
    data = pathlib.Path(tempfile.mkdtemp(prefix="sekimori-stock.",
                                         dir="/var/tmp"))
    server = None
    try:
        program = compile_load(data)
        server = Server(data)
        server.people()
        server.join()
        alone(server, data)
        together(server, data, program)
    finally:
        if server:
            server.process.terminate()
            server.process.wait()
        shutil.rmtree(data)


if __name__ == "__main__":
    main()
