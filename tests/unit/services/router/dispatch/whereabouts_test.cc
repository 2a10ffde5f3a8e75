// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/whereabouts.h"

#include <string>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

Ticket Named(const char* id) {
  Ticket ticket;
  ticket.request_id = id;
  return ticket;
}

std::string Key(const char* id) { return Whereabouts::KeyOf("", id); }

TEST(Whereabouts, FollowsARequest) {
  Whereabouts whereabouts;
  const Ticket ticket = Named("r");

  whereabouts.Waits(ticket);
  EXPECT_EQ(whereabouts.Find(Key("r")).waiting, &ticket);
  EXPECT_EQ(whereabouts.Find(Key("other")).waiting, nullptr);

  whereabouts.WaitsNoMore(ticket);
  whereabouts.Runs(Key("r"));
  EXPECT_EQ(whereabouts.Find(Key("r")).waiting, nullptr);
  EXPECT_EQ(whereabouts.Find(Key("r")).running, 1u);

  whereabouts.RunsNoMore(Key("r"));
  EXPECT_EQ(whereabouts.Find(Key("r")).running, 0u);
}

TEST(Whereabouts, KeepsApartThoseOfTheSameId) {
  Whereabouts whereabouts;
  const Ticket first = Named("r");
  const Ticket second = Named("r");
  whereabouts.Waits(first);
  whereabouts.Waits(second);
  whereabouts.Runs(Key("r"));
  whereabouts.Runs(Key("r"));

  whereabouts.WaitsNoMore(first);
  whereabouts.RunsNoMore(Key("r"));

  EXPECT_EQ(whereabouts.Find(Key("r")).waiting, &second);
  EXPECT_EQ(whereabouts.Find(Key("r")).running, 1u);
}

TEST(Whereabouts, KeepsTenantsApart) {
  Whereabouts whereabouts;
  Ticket ticket = Named("r");
  ticket.tenant = "a";
  whereabouts.Waits(ticket);

  EXPECT_EQ(whereabouts.Find(Whereabouts::KeyOf("a", "r")).waiting, &ticket);
  EXPECT_EQ(whereabouts.Find(Whereabouts::KeyOf("b", "r")).waiting, nullptr);
}

TEST(Whereabouts, KnowsNothingOfThoseWithoutAnId) {
  Whereabouts whereabouts;
  const Ticket ticket;
  whereabouts.Waits(ticket);
  whereabouts.Runs("");

  EXPECT_EQ(whereabouts.Find("").waiting, nullptr);
  EXPECT_EQ(whereabouts.Find("").running, 0u);
}

}  // namespace
}  // namespace chasqui::router
