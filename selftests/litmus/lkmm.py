#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""lkmm.py - judge C litmus tests by the Linux kernel memory model

    lkmm.py MODEL TEST...

MODEL is tools/memory-model of a kernel's source.  Its linux-kernel.bell and
linux-kernel.cat are read and evaluated as they are there; what they take from
herd7 is here: the events of C, spinlocks (in place of lock.cat, as a lock's
critical sections in any order), matching of RCU's sections, and all values that
reads may return.  This is for machines where herd7 cannot be had, and small
tests only; "--self-test MODEL" compares it with what the kernel says of its own.

For each test it prints what herd7 does: name, Never or Sometimes or Always, and
flags (such as data-race).
"""
import itertools
import os
import re
import sys


class Bad(Exception):
    """A test, or a model, that this program does not understand."""


# ---------------------------------------------------------------------------
# Litmus tests: a small C, parsed into lists

TOKEN = re.compile(r'''\s*(?:
    (?P<num>\d+) | (?P<id>[A-Za-z_]\w*) |
    (?P<op>\\/|/\\|==|!=|<=|>=|&&|\|\||[-+*&|^~!<>=(){};,:?\[\]])
)''', re.X)


def tokens(text):
    out, pos = [], 0
    text = text.rstrip()
    while pos < len(text):
        m = TOKEN.match(text, pos)
        if not m:
            raise Bad('cannot read ' + repr(text[pos:pos + 20]))
        out.append(m.group(m.lastgroup))
        pos = m.end()
    return out


class Parser:
    def __init__(self, toks):
        self.toks, self.at = toks, 0

    def peek(self, ahead=0):
        i = self.at + ahead
        return self.toks[i] if i < len(self.toks) else None

    def next(self):
        self.at += 1
        return self.toks[self.at - 1] if self.at <= len(self.toks) else None

    def take(self, tok):
        if self.peek() == tok:
            self.at += 1
            return True
        return False

    def need(self, tok):
        got = self.next()
        if got != tok:
            raise Bad('%r instead of %r' % (got, tok))


TYPES = {'int', 'long', 'unsigned', 'u32', 'bool', 'char', 'void', 'const',
         'struct', 'atomic_t', 'atomic_long_t', 'spinlock_t', 'intptr_t',
         'uintptr_t', 'rcu_t'}
BINARY = [['||'], ['&&'], ['|'], ['^'], ['&'], ['==', '!='],
          ['<', '>', '<=', '>='], ['+', '-'], ['*']]


def is_type(tok):
    return tok in TYPES


def parse_expr(p, level=0):
    if level == len(BINARY):
        return parse_unary(p)
    left = parse_expr(p, level + 1)
    while p.peek() in BINARY[level]:
        op = p.next()
        left = ('bin', op, left, parse_expr(p, level + 1))
    return left


def parse_unary(p):
    tok = p.next()
    if tok is None:
        raise Bad('expression ends')
    if tok.isdigit():
        return ('num', int(tok))
    if tok in '!-~':
        return ('un', tok, parse_unary(p))
    if tok == '*':
        return ('deref', parse_unary(p))
    if tok == '&':
        return ('addr', p.next())
    if tok == '(':
        if is_type(p.peek()):           # a cast
            while p.next() != ')':
                pass
            return parse_unary(p)
        e = parse_expr(p)
        p.need(')')
        return e
    if p.take('('):
        args = []
        while not p.take(')'):
            args.append(parse_expr(p))
            p.take(',')
        return ('call', tok, args)
    return ('var', tok)


def parse_block(p):
    if not p.take('{'):
        return parse_statement(p)
    out = []
    while not p.take('}'):
        out += parse_statement(p)
    return out


def parse_statement(p):
    if p.take(';'):
        return []
    if p.peek() == '{':
        return parse_block(p)
    if p.take('if'):
        p.need('(')
        cond = parse_expr(p)
        p.need(')')
        then = parse_block(p)
        other = parse_block(p) if p.take('else') else []
        return [('if', cond, then, other)]
    if is_type(p.peek()):
        while is_type(p.peek()) or p.peek() == '*':
            p.next()
        out = []
        while True:
            name = p.next()
            out.append(('local', name))
            if p.take('='):
                out.append(('set', ('var', name), parse_expr(p)))
            if p.take(';'):
                return out
            p.need(',')
            while p.take('*'):
                pass
    e = parse_expr(p)
    if p.take('='):
        s = ('set', e, parse_expr(p))
    else:
        s = ('do', e)
    p.need(';')
    return [s]


class Test:
    """A litmus test: .name, .init, .threads (of statements), .cond."""

    def __init__(self, text):
        # (* without a space behind it is READ_ONCE(*x)
        text = re.sub(r'\(\*\s.*?\*\)', ' ', text, flags=re.S)
        text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
        text = re.sub(r'//[^\n]*', ' ', text)
        m = re.match(r'\s*C\s+(\S+)', text)
        if not m:
            raise Bad('not a C litmus test')
        self.name = m.group(1)
        p = Parser(tokens(text[m.end():]))
        self.init = {}
        p.need('{')
        while not p.take('}'):
            while is_type(p.peek()) or p.peek() == '*':
                p.next()
            name = p.next()
            value = 0
            if p.take('='):
                p.take('&')
                tok = p.next()
                value = int(tok) if tok.isdigit() else '&' + tok
            self.init[name] = value
            p.take(';')
        self.threads, self.params = [], []
        while re.match(r'P\d+$', p.peek() or ''):
            if p.next() != 'P%d' % len(self.threads):
                raise Bad('threads out of order')
            p.need('(')
            names = []
            while not p.take(')'):
                if not is_type(p.peek()) and p.peek() not in '*,':
                    names.append(p.peek())
                p.next()
            self.params.append(names)
            self.threads.append(parse_block(p))
        if p.take('locations'):
            while p.next() != ']':
                pass
        self.filter = None
        if p.take('filter'):
            self.filter = self.parse_cond(p)
        self.negated = p.take('~')
        p.need('exists')
        self.cond = self.parse_cond(p)
        if p.peek():
            raise Bad('what is %r?' % p.peek())
        self.locs = set(self.init)
        for names in self.params:
            self.locs |= set(names)

    def parse_cond(self, p):
        left = self.parse_and(p)
        while p.take('\\/'):
            left = ('or', left, self.parse_and(p))
        return left

    def parse_and(self, p):
        left = self.parse_atom(p)
        while p.take('/\\'):
            left = ('and', left, self.parse_atom(p))
        return left

    def parse_atom(self, p):
        if p.take('~') or p.take('!'):
            return ('not', self.parse_atom(p))
        if p.take('('):
            c = self.parse_cond(p)
            p.need(')')
            return c
        what = p.next()
        if p.take(':'):
            what = (int(what), p.next())
        p.need('=')
        p.take('&')
        value = p.next()
        if not value.isdigit():
            value = '&' + value
        else:
            value = int(value)
        return ('is', what, value)


def judge(cond, regs, memory):
    """True, False, or None if memory (None: not yet known) decides."""
    kind = cond[0]
    if kind == 'is':
        what, value = cond[1], cond[2]
        if isinstance(what, tuple):
            return regs[what[0]].get(what[1], 0) == value
        return None if memory is None else memory[what] == value
    a = judge(cond[1], regs, memory)
    if kind == 'not':
        return None if a is None else not a
    b = judge(cond[2], regs, memory)
    if kind == 'and':
        if a is False or b is False:
            return False
        return None if a is None or b is None else True
    if a or b:
        return True
    return None if a is None or b is None else False


# ---------------------------------------------------------------------------
# Threads: what events a run has, given what its reads return

class Event:
    """One access or fence of a thread."""
    __slots__ = ('kind', 'loc', 'value', 'tags', 'addr', 'data', 'ctrl', 'rmw',
                 'thread', 'index')

    def __init__(self, kind, loc, value, tags, addr, data, ctrl):
        self.kind, self.loc, self.value, self.tags = kind, loc, value, tags
        self.addr, self.data, self.ctrl = addr, data, ctrl
        self.rmw = None         # of a write: the read before it


class Choice(Exception):
    """A read beyond the values that are given."""

    def __init__(self, values):
        Exception.__init__(self)
        self.values = values


FENCES = {
    'smp_mb': 'MB', 'smp_rmb': 'rmb', 'smp_wmb': 'wmb', 'barrier': 'barrier',
    'smp_mb__before_atomic': 'before-atomic',
    'smp_mb__after_atomic': 'after-atomic',
    'smp_mb__after_spinlock': 'after-spinlock',
    'smp_mb__after_unlock_lock': 'after-unlock-lock',
    'rcu_read_lock': 'rcu-lock', 'rcu_read_unlock': 'rcu-unlock',
    'synchronize_rcu': 'sync-rcu', 'synchronize_rcu_expedited': 'sync-rcu',
}
ORDERS = {'_relaxed': 'ONCE', '_acquire': 'ACQUIRE', '_release': 'RELEASE'}
ARITH = {'add': lambda a, b: a + b, 'sub': lambda a, b: a - b,
         'inc': lambda a, b: a + 1, 'dec': lambda a, b: a - 1,
         'or': lambda a, b: a | b, 'and': lambda a, b: a & b,
         'andnot': lambda a, b: a & ~b, 'xor': lambda a, b: a ^ b}
ATOMIC = re.compile(r'atomic_(?:long_)?(fetch_)?(%s)(_return|_and_test)?'
                    r'(_relaxed|_acquire|_release)?$' % '|'.join(ARITH))
NONE = frozenset()


def reads(e):
    """May this expression read memory, or do anything else?"""
    if isinstance(e, list):
        return any(map(reads, e))
    return isinstance(e, tuple) and (e[0] in ('deref', 'call') or
                                     any(map(reads, e[1:])))


class Run:
    """A thread run with given values of its reads."""

    def __init__(self, test, thread, values, domain):
        self.params = set(test.params[thread])
        self.values, self.domain = values, domain
        self.used = 0
        self.regs, self.taint = {}, {}
        self.events = []
        self.ctrl = NONE
        self.block(test.threads[thread])
        for n, e in enumerate(self.events):
            e.thread = thread
            e.index = n

    def block(self, statements):
        for s in statements:
            if s[0] == 'local':
                self.regs.setdefault(s[1], 0)
            elif s[0] == 'set':
                value, taint = self.eval(s[2])
                target = s[1]
                if target[0] == 'var' and target[1] not in self.params:
                    self.regs[target[1]] = value
                    self.taint[target[1]] = taint
                else:
                    loc, addr = self.place(target)
                    self.write(loc, value, (), addr, taint)
            elif s[0] == 'do':
                self.eval(s[1])
            else:
                value, taint = self.eval(s[1])
                saved = self.ctrl
                self.ctrl = saved | taint
                self.block(s[2] if value else s[3])
                self.ctrl = saved

    def add(self, *args):
        e = Event(*args, self.ctrl)
        self.events.append(e)
        return e

    def read(self, loc, tags, addr, allowed=None):
        if self.used < len(self.values):
            value = self.values[self.used]
        else:
            raise Choice(sorted(allowed or self.domain[loc], key=str))
        self.used += 1
        e = self.add('R', loc, value, tags, addr, NONE)
        return e, value, frozenset([len(self.events) - 1])

    def write(self, loc, value, tags, addr, data):
        return self.add('W', loc, value, tags, addr, data)

    def place(self, e):
        """The location that an lvalue, *pointer, is, and its taint."""
        if e[0] == 'deref':
            return self.pointer(e[1])
        if e[0] == 'var' and e[1] in self.params:
            return e[1], NONE           # rcu_assign_pointer(p, ...) and such
        raise Bad('not an lvalue: %r' % (e,))

    def pointer(self, e):
        if e[0] == 'var' and e[1] in self.params:
            return e[1], NONE
        value, taint = self.eval(e)
        if not isinstance(value, str) or value[0] != '&':
            raise Bad('not a pointer: %r' % (e,))
        return value[1:], taint

    def eval(self, e):
        kind = e[0]
        if kind == 'num':
            return e[1], NONE
        if kind == 'var':
            if e[1] in self.regs:
                return self.regs[e[1]], self.taint.get(e[1], NONE)
            if e[1] in self.params:
                return '&' + e[1], NONE
            raise Bad('what is %s?' % e[1])
        if kind == 'addr':
            return '&' + e[1], NONE
        if kind == 'deref':
            loc, addr = self.pointer(e[1])
            return self.read(loc, (), addr)[1:]
        if kind == 'un':
            v, t = self.eval(e[2])
            if e[1] == '!':
                return int(not v), t
            if e[1] == '-':
                return -v, t
            raise Bad('no operator %s: it would need the width of a type' %
                      e[1])
        if kind == 'bin':
            # C may leave the right side out, here it never is
            if e[1] in ('&&', '||') and reads(e[3]):
                raise Bad('a read on the right of %s: use if ()' % e[1])
            a, t = self.eval(e[2])
            b, u = self.eval(e[3])
            op = e[1]
            if op in ('==', '!='):
                v = int((a == b) == (op == '=='))
            elif op == '&&':
                v = int(bool(a) and bool(b))
            elif op == '||':
                v = int(bool(a) or bool(b))
            else:
                v = {'+': lambda: a + b, '-': lambda: a - b, '*': lambda: a * b,
                     '|': lambda: a | b, '&': lambda: a & b,
                     '^': lambda: a ^ b, '<': lambda: int(a < b),
                     '>': lambda: int(a > b), '<=': lambda: int(a <= b),
                     '>=': lambda: int(a >= b)}[op]()
            return v, t | u
        return self.call(e[1], e[2])

    def rmw(self, loc, addr, tag, new, data=NONE):
        r, old, taint = self.read(loc, (tag, 'RMW'), addr)
        w = self.write(loc, new(old), (tag, 'RMW'), addr, data | taint)
        w.rmw = r
        return old, taint

    def call(self, name, args):
        if name in FENCES:
            self.add('F', None, None, (FENCES[name],), NONE, NONE)
            return 0, NONE
        if name in ('READ_ONCE', 'rcu_dereference'):
            loc, addr = self.place(args[0])
            return self.read(loc, ('ONCE',), addr)[1:]
        if name in ('atomic_read', 'atomic_long_read'):
            loc, addr = self.pointer(args[0])
            return self.read(loc, ('ONCE',), addr)[1:]
        if name in ('smp_load_acquire', 'atomic_read_acquire'):
            loc, addr = self.pointer(args[0])
            return self.read(loc, ('ACQUIRE',), addr)[1:]
        if name in ('WRITE_ONCE', 'rcu_assign_pointer', 'atomic_set',
                    'smp_store_release', 'atomic_set_release', 'smp_store_mb'):
            value, taint = self.eval(args[1])
            if name in ('WRITE_ONCE', 'rcu_assign_pointer', 'smp_store_mb'):
                loc, addr = self.place(args[0])
            else:
                loc, addr = self.pointer(args[0])
            tag = 'RELEASE' if name not in ('WRITE_ONCE', 'atomic_set',
                                            'smp_store_mb') else 'ONCE'
            self.write(loc, value, (tag,), addr, taint)
            if name == 'smp_store_mb':
                self.call('smp_mb', [])
            return 0, NONE
        if name in ('spin_lock', 'spin_trylock'):
            return self.lock(self.pointer(args[0])[0], name == 'spin_trylock')
        if name == 'spin_unlock':
            self.write(self.pointer(args[0])[0], 0, ('UL',), NONE, NONE)
            return 0, NONE
        m = re.match(r'(?:atomic_(?:long_)?)?(cmp)?xchg(_\w+)?$', name)
        if m:
            loc, addr = self.pointer(args[0])
            tag = ORDERS.get(m.group(2), 'MB')
            new, taint = self.eval(args[-1])
            if not m.group(1):
                return self.rmw(loc, addr, tag, lambda old: new, taint)
            want, _ = self.eval(args[1])
            r, old, t = self.read(loc, (tag, 'RMW'), addr)
            if old == want:
                w = self.write(loc, new, (tag, 'RMW'), addr, taint)
                w.rmw = r
            return old, t
        m = ATOMIC.match(name)
        if m:
            loc, addr = self.pointer(args[-1])
            n, taint = self.eval(args[0]) if len(args) > 1 else (1, NONE)
            op = ARITH[m.group(2)]
            value_wanted = m.group(1) or m.group(3)
            tag = ORDERS.get(m.group(4), 'MB') if value_wanted else 'NORETURN'
            old, t = self.rmw(loc, addr, tag, lambda v: op(v, n), taint)
            if m.group(3) == '_and_test':
                return int(op(old, n) == 0), t
            return (old if m.group(1) else op(old, n)), t
        raise Bad('unknown: %s()' % name)

    def lock(self, loc, trying):
        """The read of a lock that was free, and its write; or it was not."""
        r, value, taint = self.read(loc, (), NONE, [0, 1] if trying else [0])
        if value:
            r.tags = ('LF',)
            return 0, taint
        r.tags = ('LKR',)
        w = self.write(loc, 1, ('LKW',), NONE, NONE)
        w.rmw = r
        return 1, taint


def runs_of(test, thread, domain):
    """All runs of a thread, as far as it can tell by itself."""
    pending, done = [[]], []
    while pending:
        values = pending.pop()
        try:
            done.append(Run(test, thread, values, domain))
        except Choice as choice:
            pending += [values + [v] for v in choice.values]
    return done


def all_runs(test):
    # Each value that a location may have, and how many writes to it that takes:
    # more than there are cannot be in one execution.
    domain = {loc: {test.init.get(loc, 0): 0} for loc in test.locs}
    for value in list(test.init.values()):
        if isinstance(value, str):
            domain.setdefault(value[1:], {0: 0})
            test.locs.add(value[1:])
    for _ in range(8):
        runs = [runs_of(test, t, domain) for t in range(len(test.threads))]
        most = {}
        for thread in runs:
            for loc in domain:
                most[loc] = most.get(loc, 0) + \
                    max(sum(e.kind == 'W' and e.loc == loc for e in run.events)
                        for run in thread)
        grown = False
        for run in itertools.chain(*runs):
            for e in run.events:
                if e.kind != 'W':
                    continue
                have = domain[e.loc]
                after = have.get(e.rmw.value, 0) + 1 if e.rmw else 1
                if after <= most[e.loc] and have.get(e.value, 9) > after:
                    have[e.value] = after
                    grown = True
        if not grown:
            return runs
    raise Bad('%s: its values do not come to an end' % test.name)


# ---------------------------------------------------------------------------
# Relations: a set of events is an int, a relation a tuple of them

def bits(mask):
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Rel(tuple):
    """Row i has the events that event i is related to."""
    __slots__ = ()


def seq(a, b):
    out = []
    for row in a:
        got = 0
        while row:
            low = row & -row
            got |= b[low.bit_length() - 1]
            row ^= low
        out.append(got)
    return Rel(out)


def union(a, b):
    return Rel(x | y for x, y in zip(a, b))


def inter(a, b):
    return Rel(x & y for x, y in zip(a, b))


def minus(a, b):
    return Rel(x & ~y for x, y in zip(a, b))


def inverse(a):
    out = [0] * len(a)
    for i, row in enumerate(a):
        for j in bits(row):
            out[j] |= 1 << i
    return Rel(out)


def plus(a):
    rows = list(a)
    for k, _ in enumerate(rows):
        bit = 1 << k
        through = rows[k]
        for i, row in enumerate(rows):
            if row & bit:
                rows[i] = row | through
    return Rel(rows)


def identity(n):
    return Rel(1 << i for i in range(n))


def is_acyclic(a):
    return not any(row >> i & 1 for i, row in enumerate(plus(a)))


# ---------------------------------------------------------------------------
# The language of .bell and .cat files, as much as the kernel's model uses

CAT_TOKEN = re.compile(r'''\s*(?:
    (?P<str>"[^"]*") | (?P<tag>'[A-Za-z][\w-]*) |
    (?P<id>[A-Za-z_][\w.]*(?:-(?=[A-Za-z])[\w.]+)*) | (?P<num>0) |
    (?P<op>\^-1|\+\+|\|\||[|;\\&*+?~()\[\]{},=^])
)''', re.X)
TOP = {'let', 'acyclic', 'irreflexive', 'empty', 'flag', 'include', 'show',
       'enum', 'instructions', 'with'}
KEYWORDS = TOP | {'rec', 'and', 'in', 'as', 'from', 'if', 'then', 'else'}
# Known here: what they say needs more of the language, or is not a check.
BUILTIN = {'rcu-rscs', 'srcu-rscs', 'carry-srcu-data'}


def cat_tokens(text):
    text = re.sub(r'^//[^\n]*', '', text, flags=re.M)
    while True:                         # Comments may be nested
        cut = re.sub(r'\(\*(?:(?!\(\*|\*\)).)*\*\)', ' ', text, flags=re.S)
        if cut == text:
            break
        text = cut
    out, pos = [], 0
    text = text.rstrip()
    while pos < len(text):
        m = CAT_TOKEN.match(text, pos)
        if not m:
            raise Bad('model: cannot read ' + repr(text[pos:pos + 30]))
        out.append(m.group(m.lastgroup))
        pos = m.end()
    return out


def starts_operand(tok):
    return tok is not None and tok not in KEYWORDS and \
        (tok in '~([{' or tok == '0' or re.match(r'[A-Za-z_]', tok))


def cat_expr(p, level=0):
    # Weakest first: | ; \ & * ~
    ops = ['|', ';', '\\', '&', '*']
    if level == len(ops):
        return cat_postfix(p)
    left = cat_expr(p, level + 1)
    while p.peek() == ops[level]:
        if ops[level] == '*' and not starts_operand(p.peek(1)):
            break
        p.next()
        left = (ops[level], left, cat_expr(p, level + 1))
    return left


def cat_postfix(p):
    if p.take('~'):
        return ('~', cat_postfix(p))
    e = cat_primary(p)
    while True:
        tok = p.peek()
        if tok in ('+', '?', '^-1') or \
                tok == '*' and not starts_operand(p.peek(1)):
            e = ('post' + p.next(), e)
        else:
            return e


def cat_primary(p):
    tok = p.next()
    if tok == '(':
        e = cat_expr(p)
        p.need(')')
        return e
    if tok == '[':
        e = cat_expr(p)
        p.need(']')
        return ('id', e)
    if tok == '0':
        return ('zero',)
    if tok is None or not re.match(r'[A-Za-z_]', tok) or tok in KEYWORDS:
        raise Bad('model: unexpected %r' % tok)
    if p.peek() == '(' and tok != '_':
        p.next()
        e = cat_expr(p)
        p.need(')')
        return ('call', tok, e)
    return ('name', tok)


def skip_statement(p):
    while p.peek() is not None and p.peek() not in TOP:
        p.next()


def cat_parse(text):
    p = Parser(cat_tokens(text))
    out = []
    while p.peek() is not None:
        tok = p.next()
        if tok[0] == '"':
            continue
        if tok in ('enum', 'instructions', 'show'):
            skip_statement(p)
        elif tok == 'include':
            out.append(('include', p.next().strip('"')))
        elif tok == 'let':
            rec = p.take('rec')
            group = []
            while True:
                name, param = p.next(), None
                if p.take('('):
                    param = p.next()
                    p.need(')')
                p.need('=')
                if name in BUILTIN:
                    skip = 1            # also over a "let rec" of its own
                    while p.peek() is not None and \
                            (p.peek() not in TOP or skip and p.peek(1) == 'rec'):
                        skip = skip and p.peek() != 'let'
                        p.next()
                    break
                group.append((name, param, cat_expr(p)))
                if not p.take('and'):
                    break
            if group:
                out.append(('rec' if rec else 'let', group))
        elif tok in ('acyclic', 'irreflexive', 'empty', 'flag'):
            flag = tok == 'flag'
            negated = flag and p.take('~')
            what = p.next() if flag else tok
            if p.peek() == '(' and p.peek(1) == 'if':
                skip_statement(p)       # asks for a version of herd7
                continue
            e = cat_expr(p)
            p.need('as')
            out.append(('flag' if flag else 'check', what, negated, e,
                        p.next()))
        else:
            raise Bad('model: unexpected %r' % tok)
    return out


class Model:
    def __init__(self, folder):
        def parse(name):
            with open(os.path.join(folder, name), encoding='utf-8') as f:
                return cat_parse(f.read())
        self.bell = parse('linux-kernel.bell')
        if not any(s[0] == 'let' and s[1][0][0] == 'Acquire'
                   for s in self.bell):
            raise Bad('model: too old, does not ask for lkmmv2')
        self.cat = parse('linux-kernel.cat')
        if ('include', 'lock.cat') not in self.cat:
            raise Bad('model: no lock.cat')
        # "flag ~empty different-values(...)" is about SRCU, not used here.
        self.bell = [s for s in self.bell if s[0] != 'flag' or
                     'srcu' not in s[4] and s[4] != 'invalid-sleep']


class World:
    """The values of a model's names in one candidate execution."""

    def __init__(self, n, env):
        self.n, self.env = n, env
        self.all = (1 << n) - 1
        self.zero = Rel([0] * n)
        self.id = identity(n)

    def rel(self, v):
        if not isinstance(v, Rel):
            raise Bad('model: a set where a relation should be')
        return v

    def eval(self, e, local=None):
        kind = e[0]
        if kind == 'name':
            name = e[1]
            if local and name in local:
                return local[name]
            if name == '_':
                return self.all
            if name in self.env:
                return self.env[name]
            # A tag that no event has
            if name[0].isupper() or name == 'emptyset':
                return 0
            raise Bad('model: what is %s?' % name)
        if kind == 'zero':
            return self.zero
        if kind == 'id':
            s = self.eval(e[1], local)
            return Rel(s & 1 << i for i in range(self.n))
        if kind == 'call':
            arg = self.eval(e[2], local)
            if e[1] == 'domain':
                return sum(1 << i for i, row in enumerate(arg) if row)
            if e[1] == 'range':
                out = 0
                for row in arg:
                    out |= row
                return out
            if e[1] == 'fencerel':
                po = self.env['po']
                return seq(Rel(row & arg for row in po), po)
            param, body = self.env[e[1]]
            return self.eval(body, {param: arg})
        a = self.eval(e[1], local)
        if kind == '~':
            if isinstance(a, Rel):
                return Rel(self.all & ~row for row in a)
            return self.all & ~a
        if kind == 'post+':
            return plus(self.rel(a))
        if kind == 'post*':
            return union(plus(self.rel(a)), self.id)
        if kind == 'post?':
            return union(self.rel(a), self.id)
        if kind == 'post^-1':
            return inverse(self.rel(a))
        b = self.eval(e[2], local)
        if kind == '*':
            return Rel(b if a >> i & 1 else 0 for i in range(self.n))
        if isinstance(a, Rel) != isinstance(b, Rel):
            raise Bad('model: a set and a relation')
        if kind == ';':
            return seq(self.rel(a), b)
        if isinstance(a, Rel):
            return {'|': union, '&': inter, '\\': minus}[kind](a, b)
        return a | b if kind == '|' else a & b if kind == '&' else a & ~b

    def run(self, statements, flags):
        """False if a check fails; flags are collected."""
        for s in statements:
            if s[0] == 'let':
                new = {}
                for name, param, body in s[1]:
                    new[name] = (param, body) if param else self.eval(body)
                self.env.update(new)
            elif s[0] == 'rec':
                for name, _, _ in s[1]:
                    self.env[name] = self.zero
                while True:
                    new = {name: self.eval(body) for name, _, body in s[1]}
                    if all(self.env[k] == v for k, v in new.items()):
                        break
                    self.env.update(new)
            elif s[0] == 'include':
                pass
            else:
                if s[0] == 'flag' and flags is None:
                    continue
                v = self.eval(s[3])
                if s[1] == 'empty':
                    holds = not (any(v) if isinstance(v, Rel) else v)
                elif s[1] == 'acyclic':
                    holds = is_acyclic(v)
                else:
                    holds = not any(row >> i & 1 for i, row in enumerate(v))
                if s[2]:
                    holds = not holds
                if s[0] == 'flag':
                    if holds:
                        flags.add(s[4])
                elif not holds:
                    return False
        return True


