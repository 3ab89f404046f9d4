/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what to whom: every role with every command, departments,
 * oneself, administrators with more rights, shared accounts; and that a
 * refusal is written down, and what an auditor reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/admin_people.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- the table -------------------------------------------------------------
 */

/* o: owners alone; e, h: enrollers, helpdesk besides; a: auditors, too; small
 * d: also limited to departments; s: of himself alone; x: by anybody. Written
 * by hand, from the manual. */
static const struct {
	const char *path, *who;
} TABLE[] = {
    {"user/add", "oed"},
    {"user/change", "oed"},
    {"user/extend", "oed"},
    {"user/list", "oehad"},
    {"user/show", "oehad"},
    {"user/suspend", "oed"},
    {"user/resume", "oed"},
    {"user/remove", "o"},
    {"user/unlock", "oehd"},
    {"user/freeze", "o"},
    {"user/thaw", "o"},
    {"user/import", "oe"},
    {"user/import-check", "oea"},
    {"user/import-undo", "oe"},
    {"user/import-list", "oea"},
    {"token/enroll", "oed"},
    {"token/confirm", "oed"},
    {"token/resync", "oehd"},
    {"token/import", "oe"},
    {"token/stock-begin", "oe"},
    {"token/stock-part", "oe"},
    {"token/stock-finish", "oe"},
    {"token/stock-give-up", "oe"},
    {"token/suspend", "oehd"},
    {"token/resume", "oehd"},
    {"token/lost", "oehd"},
    {"token/revoke", "oed"},
    {"token/assign", "oed"},
    {"token/return", "oed"},
    {"token/checkout", "oehd"},
    {"token/checkin", "oehd"},
    {"token/found", "oehd"},
    {"token/retire", "oe"},
    {"token/ledger", "oehad"},
    {"report/inventory", "oehad"},
    {"report/inventory-cards", "oehad"},
    {"token/list", "oehad"},
    {"token/show", "oehad"},
    {"card/invite", "oed"},
    {"card/enroll", "oed"},
    {"card/list", "oead"},
    {"card/revoke", "oed"},
    {"card/trust", "o"},
    {"card/distrust", "o"},
    {"card/authorities", "oa"},
    {"code/issue", "oehd"},
    {"terminal/add", "o"},
    {"terminal/list", "oea"},
    {"terminal/revoke", "o"},
    {"terminal/freeze", "o"},
    {"terminal/thaw", "o"},
    {"policy/show", "oea"},
    {"policy/list", "oea"},
    {"policy/report", "oea"},
    {"policy/set", "o"},
    {"policy/cancel", "o"},
    {"code/bulk", "oed"},
    {"request/list", "oea"},
    {"request/show", "oea"},
    {"request/approve", "oe"},
    {"request/reject", "oe"},
    {"policy/test", "oea"},
    {"admin/add", "o"},
    {"admin/list", "oa"},
    {"admin/remove", "o"},
    {"admin/password", "oehads"},
    {"signin", "oehadsx"},
    {"signout", "oehads"},
    {"audit/list", "oa"},
    {"audit/head", "oa"},
    {"audit/verify", "oa"},
    {"audit/export", "oa"},
    {"server/status", "oea"},
    {"server/backup", "o"},
    {"server/freeze", "o"},
    {"server/thaw", "o"},
    {"server/clock-accept", "o"},
    {"server/keys-rotate", "o"},
};

static const char *who_may(const char *path)
{
	for (size_t i = 0; i < COUNT(TABLE); i++)
		if (strcmp(TABLE[i].path, path) == 0)
			return TABLE[i].who;
	return NULL;
}

static bool is_let(const struct admin_verb *verb, enum admin_role role,
    const char *departments)
{
	struct admin_job job = {.verb = verb, .admin = {.role = role}};
	bool may;

	strcpy(job.admin.departments, departments);
	may = admin_is_permitted(&job);
	assert_int_equal(job.status, may ? 0 : 403);
	return may;
}

