#include "tools/serve/server.h"

const struct route management_routes[] = {{NULL, NULL, NULL}};
