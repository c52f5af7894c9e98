// SPDX-License-Identifier: Apache-2.0
/*
 * Functions that fail to compile: each has a bounded or clearer twin. Included by the build before
 * every source file of Punos (`-include base/banned.h`).
 */
#ifndef PN_BASE_BANNED_H
#define PN_BASE_BANNED_H

#ifndef __cplusplus
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atof
#pragma GCC poison gmtime localtime ctime asctime tmpnam mktemp
#endif

#endif
