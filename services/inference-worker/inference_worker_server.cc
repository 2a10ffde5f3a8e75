// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/inference_worker_server.h"

#include <algorithm>
#include <random>
#include <utility>

#include <unistd.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "common/version/version.h"
#include "services/inference-worker/hosting/device_check.h"
#include "services/inference-worker/model/memory_available.h"

namespace chasqui::worker {
namespace {

using concurrency::Task;

constexpr std::size_t kMostOffloadedJobs = 256;
constexpr std::size_t kMostEmbeddings = 64;

std::uint64_t DrawIncarnation() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

std::string HostName() {
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  return name;
}

// Unique in the fleet as far as it can be without being told: by the port, or by chance where the
// port is not known before it is bound.
std::string WorkerId(const config::v1::InferenceWorkerConfig& config, std::uint64_t incarnation) {
  if (!config.worker_id().empty()) return config.worker_id();
  const std::string& listen = config.server().listen_address();
  const std::string port = listen.substr(listen.rfind(':') + 1);
  if (port != "0") return absl::StrCat(HostName(), ":", port);
  return absl::StrCat(HostName(), "-", absl::Hex(incarnation & 0xffffffff, absl::kZeroPad8));
}

std::vector<rpc::Loop*> LoopsOf(rpc::Server& server) {
  std::vector<rpc::Loop*> loops;
  for (int i = 0; i < server.loop_count(); ++i) loops.push_back(&server.loop(i));
  return loops;
}

Backend::LogSink SinkTo(const observability::Logger& log) {
  return [log](ggml_log_level level, std::string_view line) {
    if (level == GGML_LOG_LEVEL_ERROR) {
      log.Warn("libllama", {{"line", line}});
    } else {
      log.Debug("libllama", {{"line", line}});
    }
  };
}

ggml_numa_strategy MapNuma(config::v1::NumaStrategy strategy) {
  switch (strategy) {
    case config::v1::NUMA_STRATEGY_DISTRIBUTE:
      return GGML_NUMA_STRATEGY_DISTRIBUTE;
    case config::v1::NUMA_STRATEGY_ISOLATE:
      return GGML_NUMA_STRATEGY_ISOLATE;
    case config::v1::NUMA_STRATEGY_NUMACTL:
      return GGML_NUMA_STRATEGY_NUMACTL;
    default:
      return GGML_NUMA_STRATEGY_DISABLED;
  }
}

fleet::v1::DeviceType MapDeviceType(enum ggml_backend_dev_type type) {
  switch (type) {
    case GGML_BACKEND_DEVICE_TYPE_CPU:
      return fleet::v1::DEVICE_TYPE_CPU;
    case GGML_BACKEND_DEVICE_TYPE_GPU:
      return fleet::v1::DEVICE_TYPE_GPU;
    case GGML_BACKEND_DEVICE_TYPE_IGPU:
      return fleet::v1::DEVICE_TYPE_INTEGRATED_GPU;
    default:
      return fleet::v1::DEVICE_TYPE_ACCELERATOR;
  }
}

fleet::v1::Device MapDevice(const DeviceState& state) {
  fleet::v1::Device device;
  device.set_type(MapDeviceType(state.info.type));
  device.set_name(state.info.name);
  device.set_description(state.info.description);
  device.set_memory_total_bytes(state.memory.total_bytes);
  device.set_memory_free_bytes(state.memory.free_bytes);
  if (state.temperature_celsius) device.set_temperature_celsius(*state.temperature_celsius);
  if (state.utilization) device.set_utilization(*state.utilization);
  return device;
}

fleet::v1::DeviceLoad MapDeviceLoad(const DeviceState& state) {
  fleet::v1::DeviceLoad load;
  load.set_name(state.info.name);
  load.set_memory_free_bytes(state.memory.free_bytes);
  if (state.temperature_celsius) load.set_temperature_celsius(*state.temperature_celsius);
  if (state.utilization) load.set_utilization(*state.utilization);
  return load;
}

DeviceTelemetry::Sources SourcesOf(const Backend& backend) {
  const auto memory = [&backend](const DeviceInfo& info) {
    DeviceMemory of_backend = backend.MemoryOf(info.name);
    // The back end of the processor takes all of its memory for free.
    if (info.type == GGML_BACKEND_DEVICE_TYPE_CPU)
      of_backend.free_bytes =
          std::min(of_backend.total_bytes, AvailableMemory().value_or(of_backend.free_bytes));
    return of_backend;
  };
  return {.devices = backend.Devices(), .memory = memory};
}

}  // namespace

InferenceWorkerServer::InferenceWorkerServer(config::v1::InferenceWorkerConfig config,
                                             const observability::Logger& log,
                                             observability::Metrics& metrics,
                                             std::optional<DeviceTelemetry::Sources> devices)
    : config_(std::move(config)),
      log_(log),
      incarnation_(DrawIncarnation()),
      catalogue_(config_),
      backend_(SinkTo(log), MapNuma(config_.numa())),
      devices_(devices.has_value() ? *std::move(devices) : SourcesOf(backend_), log),
      rpc_metrics_(metrics),
      server_(service::ToOptions("worker", config_.server()), &rpc_metrics_),
      hub_(LoopsOf(server_)),
      offload_("offload", kMostOffloadedJobs),
      embeddings_("embeddings", kMostEmbeddings),
      host_({.memory_margin_bytes = config_.memory_margin_bytes(),
             .hooks = {.on_events =
                           [this](const std::vector<std::uint64_t>& tags) { hub_.Notify(tags); },
                       .on_load_changed = [this] { TellLoad(); },
                       .observer = nullptr,
                       .turns = &turns_},
             .observe = [this](const std::string& model) { return metrics_.ObserverOf(model); },
             .reap =
                 [this](HostedModel* model) {
                   offload_.Detach(
                       [owned = std::unique_ptr<HostedModel>(model)]() mutable { owned.reset(); });
                 },
             .on_bad_file =
                 [this](const std::string& path, const absl::Status& why) {
                   log_.Warn("file cannot be loaded", {{"path", path}, {"error", why.message()}});
                 },
             .on_models_changed = [this] { TellModels(); }}),
      lifecycle_(config_, catalogue_, host_, log),
      metrics_(metrics, host_),
      device_metrics_(metrics, devices_),
      state_{.worker_id = WorkerId(config_, incarnation_),
             .host = host_,
             .lifecycle = lifecycle_,
             .hub = hub_,
             .offload = offload_,
             .embeddings = embeddings_,
             .metrics = metrics_,
             .log = log,
             .on_change = [this] { TellLoad(); }},
      generate_service_(state_),
      text_service_(state_),
      worker_service_(state_, catalogue_,
                      [this](std::string_view router_id, v1::GetStatusResponse& status) {
                        DescribeStatus(router_id, status);
                      }) {
  generate_service_.Register(server_);
  text_service_.Register(server_);
  worker_service_.Register(server_);
}

InferenceWorkerServer::~InferenceWorkerServer() { Drain(); }

absl::Status InferenceWorkerServer::Start() {
  server_.health().SetServing("readiness", false);
  server_.health().SetServing("", false);
  if (const auto wrong = CheckDevices(config_, backend_.Devices()); !wrong.empty())
    return status::InvalidArgument(wrong);
  ABSL_RETURN_IF_ERROR(MakeMemberships());
  ABSL_RETURN_IF_ERROR(server_.Start());
  for (const auto& membership : memberships_) server_.loop().Spawn(membership->Run());
  ABSL_RETURN_IF_ERROR(LoadConfigured());
  started_ = true;
  TellLoad();
  server_.health().SetServing("readiness", true);
  server_.health().SetServing("", true);
  return absl::OkStatus();
}

absl::Status InferenceWorkerServer::LoadConfigured() {
  for (const LoadSpec& spec : catalogue_.models()) {
    if (!spec.preload) continue;
    int tenths = -1;
    const auto loaded = host_.Load(spec, [&](float fraction, std::uint64_t bytes) {
      const int now = static_cast<int>(fraction * 10);
      if (std::exchange(tenths, now) != now) {
        log_.Info("loading model",
                  {{"model", spec.name}, {"fraction", fraction}, {"estimated_bytes", bytes}});
      }
      return true;
    });
    if (!loaded.ok()) {
      return absl::Status(loaded.status().code(),
                          absl::StrCat("model ", spec.name, ": ", loaded.status().message()));
    }
    log_.Info("model ready", {{"model", spec.name}, {"path", spec.path}});
  }
  return absl::OkStatus();
}

absl::Status InferenceWorkerServer::MakeMemberships() {
  WorkerFacts& facts = *this;
  std::string api_key;
  if (!config_.router_api_key_file().empty()) {
    ABSL_ASSIGN_OR_RETURN(api_key, service::ReadSecretFile(config_.router_api_key_file()));
  }
  for (const auto& router : config_.routers()) {
    ABSL_ASSIGN_OR_RETURN(
        rpc::Channel channel,
        rpc::Channel::Create(router, {.tls = service::ToClientTls(config_.router_tls())}));
    memberships_.push_back(
        std::make_unique<Membership>(server_.loop(), std::move(channel), api_key, facts));
  }
  return absl::OkStatus();
}

bool InferenceWorkerServer::Drain() {
  if (drained_.has_value()) return *drained_;
  state_.SetDraining(true);
  drained_ = server_.Drain(service::ToDuration(config_.server().drain_grace()));
  return *drained_;
}

void InferenceWorkerServer::TellLoad() {
  server_.loop().Post([this] {
    for (const auto& membership : memberships_) membership->LoadChanged();
  });
}

void InferenceWorkerServer::TellModels() {
  server_.loop().Post([this] {
    ShowHealth();
    for (const auto& membership : memberships_) membership->ModelsChanged();
  });
}

// On loop 0.
void InferenceWorkerServer::ShowHealth() {
  std::vector<std::string> names;
  for (const auto& hosted : host_.All()) names.push_back(absl::StrCat("model:", hosted->name()));
  for (const auto& name : health_names_) {
    if (!std::ranges::contains(names, name)) server_.health().Remove(name);
  }
  for (const auto& name : names) server_.health().SetServing(name, true);
  health_names_ = std::move(names);
}

std::string InferenceWorkerServer::AdvertisedAddress() const {
  if (!config_.advertise_address().empty()) return config_.advertise_address();
  const std::string& listen = config_.server().listen_address();
  const std::string host = listen.substr(0, listen.rfind(':'));
  const bool everywhere = host.empty() || host == "0.0.0.0" || host == "[::]";
  return absl::StrCat(everywhere ? HostName() : host, ":", server_.port());
}

fleet::v1::WorkerHello InferenceWorkerServer::Hello() const {
  fleet::v1::WorkerHello hello;
  hello.set_worker_id(state_.worker_id);
  hello.set_incarnation(incarnation_);
  hello.set_address(AdvertisedAddress());
  hello.set_version(std::string(version::Version()));
  *hello.mutable_models() = Models();
  for (const auto& device : devices_.Devices()) *hello.add_devices() = MapDevice(device);
  return hello;
}

fleet::v1::WorkerModels InferenceWorkerServer::Models() const {
  fleet::v1::WorkerModels models;
  for (const auto& hosted : host_.All()) *models.add_models() = hosted->Describe();
  for (auto& model : lifecycle_.NotLoaded()) *models.add_models() = std::move(model);
  return models;
}

fleet::v1::LoadReport InferenceWorkerServer::Load(std::string_view router_id) const {
  fleet::v1::LoadReport report;
  const auto hosted_models = host_.All();
  const bool loads =
      started_ && config_.lifecycle().load_on_demand() && !catalogue_.models().empty();
  const auto ready = hosted_models.empty() && !loads ? fleet::v1::WORKER_STATE_STARTING
                                                     : fleet::v1::WORKER_STATE_READY;
  report.set_state(state_.draining ? fleet::v1::WORKER_STATE_DRAINING : ready);
  for (const auto& hosted : hosted_models) *report.add_models() = hosted->Load(router_id);
  const LoadSampler::Sample sample = load_sampler_.Read();
  report.set_resident_bytes(sample.resident_bytes);
  report.set_cpu_cores(sample.cpu_cores);
  for (const auto& device : devices_.Devices()) *report.add_devices() = MapDeviceLoad(device);
  return report;
}

Task<absl::Status> InferenceWorkerServer::Execute(fleet::v1::Command command) {
  switch (command.command_case()) {
    case fleet::v1::Command::kDrain:
      state_.SetDraining(true);
      co_return absl::OkStatus();
    case fleet::v1::Command::kResume:
      state_.SetDraining(false);
      co_return absl::OkStatus();
    case fleet::v1::Command::kLoadModel: {
      absl::StatusOr<LoadSpec> spec = catalogue_.Find(command.load_model().name(), "");
      if (!spec.ok()) co_return spec.status();
      co_return co_await worker_service_.Load(server_.loop(), *std::move(spec));
    }
    case fleet::v1::Command::kUnloadModel:
      co_return host_.Remove(command.unload_model().name()).status();
    case fleet::v1::Command::COMMAND_NOT_SET:
      break;
  }
  co_return absl::UnimplementedError("this worker does not know the command");
}

void InferenceWorkerServer::DescribeStatus(std::string_view router_id,
                                           v1::GetStatusResponse& status) const {
  status.set_incarnation(incarnation_);
  for (const auto& device : devices_.Devices()) *status.add_devices() = MapDevice(device);
  *status.mutable_load() = Load(router_id);
  for (const auto& membership : memberships_) *status.add_routers() = membership->status();
}

}  // namespace chasqui::worker
