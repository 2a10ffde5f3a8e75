// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/nvml.h"

#include <algorithm>
#include <array>
#include <utility>

#include <dlfcn.h>

#include "absl/strings/str_cat.h"

namespace chasqui::worker {
namespace {

// The part of nvml.h that is used. These functions and structures keep their shape: what changes
// gets a new name with a version.
using Result = int;
constexpr Result kSuccess = 0;
constexpr int kTemperatureOfGpu = 0;
constexpr unsigned kNameLength = 96;

struct Utilization {
  unsigned gpu = 0;  // percent
  unsigned memory = 0;
};

struct Memory {
  unsigned long long total = 0;  // NOLINT(google-runtime-int): as NVML declares it
  unsigned long long free = 0;   // NOLINT(google-runtime-int)
  unsigned long long used = 0;   // NOLINT(google-runtime-int)
};

std::string LoaderError() {
  const char* reason = dlerror();
  return reason == nullptr ? "the library cannot be loaded" : reason;
}

}  // namespace

struct Nvml::Functions {
  Result (*init)() = nullptr;
  Result (*shutdown)() = nullptr;
  const char* (*error_string)(Result) = nullptr;
  Result (*count)(unsigned*) = nullptr;
  Result (*handle_by_pci_id)(const char*, Handle*) = nullptr;
  Result (*handle_by_index)(unsigned, Handle*) = nullptr;
  Result (*name)(Handle, char*, unsigned) = nullptr;
  Result (*temperature)(Handle, int, unsigned*) = nullptr;
  Result (*utilization)(Handle, Utilization*) = nullptr;
  Result (*memory)(Handle, Memory*) = nullptr;

  // Of the first that the library does not have; "" when it has all.
  std::string Load(void* library) {
    std::string missing;
    const auto load = [&](const char* symbol, auto& function) {
      void* const address = dlsym(library, symbol);
      if (address == nullptr && missing.empty()) missing = symbol;
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
    };
    load("nvmlInit_v2", init);
    load("nvmlShutdown", shutdown);
    load("nvmlErrorString", error_string);
    load("nvmlDeviceGetCount_v2", count);
    load("nvmlDeviceGetHandleByPciBusId_v2", handle_by_pci_id);
    load("nvmlDeviceGetHandleByIndex_v2", handle_by_index);
    load("nvmlDeviceGetName", name);
    load("nvmlDeviceGetTemperature", temperature);
    load("nvmlDeviceGetUtilizationRates", utilization);
    load("nvmlDeviceGetMemoryInfo", memory);
    return missing;
  }
};

absl::StatusOr<std::unique_ptr<Nvml>> Nvml::Open(const std::string& library) {
  void* const loaded = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) return absl::UnavailableError(LoaderError());
  auto functions = std::make_unique<Functions>();
  if (const std::string missing = functions->Load(loaded); !missing.empty()) {
    dlclose(loaded);
    return absl::UnavailableError(absl::StrCat(library, " has no ", missing));
  }
  if (const Result result = functions->init(); result != kSuccess) {
    absl::Status failed = absl::UnavailableError(
        absl::StrCat(library, " does not start: ", functions->error_string(result)));
    dlclose(loaded);
    return failed;
  }
  return std::unique_ptr<Nvml>(new Nvml(loaded, std::move(functions)));
}

Nvml::Nvml(void* library, std::unique_ptr<const Functions> functions)
    : library_(library), functions_(std::move(functions)) {}

Nvml::~Nvml() {
  functions_->shutdown();
  dlclose(library_);
}

std::optional<Nvml::Handle> Nvml::FindByName(std::string_view name) const {
  unsigned count = 0;
  if (name.empty() || functions_->count(&count) != kSuccess) return std::nullopt;
  std::optional<Handle> found;
  for (unsigned i = 0; i < count; ++i) {
    Handle handle = nullptr;
    std::array<char, kNameLength> its_name{};
    if (functions_->handle_by_index(i, &handle) != kSuccess ||
        functions_->name(handle, its_name.data(), its_name.size()) != kSuccess ||
        name != its_name.data()) {
      continue;
    }
    if (found.has_value()) return std::nullopt;
    found = handle;
  }
  return found;
}

std::optional<Nvml::Handle> Nvml::Find(const std::string& pci_id, std::string_view name) {
  const std::string key = pci_id.empty() ? std::string(name) : pci_id;
  if (const auto known = handles_.find(key); known != handles_.end()) return known->second;
  std::optional<Handle> found;
  if (pci_id.empty()) {
    found = FindByName(name);
  } else if (Handle handle = nullptr;
             functions_->handle_by_pci_id(pci_id.c_str(), &handle) == kSuccess) {
    found = handle;
  }
  if (found.has_value()) handles_[key] = *found;
  return found;
}

std::optional<DeviceReading> Nvml::Read(const std::string& pci_id, std::string_view name) {
  const std::optional<Handle> handle = Find(pci_id, name);
  if (!handle.has_value()) return std::nullopt;
  DeviceReading reading;
  if (unsigned degrees = 0;
      functions_->temperature(*handle, kTemperatureOfGpu, &degrees) == kSuccess) {
    reading.temperature_celsius = degrees;
  }
  if (Utilization rates; functions_->utilization(*handle, &rates) == kSuccess)
    reading.utilization = std::min(rates.gpu, 100U) / 100.0;
  if (Memory memory; functions_->memory(*handle, &memory) == kSuccess && memory.total > 0)
    reading.memory = {.total_bytes = memory.total, .free_bytes = memory.free};
  return reading;
}

}  // namespace chasqui::worker
