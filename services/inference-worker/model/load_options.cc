// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/load_options.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status.h"

namespace chasqui::worker {

llama_load_mode ChooseLoadMode(const LoadOptions& options) {
  if (options.direct_io) return LLAMA_LOAD_MODE_DIRECT_IO;
  if (options.mlock) return options.mmap ? LLAMA_LOAD_MODE_MMAP_MLOCK : LLAMA_LOAD_MODE_MLOCK;
  return options.mmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
}

absl::StatusOr<std::vector<ggml_backend_dev_t>> FindDevices(std::span<const std::string> names) {
  std::vector<ggml_backend_dev_t> devices;
  for (const std::string& name : names) {
    ggml_backend_dev_t device = ggml_backend_dev_by_name(name.c_str());
    if (device == nullptr) {
      std::vector<std::string> known;
      for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i)
        known.emplace_back(ggml_backend_dev_name(ggml_backend_dev_get(i)));
      return status::InvalidArgument("engine.devices",
                                     absl::StrCat("\"", name, "\" is no device of this machine: ",
                                                  absl::StrJoin(known, ", ")));
    }
    if (ggml_backend_dev_type(device) != GGML_BACKEND_DEVICE_TYPE_CPU) devices.push_back(device);
  }
  devices.push_back(nullptr);
  return devices;
}

absl::StatusOr<std::vector<float>> PadTensorSplit(std::span<const float> parts,
                                                  std::size_t devices) {
  if (parts.size() > devices) {
    return status::InvalidArgument("engine.tensor_split",
                                   absl::StrCat("at most ", devices, ", not ", parts.size()));
  }
  const bool negative = std::ranges::any_of(parts, [](float part) { return !(part >= 0); });
  const bool any = std::ranges::any_of(parts, [](float part) { return part > 0; });
  if (negative || !any) {
    return status::InvalidArgument("engine.tensor_split",
                                   "no part may be negative, and one must be above 0");
  }
  std::vector<float> padded(parts.begin(), parts.end());
  padded.resize(devices);
  return padded;
}

}  // namespace chasqui::worker
