// Codes of the rows of an HNSW build: trained, written into the file, judged, and as what the build compares.
#pragma once

#include <cstdint>
#include <vector>

#include "hnsw-build-plan.h"
#include "product-codes.h"
#include "redkite/quantise.h"
#include "row-pairs.h"

namespace redkite {

ScalarQuantiser trainOn(const BuildPlan& plan);

/// Writes the center, the 8-bit codes and, for l2, the squared lengths of all rows into the file of `plan.header`.
void encodeRows(const BuildPlan& plan, const ScalarQuantiser& quantiser, uint8_t* file);

/// The codes in the file, with the constants of all rows, which the set refers to.
CodeSet codeSetOf(const BuildPlan& plan, const uint8_t* file, std::vector<float>& constants);

/// Whether the nearest rows of some rows are among the nearest few by code. Where they are not (few dimensions, a scale set by far
/// outliers), a walk on codes would lose them however wide it is.
bool codesKeepNeighbours(const BuildPlan& plan, const CodeSet& set);

/// Books ([shape.bookFloats()], zeros before), codes ([rows][subs * levels]) and squared lengths ([rows], may be null) of all rows. `center` is
/// zeros unless l2. The shape may have more dimensions than the rows: zeros.
Status encodeProducts(const BuildPlan& plan, const ProductShape& shape, const std::vector<float>& center, float* books, uint8_t* codes, float* biases);

}  // namespace redkite
