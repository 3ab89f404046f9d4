/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a PKCS #11 module has no business to do, tried by one that does.
 */
#ifndef TESTS_FAKE_DEEDS_H
#define TESTS_FAKE_DEEDS_H

/* 0 if it was let, or errno; -1: no such deed. May end the process. */
int fake_deed(const char *name);

#endif