static void check_verb(const struct admin_verb *verb, const char *who)
{
	static const struct {
		enum admin_role role;
		char letter;
		bool limited;
	} rows[] = {
	    {ADMIN_ROLE_OWNER, 'o', false},
	    {ADMIN_ROLE_ENROLLER, 'e', false},
	    {ADMIN_ROLE_HELPDESK, 'h', false},
	    {ADMIN_ROLE_AUDITOR, 'a', false},
	    {ADMIN_ROLE_ENROLLER, 'e', true},
	    {ADMIN_ROLE_HELPDESK, 'h', true},
	};

	bool is_open = strchr(who, 'x') != NULL;

	assert_int_equal(is_let(verb, ADMIN_ROLE_NONE, ""), is_open);
	assert_int_equal(is_let(verb, ADMIN_ROLE_COUNT, ""), is_open);
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool expected = strchr(who, rows[i].letter) &&
				(!rows[i].limited || strchr(who, 'd'));

		if (is_let(verb, rows[i].role,
			rows[i].limited ? "税務課" : "") != expected)
			fail_msg("%s: row %zu", verb->path, i);
	}
}

static void test_every_role_with_every_command(void **state)
{
	(void)state;
	for (size_t i = 0; ADMIN_TABLES[i]; i++)
		for (const struct admin_verb *v = ADMIN_TABLES[i]; v->path;
		     v++) {
			const char *who = who_may(v->path);

			if (!who)
				fail_msg("%s: say here who may", v->path);
			check_verb(v, who);
			/* What changes something is no auditor's. */
			assert_true(!v->action || !strchr(who, 'a') ||
				    strchr(who, 's'));
		}
	for (size_t i = 0; i < COUNT(TABLE); i++)
		assert_non_null(api_admin_find(TABLE[i].path));
}

/* --- administrators --------------------------------------------------------
 */

static void test_add_list_remove(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1], text[64];
	json_t *answer;

	enrol(f, serial);
	answer = call(f, "admin/add", "{\"id\":\"s1\",\"role\":\"helpdesk\"}");
	assert_true(json_is_string(json_object_get(answer, "notice")));
	json_decref(answer);
	must(f, "admin/remove", "{\"id\":\"s1\"}");
	code_at(NOW, code);
	json_decref(confirm(f, serial, code));
	must_refuse(f, "admin/add", "{\"id\":\"s9\",\"role\":\"owner\"}", 404);
	must_refuse(f, "admin/add",
	    "{\"id\":\"s1\",\"role\":\"owner\",\"departments\":\"税務課\"}",
	    400);
	must_refuse(f, "admin/add",
	    "{\"id\":\"s1\",\"role\":\"helpdesk\",\"departments\":\"a,,b\"}",
	    400);
	must(f, "admin/add",
	    "{\"id\":\"s1\",\"role\":\"helpdesk\",\"departments\":\"税務課,市民"
	    "課\"}");
	must_have_recorded(f, "\"action\":\"admin add\"");
	must_have_recorded(f, "\"role\":\"helpdesk\"");
	must_have_recorded(f, "\"departments\":\"税務課,市民課\"");
	must_refuse(f, "admin/add", "{\"id\":\"s1\",\"role\":\"owner\"}", 409);
	answer = call(f, "admin/list", "{}");
	snprintf(text, sizeof(text), "%s",
	    json_string_value(json_object_get(
		json_array_get(json_object_get(answer, "items"), 0), "role")));
	assert_string_equal(text, "helpdesk");
	json_decref(answer);
	must(f, "admin/remove", "{\"id\":\"s1\"}");
	must_refuse(f, "admin/remove", "{\"id\":\"s1\"}", 404);
	must(f, "admin/add", "{\"id\":\"s1\",\"role\":\"auditor\"}");
	/* Whoever goes administers nothing. */
	must(f, "user/remove", "{\"id\":\"s1\"}");
	answer = call(f, "admin/list", "{}");
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 0);
	json_decref(answer);
}

/* Who was tied to the account before opens it still. */
static void test_an_account_that_others_have_is_told_of(void **state)
{
	struct fixture *f = *state;
	char notice[512];

	add_person(f, "s1", "税務課");
	must(f, "user/add", "{\"id\":\"s2\",\"login\":\"s1\"}");
	get_text(f, "admin/add", "{\"id\":\"s1\",\"role\":\"owner\"}", NULL,
	    "notice", notice, sizeof(notice));
	assert_non_null(strstr(notice, "no active token"));
	assert_non_null(strstr(notice, "Others have the same account"));
}

/* --- whom ------------------------------------------------------------------
 */

