# What `make check`, `make demo`, `make bench` and `make lint` are made of.

demo:
	bash tests/demo.sh
check:
	bash tests/check.sh
bench:
	bash tests/bench/run.sh
lint:
	bash tests/lint.sh

# --- tests of the PAM module -----------------------------------------------
# They load the module as libpam does and bring an agent of their own; of the
# tree's code they link nothing but shared/ and the module's own files.
pam_test_names = test_agent_client test_pam_codes test_pam_conversation \
	test_pam_examples test_pam_faults test_pam_file test_pam_standing
pam_tests = $(addprefix $(B)/unit/,$(pam_test_names))
pam_test_objects = $(addprefix $(B)/obj/tests/support/,fake_agent.o pam_host.o)
$(pam_tests): $(B)/unit/%: $(B)/obj/tests/unit/%.o $(pam_test_objects) \
		$(B)/obj/module.a $(B)/obj/shared.a $(B)/pam_sekimori.so
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) -pie $(all_ldflags) -o $@ $< $(pam_test_objects) \
		$(B)/obj/module.a $(B)/obj/shared.a -lcmocka -lpam -ldl -pthread

# The module once more, its calls to libc and libpam made to fail at will.
comma := ,
faulty_calls = calloc strdup clock_gettime connect fcntl getpwnam_r getsockopt \
	localtime_r poll recv send socket secure_getenv strftime time \
	pam_fail_delay pam_get_data pam_get_item pam_get_user pam_set_data \
	pam_set_item
$(B)/unit/test_pam_faults: $(B)/pam_sekimori_faults.so
$(B)/pam_sekimori_faults.so: $(B)/obj/tests/support/faults.o \
		$(B)/obj/module.a $(B)/obj/shared.a
	@echo "  LD $@"
	$(Q)$(CC) -shared $(all_ldflags) -Wl,-z,nodelete -Wl,-z,defs -o $@ \
		$(addprefix -Wl$(comma)--wrap=,$(faulty_calls)) $< \
		-Wl,--whole-archive $(B)/obj/module.a -Wl,--no-whole-archive \
		$(B)/obj/shared.a -lpam

# --- tests of the network side ----------------------------------------------
http_tests = $(addprefix $(B)/unit/,test_http test_http_hostile)
http_test_objects = $(addprefix $(B)/obj/tests/support/,http_world.o http_client.o)
$(http_tests): $(B)/unit/%: $(B)/obj/tests/unit/%.o $(http_test_objects) $(archives)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) -pie $(all_ldflags) -o $@ $< $(http_test_objects) \
		-Wl,--start-group $(archives) -Wl,--end-group $(test_libs)

# --- tests of the dialogue with cards ---------------------------------------
card_dialogue_tests = $(addprefix $(B)/unit/,test_card_dialogue test_card_dialogue_proof test_shared_dialogue \
	test_enrol)
$(card_dialogue_tests): $(B)/unit/%: $(B)/obj/tests/unit/%.o \
		$(B)/obj/tests/support/card_scene.o $(archives)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) -pie $(all_ldflags) -o $@ $< $(B)/obj/tests/support/card_scene.o \
		-Wl,--start-group $(archives) -Wl,--end-group $(test_libs)

# --- tests of administration -------------------------------------------------
admin_tests = $(addprefix $(B)/unit/,test_admin_approvals test_admin_lists test_admin_requests test_admin_roles test_api_admin test_api_admin_card test_api_admin_staff test_custody test_custody_lists \
	test_api_admin_server)
admin_tests += $(B)/unit/test_admin_signin $(B)/unit/test_api_admin_stock
admin_objects = $(addprefix $(B)/obj/tests/support/,admin_people.o admin_world.o)
$(admin_tests): $(B)/unit/%: $(B)/obj/tests/unit/%.o $(admin_objects) $(archives)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) -pie $(all_ldflags) -o $@ $< $(admin_objects) \
		-Wl,--start-group $(archives) -Wl,--end-group $(test_libs)

# --- emulated cards for the system tests --------------------------------------
cards: $(B)/card/vcard $(B)/card/p11shim.so
$(B)/card/vcard: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/card/vcard*.c))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) -pie $(all_ldflags) -o $@ $^ $(call libs_of,libcrypto)
# Loaded into the card child, or whatever else speaks PKCS #11.
$(B)/card/p11shim.so: $(B)/obj/tests/card/p11shim.o
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) -shared $(all_ldflags) -Wl,-z,defs -o $@ $^ -ldl
.PHONY: cards

# --- tests of the card child --------------------------------------------------
# They start the real sekimori-card; its modules are fake_token.so with scripts.
card_tests = $(addprefix $(B)/unit/,test_card_child test_card_faults test_card_watch \
	test_card_softhsm)
$(card_tests): $(B)/unit/%: $(B)/obj/tests/unit/%.o \
		$(B)/obj/tests/support/card_world.o $(archives) \
		$(B)/sekimori-card $(B)/fake_token.so
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) -pie $(all_ldflags) -o $@ $< $(B)/obj/tests/support/card_world.o \
		-Wl,--start-group $(archives) -Wl,--end-group $(test_libs)
$(B)/fake_token.so: $(addprefix $(B)/obj/tests/support/,fake_token.o fake_deeds.o)
	@echo "  LD $@"
	$(Q)$(CC) -shared $(all_ldflags) -Wl,-z,defs -o $@ $^ \
		$(call libs_of,libcrypto) -ldl -pthread