# ---------------------------------------------------------------------------
# Candidate executions

def tag_set(tag):
    return tag[0].upper() + tag[1:]


class Candidate:
    """Runs of all threads put together: all but rf and co."""

    def __init__(self, test, runs):
        self.test = test
        self.locs = sorted(test.locs)
        self.events = []
        for loc in self.locs:
            e = Event('W', loc, test.init.get(loc, 0), ('IW',), NONE, NONE, NONE)
            e.thread = -1
            self.events.append(e)
        start = []
        for run in runs:
            start.append(len(self.events))
            self.events += run.events
        n = self.n = len(self.events)
        number = {id(e): i for i, e in enumerate(self.events)}
        po, ext, loc = [0] * n, [0] * n, [0] * n
        deps = {'addr': [0] * n, 'data': [0] * n, 'ctrl': [0] * n}
        rmw = [0] * n
        sets = {'R': 0, 'W': 0, 'F': 0}
        for i, e in enumerate(self.events):
            sets[e.kind] |= 1 << i
            for tag in e.tags:
                tag = tag_set(tag)
                sets[tag] = sets.get(tag, 0) | 1 << i
            for j, f in enumerate(self.events):
                if e.thread >= 0 and e.thread == f.thread:
                    if i < j:
                        po[i] |= 1 << j
                else:
                    if i != j:
                        ext[i] |= 1 << j
                if e.loc is not None and e.loc == f.loc:
                    loc[i] |= 1 << j
            if e.thread < 0:
                continue
            base = start[e.thread]
            for name, rows in deps.items():
                for r in getattr(e, name):
                    rows[base + r] |= 1 << i
            if e.rmw is not None:
                rmw[number[id(e.rmw)]] |= 1 << i
        env = dict(sets)
        env.update({k: Rel(v) for k, v in deps.items()})
        env['po'], env['ext'], env['loc'] = Rel(po), Rel(ext), Rel(loc)
        full = (1 << n) - 1
        env['int'] = Rel(full & ~row for row in ext)
        env['id'] = identity(n)
        env['po-loc'] = inter(env['po'], env['loc'])
        env['M'] = sets['R'] | sets['W']
        for name in ('IW', 'LKR', 'LKW', 'UL', 'LF'):
            env.setdefault(name, 0)
        env['rmw'] = Rel(rmw)
        env['rcu-rscs'] = self.match_rcu()
        env['srcu-rscs'] = Rel([0] * n)
        self.env = env
        self.plain = any(e.kind != 'F' and not e.tags for e in self.events)

    def match_rcu(self):
        rows = [0] * self.n
        stack, thread = [], None
        for i, e in enumerate(self.events):
            if e.thread != thread:
                stack, thread = [], e.thread
            if 'rcu-lock' in e.tags:
                stack.append(i)
            elif 'rcu-unlock' in e.tags:
                if not stack:
                    raise Bad('rcu_read_unlock() alone')
                rows[stack.pop()] |= 1 << i
        return Rel(rows)

    def orders(self):
        """For each location all orders of its writes."""
        out = []
        for loc in self.locs:
            writes = [i for i, e in enumerate(self.events)
                      if e.kind == 'W' and e.loc == loc]
            first, rest = writes[0], writes[1:]
            if any('LKW' in self.events[i].tags for i in rest):
                out.append(self.lock_orders(first, rest))
                continue
            found = []
            for order in itertools.permutations(rest):
                # In each thread's own order
                last = {}
                for i in order:
                    t = self.events[i].thread
                    if last.get(t, -1) > i:
                        break
                    last[t] = i
                else:
                    found.append((first,) + order)
            out.append(found)
        return out

    def lock_orders(self, first, rest):
        sections, held = [], {}
        for i in rest:
            e = self.events[i]
            if 'LKW' in e.tags:
                if e.thread in held:
                    return []           # would wait for itself
                held[e.thread] = i
            elif 'UL' in e.tags:
                if e.thread not in held:
                    raise Bad('unlock without lock')
                sections.append((e.thread, held.pop(e.thread), i))
            else:
                raise Bad('a lock is written to')
        if len(held) > 1:
            return []
        found = []
        for order in itertools.permutations(sections):
            last, flat = {}, [first]
            for t, lkw, ul in order:
                if last.get(t, -1) > lkw:
                    break
                last[t] = lkw
                flat += [lkw, ul]
            else:
                # One that is never let go of comes last
                for i in held.values():
                    flat.append(i)
                found.append(tuple(flat))
        return found

    def sources(self):
        """For each read, where its value may come from; None if nowhere."""
        out = []
        for i, e in enumerate(self.events):
            if e.kind != 'R' or 'LKR' in e.tags:
                continue
            from_ = [j for j, w in enumerate(self.events)
                     if w.kind == 'W' and w.loc == e.loc and
                     w.value == e.value and
                     not (w.thread == e.thread and j > i)]
            if 'LF' in e.tags:
                from_ = [j for j in from_ if 'LKW' in self.events[j].tags]
            if not from_:
                return None
            out.append((i, from_))
        return out

    def is_coherent(self, env, com):
        if not is_acyclic(union(env['po-loc'], com)):
            return False
        # Nothing between the two halves of a read-modify-write
        fre = inter(env['fr'], env['ext'])
        coe = inter(env['co'], env['ext'])
        return not any(inter(env['rmw'], seq(fre, coe)))

    def executions(self):
        """Each coherent one: names of the model, and memory at the end."""
        sources = self.sources()
        if sources is None:
            return
        lkr = [i for i, e in enumerate(self.events) if 'LKR' in e.tags]
        for orders in itertools.product(*self.orders()):
            co = [0] * self.n
            before = {}
            for order in orders:
                later = 0
                for i in reversed(order):
                    co[i] = later
                    later |= 1 << i
                before.update(zip(order[1:], order))
            co = Rel(co)
            memory = {self.events[order[-1]].loc: self.events[order[-1]].value
                      for order in orders}
            for chosen in itertools.product(*(f for _, f in sources)):
                rf = [0] * self.n
                for (i, _), j in zip(sources, chosen):
                    rf[j] |= 1 << i
                for i in lkr:
                    w = next(bits(self.env['rmw'][i]))
                    rf[before[w]] |= 1 << i
                env = dict(self.env)
                env['rf'], env['co'] = Rel(rf), co
                env['fr'] = seq(inverse(env['rf']), co)
                com = union(union(env['rf'], co), env['fr'])
                if not self.is_coherent(env, com):
                    continue
                for name in ('rf', 'co', 'fr'):
                    env[name + 'e'] = inter(env[name], env['ext'])
                    env[name + 'i'] = inter(env[name], env['int'])
                yield env, memory