static void test_departments(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], body[128];
	json_t *answer;

	add_person(f, "s2", "税務課");
	add_person(f, "s3", "税");
	enrol(f, serial); /* s1, of no department */
	become(f, NULL, ADMIN_ROLE_ENROLLER, "税務課,福祉課");
	must(f, "user/show", "{\"id\":\"s2\"}");
	must(f, "code/issue", "{\"id\":\"s2\"}");
	must_refuse(f, "code/issue", "{\"id\":\"s3\"}", 403);
	must_refuse(f, "user/show", "{\"id\":\"s1\"}", 403);
	must_refuse(f, "user/suspend", "{\"id\":\"s1\"}", 403);
	must_refuse(f, "card/invite", "{\"id\":\"s1\"}", 403);
	must_refuse(f, "card/list", "{\"id\":\"s1\"}", 403);
	must_refuse(f, "token/enroll", "{\"id\":\"s1\"}", 403);
	snprintf(body, sizeof(body), "{\"serial\":\"%s\"}", serial);
	must_refuse(f, "token/show", body, 403);
	must_refuse(f, "token/lost", body, 403);
	must_refuse(f, "user/add", "{\"id\":\"s4\"}", 403);
	must_refuse(
	    f, "user/add", "{\"id\":\"s4\",\"department\":\"総務課\"}", 403);
	add_person(f, "s4", "福祉課");
	answer = call(f, "user/list", "{}");
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 2);
	json_decref(answer);
	answer = call(f, "token/list", "{}");
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 0);
	json_decref(answer);
	/* Somebody else's account would then answer to his man, too. */
	must_refuse(f, "user/add",
	    "{\"id\":\"s5\",\"department\":\"税務課\",\"login\":\"s1\"}", 403);
	act_as_root(f);
	must_have_recorded(f, "\"reason\":\"not_permitted\"");
	must_have_recorded(f, "\"actor\":\"admin x\"");
	assert_int_equal(f->server->store->open_records > 0, true);
}

/* Any of somebody's departments makes him one's own, but nobody is let into
 * another, taken out of it, or given somebody's account. */
static void test_several_departments(void **state)
{
	static const struct {
		const char *change;
		bool may;
	} rows[] = {
	    /* 0 */
	    {"\"name\":\"山田\"", true},
	    {"\"departments\":\"税務課,総務課,福祉課\"", true},
	    {"\"departments\":\"福祉課,総務課\"", true},
	    {"\"departments\":\"福祉課,総務課,市民課\"", false},
	    {"\"departments\":\"福祉課\"", false},
	    /* 5 */
	    {"\"departments\":\"総務課\"", false},
	    {"\"login\":\"s1\"", false},
	    {"\"login\":\"s9\"", true},
	};
	struct fixture *f = *state;
	char body[256];

	add_person(f, "s1", "税務課");
	must(
	    f, "user/add", "{\"id\":\"s2\",\"departments\":\"税務課,総務課\"}");
	become(f, NULL, ADMIN_ROLE_ENROLLER, "税務課,福祉課");
	must(f, "code/issue", "{\"id\":\"s2\"}");
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *answer;

		snprintf(
		    body, sizeof(body), "{\"id\":\"s2\",%s}", rows[i].change);
		answer = call(f, "user/change", body);
		if ((answer != NULL) != rows[i].may ||
		    (!answer && f->status != 403))
			fail_msg("row %zu: %s", i, f->detail);
		json_decref(answer);
	}
	must_refuse(f, "user/add",
	    "{\"id\":\"s4\",\"departments\":\"税務課,総務課\"}", 403);
	become(f, NULL, ADMIN_ROLE_ENROLLER, "総務");
	must_refuse(f, "user/show", "{\"id\":\"s2\"}", 403);
}

static void test_not_oneself(void **state)
{
	static const char *const paths[] = {
	    "code/issue", "user/unlock", "token/enroll", "user/resume"};
	struct fixture *f = *state;

	add_person(f, "s2", "税務課");
	make_admin(f, "s2", ADMIN_ROLE_ENROLLER, "");
	become(f, "s2", ADMIN_ROLE_ENROLLER, "");
	for (size_t i = 0; i < COUNT(paths); i++)
		must_refuse(f, paths[i], "{\"id\":\"s2\"}", 403);
	must(f, "user/show", "{\"id\":\"s2\"}");
	become(f, "s2", ADMIN_ROLE_OWNER, "");
	must_refuse(f, "code/issue", "{\"id\":\"s2\"}", 403);
	must_refuse(f, "admin/remove", "{\"id\":\"s2\"}", 403);
}

