// info, crc32c, native buffers.
#include "functions.h"

#include <cstring>

#include "redkite/crc32c.h"
#include "redkite/kernels.h"

#include "jobs.h"

namespace redkite::binding {
namespace {

napi_value isa(Call& call) { return makeString(call.env(), kernels().name); }

/** setThreads(search, build) */
napi_value setPoolThreads(Call& call) {
  setThreads(Lane::search, call.uint32(0));
  setThreads(Lane::build, call.uint32(1));
  return undefined(call.env());
}

/** crc32c(bytes, seed) */
napi_value checksum(Call& call) {
  const std::span<uint8_t> bytes = call.bytes(0);
  return makeNumber(call.env(), crc32c(bytes.data(), bytes.size(), call.uint32(1)));
}

napi_value memoryBytes(Call& call) { return makeNumber(call.env(), static_cast<double>(segment::nativeMemoryBytes())); }

/** bufferAllocate(bytes) */
napi_value bufferAllocate(Call& call) {
  std::shared_ptr<segment::Buffer> buffer;
  require(segment::Buffer::allocate(call.size(0), buffer));
  return makeBuffer(call.env(), std::move(buffer));
}

/** bufferMapFile(descriptor) */
napi_value bufferMapFile(Call& call) {
  std::shared_ptr<segment::Buffer> buffer;
  require(segment::Buffer::mapFile(call.int32(0), buffer));
  return makeBuffer(call.env(), std::move(buffer));
}

napi_value bufferLength(Call& call) { return makeNumber(call.env(), static_cast<double>(call.buffer(0)->size())); }

/** bufferBytes(buffer): a Uint8Array over the memory, detached when the buffer is closed. */
napi_value bufferBytes(Call& call) {
  const napi_env env = call.env();
  BufferHandle& handle = call.bufferHandle(0);
  const std::shared_ptr<segment::Buffer> buffer = call.buffer(0);
  napi_value memory = nullptr, out;
  if (buffer->size() == 0) {
    void* nothing = nullptr;
    return makeTyped(env, napi_uint8_array, 0, &nothing);
  }
  if (handle.view != nullptr) napiOk(env, napi_get_reference_value(env, handle.view, &memory));
  if (memory == nullptr) {
    using Viewed = std::shared_ptr<std::shared_ptr<segment::Buffer>>;
    auto* held = new Viewed(std::make_shared<std::shared_ptr<segment::Buffer>>(buffer));
    const auto release = [](napi_env, void*, void* hint) { delete static_cast<Viewed*>(hint); };
    const napi_status made = napi_create_external_arraybuffer(env, const_cast<uint8_t*>(buffer->data()), buffer->size(), release, held, &memory);
    if (made != napi_ok) delete held;
    napiOk(env, made);
    handle.viewed = *held;
    if (handle.view != nullptr) napi_delete_reference(env, handle.view);
    handle.view = nullptr;
    napiOk(env, napi_create_reference(env, memory, 0, &handle.view));
  }
  napiOk(env, napi_create_typedarray(env, napi_uint8_array, buffer->size(), memory, 0, &out));
  return out;
}

napi_value bufferClose(Call& call) {
  BufferHandle& handle = call.bufferHandle(0);
  napi_value memory = nullptr;
  if (handle.view != nullptr) {
    napi_get_reference_value(call.env(), handle.view, &memory);
    // Once JavaScript cannot reach the memory any more it need not wait for the garbage collector. A view that was transferred
    // lives on in another thread and keeps it.
    bool transferred = false;
    if (memory != nullptr) napi_is_detached_arraybuffer(call.env(), memory, &transferred);
    if (memory == nullptr || (!transferred && napi_detach_arraybuffer(call.env(), memory) == napi_ok)) handle.viewed->reset();
    napi_delete_reference(call.env(), handle.view);
    handle.view = nullptr;
  }
  handle.viewed.reset();
  handle.buffer.reset();
  return undefined(call.env());
}

}  // namespace

void addBufferFunctions(std::vector<Function>& to) {
  to.insert(to.end(), {
                          {"isa", wrap<isa>},
                          {"setThreads", wrap<setPoolThreads>},
                          {"crc32c", wrap<checksum>},
                          {"memoryBytes", wrap<memoryBytes>},
                          {"bufferAllocate", wrap<bufferAllocate>},
                          {"bufferMapFile", wrap<bufferMapFile>},
                          {"bufferLength", wrap<bufferLength>},
                          {"bufferBytes", wrap<bufferBytes>},
                          {"bufferClose", wrap<bufferClose>},
                      });
}

}  // namespace redkite::binding
