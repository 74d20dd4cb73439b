// The functions of the addon by subject, in the order of src/engine/native.ts.
#pragma once

#include <vector>

#include "call.h"

namespace redkite::binding {

void addBufferFunctions(std::vector<Function>& to);
void addSegmentFunctions(std::vector<Function>& to);
void addColumnFunctions(std::vector<Function>& to);
void addReadFunctions(std::vector<Function>& to);
void addIndexFunctions(std::vector<Function>& to);

}  // namespace redkite::binding
