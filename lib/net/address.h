/* address.h: addresses between their text and the system's form. Nothing here asks the network. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <breakwire/core.h>

#include <sys/socket.h>

#define BW_HOST_MAX 254
#define BW_PORT_MAX 6

/* Splits "HOST:PORT" or "[V6]:PORT" (brackets go). False: it is not of that form, or the port is none. */
bool bw_address_split(const char *text, char host[BW_HOST_MAX], char port[BW_PORT_MAX]);
/* Reads "127.0.0.1:5001", "[::1]:5001" or "unix:/run/b.sock"; false: it is none of them. */
bool bw_address_parse(const char *text, struct sockaddr_storage *out);
/* Reads the address of an IPv4 or IPv6 host without a port, brackets allowed; false: a name. */
bool bw_address_parse_host(const char *host, uint16_t port, struct sockaddr_storage *out);
/* The text of an internet address; anything else becomes "unknown". */
void bw_address_text(const struct sockaddr *address, struct bw_address *out);
void bw_address_set_port(struct sockaddr *address, uint16_t port);

#endif
