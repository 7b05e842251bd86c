# SPDX-License-Identifier: GPL-2.0
#
# For people; kbuild reads Kbuild, which this file only calls.  "make help".

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?= 6.1
PREFIX ?= /usr/local

VERSION := $(shell sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' \
	$(CURDIR)/vunix_main.c 2>/dev/null)
VM := selftests/vm
DKMS_SRC = /usr/src/vunix-$(VERSION)
DKMS_KERNELS ?= $(shell uname -r)
# What a kernel's module is built from, no more.
DKMS_FILES := Kbuild Makefile dkms.conf COPYING vunix_*.c include \
	tools/dkms-built tools/secure-boot-hint

# kernel_or NAME: the kernel that was asked for, else that one
kernel_or = $(if $(filter file,$(origin KERNEL)),$(1),$(KERNEL))
# packages KERNEL: the list of packages that building and booting it takes
packages = $(or $(if $(filter uml%,$(1)),uml),$(if $(filter debug kcsan,$(1)),kernel),\
	$(if $(filter arm64,$(1)),check),demo)

# W=, C=, V= on the command line reach kbuild by themselves.
kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)

all: modules

modules: | $(KDIR)
	$(kbuild) modules

modules_install: modules
	$(kbuild) modules_install

$(KDIR):
	@echo "No kernel headers in $(KDIR): install linux-headers-$$(uname -r)" \
		"or give KDIR=." >&2; exit 1

install: modules_install install-headers install-tools

# For programs: the headers, and what pkg-config says of them.
install-headers:
	install -d $(DESTDIR)$(PREFIX)/include/linux
	install -m 644 include/uapi/linux/vunix.h include/uapi/linux/vunixmon.h \
		$(DESTDIR)$(PREFIX)/include/linux/
	install -d $(DESTDIR)$(PREFIX)/share/pkgconfig
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' tools/vunix.pc.in \
		>$(DESTDIR)$(PREFIX)/share/pkgconfig/vunix.pc

# Programs for people, a folder each.
tools:
	@for m in $(wildcard tools/*/Makefile); do \
		$(MAKE) -C "$${m%/*}" PREFIX=$(PREFIX) || exit; \
	done

install-tools: tools install-man
	@for m in $(wildcard tools/*/Makefile); do \
		$(MAKE) -C "$${m%/*}" PREFIX=$(PREFIX) install || exit; \
	done

install-man:
	@for f in $(wildcard docs/man/*.[1-9]); do \
		echo "install $$f"; \
		install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/man/man$${f##*.}/$${f##*/} || \
			exit; \
	done

