#include <breakwire/buf.h>
