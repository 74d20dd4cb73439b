// What each instruction set's file offers to the dispatcher.
#pragma once

#include "redkite/kernels.h"

namespace redkite {

void fillScalar(KernelTable& table);
void fillAvx2(KernelTable& table);
void fillAvx512(KernelTable& table);
/// Overwrites what VNNI and VPOPCNTDQ do better in a table filled by fillAvx512.
void improveByAvx512Vnni(KernelTable& table);
/// For widths of elements that no register has.
void equalElementsOfAnyWidth(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t width, uint32_t* out);
RowBlockKernels avx512VnniRowBlocks();
ListKernels scalarLists();
ListKernels avx2Lists();
ListKernels avx512Lists();
TermKernels scalarTerms();
TermKernels avx2Terms();
TermKernels avx512Terms();
/// Overwrites what VNNI does better.
void improveListsByAvx512Vnni(ListKernels& lists);
/// Overwrites what VBMI does better.
void improveByAvx512Vbmi(KernelTable& table);

}  // namespace redkite
