/* SPDX-License-Identifier: Apache-2.0 */
#include "server/housekeeping.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "server/keys/card_verify.h"
#include "server/shadow.h"
#include "server/staff_plans.h"
#include "server/store/admin_request.h"
#include "server/store/audit.h"
#include "server/store/last_login.h"
#include "server/store/once.h"
#include "server/store/policy_store.h"
#include "server/store/reserve.h"
#include "server/store/stock_import.h"
#include "shared/log.h"

struct housekeeping {
	struct server *server;
	struct event *timer;
	int64_t renew_at;  /* when certificates are to be looked at again */
	bool busy;         /* a job is under way */
	bool reserve_lost; /* said so already */
	enum crl_state {
		CRL_FINE = 0,
		CRL_SOON,
		CRL_OVER
	} crl;                         /* said so already */
	char shadow[SHADOW_TEXT_SIZE]; /* said so already */
	int64_t shadow_said_s;
};

struct chores {
	struct job job;
	struct housekeeping *keeping;
	int64_t now_s, now_ms;
	struct clock_reading mark;
	bool trusted;
	bool renew; /* look at certificates too */
	bool changed;
	int64_t next_s;
	struct card_crl_outlook outlook;
	char shadow[SHADOW_TEXT_SIZE];
	size_t shadow_rules;
};

static enum err renew(
    struct server *server, int64_t now_s, bool *out_changed, int64_t *out_next)
{
	struct config_list *list = &server->settings.server_names;
	char *names[CONFIG_LIST_MAX];

	for (size_t i = 0; i < list->count; i++)
		names[i] = list->items[i];
	return authority_renew(server->store, server->authority,
	    &server->settings.lifetimes, names, list->count, now_s, out_changed,
	    out_next);
}

/* Replaces the authority by what the store holds. Only while holding the
 * store: jobs sign with it. */
static enum err reload(struct server *server)
{
	struct authority *fresh = NULL;
	enum err err = authority_load(server->store, &fresh);

	if (err != ERR_NONE)
		return err;
	authority_free(server->authority);
	server->authority = fresh;
	return ERR_NONE;
}

static enum err show_identity(struct server *server)
{
	return http_set_identity(server->http,
	    authority_server_chain(server->authority),
	    authority_server_key(server->authority),
	    authority_trusted(server->authority));
}

static enum err chores_run(struct job *job, struct store *store)
{
	struct chores *chores = (struct chores *)job;
	struct server *server = chores->keeping->server;
	enum err err = store_set_mark(store, &chores->mark);
	bool more; /* the next time */

	chores->changed = false;
	reserve_renew(store->reserve);
	chores->next_s = chores->keeping->renew_at;
	chores->outlook = card_authorities_outlook(store->card_authorities);
	chores->shadow_rules =
	    shadow_text(store, chores->now_s, NULL, NULL, chores->shadow);
	if (err == ERR_NONE)
		err = last_logins_save(store, &more);
	/* In doubtful time nothing is over and nothing is due. */
	if (err != ERR_NONE || !chores->trusted)
		return err;
	err = audit_close_counted(store, chores->now_ms, false);
	if (err == ERR_NONE)
		err = once_drop_old(store, chores->now_s);
	if (err == ERR_NONE)
		err =
		    policy_store_take_due(store, chores->now_s, chores->now_ms);
	if (err == ERR_NONE)
		err =
		    admin_requests_expire(store, chores->now_s, chores->now_ms);
	if (err == ERR_NONE)
		err = staff_plans_run(
		    server, store, chores->now_s, chores->now_ms);
	if (err == ERR_NONE)
		err = stock_import_sweep(store, chores->now_s, &more);
	if (err == ERR_NONE && chores->renew)
		err = renew(
		    server, chores->now_s, &chores->changed, &chores->next_s);
	return err;
}

static void chores_free(struct chores *chores)
{
	chores->keeping->busy = false;
	free(chores);
}

static enum err reload_run(struct job *job, struct store *store)
{
	struct chores *chores = (struct chores *)job;

	(void)store;
	return reload(chores->keeping->server);
}

static void reload_finish(struct job *job, enum err err)
{
	struct chores *chores = (struct chores *)job;

	if (err == ERR_NONE)
		err = show_identity(chores->keeping->server);
	if (err == ERR_NONE)
		log_plain(LOG_NOTICE, "certificates were renewed");
	else
		log_line(LOG_CRIT, "renewed certificates cannot be used",
		    LOG_TEXT("error", err_text(err)));
	chores_free(chores);
}

/* A CRL that nobody renews stops the cards of its CA: somebody must hear of
 * it while they still work. */
static void watch_crls(
    struct housekeeping *keeping, const struct chores *chores)
{
	static const struct {
		int level;
		const char *text;
	} said[] = {
	    [CRL_FINE] = {LOG_NOTICE, "the CRLs of all card CAs are fresh"},
	    [CRL_SOON] = {LOG_WARNING,
		"the CRL of a card CA ends soon: give the next one by "
		"sekimorictl card trust"},
	    [CRL_OVER] = {LOG_ERR,
		"the CRL of a card CA is stale or missing: its cards cannot "
		"log in"},
	};
	enum crl_state state = CRL_FINE;

	keeping->server->card_crl_until = chores->outlook.until;
	if (!chores->trusted)
		return;
	if (chores->outlook.until <= chores->now_s)
		state = CRL_OVER;
	else if (chores->outlook.due <= chores->now_s)
		state = CRL_SOON;
	if (state != keeping->crl)
		log_line(said[state].level, said[state].text,
		    LOG_NUMBER("until", chores->outlook.until));
	keeping->crl = state;
}

