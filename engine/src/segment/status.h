// The engine's Status, with the short forms that the segment layer uses.
#pragma once

#include <string>
#include <utility>

#include "redkite/types.h"

namespace redkite {

inline Status good() { return {}; }
inline Status outOfMemory(std::string message) { return {StatusCode::outOfMemory, std::move(message)}; }

}  // namespace redkite

#define REDKITE_TRY(expression)                                     \
  do {                                                              \
    if (auto status_ = (expression); !status_.ok()) return status_; \
  } while (0)
