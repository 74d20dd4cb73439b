// One call from JavaScript: its arguments checked and unpacked, its answer packed. No logic of the engine.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../src/segment/buffer.h"
#include "../src/segment/keys.h"
#include "../src/segment/read.h"
#include "../src/segment/segment.h"

namespace redkite::binding {

/** Thrown inside the binding only; `wrap` turns it into a JavaScript error. */
struct Refused {
  Status status;
};

/** Throws Refused unless ok. */
void require(Status status);
[[noreturn]] void refuse(std::string message);
/** Node-API itself failed: a bug here, or JavaScript is ending. */
void napiOk(napi_env env, napi_status status);

/** What JavaScript holds as an external; the tag tells kinds apart. */
struct BufferHandle {
  static constexpr uint64_t kTag = 0x7265646b6275666aull;
  uint64_t tag = kTag;
  std::shared_ptr<segment::Buffer> buffer;
  /** The ArrayBuffer over it, if somebody asked for one, and what keeps the memory for it: emptied when the view is detached. */
  napi_ref view = nullptr;
  std::shared_ptr<std::shared_ptr<segment::Buffer>> viewed;
};

struct SegmentHandle {
  static constexpr uint64_t kTag = 0x7265646b7365676dull;
  uint64_t tag = kTag;
  std::shared_ptr<segment::Segment> segment;
  uint64_t id = 0;
};

class Call {
 public:
  Call(napi_env env, napi_callback_info info);

  napi_env env() const { return env_; }
  bool has(size_t i) const;
  napi_value raw(size_t i) const { return i < count_ ? args_[i] : nullptr; }

  int32_t int32(size_t i) const;
  uint32_t uint32(size_t i) const;
  /** A whole number up to 2^53. */
  uint64_t size(size_t i) const;
  double number(size_t i) const;
  bool boolean(size_t i) const;
  uint64_t bigint(size_t i) const;
  std::span<uint8_t> bytes(size_t i) const { return typed<uint8_t>(i, napi_uint8_array, "Uint8Array"); }
  std::span<int32_t> int32s(size_t i) const { return typed<int32_t>(i, napi_int32_array, "Int32Array"); }
  std::span<uint64_t> uint64s(size_t i) const { return typed<uint64_t>(i, napi_biguint64_array, "BigUint64Array"); }
  std::vector<napi_value> list(size_t i) const;
  BufferHandle& bufferHandle(size_t i) const;
  std::shared_ptr<segment::Buffer> buffer(size_t i) const;
  SegmentHandle& segmentHandle(size_t i) const;
  std::shared_ptr<segment::Segment> segment(size_t i) const;
  /** Int64 keys at i, or varchar offsets at i + 1 and bytes at i + 2. */
  segment::KeysView keys(size_t i) const;
  /** The first word of an Int32Array, or a token that never cancels. */
  CancelToken cancel(size_t i) const;

  /** The same readers for elements of a list. */
  template <typename T>
  static std::span<T> typedOf(napi_env env, napi_value value, napi_typedarray_type wanted, const char* name);
  static double numberOf(napi_env env, napi_value value);

 private:
  template <typename T>
  std::span<T> typed(size_t i, napi_typedarray_type wanted, const char* name) const {
    return typedOf<T>(env_, raw(i), wanted, name);
  }

  napi_env env_;
  size_t count_ = kArgumentsMax;
  static constexpr size_t kArgumentsMax = 32;
  napi_value args_[kArgumentsMax];
};

template <typename T>
std::span<T> Call::typedOf(napi_env env, napi_value value, napi_typedarray_type wanted, const char* name) {
  bool is = false;
  if (value == nullptr || napi_is_typedarray(env, value, &is) != napi_ok || !is) refuse(std::string("expected ") + name);
  napi_typedarray_type type;
  size_t length;
  void* data;
  napiOk(env, napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr));
  if (type != wanted) refuse(std::string("expected ") + name);
  return {static_cast<T*>(data), length};
}

// Answers.
napi_value undefined(napi_env env);
napi_value makeNumber(napi_env env, double value);
napi_value makeBigint(napi_env env, uint64_t value);
napi_value makeBigintSigned(napi_env env, int64_t value);
napi_value makeBool(napi_env env, bool value);
napi_value makeString(napi_env env, std::string_view value);
napi_value makeList(napi_env env, std::initializer_list<napi_value> values);
/** A fresh typed array; `data` is where its elements go. */
napi_value makeTyped(napi_env env, napi_typedarray_type type, size_t length, void** data);
/** A typed array over memory that `pin` keeps alive; small ones are copied. */
napi_value makeView(napi_env env, napi_typedarray_type type, size_t length, const void* data, std::shared_ptr<const void> pin);
napi_value makeBuffer(napi_env env, std::shared_ptr<segment::Buffer> buffer);
napi_value makeSegment(napi_env env, std::shared_ptr<segment::Segment> segment, uint64_t id);
napi_value makeError(napi_env env, const Status& status);

size_t elementBytes(napi_typedarray_type type);

/** A function of the addon: runs `F` and throws what it refuses. */
template <napi_value (*F)(Call&)>
napi_value wrap(napi_env env, napi_callback_info info) {
  Status failed;
  try {
    Call call(env, info);
    return F(call);
  } catch (const Refused& refused) {
    failed = refused.status;
  } catch (const std::bad_alloc&) {
    failed = outOfMemory("out of native memory");
  } catch (const std::exception& error) {
    failed = Status::invalid(error.what());
  }
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw(env, makeError(env, failed));
  return nullptr;
}

struct Function {
  const char* name;
  napi_callback call;
};

}  // namespace redkite::binding
