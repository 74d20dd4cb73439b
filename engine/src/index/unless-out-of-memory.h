// Builds allocate in many places; what any of them throws for lack of room is one answer.
#pragma once

#include <new>
#include <stdexcept>

#include "redkite/types.h"

namespace redkite {

/// What `build` returns, or out of memory when it throws that.
template <class Build>
auto unlessOutOfMemory(const Build& build) -> decltype(build()) {
  try {
    return build();
  } catch (const std::bad_alloc&) {
    return {Status::outOfMemory(), {}};
  } catch (const std::length_error&) {
    return {Status::outOfMemory(), {}};
  }
}

}  // namespace redkite
