#include <breakwire/reflection.h>

#include "descriptors.h"
#include "pbwire.h"

#include <stdio.h>
#include <stdlib.h>

/* Fields of ServerReflectionRequest and ServerReflectionResponse: v1 and v1alpha are alike. */
enum {
    ASK_HOST = 1,
    ASK_FILE = 3,
    ASK_SYMBOL = 4,
    ASK_EXTENSION = 5,
    ASK_EXTENSION_NUMBERS = 6,
    ASK_LIST = 7
};
enum { SAY_HOST = 1, SAY_REQUEST = 2, SAY_FILES = 4, SAY_NUMBERS = 5, SAY_LIST = 6, SAY_ERROR = 7 };
enum {
    FILES_FILE = 1,
    NUMBERS_TYPE = 1,
    LIST_SERVICE = 1,
    SERVICE_NAME = 1,
    ERROR_CODE = 1,
    ERROR_MESSAGE = 2
};
enum { REQUEST_MAX = 4096, BACKLOG_MAX = 256 * 1024, LENGTH = sizeof(uint32_t) };

struct bw_reflection {
    struct bw_descriptors *descriptors;
    const char **services; /* sorted */
    size_t services_count;
};

/* One stream. */
struct conversation {
    struct bw_buf backlog; /* answers that the stream had no room for: length and bytes each */
    bool half_closed;
    bool has_sent[]; /* one per file: it has been sent already */
};

struct question {
    uint32_t kind; /* ASK_*, 0 = none */
    struct bw_span host, text;
};

static bool read_question(struct bw_span message, struct question *out) {
    struct bw_pbwire_field field;
    *out = (struct question){0};
    while (bw_pbwire_next(&message, &field)) {
        if (field.type != BW_PB_BYTES)
            continue;
        if (field.number == ASK_HOST)
            out->host = field.bytes;
        else if (field.number >= ASK_FILE && field.number <= ASK_LIST)
            *out = (struct question){field.number, out->host, field.bytes};
    }
    return message.len == 0;
}

/* The file and all it imports that this stream has not had yet: the file first. */
static void put_file(const struct bw_reflection *reflection, struct conversation *conversation, size_t file,
                     struct bw_buf *out) {
    struct bw_span cursor = {0};
    size_t import;
    if (conversation->has_sent[file])
        return;
    conversation->has_sent[file] = true;
    bw_pbwire_put_bytes(out, FILES_FILE, bw_descriptors_file(reflection->descriptors, file)->bytes);
    while ((import = bw_descriptors_import(reflection->descriptors, file, &cursor)) != SIZE_MAX)
        put_file(reflection, conversation, import, out);
}

static void say_error(struct bw_buf *answer, enum bw_code code, const char *what, struct bw_span name) {
    struct bw_buf error, message;
    bw_buf_init(&error, 0);
    bw_buf_init(&message, 0);
    bw_buf_append_text(&message, what);
    bw_buf_append_span(&message, name);
    bw_pbwire_put_varint(&error, ERROR_CODE, (uint64_t)code);
    bw_pbwire_put_bytes(&error, ERROR_MESSAGE, bw_buf_span(&message));
    bw_pbwire_put_bytes(answer, SAY_ERROR, bw_buf_span(&error));
    answer->failed |= error.failed || message.failed;
    bw_buf_free(&error);
    bw_buf_free(&message);
}

static void say_file(const struct bw_reflection *reflection, struct conversation *conversation, size_t file,
                     struct bw_buf *answer) {
    struct bw_buf files;
    bw_buf_init(&files, 0);
    /* Who asks for a file again gets it again, but not its imports. */
    conversation->has_sent[file] = false;
    put_file(reflection, conversation, file, &files);
    bw_pbwire_put_bytes(answer, SAY_FILES, bw_buf_span(&files));
    answer->failed |= files.failed;
    bw_buf_free(&files);
}

