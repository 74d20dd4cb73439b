// LIKE: `%` is any run of characters, `_` exactly one. Time is linear in the value for every pattern of practical length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace redkite::filter {

class LikeMatcher {
 public:
  /** `pattern` is a constant that `Program::parse` accepted. */
  explicit LikeMatcher(std::span<const uint8_t> pattern);

  /** Whether the whole value matches. */
  bool matches(std::string_view value) const;

  /** Literal that every match starts with; a match is any value with this prefix when `isPrefixOnly`. */
  const std::string& prefix() const { return prefix_; }
  bool isPrefixOnly() const { return prefixOnly_; }

 private:
  /** A stretch of the pattern between two `%`: bytes to match, where a set flag means one character of any kind. */
  struct Piece {
    std::string bytes;
    std::vector<bool> any;
    bool literal = true;
    /** For pieces with `_`: bit masks of a shift-and automaton, 256 x words. */
    std::vector<uint64_t> masks;
    std::vector<uint64_t> loops;
    uint32_t words = 0;
  };

  static void compile(Piece& piece);
  /** End of the match that starts at `from`, or npos. */
  static size_t matchAt(const Piece& piece, std::string_view value, size_t from);
  /** Start of the match that ends at the value's end, or npos. */
  static size_t matchAtEnd(const Piece& piece, std::string_view value);
  /** End of the match that ends first among those starting at or after `from`, or npos. */
  static size_t find(const Piece& piece, std::string_view value, size_t from);

  bool openStart_ = false;
  bool openEnd_ = false;
  std::vector<Piece> pieces_;
  std::string prefix_;
  bool prefixOnly_ = false;
};

}  // namespace redkite::filter