static void test_nobody_above(void **state)
{
	static const struct {
		enum admin_role asking, other;
		const char *of_asking, *of_other;
		bool may;
	} rows[] = {
	    /* 0 */
	    {ADMIN_ROLE_OWNER, ADMIN_ROLE_OWNER, "", "", true},
	    {ADMIN_ROLE_OWNER, ADMIN_ROLE_AUDITOR, "", "", true},
	    {ADMIN_ROLE_ENROLLER, ADMIN_ROLE_OWNER, "", "", false},
	    {ADMIN_ROLE_ENROLLER, ADMIN_ROLE_AUDITOR, "", "", false},
	    {ADMIN_ROLE_ENROLLER, ADMIN_ROLE_ENROLLER, "", "", true},
	    /* 5 */
	    {ADMIN_ROLE_ENROLLER, ADMIN_ROLE_ENROLLER, "a", "", false},
	    {ADMIN_ROLE_ENROLLER, ADMIN_ROLE_ENROLLER, "a", "b,a", false},
	    {ADMIN_ROLE_ENROLLER, ADMIN_ROLE_ENROLLER, "a,b", "b", true},
	    {ADMIN_ROLE_ENROLLER, ADMIN_ROLE_ENROLLER, "", "b", true},
	    {ADMIN_ROLE_HELPDESK, ADMIN_ROLE_ENROLLER, "a", "a", false},
	    /* 10 */
	    {ADMIN_ROLE_HELPDESK, ADMIN_ROLE_HELPDESK, "a", "a", true},
	    {ADMIN_ROLE_ENROLLER, ADMIN_ROLE_HELPDESK, "a", "", true},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char user[16], body[64];
		json_t *answer;

		act_as_root(f);
		snprintf(user, sizeof(user), "p%zu", i);
		snprintf(body, sizeof(body), "{\"id\":\"%s\"}", user);
		add_person(f, user, "a");
		make_admin(f, user, rows[i].other, rows[i].of_other);
		become(f, NULL, rows[i].asking, rows[i].of_asking);
		f->admin.person_id = 999999;
		answer = call(f, "code/issue", body);
		if ((answer != NULL) != rows[i].may)
			fail_msg("row %zu: %s", i, f->detail);
		json_decref(answer);
	}
}

/* What a list, an import of tokens or an account shared could do to an owner,
 * an enroller cannot. */
static void test_nobody_above_by_another_way(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], body[128];

	enrol(f, serial); /* s1 */
	make_admin(f, "s1", ADMIN_ROLE_OWNER, "");
	become(f, NULL, ADMIN_ROLE_ENROLLER, "");
	f->admin.person_id = 999999;
	must_refuse(f, "user/import",
	    "{\"rows\":[{\"row\":2,\"id\":\"s1\",\"name\":\"別人\"}]}", 409);
	must(f, "user/import", "{\"rows\":[{\"row\":2,\"id\":\"s1\"}]}");
	must_refuse(f, "user/import",
	    "{\"rows\":[{\"row\":2,\"id\":\"s7\"}],\"whole_staff\":true}", 409);
	must_refuse(f, "user/import",
	    "{\"rows\":[{\"row\":2,\"id\":\"s7\",\"login\":\"s1\"}]}", 409);
	must_refuse(f, "user/add", "{\"id\":\"s7\",\"login\":\"s1\"}", 403);
	must_refuse(f, "token/import",
	    "{\"rows\":[{\"user\":\"s1\",\"type\":\"totp\",\"algorithm\":"
	    "\"sha1\",\"digits\":6,\"period\":30,\"secret\":"
	    "\"3132333435363738393031323334353637383930aa\"}]}",
	    409);
	snprintf(body, sizeof(body), "{\"serial\":\"%s\"}", serial);
	must_refuse(f, "token/revoke", body, 403);
	must_refuse(f, "token/lost", body, 403);
	must(f, "token/show", body);
}

