#include "authority.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <dirent.h>
#include <run.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATHS = 8, PATH_LEN = 256, HOUR_S = 3600 };

struct authority {
    char folder[64];
    char paths[PATHS][PATH_LEN];
    unsigned paths_used;
    EVP_PKEY *key;
    X509 *certificate;
    long serial;
};

const char *authority_path(struct authority *a, const char *file) {
    char *path = a->paths[a->paths_used++ % PATHS];
    snprintf(path, PATH_LEN, "%s/%s", a->folder, file);
    return path;
}

void authority_write(struct authority *a, const char *file, const char *text) {
    FILE *out = fopen(authority_path(a, file), "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void save(struct authority *a, const char *name, X509 *certificate, EVP_PKEY *key) {
    char file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    FILE *out = fopen(authority_path(a, file), "w");
    assert_true(out && PEM_write_X509(out, certificate) == 1 && fclose(out) == 0);
    snprintf(file, sizeof file, "%s.key", name);
    out = fopen(authority_path(a, file), "w");
    assert_true(out && PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(out) == 0);
}

static void extend(X509 *certificate, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *draft(struct authority *a, const char *name, EVP_PKEY *key, long from_s) {
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++a->serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), from_s + 2L * HOUR_S);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    return certificate;
}

struct authority *authority_new(const char *name) {
    struct authority *a = calloc(1, sizeof *a);
    assert_non_null(a);
    snprintf(a->folder, sizeof a->folder, "/tmp/certificates.XXXXXX");
    assert_non_null(mkdtemp(a->folder));
    a->key = EVP_EC_gen("P-256");
    a->certificate = draft(a, name, a->key, -HOUR_S);
    X509_set_issuer_name(a->certificate, X509_get_subject_name(a->certificate));
    extend(a->certificate, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(a->certificate, a->key, EVP_sha256()) > 0);
    save(a, "ca", a->certificate, a->key);
    return a;
}

void authority_issue(struct authority *a, const char *name, const char *hosts, bool is_expired) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = draft(a, name, key, is_expired ? -3L * HOUR_S : -HOUR_S);
    X509_set_issuer_name(certificate, X509_get_subject_name(a->certificate));
    extend(certificate, NID_subject_alt_name, hosts);
    assert_true(X509_sign(certificate, a->key, EVP_sha256()) > 0);
    save(a, name, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void authority_free(struct authority *a) {
    DIR *folder = opendir(a->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        unlink(authority_path(a, entry->d_name)); /* not "." and "..": they are no files */
    closedir(folder);
    rmdir(a->folder);
    X509_free(a->certificate);
    EVP_PKEY_free(a->key);
    free(a);
}
