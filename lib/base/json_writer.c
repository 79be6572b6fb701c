#include <breakwire/json_writer.h>
