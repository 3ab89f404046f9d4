/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CSV of an earlier inventory, as `report inventory --csv` wrote it or a
 * spreadsheet saved it since: who had what then, and what is different now.
 */
#ifndef SEKIMORI_CTL_INVENTORY_BEFORE_H
#define SEKIMORI_CTL_INVENTORY_BEFORE_H

#include "shared/json.h"

/* *out is {serial: {"serial","user","name","department"}}. Failures are told
 * on stderr. */
enum err inventory_before_read(const char *path, json_t **out);
/* Gives each of items a member "change": "new", "other holder" or null, and
 * adds those of before that are not there any more: "gone". */
enum err inventory_before_compare(json_t *items, json_t *before);

#endif