/* What each command needs to be asked at all, of person s1 and his token. */
static bool fill(
    const struct admin_verb *verb, const char *serial, char *out, size_t size)
{
	static const char *const values[][2] = {
	    {"id", "\"s1\""},
	    {"code", "\"123456\""},
	    {"next", "\"234567\""},
	    {"until", "\"2026-06-30\""},
	    {"certificate", "\"x\""},
	};
	bool concerns = false;
	size_t used = (size_t)snprintf(out, size, "{");

	for (size_t i = 0; i < ADMIN_MEMBERS_MAX && verb->members[i].name;
	     i++) {
		const char *name = verb->members[i].name;
		const char *value = NULL;
		char text[96];

		if (!verb->members[i].required && strcmp(name, "code") != 0)
			continue;
		snprintf(text, sizeof(text), "\"%s\"", serial);
		if (strcmp(name, "serial") == 0)
			value = text;
		for (size_t j = 0; j < COUNT(values); j++)
			if (strcmp(name, values[j][0]) == 0)
				value = values[j][1];
		if (!value)
			return false;
		concerns |= !strcmp(name, "id") || !strcmp(name, "serial");
		used += (size_t)snprintf(out + used, size - used, "%s\"%s\":%s",
		    used > 1 ? "," : "", name, value);
	}
	snprintf(out + used, size - used, "}");
	return concerns;
}

/* Whatever an enroller may do at all, he is refused, and not told more. */
static void must_refuse_all(struct fixture *f, const char *serial)
{
	char body[512];
	size_t asked = 0;

	for (size_t i = 0; ADMIN_TABLES[i]; i++)
		for (const struct admin_verb *v = ADMIN_TABLES[i]; v->path;
		     v++) {
			if (!(v->roles & ADMIN_ENROLLERS) || !v->action ||
			    !fill(v, serial, body, sizeof(body)) ||
			    strcmp(v->path, "user/add") == 0)
				continue;
			must_refuse(f, v->path, body, 403);
			asked++;
		}
	assert_true(asked >= 18);
}

static void test_no_command_reaches_beyond(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE];

	enrol(f, serial); /* s1 */
	must(f, "user/change", "{\"id\":\"s1\",\"department\":\"市民課\"}");
	become(f, NULL, ADMIN_ROLE_ENROLLER, "税務課");
	f->admin.person_id = 999999;
	must_refuse_all(f, serial);
	act_as_root(f);
	must(f, "admin/add", "{\"id\":\"s1\",\"role\":\"owner\"}");
	become(f, NULL, ADMIN_ROLE_ENROLLER, "");
	f->admin.person_id = 999999;
	must_refuse_all(f, serial);
	become(f, "s1", ADMIN_ROLE_ENROLLER, "");
	must_refuse_all(f, serial); /* himself */
}

/* --- what is written down --------------------------------------------------
 */

static size_t count_records(struct fixture *f, const char *part)
{
	json_t *answer, *item;
	size_t i, count = 0;

	act_as_root(f);
	answer = call(f, "audit/list", "{\"limit\":100}");
	json_array_foreach(json_object_get(answer, "items"), i, item)
	{
		char *text = json_dumps(item, JSON_COMPACT);

		count += strstr(text, part) != NULL;
		free(text);
	}
	json_decref(answer);
	return count;
}

static void test_what_an_auditor_reads_is_recorded(void **state)
{
	struct fixture *f = *state;

	add_person(f, "s2", "税務課");
	become(f, NULL, ADMIN_ROLE_AUDITOR, "");
	must(f, "user/show", "{\"id\":\"s2\"}");
	must(f, "user/list", "{}");
	must(f, "audit/list", "{\"user\":\"s2\"}");
	must_refuse(f, "user/suspend", "{\"id\":\"s2\"}", 403);
	assert_int_equal(count_records(f, "\"action\":\"user/show\""), 1);
	assert_int_equal(count_records(f, "\"action\":\"user/list\""), 1);
	assert_int_equal(count_records(f, "\"action\":\"audit/list\""), 1);
	assert_int_equal(count_records(f, "\"reason\":\"not_permitted\""), 1);
	/* Root's own leave none, as ever. */
	must(f, "user/list", "{}");
	assert_int_equal(count_records(f, "\"action\":\"user/list\""), 1);
	/* What is not for somebody is, also where only reading was asked. */
	become(f, NULL, ADMIN_ROLE_HELPDESK, "");
	must_refuse(f, "audit/list", "{}", 403);
	assert_int_equal(count_records(f, "\"reason\":\"not_permitted\""), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_every_role_with_every_command),
	    TEST(test_add_list_remove),
	    TEST(test_an_account_that_others_have_is_told_of),
	    TEST(test_departments),
	    TEST(test_several_departments),
	    TEST(test_not_oneself),
	    TEST(test_nobody_above),
	    TEST(test_nobody_above_by_another_way),
	    TEST(test_no_command_reaches_beyond),
	    TEST(test_what_an_auditor_reads_is_recorded),
	};

	return cmocka_run_group_tests_name("admin_roles", tests, NULL, NULL);
}
