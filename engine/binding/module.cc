// The addon's entry point. Loaded once per JavaScript thread; native objects are shared by all of them.
#include "functions.h"
#include "jobs.h"

namespace redkite::binding {
namespace {

napi_value init(napi_env env, napi_value exports) {
  try {
    openThread(env);
    std::vector<Function> functions;
    addBufferFunctions(functions);
    addSegmentFunctions(functions);
    addColumnFunctions(functions);
    addReadFunctions(functions);
    addIndexFunctions(functions);
    for (const Function& function : functions) {
      napi_value value;
      napiOk(env, napi_create_function(env, function.name, NAPI_AUTO_LENGTH, function.call, nullptr, &value));
      napiOk(env, napi_set_named_property(env, exports, function.name, value));
    }
  } catch (const Refused& refused) {
    napi_throw(env, makeError(env, refused.status));
  }
  return exports;
}

}  // namespace
}  // namespace redkite::binding

NAPI_MODULE_INIT() { return redkite::binding::init(env, exports); }
