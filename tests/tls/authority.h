/* authority.h: certificates made while tests run: an authority, and what it signs, as PEM files in a
 * directory. */
#ifndef TESTS_TLS_AUTHORITY_H
#define TESTS_TLS_AUTHORITY_H

#include <stdbool.h>

struct authority;

struct authority *authority_new(const char *name);
/* Removes the directory with everything in it. */
void authority_free(struct authority *authority);

/* Signs NAME.pem with the key NAME.key for hosts such as "DNS:b.test,IP:127.0.0.1". It is valid for an hour
 * from now on, or ended an hour ago. */
void authority_issue(struct authority *authority, const char *name, const char *hosts, bool is_expired);
/* Writes a file of any text. */
void authority_write(struct authority *authority, const char *file, const char *text);
/* The path of a file there: "ca.pem", "NAME.pem". Lent; the last eight stay valid. */
const char *authority_path(struct authority *authority, const char *file);

#endif
