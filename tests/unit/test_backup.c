/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup is taken while the store is written to, opens with its recovery
 * key only, and comes back as a store that trusts nothing which may have been
 * used since.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/keys/recovery.h"
#include "server/store/backup.h"
#include "server/store/card.h"
#include "server/store/grace_store.h"
#include "server/store/once.h"
#include "server/store/subject.h"
#include "server/store/terminal.h"
#include "tests/unit/store_fixture.h"

enum {
	LATER_S = NOW_S + 3600
};

struct paths {
	char recovery[128], backup[128], db[128], kek[128];
};

static struct paths paths_in(const struct fixture *f)
{
	struct paths p;

	snprintf(p.recovery, sizeof(p.recovery), "%s/recovery", f->folder);
	snprintf(p.backup, sizeof(p.backup), "%s/backup", f->folder);
	snprintf(p.db, sizeof(p.db), "%s/restored", f->folder);
	snprintf(p.kek, sizeof(p.kek), "%s/restored-kek", f->folder);
	return p;
}

static int remove_files(void **state)
{
	struct fixture *f = *state;

	fixture_run(f->folder, "rm -f backup* restored* recovery*");
	return fixture_teardown(state);
}

static void make_recovery_key(struct fixture *f, const struct paths *p)
{
	char *pem = NULL;

	assert_int_equal(recovery_key_new(p->recovery, &pem), ERR_NONE);
	COMMITTED(f->store, store_set_text(f->store, STORE_RECOVERY_KEY, pem));
	free(pem);
}

static enum err write_backup(struct store *store, const char *path)
{
	struct backup *backup = NULL;
	enum err err = ERR_NONE;
	bool more = true;

	while (more && err == ERR_NONE)
		err = backup_step(store, path, NOW_MS, &backup, &more);
	assert_null(backup);
	return err;
}

static enum err restore(const struct paths *p, int64_t now_s)
{
	const struct backup_restore request = {
	    .backup_path = p->backup,
	    .recovery_key_path = p->recovery,
	    .db_path = p->db,
	    .key_path = p->kek,
	    .now_ms = now_s * 1000,
	};

	return backup_restore(&request);
}

static void test_without_recovery_key(void **state)
{
	struct fixture *f = *state;
	struct paths p = paths_in(f);

	assert_int_equal(write_backup(f->store, p.backup), ERR_NOT_ALLOWED);
	assert_int_not_equal(access(p.backup, F_OK), 0);
	assert_null(f->store->backup);
}

/* As the server does it: other transactions between the steps. */
static void test_while_written_to(void **state)
{
	struct fixture *f = *state;
	struct paths p = paths_in(f);
	struct audit_entry entry = {.kind = "server", .time_ms = NOW_MS};
	struct backup *backup = NULL, *second = NULL;
	struct audit_check check = {.next_seq = 1};
	struct keyring *keyring = NULL;
	struct store *store = NULL;
	bool more = true;
	int64_t seq_before_end = 0;

	make_recovery_key(f, &p);
	while (more) {
		seq_before_end = f->store->head.seq;
		COMMITTED(f->store,
		    backup_step(f->store, p.backup, NOW_MS, &backup, &more));
		if (!more)
			break;
		assert_int_equal(
		    backup_step(f->store, p.recovery, NOW_MS, &second, &more),
		    ERR_BUSY);
		COMMITTED(f->store, audit_append(f->store, &entry, NULL));
	}
	assert_null(backup);
	assert_true(seq_before_end > 3);
	assert_int_equal(write_backup(f->store, p.backup), ERR_EXISTS);

	assert_int_equal(restore(&p, LATER_S), ERR_NONE);
	assert_int_equal(keyring_open(p.kek, &keyring), ERR_NONE);
	assert_int_equal(store_open(p.db, keyring, LATER_S, &store), ERR_NONE);
	assert_string_equal(store->instance, f->store->instance);
	/* All that was committed before its last page was copied, which may
	 * have been at the end of the last transaction but one, and the
	 * record of the restore. */
	assert_in_range(store->head.seq, seq_before_end, seq_before_end + 1);
	assert_int_equal(
	    audit_verify_step(store, NULL, 10000, &check), ERR_NONE);
	assert_int_equal(check.first_bad, 0);
	assert_int_equal(check.next_seq, 0);
	store_close(store);
	keyring_free(keyring);
}

static void test_given_up(void **state)
{
	struct fixture *f = *state;
	struct paths p = paths_in(f);
	struct backup *backup = NULL;
	bool more = false;

	make_recovery_key(f, &p);
	assert_int_equal(
	    backup_step(f->store, p.backup, NOW_MS, &backup, &more), ERR_NONE);
	assert_true(more);
	assert_int_equal(access(p.backup, F_OK), 0);
	backup_cancel(f->store, &backup);
	assert_null(backup);
	assert_int_not_equal(access(p.backup, F_OK), 0);
	assert_int_equal(write_backup(f->store, p.backup), ERR_NONE);
}

static const unsigned char invitation[CARD_INVITATION_HASH_BYTES] = "code";

