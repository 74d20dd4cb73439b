#include "jobs.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <vector>

#include "call.h"

namespace redkite::binding {
namespace {

constexpr size_t kQueueMax = 4096;
constexpr uint32_t kThreadsMax = 256;

struct Thread;

struct Running {
  Job job;
  Status status;
  napi_deferred deferred = nullptr;
  napi_ref flag = nullptr;
  napi_ref keep = nullptr;
  /** Used when the caller gave no flag: raised when its thread ends. */
  int32_t ownWord = 0;
  std::shared_ptr<Thread> thread;

  int32_t* word() { return job.cancelWord != nullptr ? job.cancelWord : &ownWord; }
};

/** A JavaScript thread and its jobs. */
struct Thread {
  napi_threadsafe_function report = nullptr;
  uint32_t unanswered = 0;  // only touched on the JavaScript thread

  std::mutex mutex;
  std::condition_variable idle;
  std::set<Running*> working;  // not yet reported
};

enum class Pushed : uint8_t { taken, full, noMemory };

/** One lane: threads started on first use, joined when the last JavaScript thread has gone. */
class Pool {
 public:
  ~Pool() { stop(); }

  void setThreads(uint32_t threads) {
    const std::lock_guard lock(mutex_);
    limit_ = std::clamp(threads, limit_, kThreadsMax);
  }

  /** The job is the pool's when it was taken, and untouched otherwise. */
  Pushed push(Running* running) {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kQueueMax) return Pushed::full;
    try {
      if (!startThread()) return Pushed::noMemory;
      queue_.push_back(running);
    } catch (const std::bad_alloc&) {
      return Pushed::noMemory;
    }
    wake_.notify_one();
    return Pushed::taken;
  }

  Pushed pushBackground(std::function<void(CancelToken)> work) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Pushed::full;
    try {
      if (!startThread()) return Pushed::noMemory;
      background_.push_back(std::move(work));
    } catch (const std::bad_alloc&) {
      return Pushed::noMemory;
    }
    wake_.notify_one();
    return Pushed::taken;
  }

  /** Takes back the jobs of a JavaScript thread that have not begun. */
  std::vector<Running*> withdraw(const Thread* thread) {
    const std::lock_guard lock(mutex_);
    std::vector<Running*> out;
    std::erase_if(queue_, [&](Running* running) {
      if (running->thread.get() != thread) return false;
      out.push_back(running);
      return true;
    });
    return out;
  }

  void stop() {
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      __atomic_store_n(&stopWord_, 1, __ATOMIC_RELAXED);
      background_.clear();
      threads.swap(threads_);
    }
    wake_.notify_all();
    for (std::thread& thread : threads) thread.join();
    const std::lock_guard lock(mutex_);
    background_.clear();
    stopping_ = false;
    __atomic_store_n(&stopWord_, 0, __ATOMIC_RELAXED);
  }

 private:
  void serve();

  /** One more thread for one more piece of work, as far as the limit goes; false when there is none at all. */
  bool startThread() {
    const size_t waiting = queue_.size() + background_.size();
    if (idle_ > waiting || threads_.size() >= limit_) return true;
    try {
      threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      // The system gives no more threads: those that there are do the work one after the other.
    }
    return !threads_.empty();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Running*> queue_;
  std::deque<std::function<void(CancelToken)>> background_;
  std::vector<std::thread> threads_;
  uint32_t limit_ = 1;
  uint32_t idle_ = 0;
  bool stopping_ = false;
  int32_t stopWord_ = 0;
};

struct Process {
  Pool lanes[2];
  std::mutex mutex;
  uint32_t threads = 0;
};

/** Lives as long as the process: worker threads come and go, and static destruction would race with them. */
Process& process() {
  static auto* one = new Process;
  return *one;
}

void finish(Running* running) {
  const std::shared_ptr<Thread> thread = running->thread;
  const std::lock_guard lock(thread->mutex);
  // Under the lock, so that the thread cannot end between the check and the report.
  if (thread->report == nullptr || napi_call_threadsafe_function(thread->report, running, napi_tsfn_nonblocking) != napi_ok) {
    // Its JavaScript thread has gone, and with it everyone who could be told.
    thread->working.erase(running);
    delete running;
  } else {
    thread->working.erase(running);
  }
  thread->idle.notify_all();
}

void Pool::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    idle_++;
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty() || !background_.empty(); });
    idle_--;
    if (queue_.empty() && !background_.empty()) {
      std::function<void(CancelToken)> work = std::move(background_.front());
      background_.pop_front();
      lock.unlock();
      work({&stopWord_});
      work = nullptr;
      lock.lock();
      continue;
    }
    if (queue_.empty()) return;
    Running* running = queue_.front();
    queue_.pop_front();
    lock.unlock();
    try {
      const CancelToken cancel{running->word()};
      running->status = cancel.raised() ? Status::canceled() : running->job.work(cancel);
    } catch (const std::bad_alloc&) {
      running->status = outOfMemory("out of native memory");
    } catch (const std::exception& error) {
      running->status = Status::invalid(error.what());
    }
    finish(running);
    lock.lock();
  }
}

