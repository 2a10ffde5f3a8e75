// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/top/top_screen.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "tools/chasqui/output/table.h"

namespace chasqui::cli {
namespace {

constexpr char kKeys[] = "q quit  s sort  d drain  up/down select";

std::string PartText(std::optional<double> part) {
  return part.has_value() ? absl::StrFormat("%.0f%%", 100 * *part) : "-";
}

std::string TotalsText(const FleetView& view) {
  const FleetTotals& totals = view.totals;
  return absl::StrCat("workers ", totals.ready, "/", totals.workers, " ready  slots ",
                      totals.active, "/", totals.slots, " busy  waiting ", totals.waiting,
                      "  tokens/s ", CountText(totals.tokens_per_second));
}

std::string WorkersTable(const FleetView& view) {
  Table table(
      {"WORKER", "STATE", "MODEL", "RUN", "SLOTS", "TOK/S", "KV", "MEMORY", "TEMP", "UTIL"});
  for (const WorkerRow& row : view.workers) {
    table.Add({row.worker_id, row.state, row.model.empty() ? "-" : row.model,
               absl::StrCat(row.running), absl::StrCat(row.active, "/", row.slots),
               row.tokens_per_second == 0 ? "-" : CountText(row.tokens_per_second),
               PartText(row.kv), BytesText(static_cast<double>(row.memory_bytes)),
               row.temperature.has_value() ? absl::StrFormat("%.0f C", *row.temperature) : "-",
               PartText(row.utilization)});
  }
  return table.Text();
}

std::string QueuesTable(const FleetView& view) {
  Table table({"QUEUE OF", "WAITING", "OLDEST", "RUNNING", "REFUSED"});
  for (const QueueRow& row : view.queues) {
    table.Add({row.model, absl::StrCat(row.waiting), absl::StrCat(row.oldest_ms, " ms"),
               absl::StrCat(row.running), absl::StrCat(row.refused)});
  }
  return table.Text();
}

std::vector<ftxui::Element> LinesOf(const std::string& text) {
  std::vector<ftxui::Element> lines;
  for (const std::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(ftxui::text(std::string(line)));
  }
  return lines;
}

ftxui::Element WorkersElement(const FleetView& view, const TopState& state) {
  std::vector<ftxui::Element> lines = LinesOf(WorkersTable(view));
  ftxui::Element heading = std::move(lines.front()) | ftxui::bold;
  lines.erase(lines.begin());
  bool focused = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const WorkerRow& row = view.workers[i];
    if (row.state != "READY") lines[i] = std::move(lines[i]) | ftxui::dim;
    if (!state.IsSelected(view, row)) continue;
    lines[i] = std::move(lines[i]) | ftxui::inverted;
    // The first of the worker's rows is what the frame scrolls to.
    if (!std::exchange(focused, true)) lines[i] = std::move(lines[i]) | ftxui::focus;
  }
  return ftxui::vbox({std::move(heading), ftxui::vbox(std::move(lines)) | ftxui::yframe}) |
         ftxui::flex_shrink;
}

}  // namespace

ftxui::Element TopElement(const FleetView& view, const TopState& state) {
  const std::string question = QuestionText(state);
  std::vector<ftxui::Element> parts;
  parts.push_back(ftxui::text(absl::StrCat("chasqui  router ", view.router_id, "  ", view.time,
                                           "  by ", SortName(state.sort))) |
                  ftxui::bold);
  parts.push_back(ftxui::text(TotalsText(view)));
  parts.push_back(ftxui::text(""));
  parts.push_back(WorkersElement(view, state));
  parts.push_back(ftxui::text(""));
  if (!view.queues.empty()) {
    std::vector<ftxui::Element> queues = LinesOf(QueuesTable(view));
    queues.front() = std::move(queues.front()) | ftxui::bold;
    parts.push_back(ftxui::vbox(std::move(queues)));
  }
  parts.push_back(ftxui::filler());
  parts.push_back(question.empty() ? ftxui::text(state.message)
                                   : ftxui::text(question) | ftxui::bold);
  parts.push_back(ftxui::text(kKeys) | ftxui::dim);
  return ftxui::vbox(std::move(parts));
}

std::string TopText(const FleetView& view) {
  return absl::StrCat("router ", view.router_id, "  ", view.time, "\n", TotalsText(view), "\n\n",
                      WorkersTable(view), view.queues.empty() ? "" : "\n",
                      view.queues.empty() ? "" : QueuesTable(view));
}

}  // namespace chasqui::cli
