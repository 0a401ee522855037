// SPDX-License-Identifier: MIT
// What the checks of a warp's own accesses and of its asynchronous agents' have in common.
#pragma once

#include "checks.hpp"

namespace cuemu {

template <class By>
void SharedChecks::report(const By& by, uint32_t place, const char* what, uint32_t other,
                          const char* other_what, uint32_t other_instr) const {
  report(by, lanes_at(by, byte_of(place)), place, what, other, other_what, other_instr);
}

template <class By>
inline void SharedChecks::check_read(const By& by, uint32_t place) const {
  const Record& r = records_[place];
  if (r.written <= by.least_known) return;
  if (r.written == kInFlight)
    report(by, place, "read", r.writer, "unfinished asynchronous copy", r.write_instr);
  if (r.writer != by.slot && r.written > by.known[r.writer])
    report(by, place, "read", r.writer, "write", r.write_instr);
}

template <class By>
inline void SharedChecks::check_written(const By& by, uint32_t place, Write kind) const {
  const Record& r = records_[place];
  if (r.written <= by.least_known) return;
  if (r.written == kInFlight)
    report(by, place, "write", r.writer, "unfinished asynchronous copy", r.write_instr);
  if (r.writer != by.slot && r.written > by.known[r.writer] &&
      !(kind == Write::atomic && r.by_atomic))
    report(by, place, "write", r.writer, "write", r.write_instr);
}

template <class Body>
inline void SharedChecks::each_place_of(const Part& part, Body body) const {
  if (!records_[part.line].is_split) return body(part.line);
  const uint32_t cells = kLineBytes >> cell_shift_, first = lines_ + part.line * cells;
  const uint32_t of_cell = (1u << (1u << cell_shift_)) - 1;
  for (uint32_t i = 0; i < cells; ++i)
    if ((part.bytes >> (i << cell_shift_) & of_cell) != 0) body(first + i);
}

}  // namespace cuemu
