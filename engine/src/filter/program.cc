#include "program.h"

#include <cstring>

namespace redkite::filter {
namespace {

constexpr uint32_t kHeader = 16;
constexpr uint32_t kInstruction = 32;
constexpr uint32_t kRegistersMax = 64;
constexpr uint32_t kInstructionsMax = 65536;

template <typename T>
T read(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

Status bad(uint32_t index, const char* what) {
  return Status::invalid("filter program: operation " + std::to_string(index) + ": " + what);
}

bool stringListIsSound(std::span<const uint8_t> c) {
  if (c.size() < 8) return false;
  const uint64_t count = read<uint32_t>(c.data());
  const uint64_t bytesAt = 4 + 4 * (count + 1);
  if (bytesAt > c.size()) return false;
  uint32_t previous = 0;
  for (uint64_t i = 0; i <= count; i++) {
    const uint32_t next = read<uint32_t>(c.data() + 4 + 4 * i);
    if (next < previous || next > c.size() - bytesAt) return false;
    previous = next;
  }
  return true;
}

bool likeIsSound(std::span<const uint8_t> c) {
  size_t at = 0;
  while (at < c.size()) {
    const uint8_t tag = c[at++];
    if (tag > 2) return false;
    if (tag != 0) continue;
    if (c.size() - at < 4) return false;
    const uint32_t length = read<uint32_t>(c.data() + at);
    at += 4;
    if (length > c.size() - at) return false;
    at += length;
  }
  return true;
}

/** Whether the constant has the size and inner layout of its kind, for the operation that uses it. */
bool constantIsSound(const Instruction& in) {
  const std::span<const uint8_t> c = in.constant;
  switch (in.op) {
    case Op::compare:
      switch (in.kind) {
        case ConstantKind::int64:
        case ConstantKind::float64:
          return c.size() == 8;
        case ConstantKind::boolean:
          return !c.empty();
        default:
          return in.kind == ConstantKind::string;
      }
    case Op::range:
      if (in.kind == ConstantKind::string) return c.size() >= 4 && read<uint32_t>(c.data()) <= c.size() - 4;
      return (in.kind == ConstantKind::int64 || in.kind == ConstantKind::float64) && c.size() == 16;
    case Op::arithmetic:
      return (in.kind == ConstantKind::int64 || in.kind == ConstantKind::float64) && c.size() == 16;
    case Op::in:
      if (in.kind == ConstantKind::stringList) return stringListIsSound(c);
      return (in.kind == ConstantKind::int64List || in.kind == ConstantKind::float64List) && c.size() % 8 == 0;
    case Op::like:
      return in.kind == ConstantKind::string && likeIsSound(c);
    default:
      return true;
  }
}

}  // namespace

Status Program::parse(std::span<const uint8_t> bytes, uint32_t externals, Program& out) {
  if (bytes.size() < kHeader || std::memcmp(bytes.data(), "RKFP", 4) != 0) return Status::invalid("not a filter program");
  const uint16_t version = read<uint16_t>(bytes.data() + 4);
  if (version != 1) return Status::invalid("filter program version " + std::to_string(version) + " is not known, this runs 1");
  out.registers_ = read<uint16_t>(bytes.data() + 6);
  const uint32_t count = read<uint32_t>(bytes.data() + 8);
  const uint32_t poolBytes = read<uint32_t>(bytes.data() + 12);
  if (out.registers_ == 0 || out.registers_ > kRegistersMax) {
    return Status::invalid("filter program: " + std::to_string(out.registers_) + " registers, 1 to 64 are allowed");
  }
  if (count == 0 || count > kInstructionsMax) {
    return Status::invalid("filter program: " + std::to_string(count) + " operations, 1 to 65536 are allowed");
  }
  const uint64_t poolAt = kHeader + uint64_t{kInstruction} * count;
  if (poolAt + poolBytes > bytes.size()) return Status::invalid("filter program is cut short");

  out.pool_.assign((uint64_t{poolBytes} + 7) / 8, 0);
  if (poolBytes > 0) std::memcpy(out.pool_.data(), bytes.data() + poolAt, poolBytes);
  const auto* pool = reinterpret_cast<const uint8_t*>(out.pool_.data());
  out.instructions_.clear();
  out.instructions_.reserve(count);
  uint64_t written = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t* d = bytes.data() + kHeader + size_t{kInstruction} * i;
    if (d[0] > static_cast<uint8_t>(Op::boolean)) return bad(i, "unknown opcode");
    if (d[1] > static_cast<uint8_t>(Comparison::ge)) return bad(i, "unknown comparison");
    if (d[2] > static_cast<uint8_t>(Arithmetic::mod)) return bad(i, "unknown arithmetic");
    Instruction in;
    in.op = static_cast<Op>(d[0]);
    in.comparison = static_cast<Comparison>(d[1]);
    in.arithmetic = static_cast<Arithmetic>(d[2]);
    in.flags = d[3];
    in.destination = read<uint16_t>(d + 4);
    in.a = read<uint16_t>(d + 6);
    in.b = read<uint16_t>(d + 8);
    const uint16_t kind = read<uint16_t>(d + 10);
    if (kind > static_cast<uint16_t>(ConstantKind::stringList)) return bad(i, "unknown kind of constant");
    in.kind = static_cast<ConstantKind>(kind);
    in.field = read<uint32_t>(d + 12);
    in.secondField = read<uint32_t>(d + 16);
    const uint32_t offset = read<uint32_t>(d + 20);
    const uint32_t length = read<uint32_t>(d + 24);
    if (in.flags > 7) return bad(i, "unknown flag");
    if (in.destination >= out.registers_) return bad(i, "destination register is out of range");
    const bool readsA = in.op == Op::logicalAnd || in.op == Op::logicalOr || in.op == Op::logicalNot;
    const bool readsB = in.op == Op::logicalAnd || in.op == Op::logicalOr;
    if ((readsA && (in.a >= out.registers_ || (written >> in.a & 1) == 0)) || (readsB && (in.b >= out.registers_ || (written >> in.b & 1) == 0))) {
      return bad(i, "reads a register that nothing has written");
    }
    if (in.op == Op::constant && in.a > 2) return bad(i, "no such truth value");
    if (in.op == Op::arithmetic && in.arithmetic == Arithmetic::none) return bad(i, "arithmetic without an operator");
    if (in.op == Op::external && in.field >= externals) return bad(i, "names an external bitmap that was not given");
    if (in.kind != ConstantKind::none) {
      if (offset % 8 != 0 || uint64_t{offset} + length > poolBytes) return bad(i, "constant is out of bounds");
      in.constant = {pool + offset, length};
    }
    if (!constantIsSound(in)) return bad(i, "constant does not have the kind or size that the operation needs");
    written |= uint64_t{1} << in.destination;
    out.instructions_.push_back(in);
  }
  if ((written & 1) == 0) return Status::invalid("filter program does not write its result, register 0");
  return good();
}

std::vector<std::string_view> readStringList(std::span<const uint8_t> c) {
  const uint32_t count = read<uint32_t>(c.data());
  const char* bytes = reinterpret_cast<const char*>(c.data()) + 4 + 4 * (size_t{count} + 1);
  std::vector<std::string_view> out;
  out.reserve(count);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t from = read<uint32_t>(c.data() + 4 + 4 * size_t{i});
    const uint32_t to = read<uint32_t>(c.data() + 8 + 4 * size_t{i});
    out.emplace_back(bytes + from, to - from);
  }
  return out;
}

}  // namespace redkite::filter