static const unsigned char session[GRACE_SESSION_BYTES] = "one";

static void begin_grace(struct store *store, const struct person *person,
    const struct terminal *terminal)
{
	const struct grace_login login = {.login = "first",
	    .person_id = person->id,
	    .terminal_id = terminal->id,
	    .factor = FACTOR_OTP,
	    .since = LATER_S};
	struct grace_row row;
	bool tied = false;

	assert_int_equal(grace_begin(store, &login), ERR_NONE);
	assert_int_equal(
	    grace_tie(store, terminal->id, login.login, session, &tied),
	    ERR_NONE);
	assert_int_equal(
	    grace_find(store, session, person->id, LATER_S, &row), ERR_NONE);
	assert_true(row.grace.given);
}

static void fill(
    struct store *store, const struct secret *join, int64_t *out_person)
{
	struct person person = fixture_person("s1");
	struct token totp, slow, hotp, lost, spare;
	struct terminal terminal = {.name = "pc1"};
	struct once once = {.key = "0123456789abcde", .until = LATER_S + 90};
	struct secret hash = {0};

	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(person_add(store, &person), ERR_NONE);
	totp = fixture_token(person.id, "12345678901234567890");
	strcpy(totp.serial, "totp");
	assert_int_equal(token_add(store, &totp, &FIXTURE_DEED), ERR_NONE);
	slow = fixture_token(person.id, "a seed for each minute");
	strcpy(slow.serial, "slow");
	slow.otp.period_s = 60;
	assert_int_equal(token_add(store, &slow, &FIXTURE_DEED), ERR_NONE);
	hotp = fixture_token(person.id, "a seed based on counting");
	strcpy(hotp.serial, "hotp");
	hotp.otp.type = OTP_HOTP;
	hotp.otp.period_s = 0;
	assert_int_equal(token_add(store, &hotp, &FIXTURE_DEED), ERR_NONE);
	lost = fixture_token(person.id, "a seed that somebody found");
	strcpy(lost.serial, "lost");
	lost.otp.type = OTP_HOTP;
	lost.otp.period_s = 0;
	lost.state = TOKEN_LOST;
	assert_int_equal(token_add(store, &lost, &FIXTURE_DEED), ERR_NONE);
	spare = fixture_token(person.id, "a seed out of the drawer");
	strcpy(spare.serial, "spare");
	spare.loan_until = LATER_S + 9999;
	assert_int_equal(token_add(store, &spare, &FIXTURE_DEED), ERR_NONE);
	assert_int_equal(
	    emergency_hash(store, person.id, "12345678", 8, &hash), ERR_NONE);
	assert_int_equal(
	    emergency_add(store, person.id, &hash, LATER_S + 9999, NOW_S),
	    ERR_NONE);
	assert_int_equal(terminal_add(store, &terminal), ERR_NONE);
	assert_int_equal(
	    terminal_set_join_code(store, terminal.id, join, LATER_S + 9999),
	    ERR_NONE);
	assert_int_equal(once_add(store, &once), ERR_NONE);
	assert_int_equal(
	    card_invite(store, person.id, invitation, LATER_S + 9999),
	    ERR_NONE);
	begin_grace(store, &person, &terminal);
	assert_int_equal(store_commit(store), ERR_NONE);
	*out_person = person.id;
}

/* Of what its clock could at most be learned to be ahead since the backup, and
 * the widest window: the last code that may have let somebody in. */
static int64_t last_seen_step(const struct otp_token *otp)
{
	return LATER_S / otp->period_s + OTP_DRIFT_MAX + OTP_WINDOW_STEPS_MAX;
}

static void check_distrust(struct store *store, const struct secret *join)
{
	const unsigned char key[ONCE_KEY_BYTES] = "0123456789abcde";
	struct person person;
	struct subject subject;
	struct terminal terminal;
	struct token token;
	struct once once;
	struct clock_reading mark;
	struct grace_row row;
	int64_t invited = 0;
	bool used = false;

	assert_int_equal(store->floor_s, LATER_S + 60);
	assert_int_equal(card_invitation_find(store, invitation, invitation,
			     LATER_S, &invited, &used),
	    ERR_NOT_FOUND);
	assert_int_equal(person_find(store, "s1", &person), ERR_NONE);
	assert_int_equal(
	    subject_load(store, &person, FACTOR_OTP, 1, LATER_S, &subject),
	    ERR_NONE);
	assert_int_equal(subject.token_count, 2);
	assert_string_equal(subject.tokens[0].serial, "totp");
	assert_string_equal(subject.tokens[1].serial, "slow");
	for (size_t i = 0; i < 2; i++)
		assert_true(subject.tokens[i].otp.floor >
			    last_seen_step(&subject.tokens[i].otp));
	/* And not for ever. */
	assert_true(subject.tokens[0].otp.floor <= LATER_S / 30 + 15);
	assert_memory_equal(
	    subject.tokens[0].otp.seed.bytes, "12345678901234567890", 20);
	assert_int_equal(token_find(store, "hotp", false, &token), ERR_NONE);
	assert_int_equal(token.state, TOKEN_VOID);
	/* Somebody else may have it by now. */
	assert_int_equal(token_find(store, "spare", false, &token), ERR_NONE);
	assert_true(token_is_due(&token, LATER_S));
	/* Not void, from where confirm would bring it back. */
	assert_int_equal(token_find(store, "lost", false, &token), ERR_NONE);
	assert_int_equal(token.state, TOKEN_LOST);
	assert_int_equal(
	    subject_load(store, &person, FACTOR_EMERGENCY, 1, NOW_S, &subject),
	    ERR_NONE);
	assert_int_equal(subject.emergency_count, 0);
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(terminal_use_join_code(store, join, NOW_S, &terminal),
	    ERR_NOT_FOUND);
	store_rollback(store);
	assert_int_equal(once_find(store, key, LATER_S, &once), ERR_NOT_FOUND);
	assert_int_equal(
	    grace_find(store, session, person.id, LATER_S, &row), ERR_NONE);
	assert_false(row.grace.given);
	assert_int_equal(store_get_mark(store, &mark), ERR_NONE);
	assert_int_equal(mark.wall_s, LATER_S);
}

