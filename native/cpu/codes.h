// Packing of the coded formats into groups of 16 rows, and reading them back.
#pragma once

#include "cpu/forms.h"
#include "cpu/matrix.h"

namespace jesus {

int64_t coded_group_bytes(Type type, int64_t cols);
// Rows first .. first + count - 1 of one group, from the file's bytes; the group's other rows stay as they are.
void pack_coded_rows(const Matrix& matrix, uint8_t* group, int first, int count, const uint8_t* source);
void read_coded_row(const Matrix& matrix, const uint8_t* group, int lane, float* out);

// One row's scale and, where the form has minima, least of one part of a block, as floats.
float coded_scale(const Form& form, const uint8_t* record, int lane);
float coded_least(const Form& form, const uint8_t* record, int part, int lane);
int coded_part(const Form& form, const uint8_t* record, int part, int lane);

}  // namespace jesus
