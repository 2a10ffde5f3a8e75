// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/model_lifecycle.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/inference-worker/hosting/memory_room.h"

namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;
using concurrency::Task;
using Hosted = std::shared_ptr<HostedModel>;

constexpr time::Duration kPlanInterval = 1s;
constexpr std::chrono::milliseconds kRetryDelay = 5s;
constexpr std::size_t kMostToLoad = 256;

absl::Status TooLarge(const std::string& name) {
  return status::Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                       absl::StrCat("model \"", name,
                                    "\" does not fit the memory, even when nothing else is in it"));
}

}  // namespace

struct ModelLifecycle::Waiter {
  explicit Waiter(rpc::Loop& of) : loop(of) {}

  rpc::Loop& loop;
  const time::SteadyTime since = time::SteadyNow();
  // Confined to the loop.
  rpc::OneShot<bool> woken;
  std::optional<absl::StatusOr<Hosted>> result;
};

ModelLifecycle::ModelLifecycle(const config::v1::InferenceWorkerConfig& config,
                               const Catalogue& catalogue, ModelHost& host,
                               const observability::Logger& log)
    : config_(config.lifecycle()),
      engine_(config.engine()),
      memory_margin_bytes_(config.memory_margin_bytes()),
      catalogue_(catalogue),
      host_(host),
      log_(log),
      to_load_(kMostToLoad),
      planner_("lifecycle", kPlanInterval, [this] { Step(); }) {
  const absl::MutexLock lock(mutex_);
  for (const LoadSpec& spec : catalogue_.models()) {
    Entry& entry = entries_[spec.name];
    entry.spec = &spec;
    entry.description = host_.DescribeFile(spec);
  }
  for (std::uint32_t i = 0; i < config_.max_loading(); ++i) {
    loaders_.emplace_back("model-loader",
                          [this](const std::stop_token& stop) { LoadModels(stop); });
  }
}

ModelLifecycle::~ModelLifecycle() {
  for (auto& loader : loaders_) loader.RequestStop();
  to_load_.Close();
}

Task<absl::StatusOr<Hosted>> ModelLifecycle::Acquire(rpc::ServerCall& call, std::string name) {
  absl::StatusOr<Hosted> found = host_.Find(name);
  if (found.ok()) co_return HostedModel::Use(*std::move(found));
  const LoadSpec* spec = catalogue_.Resolve(name);
  // A catalogue of one model is as good as a name.
  if (name.empty() && catalogue_.models().size() == 1) spec = &catalogue_.models().front();
  if (spec == nullptr) co_return found.status();
  if (!config_.load_on_demand()) {
    co_return status::Error(
        absl::StatusCode::kFailedPrecondition, "MODEL_NOT_LOADED",
        absl::StrCat("model \"", spec->name,
                     "\" is not in memory, and lifecycle.load_on_demand is off"));
  }
  co_return co_await WaitFor(call, *spec);
}

Task<absl::StatusOr<Hosted>> ModelLifecycle::WaitFor(rpc::ServerCall& call, const LoadSpec& spec) {
  const auto waiter = std::make_shared<Waiter>(call.loop());
  if (absl::Status added = AddWaiter(spec.name, waiter); !added.ok()) co_return added;
  planner_.Wake();
  const rpc::CancelHook hook = call.OnCancel([waiter] { waiter->woken.Set(false); });
  const rpc::Loop::Timer timer = call.loop().After(service::ToDuration(config_.max_load_wait()),
                                                   [waiter] { waiter->woken.Set(false); });
  co_await waiter->woken;
  if (waiter->result.has_value()) {
    if (!waiter->result->ok()) co_return waiter->result->status();
    co_return HostedModel::Use(**std::move(waiter->result));
  }
  RemoveWaiter(spec.name, waiter);
  if (call.cancelled()) co_return absl::CancelledError("the client left");
  co_return status::ResourceExhausted(
      "LOAD_TIMEOUT", absl::StrCat("model \"", spec.name, "\" could not be loaded in time"),
      kRetryDelay);
}

absl::Status ModelLifecycle::AddWaiter(const std::string& name,
                                       const std::shared_ptr<Waiter>& waiter) {
  const absl::MutexLock lock(mutex_);
  if (waiting_ >= config_.max_waiting_requests()) {
    return status::ResourceExhausted(
        "LOAD_QUEUE_FULL",
        absl::StrCat(waiting_, " requests wait for models to be loaded, as many as may"),
        kRetryDelay);
  }
  ++waiting_;
  entries_.at(name).waiters.push_back(waiter);
  return absl::OkStatus();
}

void ModelLifecycle::RemoveWaiter(const std::string& name, const std::shared_ptr<Waiter>& waiter) {
  const absl::MutexLock lock(mutex_);
  waiting_ -= std::erase(entries_.at(name).waiters, waiter);
}

