#include "like.h"

#include <cstring>

namespace redkite::filter {
namespace {

constexpr size_t npos = std::string_view::npos;

bool isContinuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

/** End of the UTF-8 character at `at`. */
size_t characterEnd(std::string_view value, size_t at) {
  at++;
  while (at < value.size() && isContinuation(value[at])) at++;
  return at;
}

}  // namespace

LikeMatcher::LikeMatcher(std::span<const uint8_t> pattern) {
  pieces_.emplace_back();
  bool sawRun = false;
  bool lastWasRun = false;
  for (size_t at = 0; at < pattern.size();) {
    const uint8_t tag = pattern[at++];
    if (tag == 1) {
      if (pieces_.size() == 1 && pieces_[0].bytes.empty() && !sawRun) openStart_ = true;
      sawRun = true;
      if (!pieces_.back().bytes.empty()) pieces_.emplace_back();
      lastWasRun = true;
      continue;
    }
    lastWasRun = false;
    Piece& piece = pieces_.back();
    if (tag == 2) {
      piece.bytes.push_back('_');
      piece.any.push_back(true);
      piece.literal = false;
      continue;
    }
    uint32_t length;
    std::memcpy(&length, pattern.data() + at, 4);
    piece.bytes.append(reinterpret_cast<const char*>(pattern.data()) + at + 4, length);
    piece.any.resize(piece.bytes.size(), false);
    at += 4 + size_t{length};
  }
  openEnd_ = lastWasRun;
  if (pieces_.back().bytes.empty()) pieces_.pop_back();
  for (Piece& piece : pieces_) compile(piece);
  if (!openStart_ && !pieces_.empty()) {
    const Piece& first = pieces_.front();
    while (prefix_.size() < first.bytes.size() && !first.any[prefix_.size()]) prefix_.push_back(first.bytes[prefix_.size()]);
    prefixOnly_ = openEnd_ && pieces_.size() == 1 && first.literal;
  }
}

void LikeMatcher::compile(Piece& piece) {
  if (piece.literal) return;
  piece.words = static_cast<uint32_t>((piece.bytes.size() + 63) / 64);
  piece.masks.assign(size_t{256} * piece.words, 0);
  piece.loops.assign(piece.words, 0);
  for (size_t i = 0; i < piece.bytes.size(); i++) {
    const uint64_t bit = uint64_t{1} << (i % 64);
    if (!piece.any[i]) {
      piece.masks[static_cast<uint8_t>(piece.bytes[i]) * size_t{piece.words} + i / 64] |= bit;
      continue;
    }
    // A character begins with any byte that does not continue one, and stays for those that do.
    piece.loops[i / 64] |= bit;
    for (size_t byte = 0; byte < 256; byte++) {
      if (!isContinuation(static_cast<char>(byte))) piece.masks[byte * piece.words + i / 64] |= bit;
    }
  }
}

size_t LikeMatcher::matchAt(const Piece& piece, std::string_view value, size_t from) {
  if (piece.literal) return value.substr(from, piece.bytes.size()) == piece.bytes ? from + piece.bytes.size() : npos;
  for (size_t i = 0; i < piece.bytes.size(); i++) {
    if (from >= value.size()) return npos;
    if (piece.any[i]) {
      from = characterEnd(value, from);
    } else if (value[from] == piece.bytes[i]) {
      from++;
    } else {
      return npos;
    }
  }
  return from;
}

size_t LikeMatcher::matchAtEnd(const Piece& piece, std::string_view value) {
  size_t at = value.size();
  for (size_t i = piece.bytes.size(); i > 0; i--) {
    if (at == 0) return npos;
    at--;
    if (!piece.any[i - 1]) {
      if (value[at] != piece.bytes[i - 1]) return npos;
      continue;
    }
    while (at > 0 && isContinuation(value[at])) at--;
  }
  return at;
}

size_t LikeMatcher::find(const Piece& piece, std::string_view value, size_t from) {
  if (piece.literal) {
    if (piece.bytes.size() > value.size() - from) return npos;
    const void* found = memmem(value.data() + from, value.size() - from, piece.bytes.data(), piece.bytes.size());
    return found == nullptr ? npos : static_cast<size_t>(static_cast<const char*>(found) - value.data()) + piece.bytes.size();
  }
  // Shift-and (Baeza-Yates and Gonnet 1992): bit i says that bytes [.., at] match the first i + 1 places.
  std::vector<uint64_t> state(piece.words, 0);
  const size_t last = piece.bytes.size() - 1;
  for (size_t at = from; at < value.size(); at++) {
    const uint64_t* mask = piece.masks.data() + static_cast<uint8_t>(value[at]) * size_t{piece.words};
    const bool continues = isContinuation(value[at]);
    uint64_t carry = 1;  // A match may begin at every byte.
    for (uint32_t w = 0; w < piece.words; w++) {
      const uint64_t stay = continues ? state[w] & piece.loops[w] : 0;
      const uint64_t next = ((state[w] << 1 | carry) & mask[w]) | stay;
      carry = state[w] >> 63;
      state[w] = next;
    }
    if ((state[last / 64] >> (last % 64) & 1) != 0) {
      return piece.any[last] ? characterEnd(value, at) : at + 1;
    }
  }
  return npos;
}

bool LikeMatcher::matches(std::string_view value) const {
  if (pieces_.empty()) return openStart_ || openEnd_ || value.empty();
  size_t at = 0;
  size_t first = 0;
  size_t last = pieces_.size();
  if (!openStart_) {
    at = matchAt(pieces_[0], value, 0);
    if (at == npos) return false;
    first = 1;
    if (last == 1) return openEnd_ || at == value.size();
  }
  size_t end = value.size();
  if (!openEnd_) {
    end = matchAtEnd(pieces_[--last], value);
    if (end == npos || end < at) return false;
  }
  for (size_t i = first; i < last; i++) {
    at = find(pieces_[i], value, at);
    if (at == npos || at > end) return false;
  }
  return true;
}

}  // namespace redkite::filter
