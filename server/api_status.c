/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/waiting.h"

enum {
	METRICS_BYTES_MAX = 8192
};

static void reply_text(struct http_exchange *exchange, int status,
    const char *type, const char *text)
{
	const struct http_reply reply = {
	    .status = status,
	    .content_type = type,
	    .body = text,
	    .body_length = strlen(text),
	    .body_fd = -1,
	};

	http_reply(exchange, &reply);
}

void api_status_health(struct server *server, struct http_exchange *exchange)
{
	(void)server;
	reply_text(exchange, 200, NULL, "{\"status\":\"ok\"}");
}

/* The last commit speaks for the disk; housekeeping commits every few seconds
 * even when nobody logs in. */
void api_status_ready(struct server *server, struct http_exchange *exchange)
{
	int64_t now_ms;

	if (!server_now(server, &now_ms).trusted)
		reply_text(exchange, 503, NULL,
		    "{\"status\":\"not ready\",\"reason\":\"clock\"}");
	else if (batch_health(server->batch).last_failed)
		reply_text(exchange, 503, NULL,
		    "{\"status\":\"not ready\",\"reason\":\"store\"}");
	else
		reply_text(exchange, 200, NULL, "{\"status\":\"ready\"}");
}

struct text {
	size_t length;
	char bytes[METRICS_BYTES_MAX];
};

__attribute__((format(printf, 2, 3))) static void add(
    struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->bytes + text->length,
	    sizeof(text->bytes) - text->length, format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(text->bytes) - text->length)
		text->length += (size_t)length;
}

static void add_decisions(struct text *text, const struct server_counts *counts)
{
	add(text, "# HELP sekimori_decisions_total Decisions by result.\n"
		  "# TYPE sekimori_decisions_total counter\n");
	for (enum result r = RESULT_DENY; r <= RESULT_CONTINUE; r++)
		add(text, "sekimori_decisions_total{result=\"%s\"} %llu\n",
		    result_text(r), counts->decisions[r]);
	add(text, "# HELP sekimori_denials_total Denials by reason.\n"
		  "# TYPE sekimori_denials_total counter\n");
	for (enum reason r = REASON_WRONG; r <= REASON_CLOCK; r++)
		add(text, "sekimori_denials_total{reason=\"%s\"} %llu\n",
		    reason_text(r), counts->reasons[r]);
}

/* Whether the town's CRLs have been forgotten shows here first. */
static void add_cards(struct text *text, const struct server_counts *counts)
{
	add(text, "# HELP sekimori_cards_unfit_total Bound cards refused for "
		  "their certificate.\n"
		  "# TYPE sekimori_cards_unfit_total counter\n");
	for (enum card_standing s = CARD_UNTRUSTED; s < CARD_GOOD; s++)
		add(text, "sekimori_cards_unfit_total{standing=\"%s\"} %llu\n",
		    card_standing_text(s), counts->cards_unfit[s]);
}

/* Absent while no card needs a CRL; 0 when one is missing. */
static void add_crl_until(struct text *text, int64_t until)
{
	if (until == INT64_MAX)
		return;
	add(text,
	    "# HELP sekimori_card_crl_until_seconds When the first CRL "
	    "of a card CA ends, unix time.\n"
	    "# TYPE sekimori_card_crl_until_seconds gauge\n"
	    "sekimori_card_crl_until_seconds %lld\n",
	    (long long)until);
}

static void add_one(struct text *text, const char *name, const char *type,
    const char *help, unsigned long long value)
{
	add(text, "# HELP sekimori_%s %s\n# TYPE sekimori_%s %s\n", name, help,
	    name, type);
	add(text, "sekimori_%s %llu\n", name, value);
}

void api_status_metrics(struct server *server, struct http_exchange *exchange)
{
	const struct server_counts *counts = &server->counts;
	struct batch_health batch = batch_health(server->batch);
	struct http_counts http = http_counts(server->http);
	struct text text = {0};

	add_decisions(&text, counts);
	add_cards(&text, counts);
	add_crl_until(&text, server->card_crl_until);
	add_one(&text, "out_of_step_total", "counter",
	    "Wrong codes that their token shows at another time.",
	    counts->out_of_step);
	add_one(&text, "shadowed_total", "counter",
	    "Refusals that shadow mode let past.", counts->shadowed);
	add_one(&text, "shadow_rules", "gauge",
	    "Rules in shadow mode, which refuse nobody.",
	    (unsigned long long)server->shadow_rules);
	add_one(&text, "rate_limited_total", "counter", "Calls answered 429.",
	    counts->rate_limited);
	add_one(&text, "unavailable_total", "counter",
	    "Calls answered 503 because state was not durable.",
	    counts->unavailable);
	add_one(
	    &text, "commits_total", "counter", "Transactions.", batch.commits);
	add_one(&text, "jobs_total", "counter", "Jobs in them.", batch.jobs);
	add_one(&text, "jobs_failed_total", "counter", "Jobs that failed.",
	    batch.failures);
	add_one(&text, "jobs_waiting", "gauge", "Jobs not yet committed.",
	    (unsigned long long)batch.waiting);
	add_one(&text, "terminals_waiting", "gauge",
	    "Terminals that would hear of a freeze at once.",
	    waiting_count(server->waiting));
	add_one(&text, "connections", "gauge", "Open connections.",
	    (unsigned long long)http.connections);
	add_one(&text, "requests_total", "counter", "HTTP requests.",
	    http.requests);
	add_one(&text, "requests_malformed_total", "counter",
	    "Requests answered 400 and closed.", http.malformed);
	add_one(&text, "request_timeouts_total", "counter",
	    "Requests that did not arrive in time.", http.timeouts);
	add_one(&text, "handshakes_failed_total", "counter",
	    "TLS handshakes that failed.", http.handshakes_failed);
	add_one(&text, "clock_trusted", "gauge", "1 if the clock is believed.",
	    !server->clock_doubtful);
	reply_text(exchange, 200, "text/plain; version=0.0.4", text.bytes);
}