def is_allowed(model, n, env, flags):
    world = World(n, env)
    if not world.run(model.bell, flags):
        return False
    # As lock.cat does
    env['Acquire'] |= env['LKR']
    env['Release'] |= env['UL']
    return world.run(model.cat, flags)


def verdict(model, test):
    """("Never" or "Sometimes" or "Always", set of flags)."""
    runs = all_runs(test)
    yes = no = False
    flags = set()
    for chosen in itertools.product(*runs):
        regs = [run.regs for run in chosen]
        known = judge(test.cond, regs, None)
        plain = any(e.kind != 'F' and not e.tags
                    for run in chosen for e in run.events)
        # Without plain accesses only the question matters.
        if not plain and (known is False and no or known is True and yes):
            continue
        if test.filter and judge(test.filter, regs, None) is False:
            continue
        candidate = Candidate(test, chosen)
        for env, memory in candidate.executions():
            holds = judge(test.cond, regs, memory)
            if test.filter and not judge(test.filter, regs, memory):
                continue
            if not plain and (holds and yes or not holds and no):
                continue
            got = set() if plain else None
            if is_allowed(model, candidate.n, env, got):
                yes, no = yes or holds, no or not holds
                flags |= got or set()
    if not yes and not no:
        raise Bad('%s has no execution' % test.name)
    return ('Never' if not yes else 'Sometimes' if no else 'Always'), flags


