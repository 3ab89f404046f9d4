/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_send.h"

#include <time.h>
#include <unistd.h>

#include "shared/encode.h"

enum {
	/* A hundred thousand tokens in forty seconds, with room for logins: one
	 * that comes meanwhile waits for a part at most. Parts grow only when
	 * the server is too busy for so many small ones. */
	TOKENS_PER_S = 2500,
	PART_ROWS_MIN = 8,
	PART_ROWS_MAX = 200,
	ARREARS_US_MAX = 500000,
};

static bool ask(
    struct stock_send *send, const char *path, json_t *members, json_t **out)
{
	if (!members)
		return false;
	send->code = call_ask_at(send->call, send->client, path, members, out);
	json_decref(members);
	return send->code == EXIT_DONE;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool stock_send_begin(struct stock_send *send)
{
	json_t *answer = NULL;
	bool begun = ask(send, "token/stock-begin", json_object(), &answer);

	send->part_rows = PART_ROWS_MIN;
	send->number = json_integer_value(json_object_get(answer, "import"));
	json_decref(answer);
	send->rows = json_array();
	send->due_us = now_us();
	return begun && send->rows;
}

/* Waits until the next part is due, and says how large it may be. A little
 * that was lost is made up for. */
static void keep_pace(struct stock_send *send, size_t rows, int64_t began_us)
{
	int64_t now = now_us();
	int64_t next = (now - began_us) * TOKENS_PER_S / 1000000;

	send->part_rows = next < PART_ROWS_MIN   ? PART_ROWS_MIN
			  : next > PART_ROWS_MAX ? PART_ROWS_MAX
						 : (size_t)next;
	send->due_us += (int64_t)rows * 1000000 / TOKENS_PER_S;
	if (send->due_us < now - ARREARS_US_MAX)
		send->due_us = now - ARREARS_US_MAX;
	if (send->due_us > now)
		(void)usleep((useconds_t)(send->due_us - now));
}

bool stock_send_rest(struct stock_send *send)
{
	size_t rows = json_array_size(send->rows), i;
	int64_t began_us = now_us();
	json_t *answer = NULL, *problem;
	bool sent;

	if (rows == 0)
		return true;
	sent = ask(send, "token/stock-part",
	    json_pack("{s:I,s:O}", "import", send->number, "rows", send->rows),
	    &answer);
	json_array_clear(send->rows);
	send->tokens += json_integer_value(json_object_get(answer, "tokens"));
	json_array_foreach(json_object_get(answer, "problems"), i, problem)
	    send->on_problem(send->context, problem);
	json_decref(answer);
	keep_pace(send, rows, began_us);
	return sent;
}

bool stock_send_row(struct stock_send *send, const struct stock_row *row)
{
	char hex[ENCODE_HEX_SIZE(STOCK_SEED_BYTES_MAX)];
	json_t *object;

	encode_hex(row->seed.bytes, row->seed.length, hex);
	object = json_pack("{s:I,s:s,s:s,s:s,s:i,s:i,s:I,s:s}", "line",
	    (json_int_t)row->line, "serial", row->serial, "type",
	    stock_type_text(row->type), "algorithm",
	    stock_algorithm_text(row->algorithm), "digits", row->digits,
	    "period", row->period_s, "counter", (json_int_t)row->counter,
	    "secret", hex);
	secret_wipe_bytes(hex, sizeof(hex));
	if (json_array_append_new(send->rows, object)) {
		send->code = EXIT_REFUSED;
		return false;
	}
	return json_array_size(send->rows) < send->part_rows ||
	       stock_send_rest(send);
}

bool stock_send_finish(struct stock_send *send)
{
	json_t *answer = NULL;
	bool finished = ask(send, "token/stock-finish",
	    json_pack(
		"{s:I,s:I}", "import", send->number, "tokens", send->tokens),
	    &answer);

	json_decref(answer);
	return finished;
}

void stock_send_give_up(struct stock_send *send)
{
	int code = send->code;
	json_t *answer = NULL;

	if (send->number > 0 && code != EXIT_UNREACHABLE)
		(void)ask(send, "token/stock-give-up",
		    json_pack("{s:I}", "import", send->number), &answer);
	json_decref(answer);
	send->code = code == EXIT_DONE ? EXIT_REFUSED : code;
}

void stock_send_free(struct stock_send *send)
{
	json_decref(send->rows);
	send->rows = NULL;
}
