/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals, join codes that work once, and certificates that succeed each
 * other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/terminal.h"
#include "tests/unit/store_fixture.h"

static struct terminal add(struct store *store, const char *name)
{
	struct terminal terminal = {.group = "window", .created_at = NOW_S};

	strcpy(terminal.name, name);
	COMMITTED(store, terminal_add(store, &terminal));
	return terminal;
}

static void test_saved_and_found(void **state)
{
	struct fixture *f = *state;
	struct terminal terminal = add(f->store, "pc1"), back, again;

	assert_int_equal(terminal_find(f->store, "pc1", &back), ERR_NONE);
	assert_memory_equal(&back, &terminal, sizeof(back));
	again = terminal;
	assert_int_equal(terminal_add(f->store, &again), ERR_EXISTS);
	terminal.state = TERMINAL_JOINED;
	terminal.frozen = true;
	terminal.last_seen_at = NOW_S + 1;
	strcpy(terminal.group, "other");
	COMMITTED(f->store, terminal_save(f->store, &terminal));
	assert_int_equal(terminal_find(f->store, "pc1", &back), ERR_NONE);
	assert_memory_equal(&back, &terminal, sizeof(back));
	assert_int_equal(terminal_find(f->store, "pc2", &back), ERR_NOT_FOUND);
	/* a revoked one gives its name back, but is still to be seen */
	terminal.state = TERMINAL_REVOKED;
	COMMITTED(f->store, terminal_save(f->store, &terminal));
	assert_int_equal(terminal_find(f->store, "pc1", &back), ERR_NONE);
	assert_int_equal(back.state, TERMINAL_REVOKED);
	again = add(f->store, "pc1");
	assert_int_equal(terminal_find(f->store, "pc1", &back), ERR_NONE);
	assert_int_equal(back.id, again.id);
	assert_int_not_equal(again.id, terminal.id);
	terminal.id = 999;
	assert_int_equal(terminal_save(f->store, &terminal), ERR_NOT_FOUND);
}

static enum err collect(void *context, const struct terminal *terminal)
{
	strcat(context, terminal->name);
	return ERR_NONE;
}

static void test_each(void **state)
{
	struct fixture *f = *state;
	char names[32] = "";

	add(f->store, "b");
	add(f->store, "a");
	assert_int_equal(terminal_each(f->store, collect, names), ERR_NONE);
	assert_string_equal(names, "ab");
}

static enum err use(struct store *store, const struct secret *code,
    int64_t now_s, struct terminal *out)
{
	enum err err;

	assert_int_equal(store_begin(store), ERR_NONE);
	err = terminal_use_join_code(store, code, now_s, out);
	assert_int_equal(store_commit(store), ERR_NONE);
	return err;
}

static void test_join_codes(void **state)
{
	struct fixture *f = *state;
	struct terminal one = add(f->store, "pc1"), two = add(f->store, "pc2");
	struct terminal out = {.id = -1};
	struct secret old, code, other, empty = {0};

	assert_int_equal(secret_random(&old, 10), ERR_NONE);
	assert_int_equal(secret_random(&code, 10), ERR_NONE);
	assert_int_equal(secret_random(&other, 10), ERR_NONE);
	COMMITTED(f->store,
	    terminal_set_join_code(f->store, one.id, &old, NOW_S + 600));
	COMMITTED(f->store,
	    terminal_set_join_code(f->store, one.id, &code, NOW_S + 600));
	COMMITTED(f->store,
	    terminal_set_join_code(f->store, two.id, &other, NOW_S + 600));
	assert_int_equal(
	    terminal_set_join_code(f->store, one.id, &empty, NOW_S + 600),
	    ERR_INVALID);
	assert_int_equal(use(f->store, &old, NOW_S, &out), ERR_NOT_FOUND);
	assert_int_equal(use(f->store, &empty, NOW_S, &out), ERR_NOT_FOUND);
	assert_int_equal(
	    use(f->store, &code, NOW_S + 600, &out), ERR_NOT_FOUND);
	assert_int_equal(out.id, -1);
	assert_int_equal(use(f->store, &code, NOW_S + 599, &out), ERR_NONE);
	assert_int_equal(out.id, one.id);
	assert_int_equal(out.state, TERMINAL_JOINED);
	assert_int_equal(
	    use(f->store, &code, NOW_S, &out), ERR_NOT_FOUND); /* once */
	COMMITTED(f->store, terminal_void_join_codes(f->store));
	assert_int_equal(use(f->store, &other, NOW_S, &out), ERR_NOT_FOUND);
	/* a revoked terminal does not come back by an old code */
	COMMITTED(f->store,
	    terminal_set_join_code(f->store, two.id, &other, NOW_S + 600));
	two.state = TERMINAL_REVOKED;
	COMMITTED(f->store, terminal_save(f->store, &two));
	assert_int_equal(use(f->store, &other, NOW_S, &out), ERR_NOT_FOUND);
}

