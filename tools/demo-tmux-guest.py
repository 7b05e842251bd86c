#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""demo-tmux-guest.py PRELOAD: the part of demo-tmux that runs in the machine

Runs tmux, then ssh-agent, on AF_UNIX as it is and on vunix through PRELOAD, and
compares what happens with what has to.  With a preload that leaves the family
alone, or drops what sendmsg() was to pass, the second round fails.
"""
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

PATIENCE = 60
START = "vunix-demo: start"
COMPLAINT = re.compile(r"BUG|WARNING|KASAN|UBSAN|ODEBUG|Oops|refcount_t|"
                       r"possible (recursive|circular)|inconsistent lock|"
                       r"suspicious RCU|still has objects|segfault")
ESCAPES = re.compile(r"\x1b(\[[0-9;?>]*[A-Za-z]|[()][A-Z0-9]|\][^\x07]*\x07|.)")


class Failure(Exception):
    pass


def check(what, good, *seen):
    if not good:
        raise Failure(" ".join([what, *map(repr, seen)]))
    print("  ok -", what, flush=True)


def until(what, condition):
    """Asks again and again until condition() holds."""
    end = time.monotonic() + PATIENCE
    while not (good := condition()) and time.monotonic() < end:
        Terminal.pump(0.05)
    check(what, good)


def tables(column, value):
    """In which of the two tables of sockets is there such a line?"""
    found = []
    for family in "unix", "vunix":
        with open("/proc/net/" + family) as table:
            lines = [line.split() for line in table][1:]
        if any(len(f) > column and f[column] == value for f in lines):
            found.append(family)
    return found


def tables_of_path(path):
    return tables(7, path)


def tables_of_fd(pid, fd):
    return tables(6, re.sub(r"\D", "", os.readlink(f"/proc/{pid}/fd/{fd}")))


class Terminal:
    """A pseudo-terminal with a program on it that takes it for a real one."""
    everyone = []

    def __init__(self, env, rows, cols, *argv):
        self.status = None
        self.seen = ""
        self.master, slave = pty.openpty()
        self.name = os.ttyname(slave)
        self.size = None
        self.resize(rows, cols)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.master)
                os.login_tty(slave)
                os.execvpe(argv[0], argv, env)
            finally:
                os._exit(127)
        os.close(slave)
        self.everyone.append(self)

    @classmethod
    def pump(cls, seconds):
        """Takes what the programs have printed: none has to wait for us."""
        ready = select.select([t.master for t in cls.everyone], [], [],
                              seconds)[0]
        for t in [t for t in cls.everyone if t.master in ready]:
            try:
                data = os.read(t.master, 65536)
            except OSError:     # EIO: nobody has the other end open
                cls.everyone.remove(t)
                continue
            t.seen += data.decode("utf-8", "replace")

    def resize(self, rows, cols):
        self.size = f"{cols}x{rows}"
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, cols, 0, 0))

    def forget(self):
        self.pump(0)
        self.seen = ""

    def type(self, text):
        os.write(self.master, text.encode())

    def shows(self, text):
        return text in ESCAPES.sub("", self.seen)

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None and self not in self.everyone


class Round:
    """Everything once, on one family."""

    def __init__(self, family, preload):
        self.family = family
        self.dir = tempfile.mkdtemp(prefix=family)
        self.plain = dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8",
                          HOME=self.dir, SHELL="/bin/sh", PS1="$ ")
        self.env = dict(self.plain)
        if preload:
            self.env["LD_PRELOAD"] = preload
        self.sock = self.dir + "/tmux.sock"
        self.server = 0

    def command(self, *argv, env=None, status=0, **more):
        """Its output, as bytes."""
        done = subprocess.run(argv, env=env or self.env, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              **more)
        if done.returncode != status:
            raise Failure(f"{' '.join(argv)}: status {done.returncode}, "
                          f"not {status}: {done.stdout[-2000:]}")
        return done.stdout

    def tmux(self, *args, **more):
        return self.command("tmux", "-f", "/dev/null", "-S", self.sock, *args,
                            **more)

    def ask(self, form, *how):
        return self.tmux(*(how or ["display-message", "-p"]), "-F",
                         form).decode().split()

    def attach(self, rows, cols):
        """A client: it passes its terminal to the server."""
        t = Terminal(self.env, rows, cols, "tmux", "-S", self.sock, "attach",
                     "-t", "demo")
        until(f"a client attaches on {t.name}, {t.size}",
              lambda: f"{t.name}={t.size}" in self.clients())
        check("the server has that terminal open", t.name in self.server_ttys())
        fds = os.listdir(f"/proc/{t.pid}/fd")
        links = [(fd, os.readlink(f"/proc/{t.pid}/fd/{fd}")) for fd in fds]
        mine = [tables_of_fd(t.pid, fd) for fd, link in links
                if link.startswith("socket:")]
        check(f"the client's socket is one of {self.family}",
              [self.family] in mine and
              all(m in ([self.family], []) for m in mine), links, mine)
        return t

    def clients(self):
        return self.ask("#{client_tty}=#{client_width}x#{client_height}",
                        "list-clients")

    def server_ttys(self):
        """Terminals of ours that the server has; it never opened them."""
        there = f"/proc/{self.server}/fd/"
        links = set()
        for fd in os.listdir(there):
            try:
                links.add(os.readlink(there + fd))
            except FileNotFoundError:
                pass
        return links

    def ends(self, what, terminal, status, text):
        until(what, terminal.ended)
        check(f"it says '{text}', status {status}",
              terminal.status == status and terminal.shows(text),
              terminal.status, terminal.seen[-500:])

    def tmux_session(self):
        self.tmux("new-session", "-d", "-s", "demo", "-x", "80", "-y", "24",
                  "exec sh")
        # We type faster than people: that does not make it a paste.
        self.tmux("set-option", "-g", "assume-paste-time", "0")
        self.server = int(self.ask("#{pid}")[0])
        where = tables_of_path(self.sock)
        check(f"tmux's socket is in /proc/net/{self.family} and nowhere else",
              where == [self.family], where)
        if self.family != "unix":
            out = self.tmux("list-sessions", env=self.plain, status=1)
            check("a tmux on AF_UNIX does not find that server",
                  b"refused" in out or b"no server" in out, out)

        one = self.attach(24, 80)
        one.forget()
        one.type("echo $((6 * 7 * 1000003)) is on $(tty)\r")
        pane = self.ask("#{pane_tty}")[0]
        said = f"42000126 is on {pane}"
        until("a command typed there is run, and the terminal shows its output",
              lambda: one.shows(said))
        check("capture-pane has it, too",
              said in self.tmux("capture-pane", "-p").decode())

        one.resize(30, 100)
        until("the terminal grows to 100x30, and the server knows",
              lambda: f"{one.name}=100x30" in self.clients())
        one.forget()
        one.type("until stty size | grep '29 100'; do sleep 0.1; done; "
                 "echo grown to $(stty size)\r")
        until("the program in it knows as well",
              lambda: one.shows("grown to 29 100"))

        two = self.attach(28, 90)
        until("the second client shows what is there", lambda: two.shows(said))
        one.forget()
        two.forget()
        two.type("echo $((123456789 * 2))\r")
        until("what is typed at the second is seen on both",
              lambda: one.shows("246913578") and two.shows("246913578"))

        one.type("\x02d")
        self.ends("the first detaches", one, 0,
                  "[detached (from session demo)]")
        check("the server has closed its terminal",
              one.name not in self.server_ttys() and
              len(self.clients()) == 1, self.clients())
        os.close(one.master)

        three = self.attach(24, 80)
        until("a client that attaches again finds all of it",
              lambda: three.shows(said) and three.shows("246913578"))

        # What a client's standard input brings, and its output takes away,
        # goes through the socket; so does what a job of the server's prints.
        path = "/usr/bin/python3"
        with open(path, "rb") as data:
            self.tmux("load-buffer", "-b", "file", "-", stdin=data)
        back = self.tmux("save-buffer", "-b", "file", "-")
        with open(path, "rb") as data:
            check(f"a buffer of {len(back)} bytes comes back as it went",
                  back == data.read())
        three.forget()
        self.tmux("run-shell", "echo a job on $(grep -l \" $(stat -Lc %i "
                  "/proc/self/fd/0)\" /proc/net/unix /proc/net/vunix)")
        until(f"a job talks to the server over {self.family}",
              lambda: three.shows(f"a job on /proc/net/{self.family}"))
        three.type("q")
        until("its output is put away", lambda: not
              any(map(int, self.ask("#{pane_in_mode}"))))

        three.type("\x02d")
        self.ends("the third detaches", three, 0,
                  "[detached (from session demo)]")
        os.close(three.master)
        self.tmux("kill-server")
        # Status 1 is what tmux says to that.
        self.ends("kill-server ends the client that is left", two, 1,
                  "[server exited]")
        os.close(two.master)
        until("and the server",
              lambda: not os.path.exists(f"/proc/{self.server}"))
        where = tables_of_path(self.sock)
        check("its socket is gone", not where, where)

    def ssh_agent(self):
        sock, key = self.dir + "/agent.sock", self.dir + "/key"
        # Debian's is set-group-ID, and would ignore the preload: copy it.
        agent = shutil.copyfile("/usr/bin/ssh-agent", self.dir + "/ssh-agent")
        os.chmod(agent, 0o700)
        env = dict(self.env, SSH_AUTH_SOCK=sock)
        self.command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
                     "demo", "-f", key)
        with open("/dev/null") as null:
            child = subprocess.Popen([agent, "-D", "-a", sock], env=self.env,
                                     stdin=null, stdout=subprocess.DEVNULL)
        try:
            until(f"ssh-agent's socket is in /proc/net/{self.family}",
                  lambda: tables_of_path(sock) == [self.family])
            self.command("ssh-add", "-q", key, env=env)
            os.unlink(key)
            out = self.command("ssh-add", "-l", env=env)
            check("it lists the key it was given", b" demo (ED25519)" in out,
                  out)
            self.signature(env, key)
            self.command("ssh-add", "-D", env=env)
            self.command("ssh-add", "-l", env=env, status=1)
        finally:
            child.terminate()
            status = child.wait(PATIENCE)
        # 2 is how it ends on SIGTERM.
        check("it ends", status == 2 and tables_of_path(sock) == [], status)

    def signature(self, env, key):
        """Only the agent has the private key now."""
        text = self.dir + "/text"
        shutil.copyfile("/etc/passwd", text)
        self.command("ssh-keygen", "-q", "-Y", "sign", "-n", "demo", "-f",
                     key + ".pub", text, env=env)
        with open(key + ".pub") as pub, open(self.dir + "/who", "w") as who:
            who.write("demo " + pub.read())
        with open(text) as data:
            self.command("ssh-keygen", "-Y", "verify", "-f", self.dir + "/who",
                         "-I", "demo", "-n", "demo", "-s", text + ".sig",
                         stdin=data)
        check("it signs, and the signature holds", True)


def module_goes():
    with open("/proc/net/vunix") as table:
        left = table.read().splitlines()[1:]
    check("no socket of vunix is left", not left, left)
    with open("/proc/sys/net/vunix/user_inflight") as count:
        check("nothing is in flight", count.read().split() == ["0"])
    done = subprocess.run(["rmmod", "vunix"], capture_output=True)
    check("the module is unloaded", done.returncode == 0 and
          not os.path.exists("/proc/net/vunix"), done.stderr)
    log = subprocess.check_output(["dmesg"], text=True)
    log = log.partition(START)[2].splitlines()
    bad = [line for line in log if COMPLAINT.search(line)]
    check("the kernel has not complained", log and not bad, bad)


def main():
    # To a place without spaces: LD_PRELOAD is a list.
    preload = shutil.copy(sys.argv[1], tempfile.mkdtemp(prefix="preload"))
    with open("/dev/kmsg", "w") as log:
        log.write(START + "\n")
    with open("/sys/module/vunix/version") as version:
        print(f"Linux {os.uname().release}, vunix {version.read().strip()}")
    try:
        for family, lib in ("unix", None), ("vunix", preload):
            this = Round(family, lib)
            tmux = this.command("tmux", "-V").decode().strip()
            print(f"\n== {tmux} on {family}")
            this.tmux_session()
            ssh = this.command("ssh", "-V").decode().split()[0]
            print(f"\n== {ssh}'s agent on {family}")
            this.ssh_agent()
        print("\n== the end")
        module_goes()
    except (Failure, OSError, subprocess.SubprocessError) as reason:
        print("  not ok -", reason)
        for t in Terminal.everyone:
            print(f"  {t.name}: {t.seen[-2000:]!r}")
        subprocess.run(["tail", "-n", "+1", "/proc/net/unix",
                        "/proc/net/vunix"])
        print("\nThe demo has FAILED.")
        return 1
    print("\nThe demo has passed.")
    return 0


sys.exit(main())