/* Said when it begins, when it ends, and every day in between. */
static void watch_shadow(
    struct housekeeping *keeping, const struct chores *chores)
{
	bool changed = strcmp(keeping->shadow, chores->shadow) != 0;
	bool due = chores->shadow[0] &&
		   chores->now_s - keeping->shadow_said_s >= 86400;

	keeping->server->shadow_rules = chores->shadow_rules;
	if (!chores->trusted || (!changed && !due))
		return;
	if (chores->shadow[0])
		log_line(LOG_WARNING,
		    "SHADOW MODE: what these rules refuse is let past",
		    LOG_TEXT("rules", chores->shadow));
	else
		log_plain(LOG_NOTICE, "no rule is in shadow mode any more");
	keeping->shadow_said_s = chores->now_s;
	memcpy(keeping->shadow, chores->shadow, sizeof(keeping->shadow));
}

static void chores_finish(struct job *job, enum err err)
{
	struct chores *chores = (struct chores *)job;
	struct housekeeping *keeping = chores->keeping;

	if (err != ERR_NONE) {
		log_line(LOG_ERR, "housekeeping failed",
		    LOG_TEXT("error", err_text(err)));
		chores_free(chores);
		return;
	}
	watch_crls(keeping, chores);
	watch_shadow(keeping, chores);
	keeping->renew_at = chores->next_s;
	if (!chores->changed) {
		chores_free(chores);
		return;
	}
	/* Only after the commit are the new keys real; a second job loads
	 * them, because others may be signing with the old ones now. */
	chores->job.run = reload_run;
	chores->job.finish = reload_finish;
	if (batch_submit(keeping->server->batch, &chores->job) != ERR_NONE) {
		keeping->renew_at = 0;
		chores_free(chores);
	}
}

/* The reserve goes when the disk is full; somebody must hear of it while
 * logins still go on. */
static void watch_reserve(struct housekeeping *keeping)
{
	const struct server *server = keeping->server;
	bool lost = server->settings.disk_reserve_mb > 0 &&
		    !reserve_is_held(server->reserve);

	if (lost != keeping->reserve_lost)
		log_line(lost ? LOG_CRIT : LOG_NOTICE,
		    lost ? "the disk is full: the reserve is in use, make room"
			 : "the disk reserve is back",
		    LOG_NUMBER(
			"disk_free", reserve_disk_free(server->reserve)));
	keeping->reserve_lost = lost;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct housekeeping *keeping = context;
	struct chores *chores = NULL;
	struct clock_judgement judgement;

	(void)fd;
	(void)what;
	watch_reserve(keeping);
	if (keeping->busy)
		return;
	chores = calloc(1, sizeof(*chores));
	if (!chores)
		return;
	judgement = server_now(keeping->server, &chores->now_ms);
	chores->job.run = chores_run;
	chores->job.finish = chores_finish;
	chores->keeping = keeping;
	chores->now_s = judgement.now_s;
	chores->trusted = judgement.trusted;
	chores->mark = keeping->server->mark;
	chores->renew = judgement.now_s >= keeping->renew_at;
	keeping->busy = true;
	if (batch_submit(keeping->server->batch, &chores->job) != ERR_NONE)
		chores_free(chores);
}

enum err housekeeping_start(struct server *server, struct housekeeping **out)
{
	const struct timeval every = {HOUSEKEEPING_EVERY_S, 0};
	struct housekeeping *keeping = calloc(1, sizeof(*keeping));

	if (!keeping)
		return ERR_MEMORY;
	keeping->server = server;
	server->card_crl_until = INT64_MAX; /* until it was looked at */
	keeping->timer =
	    event_new(server->base, -1, EV_PERSIST, on_timer, keeping);
	if (!keeping->timer || event_add(keeping->timer, &every) != 0) {
		housekeeping_stop(keeping);
		return ERR_MEMORY;
	}
	*out = keeping;
	return ERR_NONE;
}

void housekeeping_stop(struct housekeeping *keeping)
{
	if (!keeping)
		return;
	if (keeping->timer)
		event_free(keeping->timer);
	free(keeping);
}

enum err housekeeping_refresh_identity(struct server *server)
{
	struct store *store = server->store;
	bool changed = false;
	int64_t next_s = 0;
	int64_t now_ms;
	struct clock_judgement judgement = server_now(server, &now_ms);
	enum err err = reload(server);

	if (err != ERR_NONE || !judgement.trusted)
		return err == ERR_NONE ? show_identity(server) : err;
	err = store_begin(store);
	if (err != ERR_NONE)
		return err;
	/* A boot is believed once, even if we are killed the next moment. */
	err = store_set_mark(store, &server->mark);
	if (err == ERR_NONE)
		err = renew(server, judgement.now_s, &changed, &next_s);
	if (err == ERR_NONE)
		err = store_commit(store);
	else
		store_rollback(store);
	if (err == ERR_NONE && changed)
		err = reload(server);
	return err == ERR_NONE ? show_identity(server) : err;
}

enum err housekeeping_conclude(struct server *server)
{
	int64_t now_ms;
	bool more = true, trusted = server_now(server, &now_ms).trusted;
	enum err err = store_begin(server->store);

	if (err != ERR_NONE)
		return err;
	err = store_set_mark(server->store, &server->mark);
	if (err == ERR_NONE && trusted)
		err = audit_close_counted(server->store, now_ms, true);
	while (err == ERR_NONE && more)
		err = last_logins_save(server->store, &more);
	if (err == ERR_NONE)
		return store_commit(server->store);
	store_rollback(server->store);
	return err;
}
