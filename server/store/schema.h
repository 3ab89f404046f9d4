/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of an empty store, as SQLite wants them, and the way there from
 * the tables of older versions.
 */
#ifndef SEKIMORI_SCHEMA_H
#define SEKIMORI_SCHEMA_H

#include "server/store/db.h"

extern const char STORE_SCHEMA[];

/* Brings an older database to STORE_SCHEMA_VERSION, in one transaction, or
 * leaves it as it is. */
enum err schema_upgrade(struct db *db);

#endif
