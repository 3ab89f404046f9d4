/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys bound to persons, trusted CAs and invitations, and that what is cached
 * of them moves with the transaction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/card.h"
#include "tests/unit/card_maker.h"
#include "tests/unit/store_fixture.h"

static struct maker_ca town, other;

static int setup_group(void **state)
{
	town = maker_ca_new("Town CA");
	other = maker_ca_new("Other CA");
	return fixture_setup_group(state);
}

static int teardown_group(void **state)
{
	maker_ca_free(&town);
	maker_ca_free(&other);
	return fixture_teardown_group(state);
}

static int64_t add_person(struct store *store, const char *user)
{
	struct person person = fixture_person(user);

	person.enrolled_at = 0;
	assert_int_equal(person_add(store, &person), ERR_NONE);
	return person.id;
}

/* Of a new key. The caller frees. */
static struct maker_bytes new_card(
    const char *subject, struct card_certificate *out)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	const struct maker_wish wish = {.key = key, .subject = subject};
	struct maker_bytes der = maker_x509_der(maker_issue(&wish, &town));

	assert_int_equal(
	    card_certificate_describe(der.bytes, der.length, out), ERR_NONE);
	EVP_PKEY_free(key);
	return der;
}

static enum err add_card(
    struct store *store, int64_t person_id, struct card_certificate *out)
{
	struct maker_bytes der = new_card("alice", out);
	int64_t holder = 0;
	enum err err = card_add(
	    store, person_id, out, der.bytes, der.length, NOW_S, &holder);

	free(der.bytes);
	return err;
}

static size_t count_keys(struct store *store, int64_t person_id)
{
	struct subject_card keys[SUBJECT_CARDS_MAX];
	size_t count = 99;

	assert_int_equal(card_keys(store, person_id, keys, &count), ERR_NONE);
	return count;
}

static enum err count_one(void *context, const struct card *card)
{
	assert_string_equal(card->certificate.issuer, "CN=Town CA");
	(*(int *)context)++;
	return ERR_NONE;
}

/* --- cards --------------------------------------------------------------- */

static void test_bound(void **state)
{
	struct fixture *f = *state;
	struct card_certificate certificate;
	struct subject_card keys[SUBJECT_CARDS_MAX];
	struct person person;
	struct card card;
	int64_t id;
	size_t count;
	int seen = 0;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	id = add_person(f->store, "s1");
	assert_false(card_any_bound(f->store));
	assert_int_equal(add_card(f->store, id, &certificate), ERR_NONE);
	assert_true(card_any_bound(f->store));
	assert_int_equal(store_commit(f->store), ERR_NONE);
	fixture_reopen(f);
	assert_true(card_any_bound(f->store));
	assert_int_equal(card_find(f->store, certificate.key, &card), ERR_NONE);
	assert_int_equal(card.person_id, id);
	assert_string_equal(card.user, "s1");
	assert_int_equal(card.state, CARD_STATE_ACTIVE);
	assert_memory_equal(
	    &card.certificate, &certificate, sizeof(certificate));
	assert_int_equal(card.enrolled_at, NOW_S);
	assert_int_equal(card.last_used_at, 0);
	assert_int_equal(person_find(f->store, "s1", &person), ERR_NONE);
	assert_int_equal(person.enrolled_at, NOW_S);

	assert_int_equal(card_keys(f->store, id, keys, &count), ERR_NONE);
	assert_int_equal(count, 1);
	assert_int_equal(keys[0].id, card.id);
	assert_memory_equal(keys[0].key, certificate.key, CARD_KEY_BYTES);
	COMMITTED(f->store, card_used(f->store, card.id, NOW_S + 5));
	COMMITTED(f->store, card_used(f->store, card.id, NOW_S + 6));
	assert_int_equal(card_find(f->store, certificate.key, &card), ERR_NONE);
	assert_int_equal(card.last_used_at, NOW_S + 6);
	assert_int_equal(card_each(f->store, id, count_one, &seen), ERR_NONE);
	assert_int_equal(
	    card_each(f->store, id + 1, count_one, &seen), ERR_NONE);
	assert_int_equal(seen, 1);
	certificate.key[0] ^= 1;
	assert_int_equal(
	    card_find(f->store, certificate.key, &card), ERR_NOT_FOUND);
}

