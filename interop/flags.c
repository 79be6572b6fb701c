#include "flags.h"

#include <stdio.h>
#include <string.h>

static const struct flag *find(const struct flag *flags, size_t n, const char *name, size_t len) {
    for (size_t i = 0; i < n; i++)
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
            return &flags[i];
    return NULL;
}

static bool set_switch(const struct flag *flag, const char *value) {
    bool is_true = !value || strcmp(value, "true") == 0;
    if (!is_true && strcmp(value, "false") != 0)
        return false;
    *flag->on = is_true;
    return true;
}

/* Reads argv[*i], and the next one too when the value stands there. */
static bool read_one(const struct flag *flags, size_t n, int argc, char **argv, int *i) {
    const char *name = argv[*i];
    if (strncmp(name, "--", 2) != 0)
        return false;
    name += 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] ? name + len + 1 : NULL;
    const struct flag *flag = find(flags, n, name, len);
    if (!flag)
        return false;
    if (flag->on)
        return set_switch(flag, value);
    if (!value && *i + 1 < argc)
        value = argv[++*i];
    *flag->text = value;
    return value != NULL;
}

bool flags_read(const struct flag *flags, size_t n, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        int at = i;
        if (read_one(flags, n, argc, argv, &i))
            continue;
        fprintf(stderr, "%s: cannot use %s; the flags are:\n", argv[0], argv[at]);
        for (size_t k = 0; k < n; k++)
            fprintf(stderr, "  --%-22s %s\n", flags[k].name, flags[k].help);
        return false;
    }
    return true;
}
