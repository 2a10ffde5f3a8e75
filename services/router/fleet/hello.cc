// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet/hello.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/inference/names.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

constexpr std::size_t kMaxNameLength = 128;
constexpr int kMaxModels = 256;
constexpr int kMaxAliases = 16;
constexpr int kMaxAdapters = 64;
constexpr int kMaxDevices = 64;
constexpr std::size_t kFingerprintLength = 32;
constexpr std::uint32_t kMaxSlots = 100'000;

using Violations = std::vector<status::FieldViolation>;

// As a name, but for the slash.
bool IsWorkerId(std::string_view text) { return inference::IsName(text) && !text.contains('/'); }

bool IsFingerprint(std::string_view text) {
  return text.size() == kFingerprintLength && std::ranges::all_of(text, absl::ascii_isxdigit);
}

void CheckModel(const std::string& path, const inference::v1::Model& model, Violations& out) {
  if (!inference::IsName(model.name())) {
    out.push_back({path + ".name", std::string(inference::kNameRule)});
  }
  if (model.aliases_size() > kMaxAliases) {
    out.push_back(
        {path + ".aliases", absl::StrCat("at most ", kMaxAliases, ", not ", model.aliases_size())});
  }
  for (const std::string& alias : model.aliases()) {
    if (!inference::IsName(alias)) {
      out.push_back({path + ".aliases", absl::StrCat("each ", inference::kNameRule)});
      break;
    }
  }
  if (model.lora_adapters_size() > kMaxAdapters) {
    out.push_back({path + ".lora_adapters",
                   absl::StrCat("at most ", kMaxAdapters, ", not ", model.lora_adapters_size())});
  }
  if (!std::ranges::all_of(model.lora_adapters(), inference::IsName)) {
    out.push_back({path + ".lora_adapters", absl::StrCat("each ", inference::kNameRule)});
  }
  if (model.state() == inference::v1::MODEL_STATE_READY && !IsFingerprint(model.fingerprint())) {
    out.push_back({path + ".fingerprint", "must be 32 hexadecimal characters once it is ready"});
  }
}

void CheckModels(const std::string& prefix, const fleet::v1::WorkerModels& models,
                 Violations& out) {
  if (models.models_size() > kMaxModels) {
    out.push_back({absl::StrCat(prefix, "models"),
                   absl::StrCat("at most ", kMaxModels, ", not ", models.models_size())});
    return;
  }
  std::set<std::string_view> names;
  for (int i = 0; i < models.models_size(); ++i) {
    const std::string path = absl::StrCat(prefix, "models[", i, "]");
    CheckModel(path, models.models(i), out);
    if (!names.insert(models.models(i).name()).second) {
      out.push_back({path + ".name", "is there twice"});
    }
  }
}

void CheckLoad(const std::string& prefix, const fleet::v1::LoadReport& load, Violations& out) {
  if (!fleet::v1::WorkerState_IsValid(load.state()) ||
      load.state() == fleet::v1::WORKER_STATE_UNSPECIFIED) {
    out.push_back({absl::StrCat(prefix, "state"), "must be set to a known state"});
  }
  for (int i = 0; i < load.models_size(); ++i) {
    if (load.models(i).slots() > kMaxSlots) {
      out.push_back({absl::StrCat(prefix, "models[", i, "].slots"),
                     absl::StrCat("at most ", kMaxSlots, ", not ", load.models(i).slots())});
    }
  }
  if (load.devices_size() > kMaxDevices) {
    out.push_back({absl::StrCat(prefix, "devices"),
                   absl::StrCat("at most ", kMaxDevices, ", not ", load.devices_size())});
  }
}

absl::Status ToStatus(const Violations& violations) {
  return violations.empty() ? absl::OkStatus() : status::InvalidArgument(violations);
}

bool IsPort(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= 253 && host.front() != '-' && host.front() != '.' &&
         std::ranges::all_of(host, [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
         });
}

bool IsV6Literal(std::string_view host) {
  return host.contains(':') && host.size() <= 64 && std::ranges::all_of(host, [](unsigned char c) {
           return absl::ascii_isxdigit(c) || c == ':' || c == '.';
         });
}

// Every digit zero: 0.0.0.0, ::, 0:0:0:0:0:0:0:0.
bool IsUnspecified(std::string_view host) {
  return std::ranges::all_of(host, [](char c) { return c == '0' || c == '.' || c == ':'; });
}

}  // namespace

bool IsReachableAddress(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || !IsPort(address.substr(colon + 1))) return false;
  std::string_view host = address.substr(0, colon);
  if (IsUnspecified(host)) return false;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    return IsV6Literal(host) && !IsUnspecified(host);
  }
  return IsHostName(host);
}

absl::Status ValidateHello(const fleet::v1::WorkerHello& hello) {
  Violations violations;
  if (!IsWorkerId(hello.worker_id())) {
    violations.push_back({"hello.worker_id", "must be 1 to 128 characters of [A-Za-z0-9._:-]"});
  }
  if (!IsReachableAddress(hello.address())) {
    violations.push_back(
        {"hello.address", "must be \"host:port\" where this router can reach the worker"});
  }
  if (hello.version().size() > kMaxNameLength) {
    violations.push_back({"hello.version", "at most 128 characters"});
  }
  if (hello.devices_size() > kMaxDevices) {
    violations.push_back(
        {"hello.devices", absl::StrCat("at most ", kMaxDevices, ", not ", hello.devices_size())});
  }
  CheckModels("hello.models.", hello.models(), violations);
  if (hello.has_load()) CheckLoad("hello.load.", hello.load(), violations);
  return ToStatus(violations);
}

absl::Status ValidateModels(const fleet::v1::WorkerModels& models) {
  Violations violations;
  CheckModels("models.", models, violations);
  return ToStatus(violations);
}

absl::Status ValidateLoad(const fleet::v1::LoadReport& load) {
  Violations violations;
  CheckLoad("load.", load, violations);
  return ToStatus(violations);
}

}  // namespace chasqui::router
