#include "vm.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "../segment/attached-index.h"
#include "../segment/bitmap.h"
#include "predicate.h"

namespace redkite::filter {
namespace {

using segment::ColumnView;
using segment::Snapshot;
using segment::wordsFor;

constexpr uint32_t kBlockRows = 16384;
constexpr uint32_t kBlockWords = kBlockRows / 64;
using Words = uint64_t[kBlockWords];

/** One three-valued bit per row of a block. While `exact`, no row is unknown and `isFalse` is not kept. */
struct Register {
  Words isTrue;
  Words isFalse;
  bool exact;

  uint64_t falseWord(uint32_t w) const { return exact ? ~isTrue[w] : isFalse[w]; }
};

/** An operation with its columns found and its constant understood. */
struct Step {
  const Instruction* in = nullptr;
  const ColumnView* column = nullptr;
  const ColumnView* second = nullptr;
  /** Not stored here, and the program says that this means null. */
  bool missing = false;
  Predicate predicate;
  /** Rows that pass, over the whole segment, where an index answered. */
  std::vector<uint64_t> answered;
};

Status findColumn(const Snapshot& snapshot, const Instruction& in, uint32_t field, const ColumnView*& out, bool& missing) {
  out = snapshot.column(field);
  if (out != nullptr) return good();
  if ((in.flags & kMissingIsNull) == 0) return Status::invalid("filter program: the segment has no field " + std::to_string(field));
  missing = true;
  return good();
}

/** Bitmaps that index answers may take in one run; later operations scan. */
constexpr uint64_t kAnsweredBytesMax = uint64_t{32} << 20;

Status prepare(const Instruction& in, const Snapshot& snapshot, std::span<const External> externals, uint64_t& answeredBytes, Step& step) {
  step.in = &in;
  switch (in.op) {
    case Op::constant:
    case Op::logicalAnd:
    case Op::logicalOr:
    case Op::logicalNot:
      return good();
    case Op::external:
      if (snapshot.segment->sealed() && externals[in.field].words < wordsFor(snapshot.rows)) {
        return Status::invalid("filter program: bitmap " + std::to_string(in.field) + " has " + std::to_string(externals[in.field].words) +
                               " words, " + std::to_string(snapshot.rows) + " rows need " + std::to_string(wordsFor(snapshot.rows)));
      }
      return good();
    case Op::isNull:
      return findColumn(snapshot, in, in.field, step.column, step.missing);
    case Op::compareFields:
      REDKITE_TRY(findColumn(snapshot, in, in.field, step.column, step.missing));
      REDKITE_TRY(findColumn(snapshot, in, in.secondField, step.second, step.missing));
      if (step.missing) return good();
      return checkComparable(step.column->field.type, step.second->field.type);
    default:
      break;
  }
  REDKITE_TRY(findColumn(snapshot, in, in.field, step.column, step.missing));
  if (step.missing) return good();
  REDKITE_TRY(makePredicate(in, step.column->field.type, step.predicate));
  if (step.column->allNull || step.predicate.unknown) return good();
  const auto index = snapshot.segment->index(in.field);
  if (index == nullptr || !index->scalar || index->scalar->rows() != snapshot.rows || index->scalar->type() != step.column->field.type) return good();
  const uint64_t bytes = uint64_t{8} * wordsFor(snapshot.rows);
  if (answeredBytes + bytes > kAnsweredBytesMax) return good();
  step.answered.assign(wordsFor(snapshot.rows), 0);
  if (!index->scalar->answer(step.predicate, *step.column, step.answered.data())) {
    step.answered = {};
  } else {
    answeredBytes += bytes;
  }
  return good();
}

class Run {
 public:
  Run(const Program& program, const Snapshot& snapshot, std::span<const External> externals)
      : snapshot_(snapshot), externals_(externals), registers_(new Register[program.registers()]) {}

  void block(const std::vector<Step>& steps, uint32_t first, uint32_t n, uint64_t* rows) {
    first_ = first;
    n_ = n;
    words_ = wordsFor(n);
    candidates_ = rows;
    for (const Step& step : steps) execute(step);
    for (uint32_t w = 0; w < words_; w++) rows[w] &= registers_[0].isTrue[w];
  }

 private:
  void fill(Register& to, uint64_t isTrue, uint64_t isFalse) {
    std::fill_n(to.isTrue, words_, isTrue);
    std::fill_n(to.isFalse, words_, isFalse);
    to.exact = isTrue != isFalse;
  }

