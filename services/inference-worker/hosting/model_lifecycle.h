// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/config/v1/inference_worker_config.pb.h"
#include "common/concurrency/bounded_queue.h"
#include "common/concurrency/named_thread.h"
#include "common/concurrency/periodic.h"
#include "common/observability/log.h"
#include "common/rpc/one_shot.h"
#include "common/rpc/server_call.h"
#include "services/inference-worker/hosting/catalogue.h"
#include "services/inference-worker/hosting/lifecycle_plan.h"
#include "services/inference-worker/hosting/model_host.h"

namespace chasqui::worker {

// Brings models of the catalogue into memory when requests ask for them, and takes out those that
// nobody uses. PlanLifecycle decides; this gathers what it decides on, on a thread of its own, and
// carries it out on others. Owned by the server, outlives the calls. Thread-safe.
class ModelLifecycle {
 public:
  // The host and the catalogue outlive this.
  ModelLifecycle(const config::v1::InferenceWorkerConfig& config, const Catalogue& catalogue,
                 ModelHost& host, const observability::Logger& log);
  ~ModelLifecycle();
  ModelLifecycle(const ModelLifecycle&) = delete;
  ModelLifecycle& operator=(const ModelLifecycle&) = delete;

  // The model of this name or alias, counted as used for as long as the result lives; waits for it
  // to be loaded, if need be, until it is, the call is cancelled or max_load_wait has passed.
  //   NOT_FOUND            neither in memory nor in the catalogue
  //   FAILED_PRECONDITION  MODEL_NOT_LOADED: it would have to be loaded, and that is switched off
  //   RESOURCE_EXHAUSTED   too many wait (LOAD_QUEUE_FULL), it took too long (LOAD_TIMEOUT), or it
  //                        does not fit the memory (OUT_OF_MEMORY)
  // and what loading it fails with. On the call's loop.
  concurrency::Task<absl::StatusOr<std::shared_ptr<HostedModel>>> Acquire(rpc::ServerCall& call,
                                                                          std::string name);

  // Loads what an operator asks for, as ModelHost::Load does, and within max_loaded: the idle model
  // that was used the longest ago makes room. Blocks; not on a loop.
  //   RESOURCE_EXHAUSTED  MODELS_BUSY: as many as may be are in memory, and all are in use
  // Else as ModelHost::Load.
  absl::StatusOr<std::shared_ptr<HostedModel>> Load(const LoadSpec& spec,
                                                    const LoadProgressFn& progress);

  // The models of the catalogue that are not in memory.
  std::vector<inference::v1::Model> NotLoaded() const;

 private:
  struct Waiter;
  struct Entry {
    const LoadSpec* spec = nullptr;
    inference::v1::Model description;  // while it is not in memory
    bool loading = false;
    std::vector<std::shared_ptr<Waiter>> waiters;  // in the order of their coming
  };

  concurrency::Task<absl::StatusOr<std::shared_ptr<HostedModel>>> WaitFor(rpc::ServerCall& call,
                                                                          const LoadSpec& spec);
  absl::Status AddWaiter(const std::string& name, const std::shared_ptr<Waiter>& waiter);
  void RemoveWaiter(const std::string& name, const std::shared_ptr<Waiter>& waiter);

  absl::Status MakeRoomFor(const std::string& name);

  // On the thread "lifecycle".
  void Step();
  void AnswerLoaded();
  std::vector<ModelStage> Stages(time::SteadyTime now);
  // On the threads "model-loader".
  void LoadModels(const std::stop_token& stop);
  void Answer(const std::string& name, const absl::StatusOr<std::shared_ptr<HostedModel>>& result);

  const config::v1::LifecycleConfig config_;
  const config::v1::EngineConfig engine_;
  const std::uint64_t memory_margin_bytes_;
  const Catalogue& catalogue_;
  ModelHost& host_;
  const observability::Logger log_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_ ABSL_GUARDED_BY(mutex_);
  std::size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  std::multiset<std::string> loading_for_operators_ ABSL_GUARDED_BY(mutex_);  // by Load()
  concurrency::BoundedQueue<std::string> to_load_;
  concurrency::Periodic planner_;
  std::vector<concurrency::NamedThread> loaders_;  // last: they wake the planner
};

}  // namespace chasqui::worker
