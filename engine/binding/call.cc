#include "call.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace redkite::binding {
namespace {

/** Copying this much is cheaper than an external buffer with its finalizer. */
constexpr size_t kCopyMax = 16384;

const char* codeOf(StatusCode code) {
  switch (code) {
    case StatusCode::corrupted:
      return "corrupted";
    case StatusCode::canceled:
      return "canceled";
    case StatusCode::outOfMemory:
      return "outOfMemory";
    default:
      return "parameterInvalid";
  }
}

template <typename Handle>
Handle& handleOf(napi_env env, napi_value value, const char* what) {
  void* data = nullptr;
  napi_valuetype type;
  if (value == nullptr || napi_typeof(env, value, &type) != napi_ok || type != napi_external) refuse(std::string("expected a ") + what);
  napiOk(env, napi_get_value_external(env, value, &data));
  auto* handle = static_cast<Handle*>(data);
  if (handle == nullptr || handle->tag != Handle::kTag) refuse(std::string("expected a ") + what);
  return *handle;
}

}  // namespace

void require(Status status) {
  if (!status.ok()) throw Refused{std::move(status)};
}

void refuse(std::string message) { throw Refused{Status::invalid(std::move(message))}; }

void napiOk(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw Refused{Status::invalid(std::string("Node-API: ") + (info != nullptr && info->error_message != nullptr ? info->error_message : "failed"))};
}

Call::Call(napi_env env, napi_callback_info info) : env_(env) {
  napiOk(env, napi_get_cb_info(env, info, &count_, args_, nullptr, nullptr));
  count_ = std::min(count_, kArgumentsMax);
}

bool Call::has(size_t i) const {
  if (i >= count_) return false;
  napi_valuetype type;
  napiOk(env_, napi_typeof(env_, args_[i], &type));
  return type != napi_undefined;
}

double Call::numberOf(napi_env env, napi_value value) {
  double out;
  if (value == nullptr || napi_get_value_double(env, value, &out) != napi_ok) refuse("expected a number");
  return out;
}

double Call::number(size_t i) const { return numberOf(env_, raw(i)); }

int32_t Call::int32(size_t i) const {
  const double v = number(i);
  if (!(v >= -2147483648.0 && v <= 2147483647.0) || v != std::floor(v)) refuse("expected a 32-bit number, got " + std::to_string(v));
  return static_cast<int32_t>(v);
}

uint32_t Call::uint32(size_t i) const {
  const double v = number(i);
  if (!(v >= 0 && v <= 4294967295.0) || v != std::floor(v)) refuse("expected an unsigned 32-bit number, got " + std::to_string(v));
  return static_cast<uint32_t>(v);
}

uint64_t Call::size(size_t i) const {
  const double v = number(i);
  if (!(v >= 0 && v <= 9007199254740992.0) || v != std::floor(v)) refuse("expected a whole number, got " + std::to_string(v));
  return static_cast<uint64_t>(v);
}

bool Call::boolean(size_t i) const {
  bool out;
  if (raw(i) == nullptr || napi_get_value_bool(env_, raw(i), &out) != napi_ok) refuse("expected a boolean");
  return out;
}

uint64_t Call::bigint(size_t i) const {
  uint64_t out;
  bool lossless = false;
  if (raw(i) == nullptr || napi_get_value_bigint_uint64(env_, raw(i), &out, &lossless) != napi_ok || !lossless) {
    refuse("expected an unsigned 64-bit bigint");
  }
  return out;
}

std::vector<napi_value> Call::list(size_t i) const {
  uint32_t length;
  if (raw(i) == nullptr || napi_get_array_length(env_, raw(i), &length) != napi_ok) refuse("expected an array");
  std::vector<napi_value> out(length);
  for (uint32_t at = 0; at < length; at++) napiOk(env_, napi_get_element(env_, raw(i), at, &out[at]));
  return out;
}

BufferHandle& Call::bufferHandle(size_t i) const { return handleOf<BufferHandle>(env_, raw(i), "native buffer"); }

std::shared_ptr<segment::Buffer> Call::buffer(size_t i) const {
  BufferHandle& handle = bufferHandle(i);
  if (handle.buffer == nullptr) refuse("a native buffer is used after its close");
  return handle.buffer;
}

SegmentHandle& Call::segmentHandle(size_t i) const { return handleOf<SegmentHandle>(env_, raw(i), "segment"); }

std::shared_ptr<segment::Segment> Call::segment(size_t i) const {
  SegmentHandle& handle = segmentHandle(i);
  if (handle.segment == nullptr) refuse("a segment is used after its close");
  return handle.segment;
}

