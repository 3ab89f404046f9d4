/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite writes the log page by page, a header and a page in two calls, which
 * cost a login more than anything else but the disk itself. Here writes that
 * follow one another are gathered and go out in one, at the latest before a
 * sync, before anything of the file is read, and before it is closed. Nothing
 * is promised before the sync anyway: SQLite believes in a commit only once
 * that has succeeded, and a write that failed late fails it. All other files
 * are left to the layer below.
 */
#include "server/store/sqlite_wal.h"

#include <sqlite3.h>
#include <string.h>

enum {
	/* Some thirty pages. SQLite's own layer cuts a write off at 128 KiB
	 * and takes the rest for a full disk. */
	GATHERED_BYTES_MAX = 124 * 1024,
};

/* Behind it, in the same piece of memory, is the file of the layer below. */
struct wal {
	sqlite3_file base;
	unsigned char *bytes; /* NULL until something is written */
	int length;
	sqlite3_int64 offset; /* of the first byte gathered */
};

static const char LAYER_NAME[] = "sekimori-wal";
static sqlite3_vfs layer;
static sqlite3_vfs *below;

static sqlite3_file *real(sqlite3_file *file)
{
	return (sqlite3_file *)((struct wal *)file + 1);
}

static int real_write(
    sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
	return real(file)->pMethods->xWrite(real(file), bytes, length, offset);
}

/* What could not be written is given up, as a write of SQLite's would be. */
static int flush(sqlite3_file *file)
{
	struct wal *wal = (struct wal *)file;
	int length = wal->length;

	wal->length = 0;
	return length > 0 ? real_write(file, wal->bytes, length, wal->offset)
			  : SQLITE_OK;
}

static int wal_write(
    sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
	struct wal *wal = (struct wal *)file;
	int code = SQLITE_OK;

	if (wal->length > 0 && (offset != wal->offset + wal->length ||
				   length > GATHERED_BYTES_MAX - wal->length))
		code = flush(file);
	if (!wal->bytes)
		wal->bytes = sqlite3_malloc(GATHERED_BYTES_MAX);
	if (code != SQLITE_OK)
		return code;
	if (!wal->bytes || length > GATHERED_BYTES_MAX)
		return real_write(file, bytes, length, offset);
	if (wal->length == 0)
		wal->offset = offset;
	memcpy(wal->bytes + wal->length, bytes, (size_t)length);
	wal->length += length;
	return SQLITE_OK;
}

static int wal_read(
    sqlite3_file *file, void *out, int length, sqlite3_int64 offset)
{
	int code = flush(file);

	return code == SQLITE_OK ? real(file)->pMethods->xRead(
				       real(file), out, length, offset)
				 : code;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int code = flush(file);

	return code == SQLITE_OK
		   ? real(file)->pMethods->xTruncate(real(file), size)
		   : code;
}

static int wal_sync(sqlite3_file *file, int flags)
{
	int code = flush(file);

	return code == SQLITE_OK
		   ? real(file)->pMethods->xSync(real(file), flags)
		   : code;
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *out)
{
	int code = flush(file);

	return code == SQLITE_OK
		   ? real(file)->pMethods->xFileSize(real(file), out)
		   : code;
}

static int wal_close(sqlite3_file *file)
{
	int flushed = flush(file);
	int closed = real(file)->pMethods->xClose(real(file));

	sqlite3_free(((struct wal *)file)->bytes);
	return flushed == SQLITE_OK ? closed : flushed;
}

static int wal_lock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xLock(real(file), level);
}

static int wal_unlock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xUnlock(real(file), level);
}

static int wal_check_lock(sqlite3_file *file, int *out)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), out);
}

static int wal_control(sqlite3_file *file, int what, void *argument)
{
	return real(file)->pMethods->xFileControl(real(file), what, argument);
}

static int wal_sector_size(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

static int wal_characteristics(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

/* Version 1: no shared memory, no mapping, neither of which a log has. */
static const sqlite3_io_methods wal_methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_check_lock,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_characteristics,
};

static int layer_open(sqlite3_vfs *self, const char *name, sqlite3_file *file,
    int flags, int *out_flags)
{
	struct wal *wal = (struct wal *)file;
	int code;

	(void)self;
	if (!(flags & SQLITE_OPEN_WAL))
		return below->xOpen(below, name, file, flags, out_flags);
	*wal = (struct wal){0};
	code = below->xOpen(below, name, real(file), flags, out_flags);
	if (code == SQLITE_OK)
		wal->base.pMethods = &wal_methods;
	else if (real(file)->pMethods) /* to be closed even so */
		real(file)->pMethods->xClose(real(file));
	return code;
}

const char *sqlite_wal_layer(void)
{
	sqlite3_vfs *now = sqlite3_vfs_find(NULL);

	if (now && now == below)
		return LAYER_NAME;
	if (!now)
		return NULL;
	(void)sqlite3_vfs_unregister(&layer);
	layer = *now;
	layer.pNext = NULL;
	layer.zName = LAYER_NAME;
	layer.szOsFile += (int)sizeof(struct wal);
	layer.xOpen = layer_open;
	below = now;
	return sqlite3_vfs_register(&layer, 0) == SQLITE_OK ? LAYER_NAME : NULL;
}