static enum terminal_certificate identify(
    struct store *store, const char *print, struct terminal *out)
{
	unsigned char fingerprint[CERTIFICATE_HASH_BYTES] = {0};
	enum terminal_certificate what;

	memcpy(fingerprint, print, strlen(print));
	COMMITTED(store, terminal_identify(store, fingerprint, out, &what));
	return what;
}

static void add_certificate(
    struct store *store, int64_t terminal_id, const char *print)
{
	unsigned char fingerprint[CERTIFICATE_HASH_BYTES] = {0};

	memcpy(fingerprint, print, strlen(print));
	COMMITTED(store, terminal_add_certificate(
			     store, terminal_id, fingerprint, NOW_S + 1000));
}

static void test_certificates(void **state)
{
	struct fixture *f = *state;
	struct terminal one = add(f->store, "pc1"), two = add(f->store, "pc2");
	struct terminal out = {.id = -1};

	one.state = two.state = TERMINAL_JOINED;
	COMMITTED(f->store, terminal_save(f->store, &one));
	COMMITTED(f->store, terminal_save(f->store, &two));
	add_certificate(f->store, one.id, "first");
	add_certificate(f->store, two.id, "elsewhere");
	assert_int_equal(
	    identify(f->store, "nobody's", &out), TERMINAL_CERTIFICATE_UNKNOWN);
	assert_int_equal(out.id, -1);
	assert_int_equal(
	    identify(f->store, "first", &out), TERMINAL_CERTIFICATE_ISSUED);
	assert_int_equal(out.id, one.id);
	assert_int_equal(
	    identify(f->store, "first", &out), TERMINAL_CERTIFICATE_CURRENT);
	/* renewed, not used yet: the old one still serves */
	add_certificate(f->store, one.id, "second");
	assert_int_equal(
	    identify(f->store, "first", &out), TERMINAL_CERTIFICATE_CURRENT);
	assert_int_equal(
	    identify(f->store, "second", &out), TERMINAL_CERTIFICATE_ISSUED);
	assert_int_equal(
	    identify(f->store, "first", &out), TERMINAL_CERTIFICATE_RETIRED);
	assert_int_equal(
	    identify(f->store, "second", &out), TERMINAL_CERTIFICATE_CURRENT);
	assert_int_equal(
	    identify(f->store, "elsewhere", &out), TERMINAL_CERTIFICATE_ISSUED);
	COMMITTED(f->store, terminal_retire_certificates(f->store, one.id));
	assert_int_equal(
	    identify(f->store, "second", &out), TERMINAL_CERTIFICATE_RETIRED);
	assert_int_equal(identify(f->store, "elsewhere", &out),
	    TERMINAL_CERTIFICATE_CURRENT);
}

/* What a rolled back request used is as it was. */
static void test_first_use_rolled_back(void **state)
{
	struct fixture *f = *state;
	struct terminal one = add(f->store, "pc1"), out;
	unsigned char fingerprint[CERTIFICATE_HASH_BYTES] = "second";
	enum terminal_certificate what;

	one.state = TERMINAL_JOINED;
	COMMITTED(f->store, terminal_save(f->store, &one));
	add_certificate(f->store, one.id, "first");
	identify(f->store, "first", &out);
	add_certificate(f->store, one.id, "second");
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(
	    terminal_identify(f->store, fingerprint, &out, &what), ERR_NONE);
	assert_int_equal(what, TERMINAL_CERTIFICATE_ISSUED);
	store_rollback(f->store);
	assert_int_equal(
	    identify(f->store, "first", &out), TERMINAL_CERTIFICATE_CURRENT);
}

static void test_state_texts(void **state)
{
	(void)state;
	assert_string_equal(terminal_state_text(TERMINAL_WAITING), "waiting");
	assert_string_equal(terminal_state_text(TERMINAL_JOINED), "joined");
	assert_string_equal(terminal_state_text(TERMINAL_REVOKED), "revoked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_saved_and_found),
	    STORE_TEST(test_each),
	    STORE_TEST(test_join_codes),
	    STORE_TEST(test_certificates),
	    STORE_TEST(test_first_use_rolled_back),
	    cmocka_unit_test(test_state_texts),
	};

	return STORE_RUN("terminal", tests);
}