static void test_one_holder(void **state)
{
	struct fixture *f = *state;
	struct card_certificate certificate;
	struct maker_bytes der = new_card("alice", &certificate);
	int64_t first, second, holder = 0;
	struct card card;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	first = add_person(f->store, "s1");
	second = add_person(f->store, "s2");
	assert_int_equal(card_add(f->store, first, &certificate, der.bytes,
			     der.length, NOW_S, &holder),
	    ERR_NONE);
	for (int i = 0; i < 2; i++) {
		holder = 0;
		assert_int_equal(
		    card_add(f->store, i ? first : second, &certificate,
			der.bytes, der.length, NOW_S, &holder),
		    ERR_EXISTS);
		assert_int_equal(holder, first);
	}
	assert_int_equal(f->store->cards_bound, 1);

	/* revoked, it may be bound anew, to whomever */
	assert_int_equal(card_find(f->store, certificate.key, &card), ERR_NONE);
	assert_int_equal(card_revoke(f->store, card.id), ERR_NONE);
	assert_int_equal(card_revoke(f->store, card.id), ERR_NOT_FOUND);
	assert_false(card_any_bound(f->store));
	assert_int_equal(count_keys(f->store, first), 0);
	assert_int_equal(card_find(f->store, certificate.key, &card), ERR_NONE);
	assert_int_equal(card.state, CARD_STATE_REVOKED);
	assert_int_equal(card_add(f->store, second, &certificate, der.bytes,
			     der.length, NOW_S + 1, &holder),
	    ERR_NONE);
	assert_int_equal(count_keys(f->store, first), 0);
	assert_int_equal(count_keys(f->store, second), 1);
	assert_int_equal(card_find(f->store, certificate.key, &card), ERR_NONE);
	assert_int_equal(card.person_id, second);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	free(der.bytes);
}

static void test_how_many(void **state)
{
	struct fixture *f = *state;
	struct card_certificate certificate;
	struct card card;
	int64_t id;
	int seen = 0;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	id = add_person(f->store, "s1");
	for (int i = 0; i < SUBJECT_CARDS_MAX; i++)
		assert_int_equal(
		    add_card(f->store, id, &certificate), ERR_NONE);
	assert_int_equal(card_find(f->store, certificate.key, &card), ERR_NONE);
	assert_int_equal(add_card(f->store, id, &certificate), ERR_FULL);
	assert_int_equal(card_revoke(f->store, card.id), ERR_NONE);
	assert_int_equal(add_card(f->store, id, &certificate), ERR_NONE);
	assert_int_equal(
	    card_each_after(f->store, 0, 3, count_one, &seen), ERR_NONE);
	assert_int_equal(seen, 3);
	assert_int_equal(
	    card_each_after(f->store, card.id, 99, count_one, &seen), ERR_NONE);
	assert_int_equal(seen, 4);
	assert_int_equal(f->store->cards_bound, SUBJECT_CARDS_MAX);
	assert_int_equal(card_revoke_all(f->store, id), ERR_NONE);
	assert_int_equal(f->store->cards_bound, 0);
	assert_int_equal(count_keys(f->store, id), 0);
	assert_int_equal(store_commit(f->store), ERR_NONE);
}

static void test_renewed_certificate(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct maker_wish wish = {.key = key};
	struct maker_bytes old = maker_x509_der(maker_issue(&wish, &town));
	struct maker_bytes renewed;
	struct card_certificate certificate;
	int64_t holder = 0;
	struct card card;

	wish.until = NOW_S + 7;
	renewed = maker_x509_der(maker_issue(&wish, &town));
	assert_int_equal(
	    card_certificate_describe(old.bytes, old.length, &certificate),
	    ERR_NONE);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(
	    card_add(f->store, add_person(f->store, "s1"), &certificate,
		old.bytes, old.length, NOW_S, &holder),
	    ERR_NONE);
	assert_int_equal(card_find(f->store, certificate.key, &card), ERR_NONE);
	assert_int_equal(
	    card_renew(f->store, card.id, renewed.bytes, renewed.length),
	    ERR_NONE);
	assert_int_equal(
	    card_renew(f->store, card.id + 1, renewed.bytes, renewed.length),
	    ERR_NOT_FOUND);
	assert_int_equal(card_find(f->store, certificate.key, &card), ERR_NONE);
	assert_int_equal(card.certificate.valid_until, NOW_S + 7);
	assert_int_equal(card.der_length, renewed.length);
	assert_memory_equal(card.der, renewed.bytes, renewed.length);
	store_rollback(f->store);
	free(old.bytes);
	free(renewed.bytes);
	EVP_PKEY_free(key);
}

