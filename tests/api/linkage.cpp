/* What rung.h declares has C's linkage also where it is included from C++: functions of its beginning and its end are
 * declared again as such, which a C++ compiler refuses where the two differ. It also tries what only users write. */
#include "rung.h"
#include "rung_graph.h"
#include "rung_provider.h"

extern "C" {
const char *rung_version(void);
void rung_value_release(rung_value *value);
}

const char *version() { return rung_version(); }

/* A provider's table, filled as C++ fills it. */
static rung_provider_api table() {
  rung_provider_api api = rung_provider_api();
  api.struct_size = sizeof api;
  return api;
}

extern "C" const rung_provider_api *rung_provider_entry(void) {
  static const rung_provider_api api = table();
  return &api;
}