static void say_list(const struct bw_reflection *reflection, struct bw_buf *answer) {
    struct bw_buf list, service;
    bw_buf_init(&list, 0);
    bw_buf_init(&service, 0);
    for (size_t i = 0; i < reflection->services_count; i++) {
        bw_buf_clear(&service);
        bw_pbwire_put_bytes(&service, SERVICE_NAME, bw_span_text(reflection->services[i]));
        bw_pbwire_put_bytes(&list, LIST_SERVICE, bw_buf_span(&service));
    }
    bw_pbwire_put_bytes(answer, SAY_LIST, bw_buf_span(&list));
    answer->failed |= list.failed || service.failed;
    bw_buf_free(&list);
    bw_buf_free(&service);
}

/* No descriptor here defines extensions: a known type has an empty list of them. */
static void say_extension_numbers(const struct bw_reflection *reflection, struct bw_span type,
                                  struct bw_buf *answer) {
    struct bw_buf numbers;
    if (bw_descriptors_by_symbol(reflection->descriptors, type) == SIZE_MAX) {
        say_error(answer, BW_NOT_FOUND, "unknown type ", type);
        return;
    }
    bw_buf_init(&numbers, 0);
    bw_pbwire_put_bytes(&numbers, NUMBERS_TYPE, type);
    bw_pbwire_put_bytes(answer, SAY_NUMBERS, bw_buf_span(&numbers));
    answer->failed |= numbers.failed;
    bw_buf_free(&numbers);
}

static void say_file_or_error(const struct bw_reflection *reflection, struct conversation *conversation,
                              size_t file, const char *unknown, struct bw_span name, struct bw_buf *answer) {
    if (file == SIZE_MAX)
        say_error(answer, BW_NOT_FOUND, unknown, name);
    else
        say_file(reflection, conversation, file, answer);
}

static void say(const struct bw_reflection *reflection, struct conversation *conversation,
                const struct question *question, struct bw_buf *answer) {
    const struct bw_descriptors *all = reflection->descriptors;
    struct bw_span text = question->text;
    switch (question->kind) {
    case ASK_LIST:
        say_list(reflection, answer);
        break;
    case ASK_FILE:
        say_file_or_error(reflection, conversation, bw_descriptors_by_name(all, text), "unknown file ", text,
                          answer);
        break;
    case ASK_SYMBOL:
        say_file_or_error(reflection, conversation, bw_descriptors_by_symbol(all, text), "unknown symbol ",
                          text, answer);
        break;
    case ASK_EXTENSION:
        say_error(answer, BW_NOT_FOUND, "there are no extensions", bw_span_text(""));
        break;
    case ASK_EXTENSION_NUMBERS:
        say_extension_numbers(reflection, text, answer);
        break;
    }
}

/* ---- the stream ---- */

static struct conversation *conversation_of(const struct bw_reflection *reflection,
                                            struct bw_server_call *call) {
    struct conversation *conversation = bw_server_call_user(call);
    if (!conversation) {
        size_t files = bw_descriptors_count(reflection->descriptors);
        conversation = calloc(1, sizeof *conversation + files * sizeof(bool));
        if (conversation)
            bw_buf_init(&conversation->backlog, BACKLOG_MAX);
        bw_server_call_set_user(call, conversation);
    }
    return conversation;
}

static bool keep(struct bw_buf *backlog, struct bw_span answer) {
    uint32_t length = (uint32_t)answer.len;
    return bw_buf_append(backlog, &length, LENGTH) && bw_buf_append_span(backlog, answer);
}

/* Answers keep their order: none passes those that wait. */
static bool send_or_keep(struct conversation *conversation, struct bw_server_call *call,
                         struct bw_span answer) {
    if (bw_buf_size(&conversation->backlog) == 0 && bw_server_call_send(call, answer) != BW_SEND_FULL)
        return true;
    return keep(&conversation->backlog, answer);
}