/* --- CAs ----------------------------------------------------------------- */

static enum err trust(struct store *store, const struct maker_ca *ca,
    bool needs_crl, X509_CRL *crl)
{
	struct maker_bytes der = maker_ca_der(ca), list = {0};
	struct card_authority authority = {.certificate = der.bytes,
	    .certificate_length = der.length,
	    .needs_crl = needs_crl};
	enum err err;

	if (crl)
		list = maker_crl_der(crl);
	authority.crl = list.bytes;
	authority.crl_length = list.length;
	err = card_authority_set(store, &authority, NOW_S);
	free(der.bytes);
	free(list.bytes);
	return err;
}

static enum card_standing stand(struct store *store, const char *subject)
{
	struct card_certificate certificate;
	struct maker_bytes der = new_card(subject, &certificate);
	enum card_standing standing = card_certificate_stand(
	    store->card_authorities, der.bytes, der.length, NOW_S);

	free(der.bytes);
	return standing;
}

static X509_CRL *fresh_crl(void)
{
	return maker_crl(&town, town.key, NOW_S - 1, NOW_S + 50, NULL);
}

struct seen {
	int count;
	struct card_authority_row rows[4];
};

static enum err see(void *context, const struct card_authority_row *row)
{
	struct seen *seen = context;

	assert_true(seen->count < 4);
	seen->rows[seen->count++] = *row;
	return ERR_NONE;
}

static void test_trusted(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	unsigned char key[CARD_KEY_BYTES];

	assert_int_equal(stand(f->store, "x"), CARD_UNTRUSTED);
	COMMITTED(f->store, trust(f->store, &town, true, NULL));
	assert_int_equal(stand(f->store, "x"), CARD_CRL_MISSING);
	COMMITTED(f->store, trust(f->store, &other, false, NULL));
	COMMITTED(f->store, trust(f->store, &town, true, fresh_crl()));
	assert_int_equal(stand(f->store, "x"), CARD_GOOD);
	fixture_reopen(f);
	assert_int_equal(stand(f->store, "x"), CARD_GOOD);
	assert_int_equal(card_authority_each(f->store, see, &seen), ERR_NONE);
	assert_int_equal(seen.count, 2);
	for (int i = 0; i < 2; i++) {
		const struct card_authority_row *row = &seen.rows[i];
		bool is_town =
		    strcmp(row->certificate.subject, "CN=Town CA") == 0;

		assert_int_equal(row->needs_crl, is_town);
		assert_int_equal(row->crl_until, is_town ? NOW_S + 50 : 0);
		assert_int_equal(row->added_at, NOW_S);
		if (is_town)
			memcpy(key, row->certificate.key, sizeof(key));
	}
	COMMITTED(f->store, card_authority_remove(f->store, key));
	assert_int_equal(stand(f->store, "x"), CARD_UNTRUSTED);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(card_authority_remove(f->store, key), ERR_NOT_FOUND);
	store_rollback(f->store);
}

static void test_nonsense_is_not_trusted(void **state)
{
	struct fixture *f = *state;
	const struct card_authority authority = {
	    .certificate = (const unsigned char *)"x", .certificate_length = 1};

	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(
	    card_authority_set(f->store, &authority, NOW_S), ERR_INVALID);
	store_rollback(f->store);
}

