//! The base field, as far as sums of affine points need it. Values are in Montgomery form.

use blst::*;

/// 1.
pub(super) const ONE: blst_fp = blst_fp {
    l: [
        0x7609_0000_0002_fffd,
        0xebf4_000b_c40c_0002,
        0x5f48_9857_53c7_58ba,
        0x77ce_5853_7052_5745,
        0x5c07_1a97_a256_ec6d,
        0x15f6_5ec3_fa80_e493,
    ],
};

/// 0.
pub(super) const ZERO: blst_fp = blst_fp { l: [0; 6] };

/// a·b.
pub(super) fn mul(a: &blst_fp, b: &blst_fp) -> blst_fp {
    let mut result = ZERO;
    // SAFETY: all pointers are to live values.
    unsafe { blst_fp_mul(&mut result, a, b) };
    result
}

/// a².
pub(super) fn square(a: &blst_fp) -> blst_fp {
    let mut result = ZERO;
    // SAFETY: both pointers are to live values.
    unsafe { blst_fp_sqr(&mut result, a) };
    result
}

/// a + b.
pub(super) fn add(a: &blst_fp, b: &blst_fp) -> blst_fp {
    let mut result = ZERO;
    // SAFETY: all pointers are to live values.
    unsafe { blst_fp_add(&mut result, a, b) };
    result
}

/// a − b.
pub(super) fn sub(a: &blst_fp, b: &blst_fp) -> blst_fp {
    let mut result = ZERO;
    // SAFETY: all pointers are to live values.
    unsafe { blst_fp_sub(&mut result, a, b) };
    result
}

/// 1/a, or 0 for 0.
pub(super) fn invert(a: &blst_fp) -> blst_fp {
    let mut result = ZERO;
    // SAFETY: both pointers are to live values.
    unsafe { blst_fp_inverse(&mut result, a) };
    result
}

/// Replace every value by its inverse, for one inversion and three multiplications each. None may be 0.
pub(super) fn invert_all(values: &mut [blst_fp], products: &mut Vec<blst_fp>) {
    products.clear();
    let mut product = ONE;
    for value in values.iter() {
        products.push(product);
        product = mul(&product, value);
    }
    let mut inverse = invert(&product);
    for (value, before) in values.iter_mut().zip(products.iter()).rev() {
        let next = mul(&inverse, value);
        *value = mul(&inverse, before);
        inverse = next;
    }
}
