// Work off the event loop: bounded threads that serve the whole process, promises that belong to one JavaScript thread.
#pragma once

#include <node_api.h>

#include <functional>
#include <memory>

#include "../src/segment/status.h"

namespace redkite::binding {

/** Searches never wait behind builds. */
enum class Lane : uint8_t { search = 0, build = 1 };

struct Job {
  /** On a thread of the pool. */
  std::function<Status(CancelToken)> work;
  /** On the JavaScript thread, when the work succeeded: the promise's value. */
  std::function<napi_value(napi_env)> answer;
  /** The caller's cancel flag, kept alive; null for none. */
  napi_value cancelFlag = nullptr;
  int32_t* cancelWord = nullptr;
  /** Another array that the work writes to; null for none. */
  napi_value keep = nullptr;
};

/** Starts the job and returns its promise. Refused with `tooManyJobs` when the lane's queue is full. */
napi_value submit(napi_env env, Lane lane, Job job);

/**
 * Work that nobody waits for: after everything else of the lane, a slice at a time, until the addon is unloaded. False when it was not
 * taken, at the end of the process or without memory.
 */
[[nodiscard]] bool submitBackground(Lane lane, std::function<void(CancelToken)> work);

/** Called once per JavaScript thread that loads the addon. */
void openThread(napi_env env);

/** Threads of a lane from now on: the largest number that was asked for. */
void setThreads(Lane lane, uint32_t threads);

}  // namespace redkite::binding
