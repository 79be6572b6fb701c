/* stub.h: service-b's RPCs as typed calls: nanopb bytes in and out, through a guard or past all guards.
 *
 * Everything is delivered exactly once and later, as guard.h says. Static sizes: no allocation for messages.
 */
#ifndef CLIENT_STUB_H
#define CLIENT_STUB_H

#include "guard.h"

enum { STUB_MESSAGE_MAX = 255 };

struct stub_data {
    char message[STUB_MESSAGE_MAX + 1];
    int32_t data;
};

struct stub_fault {
    uint32_t failure_percent, status_code, latency_min_ms, latency_max_ms;
};

/* `data` is NULL unless the result's code is OK. A response that does not parse has code INTERNAL. */
typedef void (*stub_data_fn)(void *user, const struct guard_result *result, const struct stub_data *data);
typedef void (*stub_fault_fn)(void *user, const struct guard_result *result, const struct stub_fault *fault);

struct stub_call;

/* DataService/GetData. NULL: no memory; nothing follows. */
struct stub_call *stub_get_data(struct guard *data_guard, uint64_t now_ms, stub_data_fn on_done, void *user);

enum stub_control { STUB_INDUCE_FAILURE, STUB_REMOVE_FAILURE, STUB_INDUCE_LATENCY, STUB_REMOVE_LATENCY };

/* One of ControlService's switches; the fault now in force comes back. NULL: no memory; nothing follows. */
struct stub_call *stub_control(struct guard *control_guard, uint64_t now_ms, enum stub_control which,
                               stub_fault_fn on_done, void *user);

/* The caller has hung up: on_done does not run any more. */
void stub_cancel(struct stub_call *call, uint64_t now_ms);

/* ControlService/GetFault: the request and the answer's fault as bytes, for a call past the guards. */
struct bw_span stub_get_fault_request(void);
#define STUB_GET_FAULT_PATH "/breakwire.demo.v1.ControlService/GetFault"
/* False: no GetFaultResponse with a fault. */
bool stub_get_fault_response(struct bw_span bytes, struct stub_fault *fault);

#endif
