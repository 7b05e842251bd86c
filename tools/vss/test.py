#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""test.py BUILD fake|unix|vunix: what vss says, beside what is known

BUILD is a folder with vss, test-sockets and test-kernel.so.

fake   a kernel that is not there: a million sockets, answers that are lost,
       broken or refused
unix   vss -x on this machine, and ss -x beside it
vunix  the same sockets of vunix, which has to be loaded
"""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
VSS = BUILD + "/vss"
HEADER = os.path.dirname(os.path.abspath(__file__)) + \
    "/../../include/uapi/linux/vunix.h"
MILLION = 1000000
SOURCE_BYTES = {
    "listener": b"stream", "server": b"stream", "named_server": b"stream",
    "named_client": b"\0c\0l i\xffent\x01", "closed": b"closed",
    "rlistener": b"we ird\"q\\uo\xc3\xa9\xe2\x80\xae\xff",
    "rserver": b"we ird\"q\\uo\xc3\xa9\xe2\x80\xae\xff",
    "log": b"log", "star": b"*", "at": b"@at", "abstract": b"\0at",
    "newline": b"new\nline\t", "nothing": b"\0",
    "longest": b"0123456789abcdef" * 6 + b"0123456789ab",
}
# As vss writes them in columns
WRITTEN = {
    "listener": "stream", "named_client": r"@c\x00l\x20i\xffent\x01",
    "rlistener": 'we\\x20ird"q\\\\uo\u00e9\\xe2\\x80\\xae\\xff',
    "star": r"\x2a", "at": r"\x40at", "abstract": "@at",
    "newline": r"new\x0aline\x09", "nothing": "@", "fresh": "*",
}
LISTENING = {"listener", "rlistener"}
# Nobody has connected them, or connected to them
CLOSED = {"fresh", "closed", "automatic", "dfresh", "star", "at", "abstract",
          "newline", "nothing", "longest"}
PEERS = {"client": "server", "named_client": "named_server",
         "pair_a": "pair_b", "rclient": "rserver", "rpair_a": "rpair_b",
         "dpair_a": "dpair_b"}
ONE_WAY = {"sender": "log", "sender2": "log"}
PEER_OF = {**PEERS, **{b: a for a, b in PEERS.items()}, **ONE_WAY}
DATAGRAMS = {"log", "sender", "sender2", "dpair_a", "dpair_b", "dfresh", "star",
             "at", "abstract", "newline", "nothing", "longest"}
RECORDS = {"rlistener", "rclient", "rserver", "rpair_a", "rpair_b"}

passed = 0


def check(what, good, *seen):
    global passed
    if not good:
        print("not ok -", what, *map(repr, seen), flush=True)
        sys.exit(1)
    passed += 1
    print("  ok -", what, flush=True)


def same(what, seen, expected):
    check(what, seen == expected, "is", seen, "not", expected)


def run(*args, status=0, kilobytes=None, user=None, out=subprocess.PIPE, **env):
    """vss with @args; (stdout, stderr) as text"""
    def limit():
        if kilobytes:
            resource.setrlimit(resource.RLIMIT_DATA,
                               (kilobytes * 1024, kilobytes * 1024))
    r = subprocess.run([VSS, *args], stdout=out, stderr=subprocess.PIPE,
                       env={**os.environ, **env}, preexec_fn=limit,
                       user=user, timeout=600)
    err = r.stderr.decode()
    if r.returncode != status:
        check(f"vss {' '.join(args)} ends with {status}", False,
              r.returncode, err)
    return (r.stdout or b"").decode("utf-8", "strict"), err


def run_json(*args, **kwargs):
    return json.loads(run("--json", *args, **kwargs)[0])


def unescape(name):
    """The bytes that a written name stands for"""
    if name is None:
        return None
    begin = b""
    if name.startswith("@"):
        begin, name = b"\0", name[1:]
    raw = name.encode()
    raw = re.sub(rb"\\(x([0-9a-f]{2})|\\)",
                 lambda m: bytes.fromhex(m[2].decode()) if m[2] else b"\\", raw)
    return begin + raw


# --- a kernel that is not there ----------------------------------------------

def fake(*args, sockets=4, **kwargs):
    env = {k: str(v) for k, v in kwargs.items() if k.startswith("FAKE_")}
    kwargs = {k: v for k, v in kwargs.items() if not k.startswith("FAKE_")}
    return run(*args, LD_PRELOAD=BUILD + "/test-kernel.so",
               FAKE_SOCKETS=str(sockets), **env, **kwargs)


def test_fake_errors():
    out, err = fake("-a", FAKE_INTR=1, status=3)
    check("a list that changed is shown, and said to be incomplete",
          len(out.splitlines()) == 5 and "changed meanwhile" in err, out, err)
    out, err = fake("-a", FAKE_LOST=1, status=3)
    check("so is one of which answers were lost",
          len(out.splitlines()) == 5 and "lost" in err, out, err)
    for mode in "-s", "--peers":
        out, err = fake(mode, "-H", FAKE_INTR=2)
        good, _ = fake(mode, "-H")
        check(f"{mode} asks again when the list has changed",
              out == good and not err, out, err)
        out, err = fake(mode, "-H", FAKE_LOST=2)
        check(f"{mode} asks again when answers were lost",
              out == good and not err, out, err)
        out, err = fake(mode, "-H", FAKE_INTR=99, status=3)
        check(f"{mode} gives up, and says so",
              out == good and "changed meanwhile" in err, out, err)
    out, err = fake("-a", FAKE_ERROR=12, status=1)
    check("an error at the end is an error",
          "Cannot allocate memory" in err, err)
    out, err = fake("-a", "--json", FAKE_ERROR=12, status=1)
    same("... and what there was is JSON", len(json.loads(out)), 4)
    for how in "family", "short", "type":
        out, err = fake("-aepmi", FAKE_BROKEN=how, status=1)
        check(f"broken answers ({how}) are refused",
              "Protocol error" in err and not out, out, err)
    out, err = fake("-aepm", FAKE_BROKEN="attr")
    same("a broken attribute is passed over", len(out.splitlines()), 5)
    with open("/dev/full", "w") as full:
        _, err = fake("-a", sockets=1000, out=full, status=1)
    check("a full disk is an error", "cannot write" in err, err)


def test_fake_info():
    out, err = fake("-aiH", FAKE_INFO=104)
    check("counters are shown", "messages_sent:2 " in out and
          "bytes_sent:20 " in out and "age:1.500000s" in out and
          "pid:66 " in out and "peak:77 " in out and not err, out, err)
    longer, err = fake("-aiH", FAKE_INFO=200)
    same("so are more counters than are known", (longer, err), (out, ""))
    out, err = fake("-aiH", FAKE_INFO=24)
    check("and fewer", "age:1.500000s\n" in out and "sent" not in out and
          not err, out, err)
    out, err = fake("-aiH")
    check("and that there are none", "no counters" in err and "age" not in out,
          out, err)
    info = json.loads(fake("-ai", "--json", FAKE_INFO=104)[0])[2]["info"]
    same("counters in JSON", (info["id"], info["peer_id"], info["bytes_sent"],
                              info["pid"], info["peak"]), (3, 4, 20, 66, 77))


def test_fake_top():
    _, err = fake("--top", "0.1", status=1)
    check("--top says that there are no counters", "no counters" in err, err)
    out, _ = fake("--top", "0.1,2", "--rows", "3", "--json", sockets=5000,
                  FAKE_INFO=104)
    top = json.loads(out)
    same("--top prints as many intervals as it was told", len(top), 2)
    for t in top:
        # i % 1000 messages of 10 bytes more in each dump
        same("... the busiest first",
             [round(s["messages_sent_rate"] * t["seconds"])
              for s in t["sockets"]], [999, 999, 999])
        same("... by bytes, too", round(t["sockets"][0]["bytes_sent_rate"] *
                                        t["seconds"]), 9990)
    same("... and of equals the older", [s["inode"] for s in top[0]["sockets"]],
         [1000, 2000, 3000])
    out, _ = fake("--top", "0.1", "--rows", "0", "-H", "dst", "@service1",
                  sockets=5000, FAKE_INFO=104)
    same("--top filters by the peer's name", len(out.split("\n")), 3 + 2)


def test_fake_million():
    """Memory: 2 MB for the process, and what the manual says of each mode"""
    def fits(what, kilobytes, too_few, *args):
        with open("/dev/null", "w") as null:
            fake(*args, sockets=MILLION, FAKE_INFO=104, out=null,
                 kilobytes=2048 + kilobytes)
            check(f"{what} of a million sockets fits 2 MB and {kilobytes} KB",
                  True)
            if not too_few:
                return
            _, err = fake(*args, sockets=MILLION, FAKE_INFO=104, out=null,
                          kilobytes=2048 + too_few, status=1)
            check("... and says so where there is less", "no memory" in err,
                  err)

    fits("the list", 0, 0, "-aei", "--json")
    fits("the summary", 0, 0, "-s")
    # 16 bytes for each and up to a quarter of slack; names are 1000
    fits("--peers", MILLION * 20 >> 10, MILLION * 12 >> 10, "--peers")
    # 40 bytes, twice
    fits("--top", MILLION * 100 >> 10, MILLION * 60 >> 10, "--top", "0.1")
    # 4 bytes of each that matches, which is every other
    fits("dst", MILLION * 5 // 2 >> 10, MILLION * 1 // 2 >> 10, "-s", "dst",
         "@service*")
    out, _ = fake("-aH", sockets=MILLION)
    same("no socket is missing", out.count("\n"), MILLION)


def test_usage():
    for args in (["--family", "x"], ["--top", "0"], ["--top", "1,x"],
                 ["--top", "nan"], ["--rows", "-1"], ["-s", "--peers"],
                 ["-x", "--family", "18"], ["state"], ["state", "no"],
                 ["src"], ["src", "a", "or"], ["(", "src", "a"], ["not"],
                 ["src", "a", ")"], ["--peers", "-m"], ["--nothing"],
                 ["--family", "256"]):
        _, err = run(*args, status=2)
        check(f"vss {' '.join(args)} is told to be wrong", err.strip(), err)
    check("--version", re.match(r"vss, of vunix \d", run("--version")[0]))
    out = run("--help")[0]
    check("--help", out.startswith("Usage: vss"), out)
    man = open(os.path.dirname(HEADER) + "/../../../docs/man/vss.8").read()
    bash = open(os.path.dirname(os.path.abspath(__file__)) +
                "/vss.bash-completion").read()
    for o in re.findall(r"--([a-z-]+)", out):
        check(f"--{o} has its place in the manual and in bash",
              f"Fl -{o}\n" in man.replace(" Ar", "\n") and "--" + o in bash)


# --- real sockets ------------------------------------------------------------

class Sockets:
    """test-sockets at work in a folder of its own"""
    def __init__(self, family):
        self.dir = tempfile.mkdtemp()
        self.p = subprocess.Popen([BUILD + "/test-sockets", str(family)],
                                  stdin=subprocess.PIPE, cwd=self.dir,
                                  stdout=subprocess.PIPE, text=True)
        self.ino, self.fd, self.pid = {}, {}, {}
        for line in self.p.stdout:
            if line == "ready\n":
                break
            name, ino, fd, pid = line.split()
            self.ino[name], self.fd[name] = int(ino), int(fd)
            self.pid[name] = int(pid)
        check("there are sockets to look at", "second" in self.ino)
        self.second = self.pid.pop("second")
        self.ino.pop("second")
        self.name = {i: n for n, i in self.ino.items()}

    def second_fds(self):
        """Descriptors of the second process, all of the server"""
        fds = sorted(int(f) for f in os.listdir(f"/proc/{self.second}/fd") if
                     os.readlink(f"/proc/{self.second}/fd/{f}") ==
                     f"socket:[{self.ino['server']}]")
        same("the second process has the server", len(fds), 21)
        return fds

    def traffic(self):
        self.p.stdin.write("traffic\n")
        self.p.stdin.flush()
        same("traffic", self.p.stdout.readline(), "done\n")

    def end(self):
        self.p.stdin.close()
        self.p.wait()
        shutil.rmtree(self.dir)

    def mine(self, sockets):
        """Of what vss lists, by our name"""
        found = {}
        for s in sockets:
            name = self.name.get(s["inode"])
            if name in found:
                check(f"{name} is listed once", False)
            if name:
                found[name] = s
        return found


def state(name):
    if name in LISTENING:
        return "LISTEN"
    return "UNCONN" if name in CLOSED else "ESTAB"


def test_list(t, v, x):
    found = t.mine(run_json(*x, "-aepm"))
    same("all sockets are listed", set(found), set(t.ino))
    for name, s in found.items():
        kind = ("dgr" if name in DATAGRAMS else
                "seq" if name in RECORDS else "str")
        same(f"{name}: type and state", (s["netid"], s["state"]),
             (f"{v}_{kind}", state(name)))
        raw = unescape(s["name"])
        if name == "automatic":
            check("automatic: has five digits",
                  re.fullmatch(rb"\0[0-9a-f]{5}", raw), raw)
        else:
            same(f"{name}: name", raw, SOURCE_BYTES.get(name))
        peer = PEER_OF.get(name)
        if name == "waiting":
            same("waiting: its peer has no inode yet", s["peer_inode"], 0)
        else:
            same(f"{name}: peer", s["peer_inode"], t.ino.get(peer))
        holders = [("test-sockets", t.pid[name], t.fd[name])]
        if name == "server":
            holders += [('ano)th "er\\\\', t.second, fd) for fd in
                        t.second_fds()]
        same(f"{name}: processes",
             sorted((p["name"], p["pid"], p["fd"]) for p in s["processes"]),
             sorted(holders))
        same(f"{name}: uid", s["uid"], os.getuid())
        check(f"{name}: memory", s["memory"]["sndbuf"] > 0)
        if name in SOURCE_BYTES and not SOURCE_BYTES[name].startswith(b"\0"):
            st = os.stat(os.path.join(t.dir.encode(), SOURCE_BYTES[name]))
            same(f"{name}: file", (s["file"]["inode"], s["file"]["major"],
                                   s["file"]["minor"]),
                 (st.st_ino & 0xffffffff, os.major(st.st_dev),
                  os.minor(st.st_dev)))
        else:
            check(f"{name}: no file", "file" not in s)
    check("ids differ", len({s["cookie"] for s in found.values()}) ==
          len(found))
    same("queues", [(found[n]["recv_q"], found[n]["send_q"] > 0) for n in
                    ("listener", "server", "client", "log", "fresh")],
         [(1, True), (100, False), (0, True), (found["log"]["recv_q"], False),
          (0, False)])
    check("a datagram is queued", found["log"]["recv_q"] >= 3)
    same("the backlog", found["listener"]["send_q"], 7)
    same("who waits", found["listener"]["waiting"], [t.ino["waiting"]])
    same("nobody waits", found["rlistener"]["waiting"], [])
    same("shutdown", [found[n]["shutdown"] for n in
                      ("pair_a", "pair_b", "client")],
         ["send", "receive", "none"])


def test_columns(t, x):
    lines = run(*x, "-aH")[0].splitlines()
    by_ino = {}
    for line in lines:
        words = line.split()
        if len(words) != 8:
            same("a line is eight words", words, 8)
        by_ino[int(words[5])] = words
    for name, written in WRITTEN.items():
        same(f"{name} as a word", by_ino[t.ino[name]][4], written)
    out = run(*x, "-aepmH")[0]
    users = ['("test-sockets",pid=%d,fd=%d)' % (t.pid["server"],
                                                t.fd["server"])]
    users += ['("ano\\x29th\\x20\\x22er\\x5c",pid=%d,fd=%d)' % (t.second, fd)
              for fd in t.second_fds()]
    check("processes as ss has them", f"users:({','.join(users)})" in out)
    check("who waits", f" peers: {t.ino['waiting']}\n" in out)
    same("shutdown as arrows",
         [re.search(rf" {t.ino[n]}    \* .* (<--|-->|<->) uid:", out)[1] for n in
          ("pair_a", "pair_b", "client")], ["<--", "-->", "<->"])
    check("a first line", run(*x)[0].startswith("Netid State"))


def test_states(t, x):
    def names(*args):
        return set(t.mine(run_json(*x, *args)))
    everything = set(t.ino)
    connected = everything - LISTENING - CLOSED
    same("without options, what is connected", names(), connected)
    same("-l: what is not", names("-l"), LISTENING | CLOSED)
    same("state connected", names("state", "connected"), connected)
    same("state listening", names("state", "listening"), LISTENING)
    same("state unconnected", names("state", "unconnected"), CLOSED)
    same("two states", names("state", "listening", "state", "closed"),
         LISTENING | CLOSED)
    same("exclude", names("exclude", "listening"), everything - LISTENING)
    same("state all", names("state", "all"), everything)


def test_names(t, x):
    def names(*args):
        return set(t.mine(run_json(*x, "-a", *args)))
    same("src", names("src", "stream"), {"listener", "server", "named_server"})
    same("src with a glob", names("src", "str*"),
         {"listener", "server", "named_server"})
    same("src as ss -x prints it", names("src", "unix:stream"),
         {"listener", "server", "named_server"})
    same("src, abstract", names("src", "@at"), {"abstract"})
    same("src, escaped", names("src", r"\x40at"), {"at"})
    same("src of any bytes", names("src", r"@c\x00l\x20i\xff*"),
         {"named_client"})
    same("src ?*: any name", names("src", "?*"),
         set(SOURCE_BYTES) | {"automatic"})
    same("not src ?*", names("not", "src", "?*"),
         set(t.ino) - set(SOURCE_BYTES) - {"automatic"})
    same("src *: all", names("src", "*"), set(t.ino))
    same("dst", names("dst", "stream"), {"client", "named_client"})
    same("dst, one way", names("dst", "log"), {"sender", "sender2"})
    same("dst of any bytes", names("dst", "@c?x00l*"), {"named_server"})
    same("and", names("src", "@*", "and", "dst", "stream"), {"named_client"})
    same("and without the word, in one argument",
         names("src @* dst stream"), {"named_client"})
    same("or", names("src", "log", "or", "dst", "log"),
         {"log", "sender", "sender2"})
    same("not, ( and )", names("not", "(", "src", "?*", "or", "dst", "?*", ")"),
         set(t.ino) - set(SOURCE_BYTES) - {"automatic", "client", "rclient",
                                            "sender", "sender2"})
    same("dst *: all", names("dst", "*"), set(t.ino))
    same("dst with a state",
         set(t.mine(run_json(*x, "state", "established", "dst", "stream"))),
         {"client", "named_client"})
    same("options behind it", set(t.mine(run_json("src", "log", "-a", *x))),
         {"log"})


def test_peers(t, x):
    seen = {}
    for c in run_json(*x, "--peers"):
        a = t.name.get(c["from"]["inode"])
        b = t.name.get(c["to"]["inode"])
        if a is None:
            continue
        check(f"{a} is there once", a not in seen)
        seen[a] = (b, c["mutual"])
        ends = [("from", a)] + ([("to", b)] if b else [])
        for end, name in ends:
            same(f"{name}: name", unescape(c[end]["name"]),
                 SOURCE_BYTES.get(name))
            same(f"{name}: process", c[end]["processes"][0]["pid"],
                 t.pid[name])
        if b == "server":
            same("server: both processes",
                 {p["pid"] for p in c["to"]["processes"]},
                 {t.pid[b], t.second})
    expected = {a: (b, True) for a, b in PEERS.items()}
    expected.update({a: (b, False) for a, b in ONE_WAY.items()})
    expected["waiting"] = (None, False)
    same("each connection once", seen, expected)
    lines = [line.split() for line in run(*x, "--peers", "-H", "src",
                                          "stream")[0].splitlines()]
    lines = [w for w in lines if int(w[2]) in t.name]
    same("--peers of a name", {t.name[int(w[2])] for w in lines},
         {"client", "named_client"})
    same("... in eight words", {len(w) for w in lines}, {8})


def test_summary(t, v, x):
    s = run_json(*x, "-s")
    for kind, names in ((f"{v}_dgr", DATAGRAMS), (f"{v}_seq", RECORDS)):
        check(f"-s {kind}", s[kind]["total"] >= len(names) and
              s[kind]["unconnected"] >= len(names & CLOSED) and
              s[kind]["listening"] >= len(names & LISTENING), s)
    check("-s adds up", all(sum(s[f"{v}_{k}"][f] for k in
                                ("str", "dgr", "seq")) == s["total"][f]
                            for f in s["total"]), s)
    s = run_json(*x, "-s", "src", "stream")
    same("-s of a name", s["total"],
         {"total": 3, "listening": 1, "connected": 2, "unconnected": 0,
          "waiting": 1, "queued": 100})
    same("-s as a table", len(run(*x, "-s")[0].splitlines()), 5)


def test_json(x):
    for args in (["-aepmi"], ["--peers"], ["-s"], ["-a", "src", "nobody"]):
        out = run(*x, "--json", *args)[0].encode()
        for tool in [sys.executable, "-m", "json.tool"], ["jq", "-e", "."]:
            if not shutil.which(tool[0]):
                print("  skip - no", tool[0])
                continue
            r = subprocess.run(tool, input=out, capture_output=True)
            same(f"{tool[0]} reads --json {' '.join(args)}", r.returncode, 0)


def test_counters(t, x):
    """-i and --top, where the module counts"""
    sockets = t.mine(run_json(*x, "-ai"))
    if "info" not in sockets["client"]:
        check("this module has no counters, as its header says",
              x or "VUNIX_DIAG_SHOW_INFO" not in open(HEADER).read())
        _, err = run(*x, "-ai")
        check("-i says so", "no counters" in err, err)
        _, err = run(*x, "--top", "0.1", status=1)
        check("--top says so", "no counters" in err, err)
        return
    info = {n: s["info"] for n, s in sockets.items()}
    same("bytes and messages sent", (info["client"]["bytes_sent"],
                                     info["client"]["messages_sent"]), (100, 1))
    same("who is at the other end", info["client"]["peer_id"],
         info["server"]["id"])
    same("who made it", info["client"]["pid"], t.pid["client"])
    top = subprocess.Popen([VSS, *x, "-p", "--json", "--top", "6"],
                           stdout=subprocess.PIPE)
    # Its first look is over when it sleeps
    for _ in range(600):
        with open(f"/proc/{top.pid}/wchan") as f:
            if "sleep" in f.read():
                break
        time.sleep(0.1)
    else:
        check("vss --top sleeps", False)
    t.traffic()
    [interval] = json.loads(top.communicate()[0])
    rates = t.mine(interval["sockets"])
    seconds = interval["seconds"]
    for name, which in ("client", "sent"), ("server", "received"):
        same(f"--top: {name}",
             round(rates[name][f"bytes_{which}_rate"] * seconds), 200000)
    same("--top: messages", round(rates["client"]["messages_sent_rate"] *
                                  seconds), 200)
    same("--top: process", rates["client"]["processes"][0]["pid"],
         t.pid["client"])


def test_nobody(t, x):
    """Somebody without rights: AF_UNIX shows the sockets, too, but no owners"""
    out, err = run(*x, "--json", "-aepmi", user=65534)
    found = t.mine(json.loads(out))
    same("an unprivileged user sees all sockets", set(found), set(t.ino))
    same("... but not who has them", {len(s["processes"]) for s in
                                      found.values()}, {0})
    check("... nor counters", not any("info" in s for s in found.values()) and
          "counters" in err, err)


SS = re.compile(rb"(u_\w+) +([A-Z]+ +)?(\d+) +(\d+) +(.*) (\d+) +(\S+) (\d+)"
                rb"(?: +(.*?))? *$")


def test_ss(t):
    """What ss -x says of the same sockets"""
    if not shutil.which("ss"):
        print("  skip - no ss on this machine")
        return
    text = {"newline"}          # ss takes two lines for it

    def from_ss(*args):
        out = subprocess.run(["ss", "-xH", *args], capture_output=True,
                             check=True).stdout
        found = {}
        for line in out.split(b"\n"):
            m = SS.match(line)
            if m and int(m[6]) in t.name and t.name[int(m[6])] not in text:
                found[t.name[int(m[6])]] = (m[1], m[3], m[4], m[5].strip(),
                                            m[8], m[9] or b"")
        return found

    def from_vss(*args):
        out = run("-xH", *args)[0].encode()
        found = {}
        for line in out.splitlines():
            w = line.split(None, 8)
            name = t.name.get(int(w[5]))
            if name is None or name in text:
                continue
            # "*" is no name for both
            raw = unescape(w[4].decode()).replace(b"\0", b"@")
            found[name] = (w[0], w[2], w[3], raw, w[7],
                           w[8] if len(w) > 8 else b"")
        return found

    def brief(found):
        return {n: s[:5] for n, s in found.items()}

    for args in ([], ["-a"], ["-l"], ["state", "connected"],
                 ["state", "listening"], ["state", "closed"],
                 ["exclude", "listening"], ["-a", "src", "str*"],
                 ["-a", "src", "@at"], ["-n"]):
        a, b = from_ss(*args), from_vss(*args)
        check(f"ss -x {' '.join(args)} lists something", a)
        if "@at" in args:
            # ss does not know a path with @ from an abstract name
            a.pop("at", None)
        same(f"ss -x {' '.join(args)} says the same", brief(b), brief(a))
    a, b = from_ss("-aepm"), from_vss("-aepm")
    for what, pattern in (("memory", rb"skmem:\([^)]*\)"),
                          ("shutdown", rb" (<->|<--|-->|---)"),
                          ("who waits", rb"peers: ?[0-9 ]*"),
                          ("file", rb"ino:\d+")):
        def pick(found):
            return {n: [m[0].strip() for m in re.finditer(pattern, s[5])]
                    for n, s in found.items()}
        same(f"ss -aepm: the same {what}", pick(b), pick(a))
    # The name of the second process is more than ss bargains for
    for name in set(a) - {"server"}:
        same(f"ss -p: who has {name}", b[name][5].split()[0],
             a[name][5].split()[0])


def test_sockets(family, v, x):
    t = Sockets(family)
    test_list(t, v, x)
    test_columns(t, x)
    test_states(t, x)
    test_names(t, x)
    test_peers(t, x)
    test_summary(t, v, x)
    test_json(x)
    if os.getuid():
        print("  skip - not root, so nobody else can be asked")
    else:
        test_nobody(t, x)
    if x:
        test_ss(t)
    # Last: it reads what the others count on
    test_counters(t, x)
    t.end()


def test_vunix():
    with open("/sys/module/vunix/parameters/family") as f:
        family = int(f.read())
    test_sockets(family, "v", [])
    same("vunix's are not AF_UNIX's",
         run("-aH", "--family", str(family))[0], "")
    subprocess.run(["rmmod", "vunix"], check=True)
    _, err = run(status=1)
    check("without the module, how to load it", "modprobe vunix" in err, err)
    out, err = run("--json", status=1)
    same("... and JSON all the same", json.loads(out), [])


def main():
    what = sys.argv[2]
    if what == "fake":
        test_usage()
        test_fake_errors()
        test_fake_info()
        test_fake_top()
        test_fake_million()
    elif what == "unix":
        probe = subprocess.run([VSS, "-x"], capture_output=True, text=True)
        if probe.returncode == 1 and "unix_diag" in probe.stderr:
            print("  skip - this kernel has no unix_diag loaded:",
                  probe.stderr.strip())
            return
        test_sockets(1, "u", ["-x"])
    elif what == "vunix":
        test_vunix()
    else:
        sys.exit(__doc__)
    print(f"{what}: {passed} checks passed", flush=True)


main()
