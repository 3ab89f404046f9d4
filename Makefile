# make            the five programs, in build/
# make demo       installs what is missing, then shows real logins
# make check      installs what is missing, then runs every test
# make bench      timed comparisons; docs/PERFORMANCE.md says what they mean
# make install    honours DESTDIR and prefix
# make lint       style, arrows between folders, manuals, shell scripts
#
# B=DIR builds elsewhere, SAN=address,undefined or SAN=thread instruments.

B ?= build
SAN ?=
CC = gcc
prefix ?= /usr/local
sbindir ?= $(prefix)/sbin
bindir ?= $(prefix)/bin
libexecdir ?= $(prefix)/libexec
mandir ?= $(prefix)/share/man
pamdir ?= /lib/$(shell $(CC) -print-multiarch)/security
unitdir ?= /lib/systemd/system
sysusersdir ?= /usr/lib/sysusers.d
polkitdir ?= /usr/share/polkit-1/rules.d
dbusdir ?= /usr/share/dbus-1/system.d
sysconfdir ?= /etc

VERSION := 0.1.0
Q := $(if $(V),,@)

packages_agent = jansson libcrypto libssl libsystemd
packages_server = libevent libevent_pthreads jansson \
	libcrypto libssl sqlite3 liboath libsystemd
packages_card = p11-kit-1 libpcsclite libseccomp libcrypto
packages_ctl = libcurl jansson libcrypto libqrencode smartcols libsystemd \
	libseccomp libxml-2.0
cflags_of = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(1)))
libs_of = $(shell pkg-config --libs $(1))

CFLAGS ?= -O2 -g
warnings = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wpointer-arith \
	-Wmissing-prototypes -Wold-style-definition -Wvla -Wformat=2 \
	-Wundef -Wwrite-strings -Wcast-qual -Wimplicit-fallthrough
hardening = -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection=full -ftrivial-auto-var-init=zero -fPIC
ifeq ($(SAN),)
hardening += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
else
hardening += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
# Behind the sanitizers' checks gcc no longer sees how long a text can be.
warnings += -Wno-format-truncation
endif
all_cflags = -std=c17 -D_GNU_SOURCE -I. -DSEKIMORI_VERSION='"$(VERSION)"' \
	-DSEKIMORI_LIBEXEC='"$(libexecdir)/sekimori"' \
	$(warnings) $(hardening) -fvisibility=hidden -MMD -MP $(CFLAGS) \
	$(call cflags_of,$(packages_server) $(packages_ctl) $(packages_card))
all_ldflags = -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS) \
	$(if $(SAN),-fsanitize=$(SAN))

