/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `report inventory`: what has to be there at a stocktaking (棚卸), by
 * department, as a table or as a CSV to be ticked off.
 */
#include <stdlib.h>
#include <string.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "server/ctl/csv.h"
#include "server/ctl/inventory_before.h"
#include "server/ctl/out_file.h"

enum {
	CELLS = 13
};

static const char *const HEADINGS[][CELLS] = {
    {"department", "serial", "kind", "state", "holder", "name", "since",
	"last used", "until", "registered", "remark", "change", "seen"},
    {"所属", "機器番号", "種別", "状態", "職員番号", "氏名", "貸与日",
	"最終使用", "返却期限", "登録日", "備考", "前回との差", "確認"},
};

static const struct {
	const char *en, *ja;
} WORDS[] = {
    {"stock", "在庫"},
    {"pending", "登録待ち"},
    {"active", "貸与中"},
    {"suspended", "一時停止"},
    {"lost", "紛失"},
    {"void", "再登録待ち"},
    {"revoked", "失効(未返納)"},
    {"returned", "返納済"},
    {"overdue", "返却期限超過"},
    {"holder left", "退職者が所持"},
    {"holder suspended", "利用停止者が所持"},
    {"unused", "14日以上未使用"},
    {"old", "登録から3年以上"},
    {"new", "新規"},
    {"other holder", "所持者の変更"},
    {"gone", "今回なし"},
    {"ended", "証明書の期限切れ"},
    {"card", "ICカード"},
    {"device", "トークン"},
    {"telephone", "スマートフォン等"},
};

static const char *say(const char *word, bool japanese)
{
	for (size_t i = 0; japanese && i < sizeof(WORDS) / sizeof(WORDS[0]);
	     i++)
		if (strcmp(WORDS[i].en, word) == 0)
			return WORDS[i].ja;
	return word;
}

static const char *text_of(json_t *item, const char *name)
{
	const char *text = json_string_value(json_object_get(item, name));

	return text ? text : "";
}

/* Departments together, nobody's last; in them by holder and serial. */
static int compare(const void *one, const void *two)
{
	static const char *const keys[] = {"department", "user", "serial"};
	json_t *a = *(json_t *const *)one, *b = *(json_t *const *)two;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *x = text_of(a, keys[i]), *y = text_of(b, keys[i]);
		int order = strcmp(x, y);

		if (order != 0 && (!*x || !*y))
			return *x ? -1 : 1;
		if (order != 0)
			return order;
	}
	return 0;
}

static enum err sort_items(json_t *items)
{
	size_t count = json_array_size(items), i;
	json_t **all = calloc(count + 1, sizeof(json_t *)), *item;

	if (!all)
		return ERR_MEMORY;
	json_array_foreach(items, i, item) all[i] = json_incref(item);
	qsort(all, count, sizeof(json_t *), compare);
	json_array_clear(items);
	for (i = 0; i < count; i++)
		json_array_append_new(items, all[i]);
	free(all);
	return ERR_NONE;
}

/* Of what is gone no more is known than was written down. */
static const char *kind_of(json_t *item)
{
	json_t *device = json_object_get(item, "device");

	if (!device)
		return text_of(item, "kind");
	return json_is_true(device) ? "device" : "telephone";
}

static void write_item(FILE *to, json_t *item, bool japanese)
{
	static const char *const times[] = {
	    "confirmed", "last_used", "until", "created"};
	char when[4][OUTPUT_CELL_SIZE];
	const char *cells[CELLS] = {text_of(item, "department"),
	    text_of(item, "serial"), say(kind_of(item), japanese),
	    say(text_of(item, "state"), japanese), text_of(item, "user"),
	    text_of(item, "name"), when[0], when[1], when[2], when[3],
	    say(text_of(item, "remark"), japanese),
	    say(text_of(item, "change"), japanese), ""};

	for (size_t i = 0; i < 4; i++) {
		const struct output_column column = {"", times[i], OUTPUT_TIME};

		output_cell(item, &column, when[i]);
	}
	csv_row(to, cells, CELLS);
}

static int write_csv(const struct call *call, json_t *items, const char *path)
{
	const char *lang = call_local(call, "lang");
	bool japanese = !lang || strcmp(lang, "ja") == 0;
	FILE *file = out_file_open(path);
	json_t *item;
	size_t i;

	if (!file)
		return EXIT_REFUSED;
	csv_begin(file);
	csv_row(file, HEADINGS[japanese], CELLS);
	json_array_foreach(items, i, item) write_item(file, item, japanese);
	return out_file_close(file, path);
}

static enum err compare_with(const struct call *call, json_t *items)
{
	const char *path = call_local(call, "before");
	json_t *before = NULL;
	enum err err = path ? inventory_before_read(path, &before) : ERR_NONE;

	if (!err && before)
		err = inventory_before_compare(items, before);
	json_decref(before);
	return err;
}

/* Everything that was lent, tokens and cards. */
static int gather(struct call *call, struct client *client, json_t **out)
{
	json_t *cards = NULL;
	int code = call_ask(call, client, out);

	if (code == EXIT_DONE)
		code = call_ask_all(
		    call, client, "report/inventory-cards", &cards);
	if (code == EXIT_DONE &&
	    json_array_extend(json_object_get(*out, "items"),
		json_object_get(cards, "items")))
		code = EXIT_REFUSED;
	json_decref(cards);
	if (code != EXIT_DONE) {
		json_decref(*out);
		*out = NULL;
	}
	return code;
}

int handle_report_inventory(struct call *call, struct client *client)
{
	const char *path = call_local(call, "csv");
	json_t *answer = NULL, *items;
	int code = gather(call, client, &answer);

	if (code != EXIT_DONE)
		return code;
	items = json_object_get(answer, "items");
	if (compare_with(call, items) || sort_items(items))
		code = EXIT_REFUSED;
	else if (path)
		code = write_csv(call, items, path);
	else
		call_show(call, answer);
	json_decref(answer);
	return code;
}
