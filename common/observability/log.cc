// SPDX-License-Identifier: Apache-2.0
#include "common/observability/log.h"

#include <cerrno>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/observability/log_line.h"
#include "common/observability/text_gatherer.h"

namespace chasqui::observability {
namespace {

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// One call a line, so that lines of several processes on one terminal do not mix.
void WriteToStandardError(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody is there to be told
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Confined to the log's thread.
class Sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  // `whole_lines`: they come with all that belongs to them.
  Sink(std::function<void(std::string_view)> write, bool whole_lines)
      : write_(std::move(write)), whole_lines_(whole_lines) {}

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    if (whole_lines_) return write_({line.payload.data(), line.payload.size()});
    spdlog::memory_buf_t text;
    formatter_->format(line, text);
    write_({text.data(), text.size()});
  }
  void flush_() override {}

  const std::function<void(std::string_view)> write_;
  const bool whole_lines_;
};

constexpr std::size_t kMostGatheredBytes = 4 << 20;

spdlog::string_view_t View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

// The queue, its thread and the sink. Shared by all copies of a Logger; the last one ends it, which
// writes out what is queued.
class Logger::Core {
 public:
  explicit Core(LogOptions options)
      : format(options.format),
        formatter_(MakeLineFormatter(format, options.service)),
        pool_(std::make_shared<spdlog::details::thread_pool>(
            options.queue_lines, 1, [] { pthread_setname_np(pthread_self(), "log"); })) {
    const auto write = options.write ? std::move(options.write) : WriteToStandardError;
    auto sink = std::make_shared<Sink>(write, /*whole_lines=*/false);
    sink->set_formatter(formatter_->clone());
    logger_ = std::make_shared<spdlog::async_logger>(options.service, std::move(sink), pool_,
                                                     spdlog::async_overflow_policy::discard_new);
    logger_->set_level(SpdlogLevel(options.level));
    texts_ = std::make_shared<spdlog::async_logger>(
        options.service, std::make_shared<Sink>(write, /*whole_lines=*/true), pool_,
        spdlog::async_overflow_policy::block);
    // spdlog's own complaints go to standard error by default, once a second.
  }

  // The thread writes out what is queued and ends; only then go the logger and the sink it used.
  ~Core() { pool_.reset(); }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  bool IsOn(LogLevel level) const { return logger_->should_log(SpdlogLevel(level)); }
  void Write(LogLevel level, std::string_view text) {
    logger_->log(SpdlogLevel(level), View(text));
  }
  // A whole line.
  void AddLine(LogLevel level, std::string_view text, TextGatherer& gatherer) const {
    spdlog::memory_buf_t line;
    formatter_->format(spdlog::details::log_msg(logger_->name(), SpdlogLevel(level), View(text)),
                       line);
    gatherer.Add({line.data(), line.size()});
  }
  void WriteLines(std::string_view lines) { texts_->info(View(lines)); }
  std::uint64_t dropped() const { return pool_->discard_counter(); }

  const LogFormat format;

 private:
  // Has no state.
  const std::unique_ptr<spdlog::formatter> formatter_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;
  std::shared_ptr<spdlog::async_logger> texts_;
};

LogValue::LogValue(const absl::Status& status)
    : value_(status.ok()
                 ? std::string("OK")
                 : absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message())) {}

Logger::Logger(LogOptions options) : core_(std::make_shared<Core>(std::move(options))) {}

void Logger::Log(LogLevel level, std::string_view message,
                 std::initializer_list<LogField> fields) const noexcept {
  if (!IsOn(level)) return;
  try {
    std::string text;
    AppendMessage(core_->format, message, text);
    text += bound_;
    for (const LogField& field : fields) AppendField(core_->format, field, text);
    gatherer_ == nullptr ? core_->Write(level, text) : core_->AddLine(level, text, *gatherer_);
  } catch (const std::exception&) {
    // Out of memory: the line is lost, its author is not.
  }
}

Logger Logger::With(std::initializer_list<LogField> fields) const {
  Logger logger = *this;
  if (core_ == nullptr) return logger;
  for (const LogField& field : fields) AppendField(core_->format, field, logger.bound_);
  return logger;
}

Logger Logger::Gathered(time::Duration delay) const {
  Logger logger = *this;
  if (core_ == nullptr) return logger;
  logger.gatherer_ = std::make_shared<TextGatherer>(
      delay, kMostGatheredBytes, [core = core_](std::string lines) { core->WriteLines(lines); });
  return logger;
}

bool Logger::IsOn(LogLevel level) const { return core_ != nullptr && core_->IsOn(level); }

std::uint64_t Logger::dropped_lines() const {
  return (core_ == nullptr ? 0 : core_->dropped()) +
         (gatherer_ == nullptr ? 0 : gatherer_->dropped());
}

LogOptions LogOptionsFrom(std::string_view service, const config::v1::LogConfig& config) {
  LogOptions options{.service = std::string(service)};
  switch (config.level()) {
    case config::v1::LOG_LEVEL_DEBUG:
      options.level = LogLevel::kDebug;
      break;
    case config::v1::LOG_LEVEL_WARN:
      options.level = LogLevel::kWarn;
      break;
    case config::v1::LOG_LEVEL_ERROR:
      options.level = LogLevel::kError;
      break;
    default:
      options.level = LogLevel::kInfo;
  }
  const bool is_terminal = isatty(STDERR_FILENO) == 1;
  const LogFormat text = is_terminal ? LogFormat::kColouredText : LogFormat::kText;
  switch (config.format()) {
    case config::v1::LOG_FORMAT_JSON:
      options.format = LogFormat::kJson;
      break;
    case config::v1::LOG_FORMAT_TEXT:
      options.format = text;
      break;
    default:
      options.format = is_terminal ? text : LogFormat::kJson;
  }
  return options;
}

}  // namespace chasqui::observability
