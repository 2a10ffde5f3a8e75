// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/access_log.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/observability/rotating_file.h"
#include "common/rpc/message.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

using inference::v1::GenerateRequest;

constexpr char kUserAgentKey[] = "user-agent";
// Of lines: thousands a second are written in few calls.
constexpr time::Duration kDelay = std::chrono::milliseconds(100);

std::string RoleName(inference::v1::Role role) {
  std::string name = inference::v1::Role_Name(role);
  return absl::AsciiStrToLower(absl::StripPrefix(name, "ROLE_"));
}

std::string_view SourceName(inference::v1::AnswerSource source) {
  switch (source) {
    case inference::v1::ANSWER_SOURCE_SHARED:
      return "shared";
    case inference::v1::ANSWER_SOURCE_MEMORY:
      return "memory";
    case inference::v1::ANSWER_SOURCE_REDIS:
      return "redis";
    case inference::v1::ANSWER_SOURCE_DISK:
      return "disk";
    default:
      return "";
  }
}

}  // namespace

AccessLog::AccessLog(config::v1::AccessLogConfig config, observability::Logger process_log)
    : config_(std::move(config)), log_(process_log.Gathered(kDelay)) {}

absl::Status AccessLog::Open() {
  if (config_.path().empty()) return absl::OkStatus();
  ABSL_ASSIGN_OR_RETURN(std::shared_ptr<observability::RotatingFile> file,
                        observability::RotatingFile::Open({.path = config_.path(),
                                                           .max_bytes = config_.max_file_bytes(),
                                                           .kept_files = config_.kept_files()}));
  log_ = observability::Logger(
             {.service = "router", .write = [file](std::string_view lines) { file->Write(lines); }})
             .Gathered(kDelay);
  return absl::OkStatus();
}

std::string AccessLog::PromptOf(const InferenceMethod& method,
                                const grpc::ByteBuffer& request) const {
  GenerateRequest parsed;
  if (!config_.prompts() || method.request_id_field == 0 || !rpc::Parse(request, parsed)) return "";
  return PromptText(parsed, config_.prompt_bytes());
}

void AccessLog::Write(const rpc::ServerCall& call, const RequestRecord& record,
                      const absl::Status& status, const inference::v1::Usage& usage,
                      time::SteadyTime now) const {
  if (!log_.IsOn(observability::LogLevel::kInfo)) return;
  const observability::Logger log =
      record.prompt.empty() ? log_ : log_.With({{"prompt", record.prompt}});
  log.Info("request", {{"method", record.method.name},
                       {"request_id", record.request_id},
                       {"tenant", record.tenant},
                       {"model", record.model},
                       {"worker", record.worker},
                       {"workers", record.workers},
                       {"code", absl::StatusCodeToString(status.code())},
                       {"reason", status::ErrorReason(status)},
                       {"error", status.message()},
                       {"attempts", record.attempts},
                       {"moves", record.moves},
                       {"seconds", now - record.arrived},
                       {"queue_seconds", record.queue_wait},
                       {"first_token_seconds",
                        record.progress.to_first_chunk().value_or(time::Duration::zero())},
                       {"events", record.progress.events()},
                       {"prompt_tokens", usage.prompt_tokens()},
                       {"cached_prompt_tokens", usage.cached_prompt_tokens()},
                       {"completion_tokens", usage.completion_tokens()},
                       {"source", SourceName(record.answer_source)},
                       {"peer", call.peer()},
                       {"user_agent", call.Metadata(kUserAgentKey).value_or(std::string_view())}});
}

std::string PromptText(const GenerateRequest& request, std::size_t max_bytes) {
  std::string text = request.prompt().substr(0, max_bytes);
  for (const auto& message : request.chat().messages()) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", RoleName(message.role()), ":");
    for (const auto& part : message.parts()) {
      absl::StrAppend(&text, " ", std::string_view(part.text()).substr(0, max_bytes));
    }
    if (text.size() >= max_bytes) break;
  }
  if (text.size() > max_bytes) text.resize(max_bytes);
  return text;
}

}  // namespace chasqui::router
