/* SPDX-License-Identifier: Apache-2.0 */
/* What a grace is tied to, that it is tied once, and everything that ends it
 * for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/card.h"
#include "server/store/grace_store.h"
#include "server/store/terminal.h"
#include "tests/unit/store_fixture.h"

enum {
	CARD = 77
};

/* A person with a token, at a desk. */
struct scene {
	struct person person;
	struct terminal terminal;
	struct token token;
};

static struct scene scene_new(struct store *store)
{
	struct scene scene = {.person = fixture_person("s1"),
	    .terminal = {.name = "desk",
		.group = "window",
		.state = TERMINAL_JOINED,
		.created_at = NOW_S}};

	COMMITTED(store, person_add(store, &scene.person));
	COMMITTED(store, terminal_add(store, &scene.terminal));
	COMMITTED(store, terminal_save(store, &scene.terminal));
	scene.token = fixture_token(scene.person.id, "12345678901234567890");
	COMMITTED(store, token_add(store, &scene.token, &FIXTURE_DEED));
	return scene;
}

static struct grace_login login_of(const struct scene *scene, const char *name)
{
	struct grace_login login = {.person_id = scene->person.id,
	    .terminal_id = scene->terminal.id,
	    .token_id = scene->token.id,
	    .factor = FACTOR_OTP,
	    .since = NOW_S};

	memset(login.login, 0, GRACE_LOGIN_BYTES);
	memcpy(login.login, name, strlen(name));
	return login;
}

static void hash(struct store *store, int64_t terminal_id, const char *session,
    unsigned char out[GRACE_SESSION_BYTES])
{
	assert_int_equal(
	    grace_session_hash(store, terminal_id, session, out), ERR_NONE);
}

static bool tie(struct store *store, int64_t terminal_id,
    const struct grace_login *login, const char *session)
{
	unsigned char bytes[GRACE_SESSION_BYTES];
	bool tied = false;

	hash(store, terminal_id, session, bytes);
	COMMITTED(
	    store, grace_tie(store, terminal_id, login->login, bytes, &tied));
	return tied;
}

static struct grace_row find(
    struct store *store, const struct scene *scene, const char *session)
{
	unsigned char bytes[GRACE_SESSION_BYTES];
	struct grace_row row;

	hash(store, scene->terminal.id, session, bytes);
	assert_int_equal(
	    grace_find(store, bytes, scene->person.id, NOW_S, &row), ERR_NONE);
	return row;
}

static struct grace_login begin(struct store *store, const struct scene *scene)
{
	struct grace_login login = login_of(scene, "first");

	login.card_id = CARD;
	COMMITTED(store, grace_begin(store, &login));
	assert_true(tie(store, scene->terminal.id, &login, "one"));
	return login;
}

static void test_kept_and_found(void **state)
{
	struct fixture *f = *state;
	struct scene scene = scene_new(f->store);
	struct grace_login login = begin(f->store, &scene);
	struct grace_row row;

	fixture_reopen(f);
	row = find(f->store, &scene, "one");
	assert_true(row.grace.given);
	assert_memory_equal(row.login, login.login, GRACE_LOGIN_BYTES);
	assert_int_equal(row.grace.factor, FACTOR_OTP);
	assert_int_equal(row.grace.since, NOW_S);
	assert_string_equal(row.grace.tty, "");
	assert_false(find(f->store, &scene, "two").grace.given);
}

static void test_nobody_elses(void **state)
{
	struct fixture *f = *state;
	struct scene scene = scene_new(f->store);
	unsigned char bytes[GRACE_SESSION_BYTES];
	struct grace_row row;

	begin(f->store, &scene);
	hash(f->store, scene.terminal.id, "one", bytes);
	assert_int_equal(
	    grace_find(f->store, bytes, scene.person.id + 1, NOW_S, &row),
	    ERR_NONE);
	assert_false(row.grace.given);
	/* Another terminal's session of the same name. */
	scene.terminal.id++;
	assert_false(find(f->store, &scene, "one").grace.given);
}

static void test_nothing_without_its_session(void **state)
{
	struct fixture *f = *state;
	struct scene scene = scene_new(f->store);
	struct grace_login login = login_of(&scene, "first");

	COMMITTED(f->store, grace_begin(f->store, &login));
	assert_false(find(f->store, &scene, "").grace.given);
	assert_false(find(f->store, &scene, "one").grace.given);
}

static void test_tied_once(void **state)
{
	struct fixture *f = *state;
	struct scene scene = scene_new(f->store);
	struct grace_login login = begin(f->store, &scene);
	struct grace_login second = login_of(&scene, "second"),
			   none = login_of(&scene, "none");

	COMMITTED(f->store, grace_begin(f->store, &second));
	assert_false(tie(f->store, scene.terminal.id, &login, "two"));
	assert_false(tie(f->store, scene.terminal.id, &second, "one"));
	assert_false(tie(f->store, scene.terminal.id + 1, &second, "two"));
	assert_false(tie(f->store, scene.terminal.id, &none, "two"));
	assert_true(tie(f->store, scene.terminal.id, &second, "two"));
	assert_memory_equal(find(f->store, &scene, "one").login, login.login,
	    GRACE_LOGIN_BYTES);
}

static void test_tty_of_its_first_use(void **state)
{
	struct fixture *f = *state;
	struct scene scene = scene_new(f->store);
	int64_t id;

	begin(f->store, &scene);
	id = find(f->store, &scene, "one").id;
	COMMITTED(f->store, grace_use(f->store, id, "pts/3"));
	COMMITTED(f->store, grace_use(f->store, id, "pts/4"));
	assert_string_equal(find(f->store, &scene, "one").grace.tty, "pts/3");
}

/* --- ends, and does not come back ----------------------------------------- */

