// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/key_table.h"

#include <algorithm>
#include <map>
#include <utility>

#include <google/protobuf/descriptor.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "chasqui/inference/v1/inference_service.pb.h"
#include "common/config/load.h"

namespace chasqui::router {
namespace {

using config::Problems;
using config::v1::CallerRole;
using config::v1::KeyFile;
using config::v1::Limits;

bool IsMethod(const std::string& name) {
  static const google::protobuf::ServiceDescriptor* const service =
      inference::v1::ResumeStreamRequest::descriptor()->file()->FindServiceByName(
          "InferenceService");
  return service->FindMethodByName(name) != nullptr;
}

// A line with what may be a part of a key or a hash blotted out: a key that was put in the wrong
// place must not end in a log.
std::string WithoutSecrets(std::string_view line) {
  constexpr std::size_t kLongestPlain = 16;
  std::string clean;
  std::size_t run = 0;  // hexadecimal digits at the end of `clean`
  for (const char c : line) {
    const bool digit = absl::ascii_isxdigit(c);
    if (!digit && run > kLongestPlain) clean.replace(clean.size() - run, run, "***");
    run = digit ? run + 1 : 0;
    clean.push_back(c);
  }
  if (run > kLongestPlain) clean.replace(clean.size() - run, run, "***");
  return clean;
}

// A KeyFile on its way into grants: what tenants have, and where problems go.
class Reader {
 public:
  Reader(const KeyFile& file, const Limits& tenant_defaults, Problems& problems)
      : tenant_defaults_(tenant_defaults), problems_(problems) {
    for (int i = 0; i < file.tenants_size(); ++i) {
      const auto& tenant = file.tenants(i);
      const std::string path = absl::StrCat("tenants[", i, "]");
      CheckTenant(absl::StrCat(path, ".name"), tenant.name());
      CheckQuotas(path, tenant.limits(), tenant.method_limits());
      if (!tenants_.emplace(tenant.name(), &tenant).second) {
        problems_.Add(absl::StrCat(path, ".name"), "is there twice");
      }
    }
  }

  // The grant of a KeyEntry or CertificateEntry of `tenant`. `subject` names its own quotas.
  template <typename Entry>
  Grant MakeGrant(const std::string& path, const Entry& entry, const std::string& tenant,
                  const std::string& subject) {
    Grant grant{.tenant = tenant, .roles = ReadRoles(path, entry.roles())};
    grant.disabled = entry.disabled();
    grant.methods = {entry.methods().begin(), entry.methods().end()};
    grant.models = {entry.models().begin(), entry.models().end()};
    std::ranges::sort(grant.methods);
    std::ranges::sort(grant.models);
    for (const std::string& method : grant.methods) {
      if (!IsMethod(method)) {
        problems_.Add(absl::StrCat(path, ".methods"),
                      absl::StrCat("InferenceService has no method ", config::Quoted(method)));
      }
    }
    CheckQuotas(path, entry.limits(), entry.method_limits());
    AddTenantQuotas(tenant, grant.quotas);
    AddQuotas(tenant, subject, "", entry.limits(), grant.quotas);
    AddQuotas(tenant, subject, entry.method_limits(), grant.quotas);
    return grant;
  }

  void CheckTenant(const std::string& path, const std::string& name) {
    if (IsTenantName(name)) return;
    problems_.Add(path, "must be 1 to 256 printable characters without braces, quotes and \\");
  }

 private:
  void CheckQuotas(const std::string& path, const Limits& limits, const MethodLimits& methods) {
    CheckLimits(absl::StrCat(path, ".limits"), limits, problems_);
    for (const auto& [method, of_method] : InOrder(methods)) {
      const std::string where = absl::StrCat(path, ".method_limits.", method);
      if (!IsMethod(std::string(method))) {
        problems_.Add(where, "InferenceService has no such method");
      }
      CheckLimits(where, *of_method, problems_);
    }
  }

  Roles ReadRoles(const std::string& path, const google::protobuf::RepeatedField<int>& entries) {
    Roles roles;
    for (const int entry : entries) {
      switch (entry) {
        case CallerRole::CALLER_ROLE_CLIENT:
          roles.Add(Role::kClient);
          break;
        case CallerRole::CALLER_ROLE_OPERATOR:
          roles.Add(Role::kOperator);
          break;
        case CallerRole::CALLER_ROLE_WORKER:
          roles.Add(Role::kWorker);
          break;
        default:
          problems_.Add(absl::StrCat(path, ".roles"), "must be client, operator or worker");
      }
    }
    return roles.empty() ? Roles().Add(Role::kClient) : roles;
  }

  void AddTenantQuotas(const std::string& tenant, Quotas& quotas) const {
    const std::string subject = absl::StrCat("tenant:", tenant);
    const auto entry = tenants_.find(tenant);
    const bool has_limits = entry != tenants_.end() && entry->second->has_limits();
    AddQuotas(tenant, subject, "", has_limits ? entry->second->limits() : tenant_defaults_, quotas);
    if (entry != tenants_.end()) {
      AddQuotas(tenant, subject, entry->second->method_limits(), quotas);
    }
  }

