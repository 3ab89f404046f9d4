/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer of SQLite's between it and the file system, by which what one
 * commit adds to the write-ahead log leaves in few system calls.
 */
#ifndef SEKIMORI_SQLITE_WAL_H
#define SEKIMORI_SQLITE_WAL_H

/* Name of the layer, for sqlite3_open_v2, over what is SQLite's default now;
 * NULL, which is that default, when it cannot be had. One thread at a time. */
const char *sqlite_wal_layer(void);

#endif
