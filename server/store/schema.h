/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of an empty store, as SQLite wants them. */
#ifndef SEKIMORI_SCHEMA_H
#define SEKIMORI_SCHEMA_H

extern const char STORE_SCHEMA[];

#endif