static void end_by_suspension(struct store *store, struct scene *scene)
{
	scene->person.state = PERSON_SUSPENDED;
	COMMITTED(store, person_save(store, &scene->person));
	scene->person.state = PERSON_ACTIVE;
	COMMITTED(store, person_save(store, &scene->person));
}

static void end_by_freeze(struct store *store, struct scene *scene)
{
	scene->person.frozen = true;
	COMMITTED(store, person_save(store, &scene->person));
	scene->person.frozen = false;
	COMMITTED(store, person_save(store, &scene->person));
}

static void end_by_terminals_freeze(struct store *store, struct scene *scene)
{
	scene->terminal.frozen = true;
	COMMITTED(store, terminal_save(store, &scene->terminal));
	scene->terminal.frozen = false;
	COMMITTED(store, terminal_save(store, &scene->terminal));
}

static void end_by_terminals_revocation(
    struct store *store, struct scene *scene)
{
	scene->terminal.state = TERMINAL_REVOKED;
	COMMITTED(store, terminal_save(store, &scene->terminal));
}

static void end_by_everybodys_freeze(struct store *store, struct scene *scene)
{
	(void)scene;
	COMMITTED(store, store_set_number(store, STORE_ALL_FROZEN, 1));
	COMMITTED(store, store_set_number(store, STORE_ALL_FROZEN, 0));
}

static void end_by_new_epoch(struct store *store, struct scene *scene)
{
	(void)scene;
	COMMITTED(store, store_end_logins(store, NOW_S));
}

static void end_by_lost_token(struct store *store, struct scene *scene)
{
	scene->token.state = TOKEN_LOST;
	COMMITTED(store, token_save(store, &scene->token, &FIXTURE_DEED));
	scene->token.state = TOKEN_ACTIVE;
	COMMITTED(store, token_save(store, &scene->token, &FIXTURE_DEED));
}

static void end_by_loan(struct store *store, struct scene *scene)
{
	scene->token.loan_until = NOW_S;
	COMMITTED(store, token_save(store, &scene->token, &FIXTURE_DEED));
}

static void end_by_revoked_card(struct store *store, struct scene *scene)
{
	(void)scene;
	COMMITTED(store,
	    db_script(store->db,
		"INSERT INTO card (id, key, person_id, state, certificate,"
		" enrolled_at) SELECT 77, x'00', max(id), 1, x'00', 1"
		" FROM person"));
	COMMITTED(store, card_revoke(store, CARD));
}

static void end_by_close(struct store *store, struct scene *scene)
{
	unsigned char bytes[GRACE_SESSION_BYTES];

	hash(store, scene->terminal.id, "one", bytes);
	COMMITTED(store, grace_end_session(store, bytes));
}

static void test_ends_for_good(void **state)
{
	static const struct {
		const char *what;
		void (*end)(struct store *store, struct scene *scene);
	} rows[] = {
	    {"suspension", end_by_suspension},
	    {"freeze", end_by_freeze},
	    {"terminal's freeze", end_by_terminals_freeze},
	    {"terminal's revocation", end_by_terminals_revocation},
	    {"everybody's freeze", end_by_everybodys_freeze},
	    {"a new epoch", end_by_new_epoch},
	    {"a lost token", end_by_lost_token},
	    {"the loan's end", end_by_loan},
	    {"a revoked card", end_by_revoked_card},
	    {"the session's close", end_by_close},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene scene = scene_new(f->store);

		begin(f->store, &scene);
		assert_true(find(f->store, &scene, "one").grace.given);
		rows[i].end(f->store, &scene);
		if (find(f->store, &scene, "one").grace.given)
			fail_msg("not by %s", rows[i].what);
		fixture_teardown(state);
		fixture_setup(state);
	}
}

static void test_what_ends_nothing(void **state)
{
	struct fixture *f = *state;
	struct scene scene = scene_new(f->store);

	begin(f->store, &scene);
	scene.terminal.last_seen_at = NOW_S + 1;
	COMMITTED(f->store, terminal_save(f->store, &scene.terminal));
	scene.person.enrolled_at = NOW_S;
	COMMITTED(f->store, person_save(f->store, &scene.person));
	COMMITTED(f->store, token_save(f->store, &scene.token, &FIXTURE_DEED));
	COMMITTED(f->store, store_set_number(f->store, STORE_FLOOR, 5));
	assert_true(find(f->store, &scene, "one").grace.given);
}

static int64_t count_rows(struct store *store)
{
	struct db_query *q = db_query(store->db, "SELECT count(*) FROM grace");
	int64_t count = db_next(q) ? db_number(q, 0) : -1;

	assert_int_equal(db_done(q), ERR_NONE);
	return count;
}

/* Their number follows the last quarter of an hour's logins. */
static void test_old_ones_make_room(void **state)
{
	struct fixture *f = *state;
	struct scene scene = scene_new(f->store);

	for (int i = 0; i < 200; i++) {
		char name[GRACE_LOGIN_BYTES];
		struct grace_login login;

		snprintf(name, sizeof(name), "login %d", i);
		login = login_of(&scene, name);
		login.since = NOW_S + i * 30;
		COMMITTED(f->store, grace_begin(f->store, &login));
		assert_in_range(
		    count_rows(f->store), 1, GRACE_LONGEST_S / 30 + 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_kept_and_found),
	    STORE_TEST(test_nobody_elses),
	    STORE_TEST(test_nothing_without_its_session),
	    STORE_TEST(test_tied_once),
	    STORE_TEST(test_tty_of_its_first_use),
	    STORE_TEST(test_ends_for_good),
	    STORE_TEST(test_what_ends_nothing),
	    STORE_TEST(test_old_ones_make_room),
	};

	return STORE_RUN("grace store", tests);
}