/** On the JavaScript thread; `env` is null when it is ending. */
void settle(napi_env env, napi_value, void* context, void* data) {
  (void)context;
  auto* running = static_cast<Running*>(data);
  if (env == nullptr) {
    delete running;
    return;
  }
  Thread& thread = *running->thread;
  if (--thread.unanswered == 0) napi_unref_threadsafe_function(env, thread.report);
  napi_value value = nullptr;
  Status status = std::move(running->status);
  if (status.ok()) {
    try {
      value = running->job.answer(env);
    } catch (const Refused& refused) {
      status = refused.status;
    } catch (const std::bad_alloc&) {
      status = outOfMemory("out of native memory");
    }
  }
  if (running->flag != nullptr) napi_delete_reference(env, running->flag);
  if (running->keep != nullptr) napi_delete_reference(env, running->keep);
  if (status.ok()) {
    napi_resolve_deferred(env, running->deferred, value);
  } else {
    napi_reject_deferred(env, running->deferred, makeError(env, status));
  }
  delete running;
}

struct ThreadBox {
  std::shared_ptr<Thread> thread;
};

/** The JavaScript thread ends: its jobs are told to stop, and waited for, because they use its memory. */
void closeThread(void* data) {
  auto* box = static_cast<ThreadBox*>(data);
  Thread& thread = *box->thread;
  for (Pool& lane : process().lanes) {
    for (Running* running : lane.withdraw(&thread)) {
      const std::lock_guard lock(thread.mutex);
      thread.working.erase(running);
      // The box keeps the thread alive beyond its last job.
      delete running;
    }
  }
  {
    std::unique_lock lock(thread.mutex);
    for (Running* running : thread.working) __atomic_store_n(running->word(), 1, __ATOMIC_RELAXED);
    thread.idle.wait(lock, [&] { return thread.working.empty(); });
    thread.report = nullptr;
  }
  delete box;
  Process& all = process();
  const std::lock_guard lock(all.mutex);
  if (--all.threads > 0) return;
  for (Pool& lane : all.lanes) lane.stop();
}

napi_value tooManyJobs(napi_env env) {
  napi_value code, message, error;
  napiOk(env, napi_create_string_utf8(env, "tooManyJobs", NAPI_AUTO_LENGTH, &code));
  napiOk(env, napi_create_string_utf8(env, std::to_string(kQueueMax).c_str(), NAPI_AUTO_LENGTH, &message));
  napiOk(env, napi_create_error(env, code, message, &error));
  return error;
}

}  // namespace

void setThreads(Lane lane, uint32_t threads) { process().lanes[static_cast<size_t>(lane)].setThreads(threads); }

void openThread(napi_env env) {
  auto* box = new ThreadBox{std::make_shared<Thread>()};
  napiOk(env, napi_set_instance_data(env, box, nullptr, nullptr));
  napi_value name;
  napiOk(env, napi_create_string_utf8(env, "redkite", NAPI_AUTO_LENGTH, &name));
  napiOk(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, settle, &box->thread->report));
  napiOk(env, napi_unref_threadsafe_function(env, box->thread->report));
  {
    Process& all = process();
    const std::lock_guard lock(all.mutex);
    all.threads++;
  }
  // Added after the thread-safe function, so it runs before that one is torn down.
  napiOk(env, napi_add_env_cleanup_hook(env, closeThread, box));
}

bool submitBackground(Lane lane, std::function<void(CancelToken)> work) {
  return process().lanes[static_cast<size_t>(lane)].pushBackground(std::move(work)) == Pushed::taken;
}

napi_value submit(napi_env env, Lane lane, Job job) {
  void* data = nullptr;
  napiOk(env, napi_get_instance_data(env, &data));
  const std::shared_ptr<Thread>& thread = static_cast<ThreadBox*>(data)->thread;
  auto running = std::make_unique<Running>();
  running->thread = thread;
  const napi_value flag = job.cancelFlag;
  const napi_value keep = job.keep;
  running->job = std::move(job);
  napi_value promise;
  napiOk(env, napi_create_promise(env, &running->deferred, &promise));
  if (flag != nullptr) napiOk(env, napi_create_reference(env, flag, 1, &running->flag));
  if (keep != nullptr) napiOk(env, napi_create_reference(env, keep, 1, &running->keep));
  Running* raw = running.get();
  {
    const std::lock_guard lock(thread->mutex);
    thread->working.insert(raw);
  }
  const Pushed pushed = process().lanes[static_cast<size_t>(lane)].push(raw);
  if (pushed == Pushed::taken) {
    running.release();
    if (thread->unanswered++ == 0) napiOk(env, napi_ref_threadsafe_function(env, thread->report));
    return promise;
  }
  {
    const std::lock_guard lock(thread->mutex);
    thread->working.erase(raw);
  }
  if (raw->flag != nullptr) napi_delete_reference(env, raw->flag);
  if (raw->keep != nullptr) napi_delete_reference(env, raw->keep);
  napiOk(env, napi_reject_deferred(env, raw->deferred, pushed == Pushed::full ? tooManyJobs(env) : makeError(env, outOfMemory("no thread can be started"))));
  return promise;
}

}  // namespace redkite::binding