# Programs are their folder's objects; tests take the archives, which lack
# the files with a main().
objects = $(patsubst %.c,$(B)/obj/%.o,$(filter-out %/main.c,$(wildcard $(addsuffix /*.c,$(1)))))
archives = $(addprefix $(B)/obj/,module.a agent.a card.a server.a ctl.a shared.a)
programs = $(addprefix $(B)/,pam_sekimori.so sekimori-agent sekimori-card sekimorid sekimorictl)

all: $(programs)

$(B)/obj/shared.a: $(call objects,shared)
$(B)/obj/module.a: $(call objects,pam_module)
$(B)/obj/agent.a: $(call objects,pam_module/agent) $(addprefix $(B)/obj/pam_module/, \
	card/wire.o agent_client.o words.o)
$(B)/obj/card.a: $(call objects,pam_module/card)
$(B)/obj/server.a: $(call objects,server server/core server/store server/keys)
$(B)/obj/ctl.a: $(call objects,server/ctl)
$(archives):
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(all_cflags) -c -o $@ $<

# The module gets libc and libpam, shows six symbols, and stays once loaded.
$(B)/pam_sekimori.so: $(B)/obj/module.a $(B)/obj/shared.a pam_module/exports.map
	@echo "  LD $@"
	$(Q)$(CC) -shared $(all_ldflags) -Wl,-z,nodelete -Wl,-z,defs \
		-Wl,--version-script=pam_module/exports.map -o $@ \
		-Wl,--whole-archive $(B)/obj/module.a -Wl,--no-whole-archive \
		$(B)/obj/shared.a -lpam
	$(Q)$(if $(SAN),,strip --strip-debug $@)

define program
$(B)/$(1): $(B)/obj/$(2)/main.o $(B)/obj/$(3) $(B)/obj/shared.a
	@echo "  LD $$@"
	$(Q)$(CC) -pie $$(all_ldflags) -o $$@ $$^ $$(call libs_of,$(4)) $(5)
endef
$(eval $(call program,sekimori-agent,pam_module/agent,agent.a,$(packages_agent),-pthread))
# Only this one may load PKCS #11; tests/links.sh looks.
$(eval $(call program,sekimori-card,pam_module/card,card.a,$(packages_card)))
$(eval $(call program,sekimorid,server,server.a,$(packages_server),-lcrypt -pthread))
$(eval $(call program,sekimorictl,server/ctl,ctl.a,$(packages_ctl),-lcsv))

# --- tests ---------------------------------------------------------------
unit_tests = $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
test_libs = $(call libs_of,$(packages_server) $(packages_ctl) $(packages_card)) -lcmocka -lpam \
	-lcrypt -lcsv -ldl -pthread

unit: $(unit_tests)
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(archives)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) -pie $(all_ldflags) -o $@ $< \
		-Wl,--start-group $(archives) -Wl,--end-group $(test_libs)

include tests/tests.mk

# --- install -------------------------------------------------------------
install: all
	install -D -m 0644 $(B)/pam_sekimori.so $(DESTDIR)$(pamdir)/pam_sekimori.so
	install -D -m 0755 $(B)/sekimori-agent $(DESTDIR)$(sbindir)/sekimori-agent
	install -D -m 0755 $(B)/sekimori-card \
		$(DESTDIR)$(libexecdir)/sekimori/sekimori-card
	install -D -m 0755 $(B)/sekimorid $(DESTDIR)$(sbindir)/sekimorid
	install -D -m 0755 $(B)/sekimorictl $(DESTDIR)$(bindir)/sekimorictl
	[ $(DESTDIR)$(bindir) -ef $(DESTDIR)$(sbindir) ] || \
		ln -sf $(sbindir)/sekimori-agent $(DESTDIR)$(bindir)/sekimori-agent
	for page in docs/man/*.8 docs/man/*.5; do \
		to=$(DESTDIR)$(mandir)/man$${page##*.}/$$(basename $$page); \
		install -D -m 0644 $$page $$to && \
		sed -i 's|/usr/local/share/|$(prefix)/share/|' $$to || exit 1; done
	for unit in config/systemd/*; do \
		to=$(DESTDIR)$(unitdir)/$$(basename $$unit); \
		install -D -m 0644 $$unit $$to && \
		sed -i 's|/usr/local/sbin/|$(sbindir)/|' $$to || exit 1; done
	install -D -m 0644 config/sysusers.d/sekimori.conf \
		$(DESTDIR)$(sysusersdir)/sekimori.conf
	install -D -m 0644 config/polkit/50-sekimori-agent.rules \
		$(DESTDIR)$(polkitdir)/50-sekimori-agent.rules
	install -D -m 0644 config/dbus/sekimori-agent.conf \
		$(DESTDIR)$(dbusdir)/sekimori-agent.conf
	install -D -m 0644 config/sekimorid.conf \
		$(DESTDIR)$(prefix)/share/doc/sekimori/examples/sekimorid.conf
	for f in config/pam/*; do install -D -m 0644 $$f \
		$(DESTDIR)$(prefix)/share/doc/sekimori/examples/pam/$$(basename $$f); done
	install -D -m 0644 config/pam-auth-update/sekimori \
		$(DESTDIR)/usr/share/pam-configs/sekimori
	install -D -m 0644 config/completion/sekimorictl \
		$(DESTDIR)$(prefix)/share/bash-completion/completions/sekimorictl

clean:
	rm -rf build build-*

.PHONY: all unit install clean demo check bench lint
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