  const Limits& tenant_defaults_;
  Problems& problems_;
  std::map<std::string, const config::v1::TenantEntry*> tenants_;
};

void CheckRange(std::string_view path, std::string_view name, std::uint64_t value,
                std::uint64_t most, Problems& problems) {
  if (value <= most) return;
  problems.Add(absl::StrCat(path, ".", name),
               absl::StrCat("must be from 0 to ", most, ", not ", value));
}

}  // namespace

bool IsTenantName(std::string_view name) {
  return !name.empty() && name.size() <= 256 && std::ranges::all_of(name, [](char c) {
    return absl::ascii_isprint(c) && c != '{' && c != '}' && c != '"' && c != '\\';
  });
}

void CheckLimits(std::string_view path, const Limits& limits, Problems& problems) {
  constexpr std::uint64_t kMost = 100'000'000;
  CheckRange(path, "requests_per_minute", limits.requests_per_minute(), kMost, problems);
  CheckRange(path, "requests_per_hour", limits.requests_per_hour(), kMost, problems);
  CheckRange(path, "tokens_per_minute", limits.tokens_per_minute(), kMost, problems);
  CheckRange(path, "tokens_per_hour", limits.tokens_per_hour(), 10 * kMost, problems);
  CheckRange(path, "concurrent_requests", limits.concurrent_requests(), 1'000'000, problems);
}

Grant UnlistedCertificate(std::string_view identity, const Limits& tenant_defaults) {
  Grant grant{.tenant = std::string(identity), .roles = Roles().Add(Role::kClient)};
  AddQuotas(identity, absl::StrCat("tenant:", identity), "", tenant_defaults, grant.quotas);
  return grant;
}

KeyTable::KeyTable(const KeyFile& file, const Limits& tenant_defaults, Problems& problems) {
  Reader reader(file, tenant_defaults, problems);
  for (int i = 0; i < file.keys_size(); ++i) {
    const auto& entry = file.keys(i);
    const std::string path = absl::StrCat("keys[", i, "]");
    reader.CheckTenant(absl::StrCat(path, ".tenant"), entry.tenant());
    Grant grant = reader.MakeGrant(path, entry, entry.tenant(), absl::StrCat("key:", entry.id()));
    grant.key_id = entry.id();
    if (!IsApiKeyId(entry.id())) {
      problems.Add(absl::StrCat(path, ".id"), "must be 12 lower-case hexadecimal digits");
    }
    const std::optional<KeyHash> hash = ParseKeyHash(entry.hashed_api_key());
    if (!hash.has_value()) {
      problems.Add(absl::StrCat(path, ".hashed_api_key"),
                   "must be \"sha256:\" and 64 hexadecimal digits");
    }
    if (!entry.expire_time().empty()) {
      absl::Time expires;
      if (absl::ParseTime(absl::RFC3339_full, entry.expire_time(), &expires, nullptr)) {
        grant.expires = absl::ToChronoTime(expires);
      } else {
        problems.Add(absl::StrCat(path, ".expire_time"),
                     "must be a time such as 2027-01-31T00:00:00Z");
      }
    }
    Key key{.hash = hash.value_or(KeyHash{}),
            .grant = std::make_shared<const Grant>(std::move(grant))};
    if (!keys_.emplace(entry.id(), std::move(key)).second) {
      problems.Add(absl::StrCat(path, ".id"), "is there twice");
    }
  }
  for (int i = 0; i < file.certificates_size(); ++i) {
    const auto& entry = file.certificates(i);
    const std::string path = absl::StrCat("certificates[", i, "]");
    const std::string& tenant = entry.tenant().empty() ? entry.identity() : entry.tenant();
    reader.CheckTenant(absl::StrCat(path, entry.tenant().empty() ? ".identity" : ".tenant"),
                       tenant);
    Grant grant =
        reader.MakeGrant(path, entry, tenant, absl::StrCat("certificate:", entry.identity()));
    if (!certificates_.emplace(entry.identity(), std::make_shared<const Grant>(std::move(grant)))
             .second) {
      problems.Add(absl::StrCat(path, ".identity"), "is there twice");
    }
  }
}

const KeyTable::Key* KeyTable::FindKey(std::string_view id) const {
  const auto found = keys_.find(id);
  return found != keys_.end() ? &found->second : nullptr;
}

std::shared_ptr<const Grant> KeyTable::FindCertificate(std::string_view identity) const {
  const auto found = certificates_.find(identity);
  return found != certificates_.end() ? found->second : nullptr;
}

KeyTable LoadKeyTable(const std::string& path, const Limits& tenant_defaults, Problems& problems) {
  KeyFile file;
  Problems unreadable;
  config::Load({.file = path,
                .environment = {},
                .environment_prefix = {},
                .not_settings = {},
                .overrides = {}},
               file, unreadable);
  if (unreadable.empty() && file.keys().empty() && file.certificates().empty()) {
    // A file that is being written looks like that, too.
    unreadable.Add(path, "has neither keys nor certificates");
  }
  // The rules are checked on what could be read only when all of it could.
  if (!unreadable.empty()) {
    for (const std::string& line : std::move(unreadable).Take()) {
      problems.Add("auth.keys_file", WithoutSecrets(line));
    }
    return {};
  }
  Problems wrong;
  KeyTable table(file, tenant_defaults, wrong);
  for (const std::string& line : std::move(wrong).Take()) {
    problems.Add(absl::StrCat("auth.keys_file: ", path), WithoutSecrets(line));
  }
  return table;
}

}  // namespace chasqui::router