/* A commit that fails is a rollback. */
static void test_moves_with_the_transaction(void **state)
{
	struct fixture *f = *state;
	struct card_authorities *before = f->store->card_authorities;
	struct card_certificate certificate;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_begin(f->store), ERR_NONE);
		assert_int_equal(trust(f->store, &town, false, NULL), ERR_NONE);
		assert_int_equal(stand(f->store, "x"), CARD_GOOD);
		assert_int_equal(trust(f->store, &town, true, NULL), ERR_NONE);
		assert_int_equal(stand(f->store, "x"), CARD_CRL_MISSING);
		assert_int_equal(add_card(f->store, add_person(f->store, "s1"),
				     &certificate),
		    ERR_NONE);
		assert_true(card_any_bound(f->store));
		if (i == 0) {
			store_rollback(f->store);
		} else {
			(void)db_script(f->store->db, "SELECT nothing");
			assert_int_not_equal(store_commit(f->store), ERR_NONE);
		}
		assert_ptr_equal(f->store->card_authorities, before);
		assert_false(card_any_bound(f->store));
		assert_int_equal(stand(f->store, "x"), CARD_UNTRUSTED);
	}
}

/* --- invitations --------------------------------------------------------- */

static const unsigned char FIRST[CARD_INVITATION_HASH_BYTES] = "1";
static const unsigned char SECOND[CARD_INVITATION_HASH_BYTES] = "2";
static const unsigned char KEY[CARD_KEY_BYTES] = "key";

/* 0: none such. */
static int64_t invited(struct store *store, const unsigned char *hash,
    const unsigned char *key, int64_t now_s, bool *out_used)
{
	int64_t id = 0;
	enum err err =
	    card_invitation_find(store, hash, key, now_s, &id, out_used);

	assert_int_equal(err, id ? ERR_NONE : ERR_NOT_FOUND);
	return id;
}

static void test_invitations(void **state)
{
	struct fixture *f = *state;
	bool used = true;
	int64_t id;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	id = add_person(f->store, "s1");
	assert_int_equal(invited(f->store, FIRST, KEY, NOW_S, &used), 0);
	assert_int_equal(
	    card_invite(f->store, id, FIRST, NOW_S + 600), ERR_NONE);
	/* the second replaces the first */
	assert_int_equal(
	    card_invite(f->store, id, SECOND, NOW_S + 600), ERR_NONE);
	assert_int_equal(invited(f->store, FIRST, KEY, NOW_S, &used), 0);
	assert_int_equal(
	    invited(f->store, SECOND, KEY, NOW_S + 599, &used), id);
	assert_false(used);
	assert_int_equal(invited(f->store, SECOND, KEY, NOW_S + 600, &used), 0);
	/* voided, of a person whose cards are revoked */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    card_invite(f->store, id, FIRST, NOW_S + 600), ERR_NONE);
		assert_int_equal(i ? card_invitations_void(f->store)
				   : card_revoke_all(f->store, id),
		    ERR_NONE);
		assert_int_equal(
		    invited(f->store, FIRST, KEY, NOW_S, &used), 0);
	}
	assert_int_equal(store_commit(f->store), ERR_NONE);
}

/* Good once; but the key it was spent on may hear of it again. */
static void test_spent_invitations(void **state)
{
	struct fixture *f = *state;
	struct card_certificate certificate;
	struct card card;
	bool used = false;
	int64_t id;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	id = add_person(f->store, "s1");
	assert_int_equal(
	    card_invite(f->store, id, FIRST, NOW_S + 600), ERR_NONE);
	assert_int_equal(add_card(f->store, id, &certificate), ERR_NONE);
	assert_int_equal(
	    card_invitation_spend(f->store, id, certificate.key), ERR_NONE);
	assert_int_equal(invited(f->store, FIRST, KEY, NOW_S, &used), 0);
	assert_int_equal(
	    invited(f->store, FIRST, certificate.key, NOW_S + 600, &used), 0);
	assert_int_equal(
	    invited(f->store, FIRST, certificate.key, NOW_S, &used), id);
	assert_true(used);
	/* but not that a revoked card is bound */
	assert_int_equal(card_find(f->store, certificate.key, &card), ERR_NONE);
	assert_int_equal(card_revoke(f->store, card.id), ERR_NONE);
	assert_int_equal(
	    invited(f->store, FIRST, certificate.key, NOW_S, &used), 0);
	/* a new one is open again */
	assert_int_equal(
	    card_invite(f->store, id, SECOND, NOW_S + 600), ERR_NONE);
	assert_int_equal(invited(f->store, SECOND, KEY, NOW_S, &used), id);
	assert_false(used);
	store_rollback(f->store);
}

static bool is_active(
    struct store *store, const unsigned char key[CARD_KEY_BYTES])
{
	struct card card;