std::vector<ModelStage> ModelLifecycle::Stages(time::SteadyTime now) {
  std::vector<ModelStage> stages;
  std::vector<Hosted> in_memory = host_.All();
  const absl::MutexLock lock(mutex_);
  for (const auto& hosted : in_memory) {
    ModelStage& stage = stages.emplace_back();
    stage.name = hosted->name();
    stage.state = ModelStage::State::kLoaded;
    stage.bytes = hosted->memory_bytes();
    stage.busy = hosted->users() > 0;
    stage.last_used = hosted->last_used();
    const auto entry = entries_.find(hosted->name());
    if (entry != entries_.end() && !entry->second.waiters.empty())
      stage.wanted_since = entry->second.waiters.front()->since;
  }
  for (auto name = loading_for_operators_.begin(); name != loading_for_operators_.end();
       name = loading_for_operators_.upper_bound(*name)) {
    if (std::ranges::contains(in_memory, *name, &HostedModel::name) || entries_.contains(*name))
      continue;
    stages.push_back({.name = *name, .state = ModelStage::State::kLoading, .last_used = now});
  }
  for (const auto& [name, entry] : entries_) {
    if (std::ranges::contains(in_memory, name, &HostedModel::name)) continue;
    ModelStage& stage = stages.emplace_back();
    stage.name = name;
    const bool loading = entry.loading || loading_for_operators_.contains(name);
    stage.state = loading ? ModelStage::State::kLoading : ModelStage::State::kUnloaded;
    stage.bytes = entry.description.memory_bytes();
    if (!entry.waiters.empty()) stage.wanted_since = entry.waiters.front()->since;
    stage.last_used = now;
  }
  return stages;
}

absl::StatusOr<Hosted> ModelLifecycle::Load(const LoadSpec& spec, const LoadProgressFn& progress) {
  const std::string name = ModelHost::NameOf(spec);
  {
    const absl::MutexLock lock(mutex_);
    loading_for_operators_.insert(name);
  }
  const auto done = absl::MakeCleanup([this, &name] {
    {
      const absl::MutexLock lock(mutex_);
      loading_for_operators_.erase(loading_for_operators_.find(name));
    }
    planner_.Wake();
  });
  if (const absl::Status room = MakeRoomFor(name); !room.ok()) return room;
  return host_.Load(spec, progress);
}

absl::Status ModelLifecycle::MakeRoomFor(const std::string& name) {
  if (config_.max_loaded() == 0) return absl::OkStatus();
  while (true) {
    std::vector<ModelStage> others = Stages(time::SteadyNow());
    std::erase_if(others, [&name](const ModelStage& stage) {
      return stage.name == name || stage.state == ModelStage::State::kUnloaded;
    });
    if (others.size() < config_.max_loaded()) return absl::OkStatus();
    const std::optional<std::string> oldest = LeastRecentlyUsed(others);
    if (!oldest.has_value()) {
      return status::ResourceExhausted(
          "MODELS_BUSY",
          absl::StrCat(others.size(),
                       " models are in memory or being loaded, as many as "
                       "lifecycle.max_loaded allows, and all are in use"),
          kRetryDelay);
    }
    log_.Info("unloading model", {{"model", *oldest}, {"for", name}});
    (void)host_.Remove(*oldest);  // gone already is as good
  }
}

// Somebody else, LoadModel or the start, may have loaded what requests wait for.
void ModelLifecycle::AnswerLoaded() {
  for (const auto& hosted : host_.All()) {
    bool waited_for = false;
    {
      const absl::MutexLock lock(mutex_);
      const auto entry = entries_.find(hosted->name());
      waited_for =
          entry != entries_.end() && !entry->second.loading && !entry->second.waiters.empty();
    }
    if (waited_for) Answer(hosted->name(), hosted);
  }
}

void ModelLifecycle::Step() {
  AnswerLoaded();
  const time::SteadyTime now = time::SteadyNow();
  const LifecyclePlan plan =
      PlanLifecycle(Stages(now),
                    {.max_loaded = config_.max_loaded(),
                     .max_loading = config_.max_loading(),
                     .idle_unload = service::ToDuration(config_.idle_unload())},
                    MemoryRoom(engine_, memory_margin_bytes_), now);
  for (const auto& name : plan.refuse) Answer(name, TooLarge(name));
  for (const auto& name : plan.unload) {
    log_.Info("unloading model", {{"model", name}});
    (void)host_.Remove(name);  // gone already is as good
  }
  for (const auto& name : plan.load) {
    {
      const absl::MutexLock lock(mutex_);
      entries_.at(name).loading = true;
    }
    if (!to_load_.TryPush(std::string(name))) Answer(name, absl::CancelledError("the worker ends"));
  }
}

void ModelLifecycle::LoadModels(const std::stop_token& stop) {
  while (auto name = to_load_.Pop()) {
    const LoadSpec& spec = *catalogue_.Resolve(*name);
    auto result =
        host_.Load(spec, [&stop](float, std::uint64_t) { return !stop.stop_requested(); });
    if (result.ok()) {
      log_.Info("model ready", {{"model", *name}});
    } else {
      log_.Warn("model cannot be loaded", {{"model", *name}, {"error", result.status().message()}});
    }
    Answer(*name, result);
    planner_.Wake();
  }
}

void ModelLifecycle::Answer(const std::string& name, const absl::StatusOr<Hosted>& result) {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const absl::MutexLock lock(mutex_);
    Entry& entry = entries_.at(name);
    entry.loading = false;
    waiters = std::exchange(entry.waiters, {});
    waiting_ -= waiters.size();
  }
  for (const auto& waiter : waiters) {
    waiter->loop.Post([waiter, result] {
      waiter->result = result;
      waiter->woken.Set(true);
    });
  }
}

std::vector<inference::v1::Model> ModelLifecycle::NotLoaded() const {
  const std::vector<Hosted> in_memory = host_.All();
  std::vector<inference::v1::Model> models;
  const absl::MutexLock lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    if (std::ranges::contains(in_memory, name, &HostedModel::name)) continue;
    models.push_back(entry.description);
    if (entry.loading) models.back().set_state(inference::v1::MODEL_STATE_LOADING);
  }
  return models;
}

}  // namespace chasqui::worker