def judge_file(model, path):
    with open(path, encoding='utf-8') as f:
        return verdict(model, Test(f.read()))


def self_test(folder):
    """The kernel's own tests: what they say of themselves is what we say."""
    model = Model(folder)
    tests = os.path.join(folder, 'litmus-tests')
    good = bad = other = 0
    for name in sorted(os.listdir(tests)):
        if not name.endswith('.litmus'):
            continue
        with open(os.path.join(tests, name), encoding='utf-8') as f:
            text = f.read()
        want = re.search(r'Result: (\w+)', text).group(1)
        if 'spin_is_locked' in text:
            other += 1
            continue
        got, flags = verdict(model, Test(text))
        if (got == want and not flags) or (want in flags):
            good += 1
        else:
            bad += 1
            print('%s: %s %s, the kernel says %s' %
                  (name, got, ' '.join(sorted(flags)), want))
    return good, bad, other


def main():
    args = sys.argv[1:]
    if len(args) == 2 and args[0] == '--self-test':
        good, bad, other = self_test(args[1])
        print('%d as the kernel says, %d not, %d not understood' %
              (good, bad, other))
        return bad > 0 or not good
    if len(args) < 2:
        sys.exit(__doc__)
    model = Model(args[0])
    for path in args[1:]:
        got, flags = judge_file(model, path)
        print(path, got, *sorted('Flag:' + f for f in flags))
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Bad as error:
        sys.exit('lkmm.py: %s' % error)