	assert_int_equal(card_find(store, key, &card), ERR_NONE);
	return card.state == CARD_STATE_ACTIVE;
}

static int64_t id_of(
    struct store *store, const unsigned char key[CARD_KEY_BYTES])
{
	struct card card;

	assert_int_equal(card_find(store, key, &card), ERR_NONE);
	return card.id;
}

/* The first use of the new one ends the old one, once; nobody else's, and
 * never itself. */
static void test_one_for_another(void **state)
{
	struct fixture *f = *state;
	struct card_certificate old, new, others;
	unsigned char key[CARD_KEY_BYTES];
	int64_t alice, bob;
	bool done = true;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	alice = add_person(f->store, "alice");
	bob = add_person(f->store, "bob");
	assert_int_equal(add_card(f->store, alice, &old), ERR_NONE);
	assert_int_equal(add_card(f->store, alice, &new), ERR_NONE);
	assert_int_equal(add_card(f->store, bob, &others), ERR_NONE);

	assert_int_equal(
	    card_replaces(f->store, others.key, id_of(f->store, old.key)),
	    ERR_NONE);
	assert_int_equal(
	    card_replaces(f->store, old.key, id_of(f->store, old.key)),
	    ERR_NONE);
	assert_int_equal(card_end_replaced(
			     f->store, id_of(f->store, others.key), key, &done),
	    ERR_NONE);
	assert_false(done);
	assert_int_equal(
	    card_end_replaced(f->store, id_of(f->store, old.key), key, &done),
	    ERR_NONE);
	assert_false(done);

	assert_int_equal(
	    card_replaces(f->store, new.key, id_of(f->store, old.key)),
	    ERR_NONE);
	assert_true(is_active(f->store, old.key));
	assert_int_equal(
	    card_end_replaced(f->store, id_of(f->store, new.key), key, &done),
	    ERR_NONE);
	assert_true(done);
	assert_memory_equal(key, old.key, CARD_KEY_BYTES);
	assert_false(is_active(f->store, old.key));
	assert_int_equal(
	    card_end_replaced(f->store, id_of(f->store, new.key), key, &done),
	    ERR_NONE);
	assert_false(done);
	assert_true(is_active(f->store, new.key));
	assert_true(is_active(f->store, others.key));
	assert_int_equal(store_commit(f->store), ERR_NONE);
}

/* A new invitation replaces nothing unless that is said again. */
static void test_an_invitation_for_another(void **state)
{
	struct fixture *f = *state;
	static const unsigned char hash[CARD_INVITATION_HASH_BYTES] = {7};
	struct card_certificate old;
	int64_t alice, replaced = 9;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	alice = add_person(f->store, "alice");
	assert_int_equal(add_card(f->store, alice, &old), ERR_NONE);
	assert_int_equal(
	    card_invitation_replaced(f->store, alice, &replaced), ERR_NONE);
	assert_int_equal(replaced, 0);
	assert_int_equal(
	    card_invite(f->store, alice, hash, NOW_S + 600), ERR_NONE);
	assert_int_equal(
	    card_invitation_replaces(f->store, alice, id_of(f->store, old.key)),
	    ERR_NONE);
	assert_int_equal(
	    card_invitation_replaced(f->store, alice, &replaced), ERR_NONE);
	assert_int_equal(replaced, id_of(f->store, old.key));
	assert_int_equal(
	    card_invite(f->store, alice, hash, NOW_S + 600), ERR_NONE);
	assert_int_equal(
	    card_invitation_replaced(f->store, alice, &replaced), ERR_NONE);
	assert_int_equal(replaced, 0);
	assert_int_equal(store_commit(f->store), ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_bound),
	    STORE_TEST(test_one_holder),
	    STORE_TEST(test_how_many),
	    STORE_TEST(test_renewed_certificate),
	    STORE_TEST(test_trusted),
	    STORE_TEST(test_nonsense_is_not_trusted),
	    STORE_TEST(test_moves_with_the_transaction),
	    STORE_TEST(test_invitations),
	    STORE_TEST(test_spent_invitations),
	    STORE_TEST(test_one_for_another),
	    STORE_TEST(test_an_invitation_for_another),
	};

	return cmocka_run_group_tests_name(
	    "card", tests, setup_group, teardown_group);
}