segment::KeysView Call::keys(size_t i) const {
  segment::KeysView keys;
  if (has(i)) {
    const auto values = typed<int64_t>(i, napi_bigint64_array, "BigInt64Array");
    keys.count = static_cast<uint32_t>(values.size());
    keys.values = values.data();
    return keys;
  }
  const std::span<int32_t> offsets = int32s(i + 1);
  const std::span<uint8_t> data = bytes(i + 2);
  if (offsets.empty()) refuse("offsets of keys are empty");
  for (size_t at = 0; at < offsets.size(); at++) {
    if (offsets[at] < 0 || (at > 0 && offsets[at] < offsets[at - 1]) || static_cast<size_t>(offsets[at]) > data.size()) {
      refuse("offsets of keys do not rise within their bytes");
    }
  }
  keys.varchar = true;
  keys.count = static_cast<uint32_t>(offsets.size() - 1);
  keys.offsets = offsets.data();
  keys.bytes = data.data();
  return keys;
}

CancelToken Call::cancel(size_t i) const {
  if (!has(i)) return {};
  const std::span<int32_t> word = int32s(i);
  if (word.empty()) refuse("a cancel flag has no word");
  return {word.data()};
}

napi_value undefined(napi_env env) {
  napi_value out;
  napiOk(env, napi_get_undefined(env, &out));
  return out;
}

napi_value makeNumber(napi_env env, double value) {
  napi_value out;
  napiOk(env, napi_create_double(env, value, &out));
  return out;
}

napi_value makeBigint(napi_env env, uint64_t value) {
  napi_value out;
  napiOk(env, napi_create_bigint_uint64(env, value, &out));
  return out;
}

napi_value makeBigintSigned(napi_env env, int64_t value) {
  napi_value out;
  napiOk(env, napi_create_bigint_int64(env, value, &out));
  return out;
}

napi_value makeBool(napi_env env, bool value) {
  napi_value out;
  napiOk(env, napi_get_boolean(env, value, &out));
  return out;
}

napi_value makeString(napi_env env, std::string_view value) {
  napi_value out;
  napiOk(env, napi_create_string_utf8(env, value.data(), value.size(), &out));
  return out;
}

napi_value makeList(napi_env env, std::initializer_list<napi_value> values) {
  napi_value out;
  napiOk(env, napi_create_array_with_length(env, values.size(), &out));
  uint32_t at = 0;
  for (const napi_value value : values) napiOk(env, napi_set_element(env, out, at++, value));
  return out;
}

size_t elementBytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 1;
  }
}

napi_value makeTyped(napi_env env, napi_typedarray_type type, size_t length, void** data) {
  napi_value memory, out;
  napiOk(env, napi_create_arraybuffer(env, length * elementBytes(type), data, &memory));
  napiOk(env, napi_create_typedarray(env, type, length, memory, 0, &out));
  return out;
}

napi_value makeView(napi_env env, napi_typedarray_type type, size_t length, const void* data, std::shared_ptr<const void> pin) {
  const size_t bytes = length * elementBytes(type);
  if (bytes <= kCopyMax) {
    void* to = nullptr;
    const napi_value out = makeTyped(env, type, length, &to);
    if (bytes > 0) std::memcpy(to, data, bytes);
    return out;
  }
  napi_value memory, out;
  auto* held = new std::shared_ptr<const void>(std::move(pin));
  const auto release = [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<const void>*>(hint); };
  const napi_status made = napi_create_external_arraybuffer(env, const_cast<void*>(data), bytes, release, held, &memory);
  if (made != napi_ok) delete held;
  napiOk(env, made);
  napiOk(env, napi_create_typedarray(env, type, length, memory, 0, &out));
  return out;
}

napi_value makeBuffer(napi_env env, std::shared_ptr<segment::Buffer> buffer) {
  auto handle = std::make_unique<BufferHandle>();
  handle->buffer = std::move(buffer);
  napi_value out;
  const auto release = [](napi_env env, void* data, void*) {
    auto* handle = static_cast<BufferHandle*>(data);
    if (handle->view != nullptr) napi_delete_reference(env, handle->view);
    delete handle;
  };
  napiOk(env, napi_create_external(env, handle.get(), release, nullptr, &out));
  handle.release();
  return out;
}

napi_value makeSegment(napi_env env, std::shared_ptr<segment::Segment> segment, uint64_t id) {
  auto handle = std::make_unique<SegmentHandle>();
  handle->segment = std::move(segment);
  handle->id = id;
  napi_value out;
  const auto release = [](napi_env, void* data, void*) { delete static_cast<SegmentHandle*>(data); };
  napiOk(env, napi_create_external(env, handle.get(), release, nullptr, &out));
  handle.release();
  return out;
}

napi_value makeError(napi_env env, const Status& status) {
  napi_value code = nullptr, message = nullptr, error = nullptr;
  const char* name = codeOf(status.code);
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, status.message.data(), status.message.size(), &message);
  napi_create_error(env, code, message, &error);
  return error;
}

}  // namespace redkite::binding
