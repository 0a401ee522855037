// SPDX-License-Identifier: MIT
// Of the block before.
extern foldconv::Status status;
