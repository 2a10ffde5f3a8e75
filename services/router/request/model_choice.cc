// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/model_choice.h"

#include "common/status/status.h"
#include "services/router/selection/model_offers.h"
#include "services/router/selection/model_selector.h"

namespace chasqui::router {
namespace {

bool NobodyIsLeft(const absl::Status& failure) {
  return absl::IsNotFound(failure) ||
         (absl::IsUnavailable(failure) && status::ErrorReason(failure) == "NO_WORKER");
}

}  // namespace

Fallbacks::Fallbacks(const config::v1::ModelsConfig& config) {
  for (const auto& fallback : config.fallbacks()) {
    by_model_[fallback.model()].assign(fallback.instead().begin(), fallback.instead().end());
  }
}

std::span<const std::string> Fallbacks::For(std::string_view model) const {
  const auto it = by_model_.find(model);
  return it == by_model_.end() ? std::span<const std::string>() : it->second;
}

ModelChoice::ModelChoice(const Asked& asked, bool may_fall_back, const SharedFleet& fleet,
                         const Fallbacks& fallbacks)
    : fleet_(fleet),
      fallbacks_(fallbacks),
      asked_(asked.model),
      requirements_(asked.requirements),
      may_fall_back_(may_fall_back && asked.any_model) {}

absl::StatusOr<std::string> ModelChoice::First() {
  absl::StatusOr<std::string> model =
      !requirements_.has_value()
          ? fleet_.Resolve(asked_)
          : fleet_.Look(
                [&](const Dispatcher& dispatcher, time::SteadyTime) -> absl::StatusOr<std::string> {
                  const auto offers = OffersOf(dispatcher.catalogue());
                  absl::StatusOr<Selection> selection = SelectModel(*requirements_, offers);
                  if (!selection.ok()) return std::move(selection).status();
                  return std::move(selection->name);
                });
  if (model.ok()) current_ = *model;
  return model;
}

std::optional<std::string> ModelChoice::Instead(const absl::Status& failure) {
  if (!may_fall_back_ || !NobodyIsLeft(failure)) return std::nullopt;
  if (!fell_back_) {
    fell_back_ = true;
    instead_ = fallbacks_.For(current_);
    if (instead_.empty()) instead_ = fallbacks_.For(asked_);
  }
  while (!instead_.empty()) {
    absl::StatusOr<std::string> model = fleet_.Resolve(instead_.front());
    instead_ = instead_.subspan(1);
    if (!model.ok() || *model == current_) continue;
    current_ = *model;
    return *std::move(model);
  }
  return std::nullopt;
}

}  // namespace chasqui::router
