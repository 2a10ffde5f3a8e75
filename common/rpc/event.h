// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace chasqui::rpc {

// What a completion queue gives back when an operation is done: every tag of this library is one.
// Must live until OnEvent() has been called.
class Event {
 public:
  virtual void OnEvent(bool ok) = 0;

 protected:
  ~Event() = default;
};

// An event that calls a member function of its owner, of which it is a member.
template <typename Owner, void (Owner::*kOnEvent)(bool ok)>
class EventOf final : public Event {
 public:
  explicit EventOf(Owner& owner) : owner_(owner) {}
  void OnEvent(bool ok) override { (owner_.*kOnEvent)(ok); }

 private:
  Owner& owner_;
};

}  // namespace chasqui::rpc
