// What stands between the up and down products, and soft-capping, over rows of a multiple of 16 floats.
#pragma once

#include "cpu/shared/math.h"

namespace jesus {

template <class V>
inline typename V::Reg sigmoid16(typename V::Reg x) {
    const typename V::Reg one = V::set(1.0f);
    return V::div(one, V::add(exp16<V>(V::sub(V::zero(), x)), one));
}

// GELU in its tanh form is x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3).
template <class V>
inline typename V::Reg gelu_tanh16(typename V::Reg x) {
    const typename V::Reg cube = V::mul(V::mul(x, x), x);
    const typename V::Reg u = V::mul(V::fma(cube, V::set(0.044715f), x), V::set(1.5957691216f));
    return V::mul(x, sigmoid16<V>(u));
}

// 1 - erf(x) for x >= 0 by Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: within 1.5e-7.
template <class V>
inline typename V::Reg erfc16(typename V::Reg x) {
    const typename V::Reg t = V::div(V::set(1.0f), V::fma(x, V::set(0.3275911f), V::set(1.0f)));
    typename V::Reg p = V::set(1.061405429f);
    p = V::fma(p, t, V::set(-1.453152027f));
    p = V::fma(p, t, V::set(1.421413741f));
    p = V::fma(p, t, V::set(-0.284496736f));
    p = V::fma(p, t, V::set(0.254829592f));
    return V::mul(V::mul(p, t), exp16<V>(V::sub(V::zero(), V::mul(x, x))));
}

// x/2 (1 + erf(x / sqrt 2)): for negative x it is x/2 erfc(-x / sqrt 2), which loses no digits far out.
template <class V>
inline typename V::Reg gelu_erf16(typename V::Reg x) {
    const typename V::Reg tail = erfc16<V>(V::mul(V::abs(x), V::set(0.70710678f)));
    const typename V::Reg part = V::select_less(x, V::zero(), tail, V::sub(V::set(2.0f), tail));
    return V::mul(V::mul(x, V::set(0.5f)), part);
}

// exp16 gives a number for NaN, so NaN takes the way of large x: min answers its second operand for it.
template <class V>
inline typename V::Reg tanh16(typename V::Reg x) {
    const typename V::Reg one = V::set(1.0f);
    const typename V::Reg e = exp16<V>(V::add(x, x));
    const typename V::Reg value = V::sub(one, V::div(V::set(2.0f), V::add(e, one)));
    return V::select_less(x, V::set(20.0f), value, V::min(one, x));
}

template <class V>
void swiglu_row(float* gate, const float* up, int n) {
    for (int i = 0; i < n; i += kLanes) {
        const typename V::Reg g = V::load(gate + i);
        const typename V::Reg divisor = V::add(exp16<V>(V::sub(V::zero(), g)), V::set(1.0f));
        V::store(gate + i, V::mul(V::div(g, divisor), V::load(up + i)));
    }
}

template <class V>
void geglu_row(float* gate, const float* up, int n) {
    for (int i = 0; i < n; i += kLanes) {
        V::store(gate + i, V::mul(gelu_tanh16<V>(V::load(gate + i)), V::load(up + i)));
    }
}

template <class V>
void swiglu_limited_row(float* gate, const float* up, int n, float alpha, float limit) {
    const typename V::Reg top = V::set(limit), bottom = V::set(-limit), one = V::set(1.0f);
    for (int i = 0; i < n; i += kLanes) {
        // The limit comes first: min answers its second operand for NaN, which must come through.
        const typename V::Reg g = V::min(top, V::load(gate + i));
        const typename V::Reg u = V::max(bottom, V::min(top, V::load(up + i)));
        V::store(gate + i, V::mul(V::mul(g, sigmoid16<V>(V::mul(g, V::set(alpha)))), V::add(u, one)));
    }
}

template <class V>
void gelu_row(float* x, int n) {
    for (int i = 0; i < n; i += kLanes) {
        V::store(x + i, gelu_erf16<V>(V::load(x + i)));
    }
}

template <class V>
inline typename V::Reg soft_cap16(typename V::Reg x, float cap) {
    return V::mul(V::set(cap), tanh16<V>(V::div(x, V::set(cap))));
}

template <class V>
void soft_cap_row(float* x, int n, float cap) {
    for (int i = 0; i < n; i += kLanes) {
        V::store(x + i, soft_cap16<V>(V::load(x + i), cap));
    }
}

}  // namespace jesus