  void execute(const Step& step) {
    const Instruction& in = *step.in;
    Register& to = registers_[in.destination];
    switch (in.op) {
      case Op::constant:
        return fill(to, in.a == 1 ? ~uint64_t{0} : 0, in.a == 0 ? ~uint64_t{0} : 0);
      case Op::logicalAnd:
        return combine<true>(to, registers_[in.a], registers_[in.b]);
      case Op::logicalOr:
        return combine<false>(to, registers_[in.a], registers_[in.b]);
      case Op::logicalNot:
        return invert(to, registers_[in.a]);
      case Op::external:
        return load(to, externals_[in.field]);
      case Op::isNull:
        return nulls(to, step);
      case Op::compareFields:
        if (step.missing || step.column->allNull || step.second->allNull) return fill(to, 0, 0);
        compareColumns(*step.column, *step.second, in.comparison, first_, n_, to.isTrue);
        to.exact = true;
        mask(to, *step.column);
        return mask(to, *step.second);
      default:
        return test(to, step);
    }
  }

  template <bool isAnd>
  void combine(Register& to, const Register& a, const Register& b) {
    const bool exact = a.exact && b.exact;
    for (uint32_t w = 0; w < words_; w++) {
      const uint64_t isTrue = isAnd ? a.isTrue[w] & b.isTrue[w] : a.isTrue[w] | b.isTrue[w];
      if (!exact) to.isFalse[w] = isAnd ? a.falseWord(w) | b.falseWord(w) : a.falseWord(w) & b.falseWord(w);
      to.isTrue[w] = isTrue;
    }
    to.exact = exact;
  }

  void invert(Register& to, const Register& a) {
    for (uint32_t w = 0; w < words_; w++) {
      const uint64_t isTrue = a.isTrue[w];
      to.isTrue[w] = a.falseWord(w);
      to.isFalse[w] = isTrue;
    }
    to.exact = a.exact;
  }

  void load(Register& to, const External& external) {
    const uint32_t from = first_ / 64;
    for (uint32_t w = 0; w < words_; w++) {
      const bool given = from + w < external.words;
      to.isTrue[w] = given ? external.isTrue[from + w] : 0;
      to.isFalse[w] = given ? external.isFalse[from + w] : 0;
    }
    to.exact = false;
  }

  void nulls(Register& to, const Step& step) {
    if (step.missing || step.column->allNull) return fill(to, ~uint64_t{0}, 0);
    if (!step.column->mayBeNull()) return fill(to, 0, ~uint64_t{0});
    for (uint32_t w = 0; w < words_; w++) to.isTrue[w] = ~step.column->validWord(first_ + w * 64, snapshot_.rows);
    to.exact = true;
  }

  void test(Register& to, const Step& step) {
    if (step.missing || step.column->allNull || step.predicate.unknown) return fill(to, 0, 0);
    if (!step.answered.empty()) {
      std::copy_n(step.answered.data() + first_ / 64, words_, to.isTrue);
    } else {
      evaluate(step.predicate, *step.column, first_, n_, candidates_, to.isTrue);
    }
    if (step.predicate.negate) {
      for (uint32_t w = 0; w < words_; w++) to.isTrue[w] = ~to.isTrue[w];
    }
    to.exact = true;
    mask(to, *step.column);
  }

  /** Makes the rows unknown in which the column is null. */
  void mask(Register& to, const ColumnView& column) {
    if (!column.mayBeNull()) return;
    for (uint32_t w = 0; w < words_; w++) {
      const uint64_t valid = column.validWord(first_ + w * 64, snapshot_.rows);
      to.isFalse[w] = to.falseWord(w) & valid;
      to.isTrue[w] &= valid;
    }
    to.exact = false;
  }

  const Snapshot& snapshot_;
  std::span<const External> externals_;
  std::unique_ptr<Register[]> registers_;
  uint32_t first_ = 0;
  uint32_t n_ = 0;
  uint32_t words_ = 0;
  const uint64_t* candidates_ = nullptr;
};

}  // namespace

Status run(const Program& program, const Snapshot& snapshot, std::span<const External> externals, CancelToken cancel, uint64_t* rows) {
  std::vector<Step> steps(program.instructions().size());
  uint64_t answeredBytes = 0;
  for (size_t i = 0; i < steps.size(); i++) REDKITE_TRY(prepare(program.instructions()[i], snapshot, externals, answeredBytes, steps[i]));
  Run machine(program, snapshot, externals);
  for (uint32_t first = 0; first < snapshot.rows; first += kBlockRows) {
    if (cancel.raised()) return Status::canceled();
    const uint32_t n = std::min(kBlockRows, snapshot.rows - first);
    uint64_t* block = rows + first / 64;
    // Nothing to decide where nothing is visible.
    if (std::all_of(block, block + wordsFor(n), [](uint64_t word) { return word == 0; })) continue;
    machine.block(steps, first, n, block);
  }
  return good();
}

}  // namespace redkite::filter
