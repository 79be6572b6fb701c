#include <breakwire/base64.h>