# Also where the headers are gone that it was built with.
clean:
	rm -rf *.o *.ko *.mod *.mod.c .*.cmd .*.o.d *.a modules.order \
		Module.symvers .module-common.o .tmp_versions build
	@for m in $(wildcard tools/*/Makefile); do \
		$(MAKE) -C "$${m%/*}" clean || exit; \
	done
	$(if $(wildcard selftests/Makefile),$(MAKE) -C selftests clean)
	$(if $(wildcard examples/Makefile),$(MAKE) -C examples clean)

selftests:
	$(MAKE) -C selftests

# vunix-run with programs of its own, in a virtual machine
check-run:
	@selftests/run/check $(KERNEL)

# and with real programs: PROGRAMS="redis dbus:seccomp"
check-programs:
	@selftests/run/check-programs -k $(KERNEL) $(PROGRAMS)

# Redis and D-Bus over vunix, captured and read by tcpdump and tshark
check-mon:
	@selftests/mon/check $(KERNEL)

# What docs/observability.md recommends, as it stands there
check-observe:
	@selftests/observe/check $(KERNEL)

# A dump of 100,000 sockets while others come and go
check-churn:
	@$(VM)/packages.sh demo
	@VM_HUGE=1 VM_MEM=3G VM_BITS=64 $(VM)/run.sh $(KERNEL) diag_churn

# The module for every kernel with all warnings as errors, and what needs no
# compiler.
lint:
	tools/lint
	@for k in $$(tools/strict-build --list); do \
		echo "$$k: W=1 C=1" && tools/strict-build $$k || exit 1; \
	done

# What the collector finds, in userland: selftests/gc-check
gc-check:
	@$(VM)/packages.sh userland
	@$(MAKE) -s -C selftests/gc-check check

# What every barrier is for, and what happens without it: selftests/litmus
litmus:
	@$(VM)/packages.sh userland
	@selftests/litmus/check

# How it goes about it, in every order that is possible: selftests/model
model:
	@$(VM)/packages.sh userland spin
	@selftests/model/check

# Does a test fail for each mistake that is made on purpose?  selftests/mutants
mutants:
	@$(VM)/packages.sh $(or $(filter-out demo,$(call packages,$(KERNEL))),uml)
	@KERNEL=$(KERNEL) selftests/mutants/run

# Random programs on AF_UNIX and on vunix: the same?  OPS=, SEED=, KERNEL=uml uml-7.x 6.1 ...
fuzz:
	@$(VM)/packages.sh $(call packages,$(call kernel_or,uml))
	@KERNEL=$(call kernel_or,uml) selftests/fuzz/run diff -n $(or $(OPS),1000000) \
		$(SEED:%=-s %)

# Which lines the fuzzer and the selftests reach: OPS=, SEED=
coverage:
	@$(VM)/packages.sh uml
	@OPS=$(or $(OPS),300000) SEED=$(or $(SEED),1) selftests/fuzz/coverage

# The same operations from many threads at once: SECONDS=, SEED=, THREADS=, and
# FAULTS=1 where allocations can be made to fail (KERNEL=debug)
crash-fuzz:
	@$(VM)/packages.sh $(call packages,$(KERNEL))
	@KERNEL=$(KERNEL) selftests/fuzz/run crash -t $(or $(SECONDS),60) \
		-j $(or $(THREADS),8) $(SEED:%=-s %) $(if $(FAULTS),-F)

# Data races, seen by a kernel that watches for them: SECONDS=, SEED=, THREADS=
kcsan:
	@$(VM)/packages.sh kernel
	@KCSAN_SECONDS=$(or $(SECONDS),300) THREADS=$(or $(THREADS),8) \
		$(SEED:%=SEED=%) selftests/kcsan/run

# Traffic, namespaces, loads: is everything where it was?  MINUTES=, NAMESPACES=,
# LOADS=, SEED=
soak:
	@$(VM)/packages.sh $(call packages,$(KERNEL))
	@KERNEL=$(KERNEL) MINUTES=$(or $(MINUTES),120) \
		NAMESPACES=$(or $(NAMESPACES),1000) LOADS=$(or $(LOADS),1000) \
		$(SEED:%=SEED=%) selftests/soak/run

# Tests that others have written for AF_UNIX: KERNEL="6.1 6.12 7.x"
foreign:
	@$(VM)/packages.sh foreign
	@FOREIGN_SECONDS=$(or $(FOREIGN_SECONDS),5) selftests/foreign/run $(call kernel_or)

# Random system calls on sockets of vunix: MINUTES=, CHILDREN=, SEED=, KERNEL=debug 6.1 ...
trinity:
	@$(VM)/packages.sh $(call packages,$(call kernel_or,debug)) trinity
	@KERNEL=$(call kernel_or,debug) \
		MINUTES=$(or $(MINUTES),10) CHILDREN=$(or $(CHILDREN),24) \
		$(SEED:%=SEED=%) selftests/trinity/run

check:
	@tools/check

demo:
	@tools/demo

demo-tmux:
	@tools/demo-tmux $(KERNEL)

vm:
	@$(VM)/packages.sh $(call packages,$(KERNEL))
	@$(VM)/run.sh -r $(KERNEL)

bench:
	@$(VM)/packages.sh demo
	@bench/bench.sh $(KERNEL)

# As fast as this machine is; nothing is installed for it.
bench-host:
	@bench/bench.sh host

bench-cost bench-gc bench-registry bench-memory bench-programs:
	@$(VM)/packages.sh demo
	@bench/$(@:bench-%=%).sh $(KERNEL)

bench-uml:
	@$(VM)/packages.sh uml
	@bench/uml.sh

# For "make dkms-install" and packages
dkms-source:
	test -n "$(VERSION)"
	rm -rf $(DKMS_SRC)
	mkdir -p $(DKMS_SRC)
	cp -r --parents $(DKMS_FILES) $(DKMS_SRC)/

# Another version that was installed this way would be built besides.
dkms-install:
	@$(MAKE) dkms-remove
	@$(MAKE) dkms-source
	dkms add -m vunix -v $(VERSION)
	dkms build -m vunix -v $(VERSION) $(DKMS_KERNELS:%=-k %)
	dkms install -m vunix -v $(VERSION) $(DKMS_KERNELS:%=-k %)
	@tools/secure-boot-hint

dkms-remove:
	@dkms status -m vunix | sed 's|^vunix[/, ]*\([^,:]*\).*|\1|' | sort -u | \
	while read -r v; do \
		dkms remove -m vunix -v "$$v" --all && rm -rf /usr/src/vunix-$$v || \
			exit; \
	done

# What dkms.conf has DKMS do: a module that is not what it should be is no
# success.  (What a POST_BUILD script returns, DKMS does not look at.)
dkms-built: modules
	sh tools/dkms-built vunix.ko $(VERSION) $(KERNELRELEASE)

dkms-check:
	@$(VM)/packages.sh package
	@tools/check-dkms

# Packages for Debian, in build/deb
deb:
	@$(VM)/packages.sh package
	@tools/deb

deb-check:
	@$(VM)/packages.sh package
	@tools/check-deb

examples:
	$(MAKE) -C examples

examples-check:
	@$(VM)/packages.sh package
	@tools/check-examples

docs-check:
	@$(VM)/packages.sh package
	@tools/check-docs

help:
	@echo 'make                  build the module for the running kernel'
	@echo 'make KDIR=DIR         for the kernel whose headers are in DIR'
	@echo 'make W=1 C=1          with more warnings, and through sparse'
	@echo 'make modules_install  install the module'
	@echo 'make install          install it, header, commands and manual'
	@echo 'make dkms-install     have DKMS build it for every new kernel'
	@echo 'make dkms-remove      take that back'
	@echo 'make deb              packages for Debian, in build/deb'
	@echo 'make tools            build the commands: vunix-run and vss (needs libmnl-dev)'
	@echo 'make install-tools    install them, and the manual pages'
	@echo 'make examples         programs that use vunix'
	@echo 'make clean            remove what was built'
	@echo
	@echo 'make demo             see it at work in a virtual machine'
	@echo 'make demo-tmux        tmux and ssh-agent at work there'
	@echo 'make vm               a shell there'
	@echo '                      KERNEL=6.1 6.12 7.x debug'
	@echo
	@echo 'make check-run        test vunix-run in a virtual machine'
	@echo 'make check-programs   the same with real programs, PROGRAMS="redis tmux"'
	@echo 'make check-mon        capture: tcpdump and tshark, in a virtual machine'
	@echo 'make check-observe    what docs/observability.md recommends, there'
	@echo 'make check-churn      sock_diag: 100,000 sockets while others come and go'
	@echo 'make selftests        build the test programs'
	@echo 'make docs-check       the manual and its examples'
	@echo 'make examples-check   examples, in a virtual machine'
	@echo 'make dkms-check       DKMS in clean systems, for each kernel'
	@echo 'make deb-check        packages: built, installed, used, purged'
	@echo 'make lint             static checks, on every kernel'
	@echo 'make litmus           each barrier by the memory model of the kernel'
	@echo 'make model            models of collector and queue, searched by spin'
	@echo 'make gc-check         the collector against brute force, five minutes;'
	@echo '                      GRAPHS=10000000 SCHEDULES=4000000 MUTANTS= SEED='
	@echo 'make fuzz             random programs, the same on AF_UNIX and vunix?'
	@echo '                      OPS=1000000 SEED= KERNEL=uml uml-6.12 uml-7.x 6.1 ...'
	@echo '                      FUZZ_GUIDED=0 on uml-7.x and debug'
	@echo 'make crash-fuzz       the same operations from many threads at once;'
	@echo '                      SECONDS=60 THREADS=8 SEED= FAULTS=1'
	@echo '                      KERNEL=6.1 debug uml-7.x ...'
	@echo 'make kcsan            data races: crash fuzzer and selftests on a kernel with'
	@echo '                      KCSAN; SECONDS=300 THREADS=8 SEED= KCSAN_TESTS= KCSAN_SMP=4'
	@echo 'make soak             traffic, namespaces, loads: is everything where it was?'
	@echo '                      MINUTES=120 NAMESPACES=1000 LOADS=1000 SEED= KERNEL=6.1'
	@echo 'make foreign          the tests of the kernel and of stress-ng for AF_UNIX'
	@echo '                      KERNEL="6.1 6.12 7.x" FOREIGN_SECONDS=5'
	@echo 'make trinity          trinity, the fuzzer of system calls, on sockets of vunix;'
	@echo '                      MINUTES=10 CHILDREN=24 SEED= KERNEL=debug 6.1 ...'
	@echo 'make coverage         lines of each file that fuzzer and selftests reach;'
	@echo '                      OPS=300000 SEED=1'
	@echo 'make mutants          the module broken on purpose: do tests see it?'
	@echo '                      KERNEL=uml 6.1 ... MUT_TRIES=3'
	@echo 'make bench            rates, beside AF_UNIX, pipe and TCP: table and plots'
	@echo 'make bench-host       the same on this machine, with the module loaded'
	@echo 'make bench-cost       instructions of every operation, beside AF_UNIX and pipe'
	@echo 'make bench-gc         what passing and collecting descriptors costs'
	@echo 'make bench-programs   hackbench and redis, unmodified, beside themselves'
	@echo 'make bench-registry   what a bound socket costs among a million'
	@echo 'make bench-memory     what idle sockets take in memory'
	@echo '                      KERNEL=6.1 6.12 7.x debug'
	@echo 'make bench-uml        cycles in the kernel, in user-mode Linux 6.1'
	@echo 'make check            all checks and tests on every kernel, an hour'
	@echo
	@echo 'One kernel:           $(VM)/run.sh KERNEL [TEST...]'

.PHONY: all modules modules_install install install-headers tools install-tools \
	install-man clean selftests check-run check-programs check-mon check-observe \
	check-churn lint gc-check litmus model mutants fuzz coverage crash-fuzz kcsan \
	soak foreign trinity check demo demo-tmux vm bench bench-host bench-cost \
	bench-gc bench-registry bench-memory bench-programs bench-uml dkms-source \
	dkms-install \
	dkms-remove dkms-built dkms-check deb deb-check examples examples-check \
	docs-check help
