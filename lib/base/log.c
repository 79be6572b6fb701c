#include <breakwire/log.h>
