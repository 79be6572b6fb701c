#include <breakwire/settings.h>

enum { HOST_MAX = 253, LABEL_MAX = 63, ZONE_MAX = 15, PORT_DIGITS_MAX = 5 };

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_name_byte(uint8_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static struct bw_span after(struct bw_span text, size_t n) {
    return bw_span_of(text.data + n, text.len - n);
}

static size_t count(struct bw_span text, bool (*belongs)(uint8_t)) {
    size_t n = 0;
    while (n < text.len && belongs(text.data[n]))
        n++;
    return n;
}

/* Four numbers of 0..255; a leading 0 is refused, since some read it as octal. */
static bool is_v4(struct bw_span text) {
    for (int part = 0; part < 4; part++) {
        size_t n = count(text, is_digit);
        uint64_t number;
        if (n > 3 || (n > 1 && text.data[0] == '0') ||
            !bw_span_to_u64(bw_span_of(text.data, n), 255, &number))
            return false;
        text = after(text, n);
        if (part == 3)
            break;
        if (!text.len || text.data[0] != '.')
            return false;
        text = after(text, 1);
    }
    return text.len == 0;
}

/* RFC 4291 section 2.2: eight groups, or fewer and one "::"; the last two may be an IPv4 address. */
static bool is_v6(struct bw_span text) {
    bool gap = bw_span_starts(text, "::");
    size_t groups = 0;
    if (gap)
        text = after(text, 2);
    while (text.len) {
        size_t n = count(text, is_hex);
        if (n < text.len && text.data[n] == '.') {
            groups += 2;
            if (!is_v4(text))
                return false;
            break;
        }
        if (n == 0 || n > 4)
            return false;
        groups++;
        text = after(text, n);
        if (!text.len)
            break;
        if (text.data[0] != ':' || text.len == 1)
            return false;
        text = after(text, 1);
        if (text.data[0] != ':')
            continue;
        if (gap)
            return false;
        gap = true;
        text = after(text, 1);
    }
    return gap ? groups < 8 : groups == 8;
}

/* RFC 4007 section 11: ADDRESS%ZONE. */
static bool is_v6_with_zone(struct bw_span text) {
    const uint8_t *percent = text.len ? memchr(text.data, '%', text.len) : NULL;
    if (!percent)
        return is_v6(text);
    struct bw_span zone = after(text, (size_t)(percent - text.data) + 1);
    return zone.len > 0 && zone.len <= ZONE_MAX && count(zone, is_name_byte) == zone.len &&
           is_v6(bw_span_of(text.data, (size_t)(percent - text.data)));
}

static bool is_only_digits_and_dots(struct bw_span text) {
    for (size_t i = 0; i < text.len; i++)
        if (!is_digit(text.data[i]) && text.data[i] != '.')
            return false;
    return true;
}

static bool is_name(struct bw_span text) {
    if (text.len == 0 || text.len > HOST_MAX)
        return false;
    while (text.len) {
        size_t n = count(text, is_name_byte);
        if (n == 0 || n > LABEL_MAX || text.data[0] == '-')
            return false;
        text = after(text, n);
        if (text.len && text.data[0] != '.')
            return false;
        text = text.len ? after(text, 1) : text;
    }
    return true;
}

static bool is_host(struct bw_span host, bool in_brackets) {
    if (in_brackets)
        return is_v6_with_zone(host);
    return is_only_digits_and_dots(host) ? is_v4(host) : is_name(host);
}

bool bw_settings_split_address(const char *text, struct bw_span *host, uint16_t *port) {
    const char *colon = strrchr(text, ':');
    if (!colon || strlen(colon + 1) > PORT_DIGITS_MAX)
        return false;
    uint64_t number;
    struct bw_span name = bw_span_of(text, (size_t)(colon - text));
    bool in_brackets = name.len >= 2 && name.data[0] == '[' && name.data[name.len - 1] == ']';
    if (in_brackets)
        name = bw_span_of(name.data + 1, name.len - 2);
    if (!bw_span_to_u64(bw_span_text(colon + 1), UINT16_MAX, &number) || !is_host(name, in_brackets))
        return false;
    if (host)
        *host = name;
    if (port)
        *port = (uint16_t)number;
    return true;
}

bool bw_settings_is_loopback(const char *address) {
    struct bw_span host;
    if (!bw_settings_split_address(address, &host, NULL))
        return false;
    bool is_v4_loopback = bw_span_starts(host, "127.") && is_v4(host);
    return is_v4_loopback || bw_span_is(host, "::1") || bw_span_is_nocase(host, "localhost");
}

void bw_settings_reachable(const char *address, char *out) {
    static const char *const wildcards[][2] = {{"0.0.0.0:", "127.0.0.1:"}, {"[::]:", "[::1]:"}};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(wildcards[i][0]);
        if (strncmp(address, wildcards[i][0], n) != 0)
            continue;
        size_t host_len = strlen(wildcards[i][1]);
        memcpy(out, wildcards[i][1], host_len);
        memcpy(out + host_len, address + n, strlen(address + n) + 1);
        return;
    }
    memcpy(out, address, strlen(address) + 1);
}