static void on_writable(void *self, struct bw_server_call *call) {
    (void)self;
    struct conversation *conversation = bw_server_call_user(call);
    struct bw_buf *backlog = &conversation->backlog;
    while (bw_buf_size(backlog) > 0) {
        uint32_t length;
        memcpy(&length, bw_buf_span(backlog).data, LENGTH);
        if (bw_server_call_send(call, bw_span_of(bw_buf_span(backlog).data + LENGTH, length)) == BW_SEND_FULL)
            return;
        bw_buf_consume(backlog, LENGTH + length);
    }
    if (conversation->half_closed)
        bw_server_call_finish(call, BW_OK, NULL);
}

static void on_message(void *self, struct bw_server_call *call, struct bw_span message) {
    const struct bw_reflection *reflection = self;
    struct conversation *conversation = conversation_of(reflection, call);
    struct question question;
    struct bw_buf answer;
    if (!conversation) {
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    if (!read_question(message, &question) || question.kind == 0) {
        bw_server_call_finish(call, BW_INVALID_ARGUMENT,
                              "message_request is not set, or not one that is known");
        return;
    }
    bw_buf_init(&answer, 0);
    bw_pbwire_put_bytes(&answer, SAY_HOST, question.host);
    bw_pbwire_put_bytes(&answer, SAY_REQUEST, message);
    say(reflection, conversation, &question, &answer);
    if (answer.failed)
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
    else if (!send_or_keep(conversation, call, bw_buf_span(&answer)))
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "answers are not being read");
    bw_buf_free(&answer);
}

static void on_half_close(void *self, struct bw_server_call *call) {
    (void)self;
    struct conversation *conversation = bw_server_call_user(call);
    if (conversation)
        conversation->half_closed = true;
    if (!conversation || bw_buf_size(&conversation->backlog) == 0)
        bw_server_call_finish(call, BW_OK, NULL);
}

static void on_end(void *self, struct bw_server_call *call, enum bw_call_end how) {
    (void)self;
    (void)how;
    struct conversation *conversation = bw_server_call_user(call);
    if (conversation)
        bw_buf_free(&conversation->backlog);
    free(conversation);
}

/* ---- making ---- */

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool copy_services(struct bw_reflection *reflection, const char *const *services, size_t n) {
    reflection->services = malloc((n ? n : 1) * sizeof *reflection->services);
    if (!reflection->services)
        return false;
    for (size_t i = 0; i < n; i++)
        reflection->services[i] = services[i];
    reflection->services_count = n;
    qsort(reflection->services, n, sizeof *reflection->services, by_name);
    return true;
}

static bool add_methods(struct bw_reflection *reflection, struct bw_server *server) {
    static const struct bw_handler handler = {.on_message = on_message,
                                              .on_half_close = on_half_close,
                                              .on_writable = on_writable,
                                              .on_end = on_end};
    static const char *const paths[] = {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};
    for (size_t i = 0; i < 2; i++) {
        struct bw_method method = {paths[i], BW_BIDI_STREAMING, &handler, reflection, REQUEST_MAX};
        if (bw_server_add(server, &method) != 0)
            return false;
    }
    return true;
}

struct bw_reflection *bw_reflection_new(struct bw_server *server, struct bw_span descriptors,
                                        const char *const *services, size_t n, char *why, size_t why_size) {
    bool malformed;
    struct bw_reflection *reflection = calloc(1, sizeof *reflection);
    if (reflection)
        reflection->descriptors = bw_descriptors_new(descriptors, &malformed);
    if (!reflection || !reflection->descriptors || !copy_services(reflection, services, n) ||
        !add_methods(reflection, server)) {
        bool is_no_set = reflection && !reflection->descriptors && malformed;
        snprintf(why, why_size, "%s",
                 is_no_set ? "the descriptors are no google.protobuf.FileDescriptorSet"
                           : "out of memory, or the server has reflection already");
        bw_reflection_free(reflection);
        return NULL;
    }
    return reflection;
}

void bw_reflection_free(struct bw_reflection *reflection) {
    if (!reflection)
        return;
    bw_descriptors_free(reflection->descriptors);
    free(reflection->services);
    free(reflection);
}
