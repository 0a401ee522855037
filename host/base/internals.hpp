// SPDX-License-Identifier: MIT
// The one friend of the public classes, through which the library and its tests reach what they hold.
#pragma once

#include <memory>
#include <utility>

namespace foldconv::host {

struct Internals {
  template <class Object>
  struct Of {
    using Data = typename Object::Data;
  };

  template <class Object>
  static const typename Object::Data& data(const Object& object) {
    return *object.data_;
  }

  // To be changed: shared with no copy.
  template <class Object>
  static typename Object::Data& own_data(Object& object) {
    return object.own();
  }

  template <class Object>
  static Object make(std::shared_ptr<const typename Object::Data> data) {
    return Object(std::move(data));
  }

  // Of an object that owns what it holds.
  template <class Object>
  static Object make_owner(std::unique_ptr<typename Object::Data> data) {
    return Object(std::move(data));
  }
};

// What an object of a public class holds.
template <class Object>
using DataOf = typename Internals::Of<Object>::Data;

}  // namespace foldconv::host
