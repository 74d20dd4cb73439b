// What each instruction set's file offers to the dispatcher.
#pragma once

#include "redkite/kernels.h"

namespace redkite {

void fillScalar(KernelTable& table);
void fillAvx2(KernelTable& table);
void fillAvx512(KernelTable& table);
/// Overwrites what VNNI and VPOPCNTDQ do better in a table filled by fillAvx512.
void improveByAvx512Vnni(KernelTable& table);
RowBlockKernels avx512VnniRowBlocks();

}  // namespace redkite