static void test_restored_store_trusts_nothing(void **state)
{
	struct fixture *f = *state;
	struct paths p = paths_in(f);
	struct secret join = {0};
	struct keyring *keyring = NULL;
	struct store *store = NULL;
	int64_t person_id = 0;

	assert_int_equal(secret_random(&join, 10), ERR_NONE);
	make_recovery_key(f, &p);
	fill(f->store, &join, &person_id);
	assert_int_equal(write_backup(f->store, p.backup), ERR_NONE);
	assert_int_equal(restore(&p, LATER_S), ERR_NONE);
	assert_int_equal(keyring_open(p.kek, &keyring), ERR_NONE);
	assert_int_equal(store_open(p.db, keyring, LATER_S, &store), ERR_NONE);
	check_distrust(store, &join);
	store_close(store);
	keyring_free(keyring);
	/* the backup is as it was, and serves again elsewhere */
	fixture_run(f->folder, "rm restored restored-kek");
	assert_int_equal(restore(&p, LATER_S + 10), ERR_NONE);
}

static void flip_byte(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR);
	unsigned char byte = 0;

	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 0x55;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void nothing_was_made(struct fixture *f)
{
	fixture_run(f->folder, "test -z \"$(ls | grep restored)\"");
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	struct paths p = paths_in(f), other;
	char *pem = NULL;

	make_recovery_key(f, &p);
	assert_int_equal(write_backup(f->store, p.backup), ERR_NONE);

	other = p;
	snprintf(
	    other.recovery, sizeof(other.recovery), "%s/recovery2", f->folder);
	assert_int_equal(recovery_key_new(other.recovery, &pem), ERR_NONE);
	free(pem);
	assert_int_equal(restore(&other, LATER_S), ERR_CRYPTO);
	nothing_was_made(f);

	strcpy(other.recovery, p.recovery);
	snprintf(other.backup, sizeof(other.backup), "%s/original", f->folder);
	assert_int_equal(restore(&other, LATER_S), ERR_INVALID);
	nothing_was_made(f);
	strcpy(other.backup, p.recovery);
	assert_int_equal(restore(&other, LATER_S), ERR_INVALID);
	nothing_was_made(f);
	strcpy(other.backup, f->folder);
	assert_int_equal(restore(&other, LATER_S), ERR_INVALID);
	nothing_was_made(f);
	strcat(other.backup, "/none");
	assert_int_equal(restore(&other, LATER_S), ERR_NOT_FOUND);
	nothing_was_made(f);

	fixture_run(f->folder, "touch restored-kek");
	assert_int_equal(restore(&p, LATER_S), ERR_EXISTS);
	fixture_run(f->folder, "mv restored-kek restored");
	assert_int_equal(restore(&p, LATER_S), ERR_EXISTS);
	fixture_run(
	    f->folder, "test ! -s restored && mv restored restored-wal");
	assert_int_equal(restore(&p, LATER_S), ERR_EXISTS);
	fixture_run(f->folder, "rm restored-wal");
	flip_byte(p.backup, 5 * 4096 + 1); /* of a b-tree page's head */
	assert_int_equal(restore(&p, LATER_S), ERR_CORRUPT);
	nothing_was_made(f);
	flip_byte(p.backup, 5 * 4096 + 1); /* and back */
	flip_byte(p.backup, 92);           /* where nothing else looks */
	assert_int_equal(restore(&p, LATER_S), ERR_CORRUPT);
	nothing_was_made(f);
}

int main(void)
{
#define BACKUP_TEST(name)                                                      \
	cmocka_unit_test_setup_teardown(name, fixture_setup, remove_files)
	const struct CMUnitTest tests[] = {
	    BACKUP_TEST(test_without_recovery_key),
	    BACKUP_TEST(test_while_written_to),
	    BACKUP_TEST(test_given_up),
	    BACKUP_TEST(test_restored_store_trusts_nothing),
	    BACKUP_TEST(test_refusals),
	};

	return STORE_RUN("backup", tests);
}
