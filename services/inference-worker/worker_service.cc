// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/worker_service.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/async_queue.h"
#include "common/status/status.h"
#include "common/version/version.h"

namespace chasqui::worker {
namespace {

using concurrency::Task;

constexpr std::string_view kService = "/chasqui.worker.v1.WorkerService/";
constexpr char kRouterId[] = "x-chasqui-router-id";
constexpr std::size_t kMostWaitingLoads = 8;
constexpr std::chrono::milliseconds kIdleCheckInterval{10};

std::string Path(std::string_view method) { return absl::StrCat(kService, method); }

// How far a loading is, between the thread that loads and the coroutine that tells.
struct Loading {
  std::atomic<bool> cancelled = false;
  std::atomic<float> fraction = 0;
  std::atomic<std::uint64_t> estimated_bytes = 0;
  std::atomic<bool> told = true;
  // Confined to the loop.
  rpc::OneShot<bool> moved;
  std::optional<absl::StatusOr<std::shared_ptr<HostedModel>>> result;
};

bool IsIdle(const HostedModel& hosted) {
  return hosted.engine() == nullptr || hosted.engine()->Load("").active == 0;
}

v1::EstimateModelResponse MapEstimate(const ModelEstimate& estimate) {
  v1::EstimateModelResponse response;
  for (const auto& file : estimate.files) {
    v1::VariantEstimate& variant = *response.add_variants();
    variant.set_path(file.path);
    variant.set_quantization(file.quantization);
    variant.set_weights_bytes(file.memory.weights + file.memory.adapters);
    variant.set_kv_cache_bytes(file.memory.kv_cache);
    variant.set_compute_bytes(file.memory.compute);
    variant.set_fits(file.fits);
    variant.set_error(std::string(file.error.message()));
  }
  response.set_available_bytes(estimate.available_bytes.value_or(0));
  response.set_chosen_path(estimate.chosen_path);
  return response;
}

}  // namespace

WorkerService::WorkerService(WorkerState& state, const Catalogue& catalogue, Describe describe)
    : state_(state),
      catalogue_(catalogue),
      describe_(std::move(describe)),
      loader_("model-loader", kMostWaitingLoads) {}

void WorkerService::Register(rpc::Server& server) {
  rpc::RegisterServerStream<v1::LoadModelRequest, v1::LoadModelResponse>(
      server, Path("LoadModel"),
      [this](rpc::ServerCall& call, v1::LoadModelRequest request,
             rpc::ServerWriter<v1::LoadModelResponse>& writer) {
        return LoadModel(call, std::move(request), writer);
      });
  rpc::RegisterUnary<v1::UnloadModelRequest, v1::UnloadModelResponse>(
      server, Path("UnloadModel"), [this](rpc::ServerCall& call, v1::UnloadModelRequest request) {
        return UnloadModel(call, std::move(request));
      });
  rpc::RegisterUnary<v1::EstimateModelRequest, v1::EstimateModelResponse>(
      server, Path("EstimateModel"),
      [this](rpc::ServerCall& call, v1::EstimateModelRequest request) {
        return EstimateModel(call, std::move(request));
      });
  rpc::RegisterUnary<v1::DrainRequest, v1::DrainResponse>(
      server, Path("Drain"),
      [this](rpc::ServerCall& call, v1::DrainRequest request) { return Drain(call, request); });
  rpc::RegisterUnary<v1::GetStatusRequest, v1::GetStatusResponse>(
      server, Path("GetStatus"),
      [this](rpc::ServerCall& call, v1::GetStatusRequest) { return GetStatus(call); });
}

Task<absl::Status> WorkerService::LoadModel(rpc::ServerCall& call, v1::LoadModelRequest request,
                                            rpc::ServerWriter<v1::LoadModelResponse>& writer) {
  absl::StatusOr<LoadSpec> spec = catalogue_.Find(request.name(), request.path());
  if (!spec.ok()) co_return spec.status();
  auto loading = std::make_shared<Loading>();
  rpc::Loop& loop = call.loop();
  const auto hook = call.OnCancel([loading] { loading->cancelled = true; });
  const auto move = [loading, &loop] {
    if (loading->told.exchange(false)) loop.Post([loading] { loading->moved.Set(true); });
  };
  const bool waits = loads_++ > 0;
  const bool queued = loader_.TryDetach([this, spec = *std::move(spec), loading, move, &loop] {
    auto result = state_.lifecycle.Load(spec, [&](float fraction, std::uint64_t bytes) {
      loading->fraction = fraction;
      loading->estimated_bytes = bytes;
      move();
      return !loading->cancelled;
    });
    --loads_;
    loop.Post([loading, result = std::move(result)]() mutable {
      loading->result = std::move(result);
      loading->moved.Set(true);
    });
  });
  if (!queued) {
    --loads_;
    co_return status::ResourceExhausted("LOADING", "too many models wait to be loaded",
                                        std::chrono::seconds(5));
  }

  if (waits) {
    v1::LoadModelResponse response;
    response.mutable_progress()->set_stage(v1::LOAD_STAGE_WAITING);
    (void)co_await writer.Write(response);
  }
  while (true) {
    co_await loading->moved;
    loading->moved.Reset();
    loading->told = true;
    if (loading->result.has_value()) break;
    v1::LoadModelResponse response;
    response.mutable_progress()->set_fraction(loading->fraction);
    response.mutable_progress()->set_estimated_bytes(loading->estimated_bytes);
    response.mutable_progress()->set_stage(loading->fraction < 1 ? v1::LOAD_STAGE_READING
                                                                 : v1::LOAD_STAGE_WARMING_UP);
    (void)co_await writer.Write(response);
  }
  if (!loading->result->ok()) co_return loading->result->status();
  v1::LoadModelResponse response;
  *response.mutable_loaded() = (**loading->result)->Describe();
  writer.WriteLast(response);
  co_return absl::OkStatus();
}

Task<absl::Status> WorkerService::Load(rpc::Loop& loop, LoadSpec spec) {
  co_return co_await loader_.Run(loop, [this, spec = std::move(spec)] {
    return state_.lifecycle.Load(spec, nullptr).status();
  });
}

Task<absl::StatusOr<v1::UnloadModelResponse>> WorkerService::UnloadModel(
    rpc::ServerCall& call, v1::UnloadModelRequest request) {
  auto removed = state_.host.Remove(request.name());
  if (!removed.ok()) co_return removed.status();
  while (!IsIdle(**removed) && !call.cancelled()) co_await call.loop().SleepFor(kIdleCheckInterval);
  co_return v1::UnloadModelResponse();
}

Task<absl::StatusOr<v1::EstimateModelResponse>> WorkerService::EstimateModel(
    rpc::ServerCall& call, v1::EstimateModelRequest request) {
  constexpr std::uint32_t kMostContextTokens = 1 << 20;
  constexpr std::uint32_t kMostSlots = 256;
  if (request.context_tokens() > kMostContextTokens)
    co_return status::InvalidArgument("context_tokens", "must be at most 1048576");
  if (request.slots() > kMostSlots)
    co_return status::InvalidArgument("slots", "must be at most 256");
  absl::StatusOr<LoadSpec> spec = catalogue_.Find(request.name(), request.path());
  if (!spec.ok()) co_return spec.status();
  if (request.slots() > 0) spec->engine.set_slots(request.slots());
  if (request.context_tokens() > 0) spec->engine.set_context_tokens(request.context_tokens());
  absl::StatusOr<ModelEstimate> estimate = co_await state_.offload.Run(
      call.loop(), [this, spec = *std::move(spec)] { return state_.host.Estimate(spec); });
  if (!estimate.ok()) co_return estimate.status();
  co_return MapEstimate(*estimate);
}

Task<absl::StatusOr<v1::DrainResponse>> WorkerService::Drain(rpc::ServerCall& call,
                                                             v1::DrainRequest request) {
  state_.SetDraining(!request.undo());
  const auto busy = [this] {
    return std::ranges::any_of(state_.host.All(),
                               [](const auto& hosted) { return !IsIdle(*hosted); });
  };
  const bool waits = !request.undo() && !request.no_wait();
  while (waits && busy() && !call.cancelled()) co_await call.loop().SleepFor(kIdleCheckInterval);
  co_return v1::DrainResponse();
}

Task<absl::StatusOr<v1::GetStatusResponse>> WorkerService::GetStatus(rpc::ServerCall& call) {
  v1::GetStatusResponse response;
  response.set_worker_id(state_.worker_id);
  response.set_version(std::string(version::Version()));
  for (const auto& hosted : state_.host.All()) *response.add_models() = hosted->Describe();
  for (auto& model : state_.lifecycle.NotLoaded()) *response.add_models() = std::move(model);
  describe_(call.Metadata(kRouterId).value_or(std::string_view()), response);
  co_return response;
}

}  // namespace chasqui::worker
